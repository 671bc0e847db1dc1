//! Syntax trees to code: names are resolved, types compared with what is needed, every problem found in one go.

use std::fmt;

mod literal;

use peoplesync_source::{FieldType, FieldTypes};

use super::ast::{Expr, Node, Span, Word};
use super::code::{Code, Op};
use super::compare::{boolean, decimal};
use super::time;
use super::value::{Type, Value};
use crate::error::Remedy;
use crate::functions::{self, Accepts, Ask, Function, Gives};
use crate::lookup::Lookups;
use crate::nearest::did_you_mean;

/// Something wrong in an expression that can be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) remedy: Option<Remedy>,
}

impl Problem {
    pub(crate) fn new(span: Span, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { span, message: message.into(), hint, remedy: None }
    }

    /// The same with what mends it.
    pub(crate) fn mended_by(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
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
    /// Bytes, or the text that they are written as.
    Bytes,
    Integer,
    Decimal,
    /// A time as ISO 8601 writes it.
    Time,
    /// A time in any form that `CDate` reads.
    Moment,
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Condition | Self::Flag => "true or false",
            Self::Text | Self::Label => "text",
            Self::Bytes => "bytes",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Time | Self::Moment => "a time",
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
    /// What the source says that they hold.
    pub(crate) types: &'s FieldTypes,
    /// The tables of the config.
    pub(crate) lookups: &'s Lookups,
    /// What `DefaultDomain()` gives.
    pub(crate) domain: Option<&'s str>,
    /// Whether its value is written once and never compared again.
    pub(crate) once: bool,
    /// Whether no value means that the target shall have none.
    pub(crate) clears: bool,
}

/// Checks an expression whose fields all stand in those of the setting.
pub(crate) fn check(
    expr: &Expr,
    setting: Setting<'_>,
    want: Want<'_>,
    problems: &mut Vec<Problem>,
) -> Code {
    Checker { setting, root: expr, conditions: 0, problems }.expr(expr, want).0
}

struct Checker<'c> {
    setting: Setting<'c>,
    /// The whole expression.
    root: &'c Expr,
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
                (op, self.held(name, want))
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

