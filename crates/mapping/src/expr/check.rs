//! Syntax trees to code: names are resolved, types compared with what is needed, every problem found in one go.

use std::fmt;

use regex::{Regex, RegexBuilder};

use super::ast::{Expr, Node, Span, Word};
use super::code::{Code, Op};
use super::compare::{boolean, decimal};
use super::time;
use super::value::{Type, Value};
use crate::functions::{self, Accepts, Ask, Function, Gives};
use crate::lookup::Lookups;
use crate::nearest::did_you_mean;

/// Bounds what a pattern may take when it is compiled and while it searches.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Something wrong in an expression that can be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What a place needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Any,
    /// True or false, and nothing that only reads like it.
    Condition,
    /// True or false, also as the text of a field or literal.
    Flag,
    /// Text, or what can be written as text.
    Text,
    /// Text, but no boolean: nobody wants "True" for a title.
    Label,
    Integer,
    Decimal,
    Time,
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Condition | Self::Flag => "true or false",
            Self::Text | Self::Label => "text",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Time => "a time",
        })
    }
}

/// What is needed, by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want<'w> {
    pub(crate) needs: Needs,
    /// Whether several values will do.
    pub(crate) many: bool,
    /// Whether a field is copied here, so that the first of its values will do.
    pub(crate) copy: bool,
    /// Who needs it, as the subject of a sentence.
    pub(crate) place: &'w str,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'s> {
    /// The fields of all expressions of the mapping, sorted.
    pub(crate) fields: &'s [String],
    /// The tables of the config.
    pub(crate) lookups: &'s Lookups,
    /// Whether its value is written once and never compared again.
    pub(crate) once: bool,
}

/// Checks an expression whose fields all stand in those of the setting.
pub(crate) fn check(
    expr: &Expr,
    setting: Setting<'_>,
    want: Want<'_>,
    problems: &mut Vec<Problem>,
) -> Code {
    Checker { setting, conditions: 0, problems }.expr(expr, want).0
}

struct Checker<'c> {
    setting: Setting<'c>,
    /// In how many conditions this stands.
    conditions: usize,
    problems: &'c mut Vec<Problem>,
}

