//! A compiled mapping, and the hot path: one record into one draft.

use std::borrow::Cow;

use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Fields, Record};

use crate::around::{Around, Asks};
use crate::attribute::{Attribute, Compiled};
use crate::compile;
use crate::draft::Draft;
use crate::elements::second_primary;
use crate::error::{CompileError, Key, MapError};
use crate::expr::Value;
use crate::expr::check::Problem;
use crate::expr::code::Op;
use crate::expr::eval::{Eval, Machine};
use crate::manager::Manager;
use crate::nearest::did_you_mean;
use crate::reads;
use crate::spec::Spec;
use crate::target::Scalar;

/// Rules that can be applied to records.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) scope: Option<Scope>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) fields: Vec<String>,
    pub(crate) asks: Asks,
    /// Who somebody's manager is, if an expression asks.
    pub(crate) manager: Option<Manager>,
    pub(crate) digest: [u8; 16],
    /// Changes when other attributes are written, or the same ones in another form.
    pub(crate) layout: [u8; 16],
    pub(crate) resource: Resource,
}

#[derive(Debug, Clone)]
pub(crate) struct Scope(pub(crate) Compiled);

/// Where the records of one list of fields have what a mapping reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding(Vec<usize>);

/// Whether a record is to be provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is; the draft holds what it should be.
    InScope,
    /// It is not; the draft is empty.
    OutOfScope,
}

impl Binding {
    pub(crate) fn of(names: &[String], fields: &Fields) -> Self {
        Self(names.iter().map(|name| fields.position(name).unwrap_or(usize::MAX)).collect())
    }

    pub(crate) fn positions(&self) -> &[usize] {
        &self.0
    }
}

impl Mapping {
    /// Compiles rules for a kind of resource.
    ///
    /// # Errors
    /// All that is wrong: syntax, unknown functions and attributes, types that cannot fit, attributes that only the target
    /// writes, two rules for one attribute. In the order of the rules, the scope first.
    pub fn compile(
        spec: &Spec,
        resource: Resource,
        schemas: &SchemaSet,
    ) -> Result<Self, Vec<CompileError>> {
        compile::compile(spec, resource, schemas)
    }

    /// The fields that scope and attributes read: sorted, each once, spelled as written.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// What scope and attributes ask beyond the record.
    #[must_use]
    pub fn asks(&self) -> &Asks {
        &self.asks
    }

