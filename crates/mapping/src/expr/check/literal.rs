//! Arguments that must be written out, so that they are understood before there is any record: patterns, names, forms of times.

use regex::{Regex, RegexBuilder};

use super::Checker;
use crate::expr::Value;
use crate::expr::ast::{Expr, Node, Span, Word};
use crate::expr::code::{Code, Op};
use crate::expr::time::{Culture, Form, Spaces};
use crate::functions::{Accepts, Function};
use crate::nearest::did_you_mean;

/// Bounds what a pattern may take when it is compiled and while it searches.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// The names of .NET's `DateTimeStyles`. Times without an offset are always UTC, so most of them change nothing.
const STYLES: [&str; 10] = [
    "None",
    "AllowLeadingWhite",
    "AllowTrailingWhite",
    "AllowInnerWhite",
    "AllowWhiteSpaces",
    "NoCurrentDateDefault",
    "AdjustToUniversal",
    "AssumeLocal",
    "AssumeUniversal",
    "RoundtripKind",
];

impl Accepts {
    /// Whether an argument must stand in the expression as text, and is no value.
    pub(super) fn is_written_out(self) -> bool {
        match self {
            Self::Any
            | Self::Text
            | Self::Values
            | Self::Integer
            | Self::Condition
            | Self::Flag
            | Self::Time => false,
            Self::Pattern
            | Self::Group
            | Self::Word(_)
            | Self::Field
            | Self::Table
            | Self::TimeForm
            | Self::TimeStyles
            | Self::Culture => true,
        }
    }
}

/// What of .NET's patterns these here leave out, so that none takes more than linear time; and what to write instead.
fn beyond(pattern: &str, error: &regex::Error) -> Option<(&'static str, &'static str)> {
    let said = error.to_string();
    let around = "so that none can take for ever; match more and keep a named group, as in `(?<kept>…)@` with `${kept}`, or ask \
                  twice, as in `a matches \"…\" and a not matches \"…\"`";
    let back = "so that none can take for ever; write out what is meant, or compare two fields";
    match () {
        () if said.contains("look-around") => Some(("look-ahead and look-behind", around)),
        () if said.contains("backreferences") => Some(("back-references", back)),
        () if pattern.contains("(?>") => {
            Some(("atomic groups", "write `(?:…)`: nothing is tried twice here"))
        }
        () => None,
    }
}

