//! Rules to a mapping. Every error of every rule is found in one go.

mod elements;

use peoplesync_scim::{Path, Resource, SchemaSet};
use peoplesync_source::FieldTypes;

use crate::attribute::{Attribute, Compiled};
use crate::compile::elements::ParsedElement;
use crate::digest::cut;
use crate::elements::PRIMARY;
use crate::error::{CompileError, Key};
use crate::expr::check::{Needs, Problem, Setting, Want, check};
use crate::expr::{self, Expr, Node, Span};
use crate::groups::about_others;
use crate::lookup::Lookups;
use crate::manager::{self, Manager};
use crate::mapping::{Mapping, Scope};
use crate::reads;
use crate::spec::{AttributeSpec, OnEmpty, Rule, Spec, When};
use crate::target::{Scalar, Target};

/// Part of the digest of a mapping. To be raised when the same rules begin to mean something else: when a function or
/// a conversion changes.
const MEANING: u8 = 1;

pub(crate) fn compile(
    spec: &Spec,
    resource: Resource,
    schemas: &SchemaSet,
) -> Result<Mapping, Vec<CompileError>> {
    let domain = spec.domain.as_deref().filter(|domain| !domain.trim().is_empty());
    let mut compiler = Compiler {
        resource,
        schemas,
        lookups: &spec.lookups,
        types: &spec.types,
        domain,
        errors: Vec::new(),
    };
    let scope = compiler.scope(spec);
    let parsed: Vec<_> = spec
        .attributes
        .iter()
        .enumerate()
        .filter_map(|(index, attribute)| compiler.parse(index, attribute))
        .collect();
    compiler.conflicts(&parsed);

    let manager = compiler.manager(spec);
    let exprs = scope.iter().chain(&manager).map(|(_, expr)| expr);
    let (fields, asks) = reads::all(exprs.chain(parsed.iter().flat_map(Parsed::exprs)));

    let lookups = &spec.lookups;
    let types = &spec.types;
    let setting = Setting { fields: &fields, types, lookups, domain, once: false, clears: false };
    let scope = scope.map(|(text, expr)| {
        let key = Key::scope(resource);
        let want = Want { needs: Needs::Condition, many: false, copy: false, place: "a scope" };
        let code = compiler.check(None, &key, &text, &expr, setting, want);
        Scope(Compiled { text, expr, code })
    });
    let mut attributes: Vec<Attribute> =
        parsed.into_iter().map(|rule| compiler.attribute(rule, &fields)).collect();
    attributes.sort_by(|one, other| one.path.cmp(&other.path));
    rivals(&mut attributes);
    let manager = manager.map(|(text, expr)| {
        let key = Key::manager(resource);
        let want = Want { needs: Needs::Label, many: false, copy: true, place: "`manager`" };
        let code = compiler.check(None, &key, &text, &expr, setting, want);
        Manager { key, source: Compiled { text, expr, code } }
    });
    // Groups have no manager; what asks for one is refused by whoever maps them.
    let needs_manager = asks.managers() && resource == Resource::User;
    let manager = manager.or_else(|| manager::from_attributes(&attributes));
    if let Some(Manager { key, source }) = manager.as_ref().filter(|_| needs_manager) {
        let errors = about_others(key, source).into_iter().map(|error| (None, error));
        compiler.errors.extend(errors);
    }
    if needs_manager && manager.is_none() && compiler.errors.is_empty() {
        let key = Key::scope(resource);
        let scope = scope.as_ref().map(|scope| (&key, scope));
        compiler.errors.push((None, manager::unknown(scope, &attributes)));
    }

    let mut errors = compiler.errors;
    if !errors.is_empty() {
        errors.sort_by_key(|(index, _)| *index);
        return Err(errors.into_iter().map(|(_, error)| error).collect());
    }
    let manager = manager.filter(|_| needs_manager);
    let digest =
        digest(resource, scope.as_ref(), manager.as_ref(), &attributes, &spec.lookups, domain);
    let layout = layout(resource, &attributes);
    Ok(Mapping { scope, attributes, fields, asks, manager, digest, layout, resource })
}

/// A rule whose path and expression could be read.
struct Parsed<'s> {
    index: usize,
    spec: &'s AttributeSpec,
    key: Key,
    path: Path,
    target: Target,
    source: ParsedSource,
}

enum ParsedSource {
    Expression(String, Expr),
    Elements(Vec<ParsedElement>),
}

impl Parsed<'_> {
    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let (one, elements) = match &self.source {
            ParsedSource::Expression(_, expr) => (Some(expr), [].as_slice()),
            ParsedSource::Elements(elements) => (None, elements.as_slice()),
        };
        one.into_iter().chain(elements.iter().flat_map(ParsedElement::exprs))
    }
}

struct Compiler<'c> {
    resource: Resource,
    schemas: &'c SchemaSet,
    lookups: &'c Lookups,
    types: &'c FieldTypes,
    domain: Option<&'c str>,
    /// With the number of the rule; none for the scope.
    errors: Vec<(Option<usize>, CompileError)>,
}

