//! What a mapping asks about groups, and where expressions may ask nothing about others at all.

use crate::attribute::{Attribute, Compiled};
use crate::error::{CompileError, Key};
use crate::expr::check::Problem;
use crate::functions::{self, Ask};
use crate::manager::questions;
use crate::mapping::{Mapping, Scope};
use crate::nearest::did_you_mean;
use crate::reads;

impl Mapping {
    /// Every question about groups, as an error that says this: for whoever does not know them.
    #[must_use]
    pub fn group_questions(&self, message: &str, hint: &str) -> Vec<CompileError> {
        let mut errors = Vec::new();
        self.each_source(&mut |key, source| {
            for span in questions(source, |ask| ask == Ask::Groups) {
                let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
                let problem = Problem::new(span, message, hint);
                errors.push(CompileError::problem(key, &source.text, problem));
            }
        });
        errors
    }

    /// The names of groups that are written out and that none of these groups has, each with the nearest name and its place.
    #[must_use]
    pub fn unknown_groups(&self, known: &[&str]) -> Vec<CompileError> {
        let mut errors = Vec::new();
        self.each_source(&mut |key, source| {
            source.expr.each(&mut |expr| {
                if reads::asked(expr) != Ask::Groups {
                    return;
                }
                for (name, span) in reads::group_names(expr).into_iter().flatten() {
                    if known.contains(&name) {
                        continue;
                    }
                    let hint = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
                        "letter case counts; a name of `displayName` of [groups] is meant"
                            .to_owned()
                    });
                    let message = format!("there is no group with the name `{name}`");
                    let problem = Problem::new(span, message, Some(hint));
                    errors.push(CompileError::problem(key, &source.text, problem));
                }
            });
        });
        errors
    }

    /// Every question about managers and groups, as an error: for rules over what is no person.
    #[must_use]
    pub fn questions_about_others(&self) -> Vec<CompileError> {
        let mut errors = Vec::new();
        self.each_source(&mut |key, source| errors.extend(about_others(key, source)));
        errors
    }

    fn each_source(&self, each: &mut dyn FnMut(&Key, &Compiled)) {
        let scope_key = Key::scope(self.resource);
        if let Some(Scope(source)) = &self.scope {
            each(&scope_key, source);
        }
        self.attributes.iter().flat_map(Attribute::sources).for_each(|(key, source)| {
            each(key, source);
        });
    }
}

/// Every question about managers and groups in an expression that is evaluated before they are known.
pub(crate) fn about_others(key: &Key, source: &Compiled) -> Vec<CompileError> {
    let asks = |ask| matches!(ask, Ask::ManagerField | Ask::Chain | Ask::Groups);
    let errors = questions(source, asks).into_iter().map(|span| {
        let name = span.of(&source.text).split('(').next().unwrap_or_default().trim();
        let name = functions::find(name).map_or(name, |function| function.name);
        let message = format!("`{name}` asks about other people, who are not known here");
        let hint = "it can stand in the scope and the attributes of [people]".to_owned();
        CompileError::problem(key, &source.text, Problem::new(span, message, Some(hint)))
    });
    errors.collect()
}