impl Checker<'_> {
    /// An argument that is written out, understood.
    pub(super) fn literal(
        &mut self,
        argument: &Expr,
        accepts: Accepts,
        place: &str,
    ) -> Option<Code> {
        let span = argument.span;
        let text = match &argument.node {
            Node::Text(text) => text,
            Node::Null => return None,
            _ => {
                let what = match accepts {
                    Accepts::Word(words) => format!("one of {}", words.join(", ")),
                    Accepts::Pattern => {
                        "a pattern and must stand here as text in double quotes".to_owned()
                    }
                    Accepts::TimeForm => {
                        "a form and must stand here as text in double quotes".to_owned()
                    }
                    _ => "a name and must stand here as text in double quotes".to_owned(),
                };
                self.problem(span, format!("{place} is {what}"), None);
                return None;
            }
        };
        let op = match accepts {
            Accepts::Pattern => Op::Pattern(self.pattern(&Word { text: text.clone(), span })?),
            Accepts::Word(words) => {
                let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) else {
                    let message = format!("{place} is one of {}", words.join(", "));
                    self.problem(span, message, None);
                    return None;
                };
                Op::Constant(Value::text(word))
            }
            Accepts::Table => self.table(text, span)?,
            // Elsewhere, an argument that is empty counts as left out.
            _ if text.is_empty() => return None,
            Accepts::TimeForm => match Form::parse(text) {
                Ok(form) => Op::Form(form),
                Err(why) => {
                    self.problem(span, format!("this is no form of a time: {why}"), None);
                    return None;
                }
            },
            Accepts::TimeStyles => Op::Spaces(self.styles(text, span)?),
            Accepts::Culture => match Culture::parse(text) {
                Some(culture) => Op::Culture(Box::new(culture)),
                None => {
                    let hint = "a culture is written as language and country, such as `tr-TR`";
                    let message = format!("there is no culture `{text}`");
                    self.problem(span, message, Some(hint.to_owned()));
                    return None;
                }
            },
            _ => Op::Constant(Value::owned(text.to_string())),
        };
        Some(Code { op, span })
    }

    pub(super) fn pattern(&mut self, pattern: &Word) -> Option<Regex> {
        let built = RegexBuilder::new(&pattern.text)
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES)
            .build();
        let reason = match built {
            Ok(regex) => return Some(regex),
            Err(regex::Error::CompiledTooBig(_)) => "it is too large".to_owned(),
            Err(error) => {
                if let Some((what, hint)) = beyond(&pattern.text, &error) {
                    let message = format!("patterns here have no {what}");
                    self.problem(pattern.span, message, Some(hint.to_owned()));
                    return None;
                }
                // The library draws the pattern over several lines; its last line says what is wrong.
                let drawn = error.to_string();
                let last = drawn.lines().last().unwrap_or_default();
                last.trim().trim_start_matches("error: ").to_owned()
            }
        };
        self.problem(pattern.span, format!("this is not a valid pattern: {reason}"), None);
        None
    }

    fn table(&mut self, name: &str, span: Span) -> Option<Op> {
        if let Some(table) = self.setting.lookups.get(name) {
            return Some(Op::Table(table.clone()));
        }
        let hint = did_you_mean(name, self.setting.lookups.keys().map(String::as_str))
            .unwrap_or_else(|| format!("a table is given as `[lookups.{name}]`"));
        self.problem(span, format!("there is no table `{name}`"), Some(hint));
        None
    }

    /// What styles say of white space.
    fn styles(&mut self, text: &str, span: Span) -> Option<Spaces> {
        let mut spaces = Spaces::NONE;
        for style in text.split([',', '|']).map(str::trim) {
            let style = style.rsplit('.').next().unwrap_or(style);
            let Some(known) = STYLES.iter().find(|known| known.eq_ignore_ascii_case(style)) else {
                let hint = did_you_mean(style, STYLES);
                self.problem(span, format!("there is no style `{style}`"), hint);
                return None;
            };
            let all = *known == "AllowWhiteSpaces";
            spaces.before |= all || *known == "AllowLeadingWhite";
            spaces.within |= all || *known == "AllowInnerWhite";
            spaces.after |= all || *known == "AllowTrailingWhite";
        }
        Some(spaces)
    }

    /// Whether the pattern has the groups that are named.
    pub(super) fn groups(&mut self, function: &Function, codes: &[Option<Code>]) {
        let pattern = codes.iter().flatten().find_map(|code| match &code.op {
            Op::Pattern(pattern) => Some(pattern),
            _ => None,
        });
        for (index, code) in codes.iter().enumerate() {
            let accepts = function.parameter(index).map(|parameter| parameter.accepts);
            let (Some(Accepts::Group), Some(code), Some(pattern)) = (accepts, code, pattern) else {
                continue;
            };
            let Op::Constant(Value::Text(group)) = &code.op else { continue };
            let mut known = pattern.capture_names().flatten();
            if known.any(|name| name == group) {
                continue;
            }
            let hint = did_you_mean(group, pattern.capture_names().flatten())
                .unwrap_or_else(|| format!("a group is written `(?<{group}>…)`"));
            self.problem(code.span, format!("the pattern has no group `{group}`"), Some(hint));
        }
    }

    /// Whether the input form of a time has the year that the output form writes.
    pub(super) fn forms(&mut self, codes: &[Option<Code>]) {
        let mut forms = codes.iter().flatten().filter_map(|code| match &code.op {
            Op::Form(form) => Some((form, code.span)),
            _ => None,
        });
        if let (Some((input, span)), Some((output, _))) = (forms.next(), forms.next())
            && output.has_year()
            && !input.has_year()
        {
            let message = "this form has no year, and the output form writes one";
            self.problem(span, message.to_owned(), None);
        }
    }
}
