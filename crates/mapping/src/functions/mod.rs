//! The table of functions. One entry says all there is to know of a function, and stands in front of its body: the checker, the
//! reference page, completions and tests read it, so a further function is one entry and one body.

mod chance;
mod convert;
mod country;
mod elsewhere;
mod encode;
mod letters;
mod list;
mod logic;
mod lookup;
mod people;
mod reference;
mod replace;
mod roles;
mod table;
mod text;
mod time;

use std::fmt::Write;

pub(crate) use self::elsewhere::instead;
pub use self::reference::reference;
pub use self::table::{FAMILIES, Family, all, find};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

/// What evaluates a call.
type Body = for<'b, 'm, 'a> fn(&'b Arguments<'m, 'a>) -> Eval<Value<'a>>;

/// A function of the expression language.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The canonical spelling; letter case does not count when an expression is read.
    pub name: &'static str,
    /// The parameters in order.
    pub parameters: &'static [Parameter],
    /// How many of the last parameters may come again, as a group; 0 if none.
    pub repeats: usize,
    /// What it gives.
    pub gives: Gives,
    /// What it does, in one line.
    pub one_line: &'static str,
    /// Expressions without fields, each with what it gives. They are run as tests.
    pub examples: &'static [(&'static str, &'static str)],
    /// What it takes from outside of the record and the expression.
    pub asks: Ask,
    pub(crate) eval: Body,
}

/// What a function takes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Nothing: the same arguments always give the same value.
    Nothing,
    /// The time of the run.
    Clock,
    /// Chance.
    Chance,
    /// A field of the manager.
    ManagerField,
    /// Who stands above whom.
    Chain,
    /// Who is in which group.
    Groups,
    /// Which values others have.
    Taken,
    /// The default domain of the config.
    Domain,
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name in signatures and messages.
    pub name: &'static str,
    /// What it takes.
    pub accepts: Accepts,
    /// Whether it may be left out at the end. In the middle, any argument may be left empty and counts as null.
    pub optional: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// Any value, lists included.
    Any,
    /// Text, or a single value that is then written as text.
    Text,
    /// Texts: single values and lists.
    Values,
    /// A whole number, or text that is one.
    Integer,
    /// True or false.
    Condition,
    /// True or false, also as the text of a field.
    Flag,
    /// A regular expression, written out.
    Pattern,
    /// The name of a group in the pattern, written out.
    Group,
    /// One of these words, with or without quotes.
    Word(&'static [&'static str]),
    /// The name of a field, written out; it is read from another record.
    Field,
    /// The name of a table of the config, written out.
    Table,
    /// A time, or text that can be read as one.
    Time,
    /// A form of times in the letters of .NET, written out.
    TimeForm,
    /// Names of .NET's `DateTimeStyles`, written out.
    TimeStyles,
    /// The name of a culture, such as `tr-TR`, written out.
    Culture,
}

/// What a function gives.
#[derive(Debug, Clone, Copy)]
pub enum Gives {
    /// A value of this type, or null.
    Type(Type),
    /// One of its arguments, unchanged: those for whose position this is true. What is needed of the function is needed
    /// of them.
    Arguments(fn(usize) -> bool),
}

impl Function {
    /// The parameter that an argument at this position is for.
    #[must_use]
    pub fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        let count = self.parameters.len();
        match index.checked_sub(count) {
            None => self.parameters.get(index),
            Some(_) if self.repeats == 0 => None,
            Some(beyond) => self.parameters.get(count - self.repeats + beyond % self.repeats),
        }
    }

    /// Whether the same arguments always give the same value.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        !matches!(self.asks, Ask::Clock | Ask::Chance)
    }

    /// How it is called: `ToLower(source, [culture])`, `Coalesce(source, …)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let parameters = self.parameters.iter().map(|parameter| match parameter.optional {
            true => format!("[{}]", parameter.name),
            false => parameter.name.to_owned(),
        });
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let more = if self.repeats > 0 { ", …" } else { "" };
        format!("{}({parameters}{more})", self.name)
    }

    /// The fewest arguments.
    pub(crate) fn least(&self) -> usize {
        self.parameters.iter().take_while(|parameter| !parameter.optional).count()
    }

    /// Where a repeated group of parameters ends too early: the last parameter that has an argument, and the one that lacks it.
    pub(crate) fn unfinished(&self, arguments: usize) -> Option<(&'static str, &'static str)> {
        let beyond = arguments.checked_sub(self.parameters.len())?;
        if self.repeats == 0 || beyond.is_multiple_of(self.repeats) {
            return None;
        }
        let name = |index| self.parameter(index).map(|parameter| parameter.name);
        Some((name(arguments - 1)?, name(arguments)?))
    }

    /// Whether the argument at this position may be what the function gives.
    pub(crate) fn passes(&self, index: usize) -> bool {
        matches!(self.gives, Gives::Arguments(passes) if passes(index))
    }

    /// How it is called, with types: `ToLower(source: text, [culture: text]) → text`.
    #[must_use]
    pub fn typed_signature(&self) -> String {
        let mut text = format!("{}(", self.name);
        for (index, Parameter { name, accepts, optional }) in self.parameters.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let (open, close) = if *optional { ("[", "]") } else { ("", "") };
            // Writing to a string cannot fail.
            write!(text, "{comma}{open}{name}: {accepts}{close}").ok();
        }
        text.push_str(if self.repeats > 0 { ", …) → " } else { ") → " });
        match self.gives {
            Gives::Type(gives) => write!(text, "{gives}").ok(),
            Gives::Arguments(_) => write!(text, "one of its arguments").ok(),
        };
        text
    }

    const fn new(name: &'static str, gives: Type, eval: Body) -> Self {
        let (parameters, examples): (&[Parameter], &[(&str, &str)]) = (&[], &[]);
        let gives = Gives::Type(gives);
        Self {
            name,
            parameters,
            repeats: 0,
            gives,
            one_line: "",
            examples,
            asks: Ask::Nothing,
            eval,
        }
    }

    const fn takes(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// The last parameters may come again.
    const fn repeats(self, repeats: usize) -> Self {
        Self { repeats, ..self }
    }

    /// It hands one of these arguments on.
    const fn passes_on(self, which: fn(usize) -> bool) -> Self {
        Self { gives: Gives::Arguments(which), ..self }
    }

    const fn asks(self, asks: Ask) -> Self {
        Self { asks, ..self }
    }

    const fn says(self, one_line: &'static str) -> Self {
        Self { one_line, ..self }
    }

    const fn examples(self, examples: &'static [(&'static str, &'static str)]) -> Self {
        Self { examples, ..self }
    }
}

impl std::fmt::Display for Accepts {
    /// As a type in a signature.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Text => "text",
            Self::Values => "texts",
            Self::Integer => "whole number",
            Self::Condition | Self::Flag => "true or false",
            Self::Pattern => "pattern",
            Self::Group => "name of a group",
            Self::Word(words) => return f.write_str(&words.join("|")),
            Self::Field => "name of a field",
            Self::Table => "name of a table",
            Self::Time => "time",
            Self::TimeForm => "form of a time",
            Self::TimeStyles => "styles",
            Self::Culture => "name of a culture",
        })
    }
}

const fn needed(name: &'static str, accepts: Accepts) -> Parameter {
    Parameter { name, accepts, optional: false }
}

const fn optional(name: &'static str, accepts: Accepts) -> Parameter {
    Parameter { name, accepts, optional: true }
}

#[cfg(test)]
mod tests;