impl Checker<'_> {
    fn expr(&mut self, expr: &Expr, want: Want<'_>) -> (Code, Type) {
        let (op, known) = match &expr.node {
            Node::Null => (Op::Constant(Value::Null), Type::Null),
            Node::Boolean(value) => (Op::Constant(Value::Boolean(*value)), Type::Boolean),
            Node::Integer(number) => (Op::Constant(Value::Integer(*number)), Type::Integer),
            Node::Decimal(number) => (Op::Constant(Value::Decimal(*number)), Type::Decimal),
            Node::Text(text) => match boolean(text).filter(|_| want.needs == Needs::Flag) {
                Some(value) => (Op::Constant(Value::Boolean(value)), Type::Boolean),
                None => (Op::Constant(Value::owned(text.to_string())), Type::Text),
            },
            Node::Field(name) => {
                // Every field of every expression was collected before.
                let field = self
                    .setting
                    .fields
                    .binary_search_by(|known| (**known).cmp(name))
                    .unwrap_or(usize::MAX);
                let op = match want {
                    Want { needs: Needs::Flag, .. } => Op::Flag(field),
                    Want { copy: true, many: false, .. } => Op::First(field),
                    _ => Op::Field(field),
                };
                (op, Type::Any)
            }
            Node::Call { name, arguments } => match functions::find(&name.text) {
                Some(function) => return self.call(expr, function, arguments, want),
                None => {
                    self.unknown_function(name, arguments);
                    (Op::Constant(Value::Null), Type::Any)
                }
            },
            Node::Not(inner) => (Op::Not(Box::new(self.condition(inner, "`not`"))), Type::Boolean),
            Node::And(terms) => (Op::And(self.conditions(terms, "`and`")), Type::Boolean),
            Node::Or(terms) => (Op::Or(self.conditions(terms, "`or`")), Type::Boolean),
            Node::Join(terms) => {
                let want = Want { needs: Needs::Text, many: false, copy: false, place: "`&`" };
                let terms = terms.iter().map(|term| self.expr(term, want).0).collect();
                (Op::Join(terms), Type::Text)
            }
            Node::Compare { op, left, right } => {
                let (left, right) = (Box::new(self.compared(left)), Box::new(self.compared(right)));
                (Op::Compare { op: *op, left, right }, Type::Boolean)
            }
            Node::In { value, options } => {
                let value = Box::new(self.compared(value));
                let options = options.iter().map(|option| self.compared(option)).collect();
                (Op::In { value, options }, Type::Boolean)
            }
            Node::Matches { value, pattern } => {
                let want = Want { needs: Needs::Text, many: true, copy: false, place: "`matches`" };
                let value = Box::new(self.expr(value, want).0);
                match self.pattern(pattern) {
                    Some(pattern) => (Op::Matches { value, pattern }, Type::Boolean),
                    None => (Op::Constant(Value::Null), Type::Any),
                }
            }
        };
        self.fits(expr, known, want);
        (Code { op, span: expr.span }, known)
    }

    fn any(&mut self, expr: &Expr) -> Code {
        self.expr(expr, Want { needs: Needs::Any, many: true, copy: false, place: "this" }).0
    }

    /// What is compared may move with the time: what comes of it is true or false, and moves seldom.
    fn compared(&mut self, expr: &Expr) -> Code {
        self.conditions += 1;
        let code = self.any(expr);
        self.conditions -= 1;
        code
    }

    fn condition(&mut self, expr: &Expr, place: &str) -> Code {
        self.expr(expr, Want { needs: Needs::Condition, many: false, copy: false, place }).0
    }

    fn conditions(&mut self, terms: &[Expr], place: &str) -> Box<[Code]> {
        terms.iter().map(|term| self.condition(term, place)).collect()
    }

    fn call(
        &mut self,
        expr: &Expr,
        function: &'static Function,
        arguments: &[Option<Expr>],
        want: Want<'_>,
    ) -> (Code, Type) {
        self.count(expr, function, arguments);
        self.steady(expr, function);
        let mut known = Type::Null;
        let codes = arguments.iter().enumerate().map(|(index, argument)| {
            let argument = argument.as_ref()?;
            let accepts = function.parameter(index)?.accepts;
            let place = format!("`{}` of `{}`", function.parameter(index)?.name, function.name);
            let (code, of_argument) = match accepts {
                _ if function.passes(index) => self.expr(argument, want),
                Accepts::Pattern => (self.pattern_argument(argument, &place)?, Type::Text),
                Accepts::Word(words) => (self.word(argument, words, &place)?, Type::Text),
                Accepts::Group | Accepts::Field => (self.name(argument, &place)?, Type::Text),
                Accepts::Table => (self.table(argument, &place)?, Type::Text),
                _ => {
                    let many = matches!(accepts, Accepts::Any | Accepts::Values);
                    self.expr(
                        argument,
                        Want { needs: needs(accepts), many, copy: false, place: &place },
                    )
                }
            };
            if function.passes(index) {
                known = known.or(of_argument);
            }
            Some(code)
        });
        let codes: Box<[Option<Code>]> = codes.collect();
        self.groups(function, &codes);
        if let Gives::Type(always) = function.gives {
            known = always;
            self.fits(expr, known, want);
        }
        (Code { op: Op::Call { function, arguments: codes }, span: expr.span }, known)
    }

    /// Whether the function can stand here without making every run write.
    fn steady(&mut self, expr: &Expr, function: &Function) {
        let (changes, allowed) = match function.asks {
            _ if self.setting.once => return,
            Ask::Clock if self.conditions > 0 => return,
            Ask::Clock => ("moves with the time", "compare it, as in `Now() >= start`, or add"),
            Ask::Chance => ("gives each time something else", "add"),
            _ => return,
        };
        let message = format!("`{}` {changes}, so every run would write it", function.name);
        let hint = format!("{allowed} `when = \"create\"` to the attribute");
        self.problem(expr.span, message, Some(hint));
    }

    /// Whether the number of arguments is right.
    fn count(&mut self, expr: &Expr, function: &Function, arguments: &[Option<Expr>]) {
        let (found, least) = (arguments.len(), function.least());
        let name = function.name;
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        let (span, message) = if found < least {
            let message = match found {
                0 => format!("`{name}` needs {least} {}", plural(least)),
                _ => format!("`{name}` needs {least} {}, not {found}", plural(least)),
            };
            (expr.span, message)
        } else if function.parameter(found.saturating_sub(1)).is_none() && found > 0 {
            let most = function.parameters.len();
            let extra = arguments.iter().skip(most).flatten().next();
            let span = extra.map_or(expr.span, |extra| extra.span);
            (span, format!("`{name}` takes {most} {}, not {found}", plural(most)))
        } else if let Some((last, missing)) = function.unfinished(found) {
            let span =
                arguments.last().and_then(Option::as_ref).map_or(expr.span, |last| last.span);
            (span, format!("this `{last}` of `{name}` has no `{missing}`"))
        } else {
            return;
        };
        self.problem(span, message, Some(format!("it is written {}", function.signature())));
    }

    fn unknown_function(&mut self, name: &Word, arguments: &[Option<Expr>]) {
        let known = functions::all().iter().map(|function| function.name);
        let hint = did_you_mean(&name.text, known);
        self.problem(name.span, format!("there is no function `{}`", name.text), hint);
        for argument in arguments.iter().flatten() {
            self.any(argument);
        }
    }

    fn pattern_argument(&mut self, argument: &Expr, place: &str) -> Option<Code> {
        let Node::Text(text) = &argument.node else {
            let message =
                format!("{place} is a pattern and must stand here as text in double quotes");
            self.problem(argument.span, message, None);
            return None;
        };
        let pattern = self.pattern(&Word { text: text.clone(), span: argument.span })?;
        Some(Code { op: Op::Pattern(pattern), span: argument.span })
    }

    fn pattern(&mut self, pattern: &Word) -> Option<Regex> {
        let built = RegexBuilder::new(&pattern.text)
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES)
            .build();
        let reason = match built {
            Ok(regex) => return Some(regex),
            Err(regex::Error::CompiledTooBig(_)) => "it is too large".to_owned(),
            Err(error) => {
                // The library draws the pattern over several lines; its last line says what is wrong.
                let drawn = error.to_string();
                let last = drawn.lines().last().unwrap_or_default();
                last.trim().trim_start_matches("error: ").to_owned()
            }
        };
        self.problem(pattern.span, format!("this is not a valid pattern: {reason}"), None);
        None
    }

    fn word(&mut self, argument: &Expr, words: &[&str], place: &str) -> Option<Code> {
        let span = argument.span;
        if let Node::Text(text) = &argument.node
            && words.contains(&&**text)
        {
            return Some(Code { op: Op::Constant(Value::owned(text.to_string())), span });
        }
        let message = format!("{place} is one of {}", words.join(", "));
        self.problem(span, message, None);
        None
    }

    fn table(&mut self, argument: &Expr, place: &str) -> Option<Code> {
        let Node::Text(name) = &argument.node else {
            let message = format!("{place} is a name and must stand here as text in double quotes");
            self.problem(argument.span, message, None);
            return None;
        };
        if let Some(table) = self.setting.lookups.get(&**name) {
            return Some(Code { op: Op::Table(table.clone()), span: argument.span });
        }
        let hint = did_you_mean(name, self.setting.lookups.keys().map(String::as_str))
            .unwrap_or_else(|| format!("a table is given as `[lookups.{name}]`"));
        self.problem(argument.span, format!("there is no table `{name}`"), Some(hint));
        None
    }

    fn name(&mut self, argument: &Expr, place: &str) -> Option<Code> {
        let Node::Text(text) = &argument.node else {
            let message = format!("{place} is a name and must stand here as text in double quotes");
            self.problem(argument.span, message, None);
            return None;
        };
        let op = Op::Constant(Value::owned(text.to_string()));
        (!text.is_empty()).then_some(Code { op, span: argument.span })
    }

    /// Whether the pattern has the groups that are named.
    fn groups(&mut self, function: &Function, codes: &[Option<Code>]) {
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

    /// Whether a value of this type will do, as far as it can be told now.
    fn fits(&mut self, expr: &Expr, known: Type, want: Want<'_>) {
        let place = want.place;
        if known == Type::List && !want.many {
            let hint = "join its values with `Join`, or choose one with `Item`";
            self.problem(
                expr.span,
                format!("{place} takes one value, but this is a list"),
                Some(hint.to_owned()),
            );
            return;
        }
        let fits = match (want.needs, known) {
            (Needs::Any | Needs::Text, _) | (_, Type::Any | Type::Null | Type::List) => true,
            (Needs::Condition | Needs::Flag, known) => known == Type::Boolean,
            (Needs::Label, known) => known != Type::Boolean,
            (Needs::Integer | Needs::Decimal, known) => {
                !matches!(known, Type::Boolean | Type::Timestamp)
            }
            (Needs::Time, known) => matches!(known, Type::Text | Type::Timestamp),
        };
        let found = match &expr.node {
            _ if !fits => format!("this is {known}"),
            // What is written out can be read now.
            Node::Text(text) if !reads(want.needs, text) => "this text is not one".to_owned(),
            Node::Decimal(number) if want.needs == Needs::Integer && number.fract() != 0.0 => {
                "this has a fraction".to_owned()
            }
            _ => return,
        };
        let message = format!("{place} needs {}, but {found}", want.needs);
        self.problem(expr.span, message, hint(expr, want.needs));
    }

    fn problem(&mut self, span: Span, message: String, hint: Option<String>) {
        self.problems.push(Problem { span, message, hint });
    }
}

