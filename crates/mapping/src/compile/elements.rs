//! Rules for lists of objects.

use peoplesync_scim::schema::{Kind, Mutability};
use peoplesync_scim::{Path, Resource, SchemaSet};

use super::Compiler;
use crate::attribute::Compiled;
use crate::elements::{Element, PRIMARY, Part, VALUE};
use crate::error::{CompileError, Key, Remedy};
use crate::expr::check::{Problem, Want};
use crate::expr::{self, Expr, Node, Span};
use crate::nearest::did_you_mean;
use crate::spec::{AttributeSpec, ElementSpec, PartSource, PartSpec};
use crate::target::{PartTarget, Scalar, Target};

/// An element whose expressions could be read.
pub(super) struct ParsedElement {
    each: bool,
    parts: Vec<ParsedPart>,
}

struct ParsedPart {
    key: Key,
    target: PartTarget,
    text: String,
    expr: Expr,
}

impl ParsedElement {
    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().map(|part| &part.expr)
    }
}

impl Compiler<'_> {
    /// Reads the parts of all elements; `None` if anything is wrong with one of them.
    pub(super) fn parse_elements(
        &mut self,
        index: usize,
        spec: &AttributeSpec,
        key: &Key,
        path: &Path,
        elements: &[ElementSpec],
    ) -> Option<Vec<ParsedElement>> {
        let mut parsed = Vec::with_capacity(elements.len());
        let mut good = true;
        for element in elements {
            let mut parts = Vec::with_capacity(element.parts.len());
            for part in &element.parts {
                match self.parse_part(index, key, path, element, part) {
                    Some(part) => parts.push(part),
                    None => good = false,
                }
            }
            parsed.push(ParsedElement { each: element.each, parts });
        }
        self.one_primary(index, &parsed);
        if good {
            return Some(parsed);
        }
        // What could be read may be wrong as well.
        self.elements(index, spec, parsed, &[]);
        None
    }

    fn parse_part(
        &mut self,
        index: usize,
        key: &Key,
        path: &Path,
        element: &ElementSpec,
        part: &PartSpec,
    ) -> Option<ParsedPart> {
        let setting = part.setting.as_ref().unwrap_or(&part.name);
        let key = key.below(element.place.iter().chain([setting]));
        let target = Target::part(path, &part.name, self.resource, self.schemas);
        let target = target.map_err(|problem| {
            self.errors.push((Some(index), CompileError::of_path(&key, &part.name, problem)));
        });
        let whole = |text: &str, node| Expr { node, span: Span::new(0, text.len()) };
        let (text, expr) = match &part.source {
            PartSource::Expression(text) => (text.clone(), expr::parse(text)),
            PartSource::Text(text) => {
                (text.clone(), Ok(whole(text, Node::Text(text.as_str().into()))))
            }
            PartSource::Flag(flag) => {
                let text = flag.to_string();
                let expr = whole(&text, Node::Boolean(*flag));
                (text, Ok(expr))
            }
        };
        let expr = expr.map_err(|error| {
            self.errors.push((Some(index), CompileError::syntax(&key, &text, error)));
        });
        Some(ParsedPart { key, target: target.ok()?, text, expr: expr.ok()? })
    }

    /// Two elements that are primary for everybody.
    fn one_primary(&mut self, index: usize, elements: &[ParsedElement]) {
        let primaries = elements.iter().flat_map(|element| &element.parts).filter(|part| {
            part.target.name.eq_ignore_ascii_case(PRIMARY) && part.expr.node == Node::Boolean(true)
        });
        for second in primaries.skip(1) {
            let hint =
                "one value of a list can be primary; `Coalesce` takes the first that there is";
            let message = "another value of this list is primary already";
            let problem = Problem::new(second.expr.span, message, Some(hint.to_owned()));
            let error = CompileError::problem(&second.key, &second.text, problem);
            self.errors.push((Some(index), error));
        }
    }

    /// Checks the parts of all elements.
    pub(super) fn elements(
        &mut self,
        index: usize,
        spec: &AttributeSpec,
        elements: Vec<ParsedElement>,
        fields: &[String],
    ) -> Vec<Element> {
        let setting = self.setting(spec, fields);
        let mut checked = Vec::with_capacity(elements.len());
        for ParsedElement { each, parts } in elements {
            let mut compiled = Vec::with_capacity(parts.len());
            for ParsedPart { key, target, text, expr } in parts {
                let PartTarget { name, scalar, exact } = target;
                let place = format!("`{name}`");
                let many = each && name.eq_ignore_ascii_case(VALUE);
                let needs = scalar.needs();
                let want = Want { needs, many, copy: true, place: &place };
                let before = self.errors.len();
                let code = self.check(Some(index), &key, &text, &expr, setting, want);
                if name.eq_ignore_ascii_case(VALUE) && !each {
                    for (_, error) in self.errors.iter_mut().skip(before) {
                        // An argument of a function that takes one value is another matter.
                        let is_whole = error.span == (0..text.len());
                        if is_whole && error.remedy == Some(Remedy::OneForEach) {
                            error.hint =
                                Some(format!("`values = '{text}'` makes an element of each"));
                        }
                    }
                }
                let source = Compiled { text, expr, code };
                if source.is_choice() {
                    self.no_choice(index, &key, &source);
                }
                compiled.push(Part { name, key, scalar, exact, source });
            }
            checked.push(Element { each, parts: compiled });
        }
        checked
    }
}

