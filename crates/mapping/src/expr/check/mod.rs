//! Syntax trees to code: names are resolved, types compared with what is needed, every problem found in one go.

mod fit;
mod literal;

use peoplesync_source::FieldTypes;

pub(crate) use self::fit::Needs;
use self::fit::needs;
use super::ast::{Expr, Node, Span, Word};
use super::code::{Code, Op};
use super::compare::boolean;
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

    fn problem(&mut self, span: Span, message: String, hint: Option<String>) {
        self.problems.push(Problem::new(span, message, hint));
    }
}