fn needs(accepts: Accepts) -> Needs {
    match accepts {
        Accepts::Condition => Needs::Condition,
        Accepts::Flag => Needs::Flag,
        Accepts::Text | Accepts::Values => Needs::Text,
        Accepts::Integer => Needs::Integer,
        Accepts::Any
        | Accepts::Pattern
        | Accepts::Group
        | Accepts::Word(_)
        | Accepts::Field
        | Accepts::Table => Needs::Any,
    }
}

/// Whether a literal text is what is needed.
fn reads(needs: Needs, text: &str) -> bool {
    match needs {
        _ if text.is_empty() => true,
        Needs::Integer => text.parse::<i64>().is_ok(),
        Needs::Decimal => decimal(text).is_some(),
        Needs::Time => time::parse(text).is_some(),
        _ => true,
    }
}

fn hint(expr: &Expr, needs: Needs) -> Option<String> {
    match (needs, &expr.node) {
        (Needs::Condition, Node::Text(text)) if boolean(text).is_some() => {
            Some(format!("write {} without quotes", text.to_ascii_lowercase()))
        }
        (Needs::Condition | Needs::Flag, _) => {
            Some("write a comparison, as in `status = \"active\"`".to_owned())
        }
        (Needs::Label, _) => Some("choose a text, as in `IIF(…, \"yes\", \"no\")`".to_owned()),
        (Needs::Time, _) => Some("a time is written 2026-01-31T08:30:00Z".to_owned()),
        _ => None,
    }
}