/// What people read of a list of elements: `mail (type "work", primary true), each of other_mails (type "other")`.
pub(super) fn described(elements: &[ParsedElement]) -> String {
    let one = |element: &ParsedElement| {
        let is_lead = |part: &&ParsedPart| part.target.name.eq_ignore_ascii_case(VALUE);
        let lead = element.parts.iter().find(is_lead);
        let others = element.parts.iter().filter(|part| !is_lead(part));
        let others: Vec<String> =
            others.map(|part| format!("{} {}", part.target.name, written(part))).collect();
        match lead {
            Some(lead) => {
                let each = if element.each { "each of " } else { "" };
                let others = match others.as_slice() {
                    [] => String::new(),
                    others => format!(" ({})", others.join(", ")),
                };
                format!("{each}{}{others}", written(lead))
            }
            None => format!("({})", others.join(", ")),
        }
    };
    elements.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn written(part: &ParsedPart) -> String {
    match &part.expr.node {
        Node::Text(_) => part.expr.to_string(),
        _ => part.text.clone(),
    }
}

impl Target {
    /// What the schemas say of a part of an element.
    fn part(
        path: &Path,
        name: &str,
        resource: Resource,
        schemas: &SchemaSet,
    ) -> Result<PartTarget, Problem> {
        let Some(list) = schemas.resolve(resource, path) else {
            return Ok(PartTarget { name: name.to_owned(), scalar: Scalar::Any, exact: true });
        };
        let names = || list.sub_attributes.iter().map(|sub| &*sub.name);
        let problem = |message: String, hint: Option<String>| {
            Problem::new(Span::new(0, name.len()), message, hint)
        };
        let Some(part) = list.child(name) else {
            let hint = did_you_mean(name, names())
                .unwrap_or_else(|| format!("it has {}", names().collect::<Vec<_>>().join(", ")));
            return Err(problem(format!("`{}` has no `{name}`", list.name), Some(hint)));
        };
        if part.mutability == Mutability::ReadOnly {
            return Err(problem(format!("`{name}` is written by the target alone"), None));
        }
        Ok(PartTarget {
            name: part.name.clone(),
            scalar: Scalar::of(part.kind),
            exact: part.case_exact || matches!(part.kind, Kind::Reference | Kind::Binary),
        })
    }
}