impl<'c> Compiler<'c> {
    /// What the checker must know of a rule.
    fn setting<'s>(&self, spec: &AttributeSpec, fields: &'s [String]) -> Setting<'s>
    where
        'c: 's,
    {
        let (once, clears) = (spec.when == When::Create, spec.on_empty == OnEmpty::Clear);
        let Self { types, lookups, domain, .. } = *self;
        Setting { fields, types, lookups, domain, once, clears }
    }

    fn scope(&mut self, spec: &Spec) -> Option<(String, Expr)> {
        let text = spec.scope.as_deref().filter(|text| !text.trim().is_empty())?;
        self.read(text, &Key::scope(self.resource))
    }

    fn manager(&mut self, spec: &Spec) -> Option<(String, Expr)> {
        let text = spec.manager.as_deref().filter(|text| !text.trim().is_empty())?;
        self.read(text, &Key::manager(self.resource))
    }

    fn read(&mut self, text: &str, key: &Key) -> Option<(String, Expr)> {
        match expr::parse(text) {
            Ok(expr) => Some((text.to_owned(), expr)),
            Err(error) => {
                self.errors.push((None, CompileError::syntax(key, text, error)));
                None
            }
        }
    }

    /// Reads path and expression; both, even if one is wrong.
    fn parse<'s>(&mut self, index: usize, spec: &'s AttributeSpec) -> Option<Parsed<'s>> {
        let key = Key::attribute(self.resource, &spec.path);
        let target = self.target(spec).map_err(|problem| {
            self.errors.push((Some(index), CompileError::of_path(&key, &spec.path, problem)));
        });
        let text = match &spec.rule {
            Rule::Value(text) | Rule::Reference(text) => text,
            Rule::Elements(elements) => {
                let (path, target) = target.ok()?;
                let elements = self.parse_elements(index, spec, &key, &path, elements)?;
                let source = ParsedSource::Elements(elements);
                return Some(Parsed { index, spec, key, path, target, source });
            }
        };
        let expr = expr::parse(text).map_err(|error| {
            self.errors.push((Some(index), CompileError::syntax(&key, text, error)));
        });
        let expr = expr.ok()?;
        let Ok((path, target)) = target else {
            // Its expression may be wrong as well.
            let want = Want { needs: Needs::Any, many: true, copy: true, place: "this" };
            let setting = self.setting(spec, &[]);
            self.check(Some(index), &key, text, &expr, setting, want);
            return None;
        };
        let source = ParsedSource::Expression(text.clone(), expr);
        Some(Parsed { index, spec, key, path, target, source })
    }

    fn target(&self, spec: &AttributeSpec) -> Result<(Path, Target), Problem> {
        let path = Path::parse(&spec.path).map_err(|error| {
            let message = format!("this is not an attribute path: {}", error.message);
            Problem::new(Span::new(error.offset, error.offset), message, None)
        })?;
        let target =
            Target::of(&path, &spec.path, &spec.rule, spec.when, self.resource, self.schemas)?;
        Ok((path, target))
    }

    /// Two rules for one attribute, or for a list and an element of it.
    fn conflicts(&mut self, rules: &[Parsed<'_>]) {
        let whole = |path: &Path| path.filter().is_none() && path.sub().is_none();
        for (number, rule) in rules.iter().enumerate() {
            let clash = rules.iter().take(number).find(|earlier| {
                let overlap = rule.path.same_root(&earlier.path)
                    && (whole(&rule.path) || whole(&earlier.path));
                rule.path == earlier.path || overlap
            });
            if let Some(error) = second_primary(rule, rules.iter().take(number)) {
                self.errors.push((Some(rule.index), error));
            }
            let Some(earlier) = clash else { continue };
            let message = if rule.path == earlier.path {
                format!("this attribute has a rule already: {}", earlier.key.text)
            } else {
                format!("this overlaps with {}", earlier.key.text)
            };
            let span = Span::new(0, rule.spec.path.len());
            let problem = Problem::new(span, message, Some("keep one of the two".to_owned()));
            let error = CompileError::of_path(&rule.key, &rule.spec.path, problem);
            self.errors.push((Some(rule.index), error));
        }
    }

    fn attribute(&mut self, rule: Parsed<'_>, fields: &[String]) -> Attribute {
        let Parsed { index, spec, key, path, target, source } = rule;
        let (source, elements) = match source {
            ParsedSource::Expression(text, expr) => {
                let place = format!("`{path}`");
                let want =
                    Want { needs: target.needs(), many: target.many, copy: true, place: &place };
                let setting = self.setting(spec, fields);
                let code = self.check(Some(index), &key, &text, &expr, setting, want);
                let source = Compiled { text, expr, code };
                let is_list = target.many && target.scalar != Scalar::Any;
                if source.is_choice() && (is_list || target.reference) {
                    self.no_choice(index, &key, &source);
                }
                (source, Vec::new())
            }
            ParsedSource::Elements(parsed) => {
                let text = elements::described(&parsed);
                let elements = self.elements(index, spec, parsed, fields);
                (Compiled::nothing(text), elements)
            }
        };
        let required =
            self.schemas.resolve(self.resource, &path).is_some_and(|known| known.required)
                && path.sub().is_none();
        let (on_empty, when) = (spec.on_empty, spec.when);
        let rivals = Vec::new();
        Attribute { path, key, target, on_empty, when, required, source, elements, rivals }
    }

    /// Only one whole text can be chosen such that nobody else has it.
    fn no_choice(&mut self, index: usize, key: &Key, source: &Compiled) {
        let span = source.expr.span;
        let message = "only a single text can be chosen among proposals".to_owned();
        let hint = Some("take it for `userName`, or for one value of a list such as `emails[type eq \"work\"].value`".to_owned());
        let problem = Problem::new(span, message, hint);
        self.errors.push((Some(index), CompileError::problem(key, &source.text, problem)));
    }

    fn check(
        &mut self,
        index: Option<usize>,
        key: &Key,
        text: &str,
        expr: &Expr,
        setting: Setting<'_>,
        want: Want<'_>,
    ) -> expr::code::Code {
        let mut problems = Vec::new();
        let code = check(expr, setting, want, &mut problems);
        let errors = problems.into_iter().map(|problem| CompileError::problem(key, text, problem));
        self.errors.extend(errors.map(|error| (index, error)));
        code
    }
}