    /// The attributes by slot, which is their order by path.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The scope as the config has it; none if everybody is in scope.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_ref().map(|scope| &*scope.0.text)
    }

    /// Changes when the meaning of the mapping changes; spaces and spelling in an expression and the order of the rules do
    /// not count.
    #[must_use]
    pub fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// Finds the mapping's fields in those of a source. One that is not there is null in every record;
    /// [`unknown_fields`](Self::unknown_fields) tells.
    #[must_use]
    pub fn bind(&self, fields: &Fields) -> Binding {
        Binding::of(&self.fields, fields)
    }

    /// Maps one record that stands alone: no time, no chance, nobody else. What asks for them is an error.
    ///
    /// # Errors
    /// As [`map_in`](Self::map_in).
    pub fn map(
        &self,
        binding: &Binding,
        record: &Record<'_>,
        draft: &mut Draft,
    ) -> Result<Outcome, MapError> {
        self.map_in(&Around::default(), binding, record, draft)
    }

    /// Maps one record. Nothing is allocated but what computed values need beyond the draft's own buffers.
    ///
    /// The binding is of the fields of the record's batch, the draft of this mapping.
    ///
    /// # Errors
    /// The first attribute, or the scope, that cannot have a value for this record, or a required attribute that is empty.
    /// The draft then holds nothing of use.
    pub fn map_in(
        &self,
        around: &Around<'_>,
        binding: &Binding,
        record: &Record<'_>,
        draft: &mut Draft,
    ) -> Result<Outcome, MapError> {
        draft.reset(self);
        if let Some(Scope(scope)) = &self.scope {
            let held = self.machine(around, binding, record, scope, "").holds(&scope.code);
            if !held.map_err(|fault| MapError::new(None, *fault))? {
                return Ok(Outcome::OutOfScope);
            }
        }
        for (slot, attribute) in self.attributes.iter().enumerate() {
            self.fill(around, binding, record, attribute, slot, draft)
                .map_err(|fault| MapError::new(Some(&attribute.path), *fault))?;
            if attribute.required && draft.has_nothing(slot) {
                return Err(attribute.missing());
            }
        }
        Ok(Outcome::InScope)
    }

    /// The fields that the mapping reads and the source does not have, each with the nearest name and its place.
    #[must_use]
    pub fn unknown_fields(&self, known: &[String]) -> Vec<CompileError> {
        let scope_key = Key::scope(self.resource);
        let scope = self.scope.iter().map(|scope| (&scope_key, &scope.0));
        let manager = self.manager.iter().map(|manager| (&manager.key, &manager.source));
        let rules = manager.chain(self.attributes.iter().flat_map(Attribute::sources));
        let mut errors = Vec::new();
        for (key, source) in scope.chain(rules) {
            reads::each_field(&source.expr, &mut |name, span| {
                if known.iter().any(|known| known == name) {
                    return;
                }
                let hint = did_you_mean(name, known.iter().map(|known| &**known))
                    .or_else(|| listed(known));
                let message = format!("the source has no field `{name}`");
                let problem = Problem::new(span, message, hint);
                let error = CompileError::problem(key, &source.text, problem);
                // The rule of the manager may be that of an attribute as well.
                if !errors.contains(&error) {
                    errors.push(error);
                }
            });
        }
        errors
    }

    pub(crate) fn machine<'a>(
        &'a self,
        around: &'a Around<'a>,
        binding: &'a Binding,
        record: &Record<'a>,
        source: &'a Compiled,
        rule: &'a str,
    ) -> Machine<'a> {
        let (names, positions, text) = (&*self.fields, &*binding.0, &*source.text);
        Machine { names, positions, record: *record, around, rule, text }
    }

    /// Puts the value of one attribute into its slot.
    pub(crate) fn fill(
        &self,
        around: &Around<'_>,
        binding: &Binding,
        record: &Record<'_>,
        attribute: &Attribute,
        slot: usize,
        draft: &mut Draft,
    ) -> Eval<()> {
        if !attribute.elements.is_empty() {
            return self.fill_elements(around, binding, record, attribute, slot, draft);
        }
        let machine = self.machine(around, binding, record, &attribute.source, attribute.key());
        let code = &attribute.source.code;
        let value = match &code.op {
            Op::First(field) => match machine.first(*field) {
                // The commonest rule of all.
                Value::Text(Cow::Borrowed(text)) if attribute.target.scalar == Scalar::Text => {
                    draft.put_text(slot, attribute, text);
                    return Ok(());
                }
                value => value,
            },
            Op::Join(terms) if attribute.target.scalar == Scalar::Text => {
                // The commonest computed value is written where it belongs, without a text of its own.
                let mut joined = draft.join();
                for term in terms {
                    if let Some(text) = machine.text_of(term)? {
                        joined.push(&text).map_err(|what| machine.fault(code, what))?;
                    }
                }
                joined.finish(slot, attribute);
                return Ok(());
            }
            Op::Call { arguments, .. } if attribute.is_choice() => {
                let mut proposals = Vec::with_capacity(arguments.len());
                for argument in arguments.iter().flatten() {
                    proposals.extend(machine.text_of(argument)?);
                }
                draft.put_choice(slot, attribute, proposals.into_iter());
                return Ok(());
            }
            _ => match machine.value(code)? {
                Value::Text(text)
                    if attribute.target.scalar == Scalar::Text && !attribute.target.many =>
                {
                    draft.put_text(slot, attribute, &text);
                    return Ok(());
                }
                value => value,
            },
        };
        draft.put(slot, attribute, value).map_err(|what| machine.fault(code, what))?;
        if !attribute.rivals.is_empty()
            && draft.is_true(slot)
            && attribute.rivals.iter().any(|rival| draft.is_true(*rival))
        {
            return Err(second_primary());
        }
        Ok(())
    }
}

/// The fields of a source, as far as they can be taken in.
fn listed(known: &[String]) -> Option<String> {
    const SHOWN: usize = 12;
    let first = known.iter().take(SHOWN).map(|name| format!("`{name}`"));
    let more = known.len().saturating_sub(SHOWN);
    let rest = (more > 0).then(|| format!("and {more} more"));
    let names: Vec<String> = first.chain(rest).collect();
    (!names.is_empty()).then(|| format!("its fields are {}", names.join(", ")))
}
