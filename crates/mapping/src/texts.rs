//! An expression that stands alone and gives texts: the members of a group, what groups are made of. It is written, checked
//! and evaluated as the rules of a mapping are.

use peoplesync_source::{FieldTypes, Fields, Record};

use crate::around::Around;
use crate::attribute::Compiled;
use crate::error::{CompileError, Key, MapError};
use crate::expr::check::{Needs, Problem, Setting, Want, check};
use crate::expr::eval::Machine;
use crate::expr::{self, Value};
use crate::groups::about_others;
use crate::lookup::Lookups;
use crate::mapping::Binding;
use crate::nearest::did_you_mean;
use crate::reads;

/// A compiled expression of which every value is wanted.
#[derive(Debug, Clone)]
pub struct Texts {
    key: Key,
    source: Compiled,
    fields: Vec<String>,
}

impl Texts {
    /// Compiles the expression that stands at this key of the config, step by step: `groups`, `members`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn compile(
        place: &[&str],
        text: &str,
        lookups: &Lookups,
    ) -> Result<Self, Vec<CompileError>> {
        let steps: Vec<String> = place.iter().map(|step| (*step).to_owned()).collect();
        let key = Key { text: steps.join("."), steps };
        let expr =
            expr::parse(text).map_err(|error| vec![CompileError::syntax(&key, text, error)])?;
        let (fields, _) = reads::all(std::iter::once(&expr));
        let mut problems = Vec::new();
        let setting = Setting {
            fields: &fields,
            types: &FieldTypes::new(),
            lookups,
            domain: None,
            once: false,
            clears: false,
        };
        let want = Want { needs: Needs::Label, many: true, copy: false, place: "this key" };
        let code = check(&expr, setting, want, &mut problems);
        if !problems.is_empty() {
            let error = |problem| CompileError::problem(&key, text, problem);
            return Err(problems.into_iter().map(error).collect());
        }
        let source = Compiled { text: text.to_owned(), expr, code };
        let errors = about_others(&key, &source);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { key, source, fields })
    }

    /// The fields that it reads: sorted, each once.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The expression as the config has it.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.source.text
    }

    /// Finds its fields in those of a source. One that is not there is null in every record.
    #[must_use]
    pub fn bind(&self, fields: &Fields) -> Binding {
        Binding::of(&self.fields, fields)
    }

    /// Hands out each value that a record has, without the white space around it; nothing for no value.
    ///
    /// # Errors
    /// Why the record has none.
    pub fn each(
        &self,
        around: &Around<'_>,
        binding: &Binding,
        record: &Record<'_>,
        mut each: impl FnMut(&str),
    ) -> Result<(), MapError> {
        let machine = Machine {
            names: &self.fields,
            positions: binding.positions(),
            record: *record,
            around,
            rule: &self.key.text,
            text: &self.source.text,
        };
        let code = &self.source.code;
        let failed = |fault: Box<expr::eval::Fault>| MapError::new(None, *fault);
        let values = match machine.value(code).map_err(failed)? {
            Value::List(values) => values,
            one => vec![one],
        };
        for value in values {
            let bytes = matches!(value, Value::Bytes(_));
            match value.into_text() {
                Some(text) if !text.trim().is_empty() => each(text.trim()),
                None if bytes => {
                    return Err(failed(machine.fault(code, "bytes where text is needed")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The fields that it reads and the source does not have, each with the nearest name and its place.
    #[must_use]
    pub fn unknown_fields(&self, known: &[String]) -> Vec<CompileError> {
        let mut errors = Vec::new();
        reads::each_field(&self.source.expr, &mut |name, span| {
            if known.iter().all(|known| known != name) {
                let hint = did_you_mean(name, known.iter().map(|known| &**known));
                let message = format!("the source has no field `{name}`");
                let problem = Problem::new(span, message, hint);
                errors.push(CompileError::problem(&self.key, &self.source.text, problem));
            }
        });
        errors
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use peoplesync_source::{Batch, Origin, Value as Raw};

    use super::*;

    /// The texts of an expression over one record with a list, a text, a number, nothing and bytes; or what is wrong.
    fn check(expression: &str) -> String {
        let texts = match Texts::compile(&["groups", "members"], expression, &Lookups::new()) {
            Ok(texts) => texts,
            Err(errors) => return errors.iter().map(CompileError::render).collect(),
        };
        let mut batch = Batch::new(Fields::new(["list", "text", "number", "none", "bytes"]));
        let mut record = batch.record("7", Origin::row("groups.csv", 2)).unwrap();
        for value in [" a ", "", "b"] {
            record.push(0, Raw::Text(value));
        }
        record.set(1, Raw::Text("a;b; ;c"));
        record.set(2, Raw::Integer(12));
        record.set(4, Raw::Bytes(&[1, 255]));
        let binding = texts.bind(batch.fields());
        let mut found = String::new();
        let record = batch.get(0).unwrap();
        let done = texts.each(&Around::default(), &binding, &record, |text| {
            write!(found, "<{text}>").unwrap();
        });
        match done {
            Ok(()) => found,
            Err(error) => format!("{}: {}", error.field.unwrap_or_default(), error.reason),
        }
    }

    #[test]
    fn every_value_counts_and_nothing_is_none() {
        assert_eq!(check("list"), "<a><b>");
        assert_eq!(check("text"), "<a;b; ;c>");
        assert_eq!(check("Split([text], \";\")"), "<a><b><c>");
        assert_eq!(check("number"), "<12>");
        assert_eq!(check("none"), "");
        assert_eq!(check("unknown"), "");
    }

    #[test]
    fn what_is_no_text_or_no_field_is_said() {
        let texts =
            Texts::compile(&["groups", "from"], "Trim(departement)", &Lookups::new()).unwrap();
        let known = ["department".to_owned(), "name".to_owned()];
        let unknown = texts.unknown_fields(&known).iter().map(CompileError::render).collect();
        let wrong = ["bytes", "Spilt([text], \";\")", "text = \"a\""].map(check);
        let shown: Vec<String> = wrong.into_iter().chain([unknown]).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
