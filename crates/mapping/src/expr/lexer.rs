//! Text to tokens. The parser decides what a name means.

use super::ast::{Comparison, Span, continues_name, starts_name};
use super::parser::SyntaxError;

/// A token and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A bare name: a field, a function or a word of the language.
    Name(String),
    /// A field in brackets.
    Field(String),
    Text(String),
    Integer(i64),
    Decimal(f64),
    Open,
    Close,
    Comma,
    Ampersand,
    Comparison(Comparison),
    End,
}

/// All tokens, `End` last.
pub(crate) fn tokens(text: &str) -> Result<Vec<Spanned>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let next = lexer.next()?;
        let end = next.token == Token::End;
        tokens.push(next);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Spanned, SyntaxError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
        let start = self.at;
        let Some(first) = self.peek() else {
            return Ok(Spanned { token: Token::End, span: Span::new(start, start) });
        };
        let token = if starts_name(first) {
            self.name()?
        } else if first.is_ascii_digit() || (first == '-' && self.digit_follows()) {
            self.number()?
        } else {
            self.bump();
            self.symbol(first, start)?
        };
        Ok(Spanned { token, span: Span::new(start, self.at) })
    }

    fn symbol(&mut self, first: char, start: usize) -> Result<Token, SyntaxError> {
        Ok(match first {
            '"' => self.quoted(start)?,
            '[' => self.bracketed(start)?,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '&' if self.eat('&') => {
                return Err(self.wrong(start, "`&&` is no operator", "write `and`"));
            }
            '&' => Token::Ampersand,
            '=' if self.eat('=') => {
                return Err(self.wrong(start, "`==` is no operator", "write `=`"));
            }
            '=' => Token::Comparison(Comparison::Equal),
            '!' if self.eat('=') => {
                return Err(self.wrong(start, "`!=` is no operator", "write `<>`"));
            }
            '!' => return Err(self.wrong(start, "`!` is no operator", "write `not`")),
            '|' => {
                self.eat('|');
                let written = Span::new(start, self.at).of(self.text);
                let hint = "write `or` between conditions, `&` to join text";
                return Err(self.wrong(start, format!("`{written}` is no operator"), hint));
            }
            '<' if self.eat('>') => Token::Comparison(Comparison::NotEqual),
            '<' if self.eat('=') => Token::Comparison(Comparison::LessOrEqual),
            '<' => Token::Comparison(Comparison::Less),
            '>' if self.eat('=') => Token::Comparison(Comparison::GreaterOrEqual),
            '>' => Token::Comparison(Comparison::Greater),
            '+' => return Err(self.wrong(start, "`+` is no operator", "write `&` to join text")),
            '-' => {
                let hint = "there is no subtraction; a name with a hyphen is written in brackets: `[first-name]`";
                return Err(self.wrong(start, "`-` is no operator", hint));
            }
            '\'' | '‘' | '’' | '“' | '”' | '„' | '«' | '»' => {
                let hint = "text stands between straight double quotes: `\"text\"`";
                return Err(self.wrong(
                    start,
                    format!("`{first}` is no quotation mark here"),
                    hint,
                ));
            }
            ']' => {
                let hint = "a name in brackets begins with `[`";
                return Err(self.wrong(start, "this `]` closes nothing", hint));
            }
            other => {
                let message = format!("`{}` means nothing here", other.escape_debug());
                return Err(SyntaxError::new(Span::new(start, self.at), message));
            }
        })
    }

    fn name(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        self.take_while(continues_name);
        let hyphen = self.peek() == Some('-');
        if hyphen && self.rest().chars().nth(1).is_some_and(continues_name) {
            self.take_while(|c| continues_name(c) || c == '-');
            let name = Span::new(start, self.at).of(self.text);
            let hint = format!("a name with a hyphen is written in brackets: `[{name}]`");
            return Err(self.wrong(start, "there is no subtraction", hint));
        }
        Ok(Token::Name(Span::new(start, self.at).of(self.text).to_owned()))
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let start = self.at;
        self.eat('-');
        self.take_while(|c| c.is_ascii_digit());
        let mut decimal = false;
        if self.peek() == Some('.') && self.digit_follows() {
            decimal = true;
            self.bump();
            self.take_while(|c| c.is_ascii_digit());
        }
        if self.peek().is_some_and(continues_name) {
            self.take_while(|c| continues_name(c) || c == '-');
            let written = Span::new(start, self.at).of(self.text);
            let hint =
                format!("a name that begins with a digit is written in brackets: `[{written}]`");
            return Err(self.wrong(start, format!("`{written}` is not a number"), hint));
        }
        let written = Span::new(start, self.at).of(self.text);
        let too_large = || {
            let hint = "if it is a code, not an amount, write it as text between quotes";
            self.wrong(start, "this number is too large", hint)
        };
        if decimal {
            let number: f64 = written.parse().map_err(|_| too_large())?;
            if number.is_finite() { Ok(Token::Decimal(number)) } else { Err(too_large()) }
        } else {
            written.parse().map(Token::Integer).map_err(|_| too_large())
        }
    }

    fn quoted(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut text = String::new();
        loop {
            match self.bump() {
                None => {
                    let hint = "text ends with `\"`; inside it, write `\\\"` for a quote and `\\\\` for a backslash";
                    return Err(self.wrong(start, "this text is never closed", hint));
                }
                Some('"') => return Ok(Token::Text(text)),
                Some('\\') => match self.bump() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('"' | '\\')) => text.push(c),
                    // Patterns such as `\d` are often written with a single backslash.
                    Some(c) => text.extend(['\\', c]),
                    None => {}
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn bracketed(&mut self, start: usize) -> Result<Token, SyntaxError> {
        let mut name = String::new();
        loop {
            match self.bump() {
                None => {
                    return Err(self.wrong(
                        start,
                        "this `[` is never closed",
                        "a field is written `[name]`",
                    ));
                }
                Some(']') if name.is_empty() => {
                    return Err(self.wrong(
                        start,
                        "no name stands in the brackets",
                        "write `[name]`",
                    ));
                }
                Some(']') => return Ok(Token::Field(name)),
                Some('\\') if matches!(self.peek(), Some(']' | '\\')) => name.extend(self.bump()),
                Some(c) => name.push(c),
            }
        }
    }

    fn wrong(
        &self,
        start: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> SyntaxError {
        SyntaxError::new(Span::new(start, self.at), message).with_hint(hint)
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn digit_follows(&self) -> bool {
        self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit())
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&belongs) {
            self.bump();
        }
    }
}
