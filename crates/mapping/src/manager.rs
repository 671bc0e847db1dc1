//! Who somebody's manager is: the one question about other people that a record answers itself.

use std::borrow::Cow;

use peoplesync_scim::Resource;
use peoplesync_source::Record;

use crate::around::Around;
use crate::attribute::{Attribute, Compiled};
use crate::error::{CompileError, Key, MapError};
use crate::expr::check::Problem;
use crate::expr::{Node, Span};
use crate::functions::{self, Ask};
use crate::mapping::{Binding, Mapping, Scope};

/// The expression for the key of a person's manager.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    pub(crate) key: Key,
    pub(crate) source: Compiled,
}

impl Mapping {
    /// The key of the manager of the person of this record, if there is one. Only where [`asks`](Self::asks) says that other
    /// people must be known.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn manager_of<'a>(
        &'a self,
        around: &'a Around<'a>,
        binding: &'a Binding,
        record: &Record<'a>,
    ) -> Result<Option<Cow<'a, str>>, MapError> {
        let Some(Manager { key, source }) = &self.manager else { return Ok(None) };
        let machine = self.machine(around, binding, record, source, &key.text);
        let text = machine.text_of(&source.code).map_err(|fault| MapError::new(None, *fault))?;
        // Keys have no white space at their ends.
        let text = text.map(|text| match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        });
        Ok(text.filter(|text| !text.is_empty()))
    }
}

/// The rule that says who the manager is where the config does not: the one reference, or that of the attribute `manager`.
pub(crate) fn from_attributes(attributes: &[Attribute]) -> Option<Manager> {
    let references: Vec<&Attribute> =
        attributes.iter().filter(|attribute| attribute.is_reference()).collect();
    let is_manager =
        |attribute: &&&Attribute| attribute.path.attribute().eq_ignore_ascii_case("manager");
    let one = match references.as_slice() {
        [one] => Some(*one),
        several => several.iter().find(is_manager).copied(),
    };
    one.map(|one| Manager { key: one.key.clone(), source: one.source.clone() })
}

/// The first question about managers, as an error: nothing says who the manager is.
pub(crate) fn unknown(scope: Option<(&Key, &Scope)>, attributes: &[Attribute]) -> CompileError {
    let scope = scope.map(|(key, Scope(source))| (key, source));
    let sources = scope.into_iter().chain(attributes.iter().flat_map(Attribute::sources));
    let asked = sources.flat_map(|(key, source)| {
        let asks = questions(source, |ask| matches!(ask, Ask::Chain | Ask::ManagerField));
        asks.into_iter().map(move |span| (key, source, span))
    });
    let message = "nothing says who somebody's manager is".to_owned();
    let hint = "give [people] a `manager`: an expression for the key of the person's manager";
    let hint = Some(hint.to_owned());
    match asked.into_iter().next() {
        Some((key, source, span)) => {
            CompileError::problem(key, &source.text, Problem::new(span, message, hint))
        }
        None => {
            let problem = Problem::new(Span::default(), message, hint);
            CompileError::problem(&Key::scope(Resource::User), "", problem)
        }
    }
}

/// Where an expression asks such a question.
pub(crate) fn questions(source: &Compiled, is_meant: impl Fn(Ask) -> bool) -> Vec<Span> {
    let mut found = Vec::new();
    source.expr.each(&mut |expr| {
        if let Node::Call { name, .. } = &expr.node
            && functions::find(&name.text).is_some_and(|function| is_meant(function.asks))
        {
            found.push(expr.span);
        }
    });
    found
}