/// The error of a rule that makes its element the primary one although an earlier rule does so for another, for everybody.
fn second_primary<'p>(
    rule: &Parsed<'_>,
    mut earlier: impl Iterator<Item = &'p Parsed<'p>>,
) -> Option<CompileError> {
    let is_true = |rule: &Parsed<'_>| {
        is_primary(&rule.path) && rule.exprs().all(|expr| expr.node == Node::Boolean(true))
    };
    if !is_true(rule) {
        return None;
    }
    let other = earlier.find(|other| {
        rule.path.same_root(&other.path) && rule.path != other.path && is_true(other)
    })?;
    let span = rule.exprs().next()?.span;
    let message = format!("another value of this list is primary already: {}", other.key.text);
    let hint = Some("one value of a list can be primary".to_owned());
    let text = "true";
    Some(CompileError::problem(&rule.key, text, Problem::new(span, message, hint)))
}

/// Whether it is the flag that makes an element of a list the primary one.
fn is_primary(path: &Path) -> bool {
    path.sub().is_some_and(|sub| sub.eq_ignore_ascii_case(PRIMARY))
}

/// Finds the rules that could each make their element of one list the primary one.
fn rivals(attributes: &mut [Attribute]) {
    let paths: Vec<Path> = attributes.iter().map(|attribute| attribute.path.clone()).collect();
    for (slot, attribute) in attributes.iter_mut().enumerate() {
        if !is_primary(&attribute.path) {
            continue;
        }
        let earlier = paths.iter().take(slot).enumerate();
        let rivals =
            earlier.filter(|(_, path)| is_primary(path) && path.same_root(&attribute.path));
        attribute.rivals = rivals.map(|(slot, _)| slot).collect();
    }
}

/// The meaning of a mapping in 16 bytes. The spelling of an expression does not count, only what it says.
fn digest(
    resource: Resource,
    scope: Option<&Scope>,
    manager: Option<&Manager>,
    attributes: &[Attribute],
    lookups: &Lookups,
    domain: Option<&str>,
) -> [u8; 16] {
    let mut hash = Texts(blake3::Hasher::new());
    let mut add = |text: &str| hash.add(text);
    add(&format!("peoplesync mapping {MEANING}"));
    add(resource.name());
    add(&scope.map(|scope| scope.0.expr.to_string()).unwrap_or_default());
    for attribute in attributes {
        let Attribute { path, target, on_empty, when, source, .. } = attribute;
        add(&path.to_string());
        add(&format!("{target:?} {on_empty:?} {when:?}"));
        add(&source.expr.to_string());
        for element in &attribute.elements {
            add(&format!("{} {}", element.each, element.parts.len()));
            for part in &element.parts {
                add(&part.name);
                add(&part.source.expr.to_string());
            }
        }
    }
    if let Some(manager) = manager {
        add("manager");
        add(&manager.source.expr.to_string());
    }
    if let Some(domain) = domain {
        add("domain");
        add(domain);
    }
    for (name, table) in lookups {
        add(name);
        add(&table.iter().count().to_string());
        table.iter().for_each(|(key, value)| {
            add(key);
            add(value);
        });
    }
    cut(&hash.0.finalize())
}

/// What a mapping writes again and again, whatever the rules: the same values of other attributes are other drafts.
fn layout(resource: Resource, attributes: &[Attribute]) -> [u8; 16] {
    let mut hash = Texts(blake3::Hasher::new());
    hash.add(resource.name());
    for attribute in attributes.iter().filter(|attribute| attribute.when == When::Always) {
        hash.add(&attribute.path.to_string());
        hash.add(&format!("{:?}", attribute.target));
        for element in &attribute.elements {
            hash.add(&element.parts.len().to_string());
            element.parts.iter().for_each(|part| hash.add(&part.name));
        }
    }
    cut(&hash.0.finalize())
}

/// Hashes texts one by one, so that "a", "b" is not "ab".
struct Texts(blake3::Hasher);

impl Texts {
    fn add(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
}
