//! A Rust file in three layers: code, string literals, comments. Enough of the grammar that a word in a comment is not taken
//! for code; no parser.

use std::iter::Peekable;
use std::str::Chars;

/// A Rust file, taken apart.
#[derive(Debug, Default)]
pub(crate) struct RustText {
    /// The file with blanks in place of comments and of what stands in quotes; same lines.
    pub(crate) code: String,
    pub(crate) strings: Vec<Piece>,
    pub(crate) comments: Vec<Piece>,
}

/// A string literal or a comment with the line, from 1, on which it starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl RustText {
    pub(crate) fn new(text: &str) -> Self {
        let mut reader =
            Reader { rest: text.chars().peekable(), line: 1, out: Self::default(), last: ' ' };
        while let Some(c) = reader.rest.peek().copied() {
            reader.step(c);
        }
        reader.out
    }

    /// The lines of code, numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The identifiers and keywords with their lines.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().flat_map(|(number, line)| words(line).map(move |word| (number, word)))
    }

    /// For each line from 1 on whether it belongs to an item under `#[cfg(test)]`.
    pub(crate) fn test_lines(&self) -> Vec<bool> {
        let mut marks = vec![false; self.code.lines().count() + 1];
        let mut depth = None;
        for (number, line) in self.lines() {
            if depth.is_none() && line.contains("#[cfg(test)]") {
                depth = Some(0_usize);
            }
            let Some(mut open) = depth else { continue };
            marks[number] = true;
            let mut closed = false;
            for c in line.chars() {
                match c {
                    '{' => open += 1,
                    '}' => {
                        open = open.saturating_sub(1);
                        closed |= open == 0;
                    }
                    ';' if open == 0 => closed = true,
                    _ => {}
                }
            }
            depth = (!closed).then_some(open);
        }
        marks
    }

    /// The modules that are there for tests only: `#[cfg(test)] mod name;`.
    pub(crate) fn test_modules(&self) -> Vec<&str> {
        let tests = self.test_lines();
        let declared = self.lines().filter(|(number, line)| tests[*number] && line.contains(';'));
        declared
            .filter_map(|(_, line)| line.split_once("mod ")?.1.trim().strip_suffix(';'))
            .collect()
    }
}

/// The words of a text: runs of letters, digits and `_`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
    out: RustText,
    /// The last character of code, to tell `r"` from `for"`.
    last: char,
}

impl Reader<'_> {
    fn step(&mut self, c: char) {
        let in_word = self.last.is_alphanumeric() || self.last == '_';
        match c {
            '/' if self.next_is('/') => self.line_comment(),
            '/' if self.next_is('*') => self.block_comment(),
            '"' => self.string(),
            'r' if !in_word && self.raw_follows(1) => self.raw_string(1),
            'b' | 'c' if !in_word && self.next_is('r') && self.raw_follows(2) => self.raw_string(2),
            '\'' => self.quote(),
            _ => {
                self.code();
            }
        }
    }

    fn ahead(&self, index: usize) -> Option<char> {
        self.rest.clone().nth(index)
    }

    fn next_is(&self, c: char) -> bool {
        self.ahead(1) == Some(c)
    }

    /// Whether from here on `#…#"` follows. (`r#name` is an identifier.)
    fn raw_follows(&self, from: usize) -> bool {
        self.rest.clone().skip(from).find(|c| *c != '#') == Some('"')
    }

    fn take(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    /// One character of code, as it is.
    fn code(&mut self) {
        if let Some(c) = self.take() {
            self.out.code.push(c);
            self.last = c;
        }
    }

    /// One character that is no code: a blank stands for it.
    fn blank(&mut self) -> Option<char> {
        let c = self.take()?;
        self.out.code.push(if c == '\n' { '\n' } else { ' ' });
        self.last = ' ';
        Some(c)
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let mut text = String::new();
        while self.rest.peek().is_some_and(|c| *c != '\n') {
            text.extend(self.blank());
        }
        self.out.comments.push(Piece { line, text });
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let mut text = String::new();
        let mut depth = 0_usize;
        loop {
            match (self.rest.peek().copied(), self.ahead(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => break,
                _ => {
                    text.extend(self.blank());
                    continue;
                }
            }
            text.extend(self.blank());
            text.extend(self.blank());
            if depth == 0 {
                break;
            }
        }
        self.out.comments.push(Piece { line, text });
    }

    fn string(&mut self) {
        let line = self.line;
        self.code();
        let mut text = String::new();
        while let Some(c) = self.rest.peek().copied() {
            match c {
                '"' => break,
                '\\' => {
                    text.extend(self.blank());
                    text.extend(self.blank());
                }
                _ => text.extend(self.blank()),
            }
        }
        self.code();
        self.out.strings.push(Piece { line, text });
    }

    fn raw_string(&mut self, prefix: usize) {
        let line = self.line;
        for _ in 0..prefix {
            self.code();
        }
        let mut hashes = 0;
        while self.rest.peek() == Some(&'#') {
            self.code();
            hashes += 1;
        }
        self.code();
        let mut text = String::new();
        while self.rest.peek().is_some() {
            let ends = self.rest.peek() == Some(&'"')
                && self.rest.clone().skip(1).take(hashes).filter(|c| *c == '#').count() == hashes;
            if ends {
                break;
            }
            text.extend(self.blank());
        }
        for _ in 0..=hashes {
            self.code();
        }
        self.out.strings.push(Piece { line, text });
    }

    /// A character literal, or the start of a lifetime.
    fn quote(&mut self) {
        let escaped = self.next_is('\\');
        if !escaped && self.ahead(2) != Some('\'') {
            self.code();
            return;
        }
        self.code();
        if escaped {
            self.blank();
        }
        self.blank();
        while self.rest.peek().is_some_and(|c| *c != '\'' && *c != '\n') {
            self.blank();
        }
        self.code();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        RustText::new(text).strings.into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn code_strings_and_comments_are_told_apart() {
        let text =
            RustText::new("let a = \"x // no\"; // yes \"no\"\n/* b /* c */ d */ let e = 'f';\n");
        assert_eq!(text.code, "let a = \"       \";            \n                  let e = ' ';\n");
        assert_eq!(text.strings, [Piece { line: 1, text: "x // no".into() }]);
        assert_eq!(text.comments[0], Piece { line: 1, text: "// yes \"no\"".into() });
        assert_eq!(text.comments[1], Piece { line: 2, text: "/* b /* c */ d */".into() });
    }

    #[test]
    fn quotes_inside_quotes_do_not_end_them() {
        assert_eq!(strings(r#"f("a\"b", '"', "c")"#), [r#"a\"b"#, "c"]);
        assert_eq!(strings("f(r#\"a\"b\"#, br\"c\\\", b\"d\", c\"e\")"), ["a\"b", "c\\", "d", "e"]);
        assert_eq!(strings(r"f('\'', '\u{1F600}', 'a', b'\\')"), [""; 0]);
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        let text = RustText::new("fn r#for<'a>(x: &'a str, y: &'static str) {}");
        assert_eq!(
            text.words().map(|(_, word)| word).collect::<Vec<_>>(),
            ["fn", "r", "for", "a", "x", "a", "str", "y", "static", "str"]
        );
    }

    #[test]
    fn test_items_are_known() {
        let text = RustText::new(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { \"}\" }\n}\nfn c() {}\n#[cfg(test)]\nmod more;\n",
        );
        let marked: Vec<_> = (1..=8).filter(|line| text.test_lines()[*line]).collect();
        assert_eq!(marked, [2, 3, 4, 5, 7, 8]);
        assert_eq!(text.test_modules(), ["more"]);
    }
}