    /// What is known of a field's value before there is one.
    fn held(&self, field: &str, want: Want<'_>) -> Type {
        match self.setting.types.get(field) {
            // Text counts as whatever it reads as, but never as a condition.
            Some(FieldType::Cell) if want.needs == Needs::Condition => Type::Text,
            None | Some(FieldType::Cell) => Type::Any,
            // The first of its values is copied.
            Some(FieldType::List) if want.copy => Type::Any,
            Some(FieldType::List) => Type::List,
            Some(FieldType::Text) => Type::Text,
            Some(FieldType::Bytes) => Type::Bytes,
            Some(FieldType::Integer) => Type::Integer,
            Some(FieldType::Decimal) => Type::Decimal,
            Some(FieldType::Boolean) => Type::Boolean,
            Some(FieldType::Timestamp) => Type::Timestamp,
        }
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
        if function.asks == Ask::Domain {
            return self.domain(expr, function);
        }
        let mut known = Type::Null;
        let codes = arguments.iter().enumerate().map(|(index, argument)| {
            let Some(argument) = argument else {
                self.left_out(expr, function, index);
                return None;
            };
            let accepts = function.parameter(index)?.accepts;
            let place = format!("`{}` of `{}`", function.parameter(index)?.name, function.name);
            let (code, of_argument) = match accepts {
                _ if function.passes(index) => self.expr(argument, want),
                accepts if accepts.is_written_out() => {
                    (self.literal(argument, accepts, &place)?, Type::Text)
                }
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
        self.forms(&codes);
        self.ambiguous(function, arguments);
        if let Gives::Type(always) = function.gives {
            known = always;
            self.fits(expr, known, want);
        }
        (Code { op: Op::Call { function, arguments: codes }, span: expr.span }, known)
    }

    /// The default domain, which is known before there is any record.
    fn domain(&mut self, expr: &Expr, function: &Function) -> (Code, Type) {
        let value = match self.setting.domain {
            Some(domain) => Value::owned(domain.to_owned()),
            None => {
                let message = format!("nothing says what `{}` gives", function.name);
                let hint = "give [people] a `default_domain`, such as \"example.com\"".to_owned();
                self.problem(expr.span, message, Some(hint));
                Value::Null
            }
        };
        (Code { op: Op::Constant(value), span: expr.span }, Type::Text)
    }

    /// An argument that was left empty is no value, which must not empty the target by accident.
    fn left_out(&mut self, expr: &Expr, function: &Function, index: usize) {
        if !self.setting.clears || !function.passes(index) {
            return;
        }
        let name = function.parameter(index).map_or("argument", |parameter| parameter.name);
        let message = format!(
            "`{name}` of `{}` is left empty, which would clear the attribute",
            function.name
        );
        let hint = "write a value, or `null` if it shall be cleared".to_owned();
        self.problem(expr.span, message, Some(hint));
    }

    /// Whether the function can stand here without making every run write.
    fn steady(&mut self, expr: &Expr, function: &Function) {
        let (changes, allowed) = match function.asks {
            Ask::Taken if !std::ptr::eq(expr, self.root) => {
                let message = format!("`{}` must be the whole rule", function.name);
                let hint = format!("put the other functions inside: {}", function.signature());
                return self.problem(expr.span, message, Some(hint));
            }
            Ask::Taken if !self.setting.once => {
                let message = format!("`{}` proposes a value for a new account", function.name);
                let hint = "add `when = \"create\"` to the attribute".to_owned();
                return self.for_new_accounts(expr.span, message, hint);
            }
            _ if self.setting.once => return,
            Ask::Clock if self.conditions > 0 => return,
            Ask::Clock => ("moves with the time", "compare it, as in `Now() >= start`, or add"),
            Ask::Chance => ("gives each time something else", "add"),
            _ => return,
        };
        let message = format!("`{}` {changes}, so every run would write it", function.name);
        let hint = format!("{allowed} `when = \"create\"` to the attribute");
        self.for_new_accounts(expr.span, message, hint);
    }

    /// What can be said of new accounts only.
    fn for_new_accounts(&mut self, span: Span, message: String, hint: String) {
        let problem = Problem::new(span, message, Some(hint));
        self.problems.push(problem.mended_by(Remedy::CreateOnly));
    }

    /// Whether a `Switch` says two things for one key.
    fn ambiguous(&mut self, function: &Function, arguments: &[Option<Expr>]) {
        if function.repeats != 2 {
            return;
        }
        let fixed = function.parameters.len() - function.repeats;
        let pairs: Vec<_> = arguments.get(fixed..).unwrap_or_default().chunks(2).collect();
        for (number, pair) in pairs.iter().enumerate() {
            let [Some(key), value] = pair else { continue };
            if !matches!(key.node, Node::Text(_) | Node::Integer(_) | Node::Boolean(_)) {
                continue;
            }
            let clash = pairs.iter().take(number).any(
                |earlier| matches!(earlier, [Some(other), said] if other == key && said != value),
            );
            if clash {
                let message = format!("`{}` has another value for this key already", function.name);
                self.problem(key.span, message, None);
            }
        }
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
        let elsewhere = functions::instead(&name.text).map(str::to_owned);
        let hint = elsewhere.or_else(|| did_you_mean(&name.text, known));
        self.problem(name.span, format!("there is no function `{}`", name.text), hint);
        for argument in arguments.iter().flatten() {
            self.any(argument);
        }
    }

    /// Whether a value of this type will do, as far as it can be told now.
    fn fits(&mut self, expr: &Expr, known: Type, want: Want<'_>) {
        let Want { place, needs, .. } = want;
        if known == Type::List && !want.many {
            let found = match &expr.node {
                Node::Field(_) => format!("the field `{expr}` holds several"),
                _ => "this is a list".to_owned(),
            };
            let message = format!("{place} takes one value, but {found}");
            let hint = "join its values with `Join`, or choose one with `Item`".to_owned();
            let problem = Problem::new(expr.span, message, Some(hint));
            return self.problems.push(problem.mended_by(Remedy::OneForEach));
        }
        let fits = match (needs, known) {
            (Needs::Any, _) | (_, Type::Any | Type::Null | Type::List) => true,
            (Needs::Condition | Needs::Flag, known) => known == Type::Boolean,
            (Needs::Text, known) => known != Type::Bytes,
            (Needs::Label, known) => !matches!(known, Type::Boolean | Type::Bytes),
            (Needs::Bytes, known) => known != Type::Boolean,
            (Needs::Integer | Needs::Decimal, known) => {
                !matches!(known, Type::Boolean | Type::Timestamp | Type::Bytes)
            }
            (Needs::Time | Needs::Moment, known) => {
                matches!(known, Type::Text | Type::Timestamp)
            }
        };
        let found = match &expr.node {
            Node::Field(_) if !fits => format!("the field `{expr}` holds {known}"),
            _ if !fits => format!("this is {known}"),
            // What is written out can be read now.
            Node::Text(text) if !reads(needs, text) => "this text is not one".to_owned(),
            Node::Decimal(number) if needs == Needs::Integer && number.fract() != 0.0 => {
                "this has a fraction".to_owned()
            }
            _ => return,
        };
        self.problem(
            expr.span,
            format!("{place} needs {needs}, but {found}"),
            hint(expr, known, needs),
        );
    }

    fn problem(&mut self, span: Span, message: String, hint: Option<String>) {
        self.problems.push(Problem::new(span, message, hint));
    }
}

fn needs(accepts: Accepts) -> Needs {
    match accepts {
        Accepts::Condition => Needs::Condition,
        Accepts::Flag => Needs::Flag,
        Accepts::Text | Accepts::Values => Needs::Text,
        Accepts::Integer => Needs::Integer,
        Accepts::Time => Needs::Moment,
        // The others are written out, and are no values.
        _ => Needs::Any,
    }
}

/// Whether a literal text is what is needed.
fn reads(needs: Needs, text: &str) -> bool {
    match needs {
        _ if text.is_empty() => true,
        Needs::Integer => text.parse::<i64>().is_ok(),
        Needs::Decimal => decimal(text).is_some(),
        Needs::Time => time::parse(text).is_some(),
        Needs::Moment => time::read(text).is_some(),
        _ => true,
    }
}

fn hint(expr: &Expr, known: Type, needs: Needs) -> Option<String> {
    let field = matches!(expr.node, Node::Field(_));
    Some(match (needs, &expr.node) {
        (Needs::Condition, Node::Text(text)) if boolean(text).is_some() => {
            format!("write {} without quotes", text.to_ascii_lowercase())
        }
        (Needs::Condition | Needs::Flag, _) if field && known == Type::Text => {
            format!(
                "compare it, as in `{expr} = \"…\"`; `CBool({expr})` if its text is true or false"
            )
        }
        (Needs::Condition | Needs::Flag, _) if field => format!("compare it, as in `{expr} = …`"),
        (Needs::Condition | Needs::Flag, _) => {
            "write a comparison, as in `status = \"active\"`".to_owned()
        }
        (Needs::Label, _) if known == Type::Boolean => {
            let condition = if field { expr.to_string() } else { "…".to_owned() };
            format!("choose a text, as in `IIF({condition}, \"yes\", \"no\")`")
        }
        (Needs::Time | Needs::Moment, Node::Text(_)) => {
            "a time is written 2026-01-31T08:30:00Z".to_owned()
        }
        (Needs::Time | Needs::Moment, _) if known == Type::Integer => {
            "`DateFromNum` reads the numbers that Active Directory writes".to_owned()
        }
        _ => return None,
    })
}
