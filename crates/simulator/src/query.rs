//! What a client asks for: the parameters of a GET and the body of a POST to `.search` (RFC 7644 §3.4.2, §3.9).
//! Nothing is carried out here.

use peoplesync_scim::error::scim_type;
use peoplesync_scim::filter::Op;
use peoplesync_scim::schema::{Attribute, Kind};
use peoplesync_scim::{Filter, Path, Resource, SchemaSet, ScimError, urn};
use serde_json::Value as Json;

use crate::projection::Selection;

/// A query.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) filter: Option<Filter>,
    pub(crate) selection: Selection,
    pub(crate) sort: Option<Sort>,
    /// From 1.
    pub(crate) start: usize,
    /// As asked for; none for the default of the service provider.
    pub(crate) count: Option<usize>,
    /// Where the page begins (RFC 9865); empty for the first one.
    pub(crate) cursor: Option<String>,
}

/// The order of the results.
#[derive(Debug)]
pub(crate) struct Sort {
    pub(crate) by: Path,
    pub(crate) descending: bool,
}

/// The parameters as text, before they are read.
#[derive(Debug, Default)]
struct Raw {
    filter: Option<String>,
    attributes: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
    sort_by: Option<String>,
    descending: bool,
    start: Option<i64>,
    count: Option<i64>,
    cursor: Option<String>,
}

impl Query {
    /// Reads the parameters of a URL; unknown ones are not regarded.
    ///
    /// # Errors
    /// 400 with the parameter's name.
    pub(crate) fn from_pairs(
        pairs: &[(String, String)],
        schemas: &SchemaSet,
    ) -> Result<Self, ScimError> {
        let mut raw = Raw::default();
        for (name, value) in pairs {
            match name.to_ascii_lowercase().as_str() {
                "filter" => raw.filter = Some(value.clone()),
                "attributes" => raw.attributes = Some(names(value)),
                "excludedattributes" => raw.excluded = Some(names(value)),
                "sortby" => raw.sort_by = Some(value.clone()),
                "sortorder" => raw.descending = descending(value)?,
                "startindex" => raw.start = Some(whole(name, value)?),
                "count" => raw.count = Some(whole(name, value)?),
                "cursor" => raw.cursor = Some(value.clone()),
                _ => {}
            }
        }
        raw.read(schemas)
    }

    /// Reads a SearchRequest (RFC 7644 §3.4.3).
    ///
    /// # Errors
    /// 400 with the member's name.
    pub(crate) fn from_body(body: &Json, schemas: &SchemaSet) -> Result<Self, ScimError> {
        let listed = body.get("schemas").and_then(Json::as_array).is_some_and(|urns| {
            urns.iter()
                .any(|name| name.as_str().is_some_and(|name| urn::same(name, urn::SEARCH_REQUEST)))
        });
        let Some(members) = body.as_object().filter(|_| listed) else {
            let detail = format!("`schemas` must name `{}`", urn::SEARCH_REQUEST);
            return Err(ScimError::new(400, scim_type::INVALID_SYNTAX, detail));
        };
        let mut raw = Raw::default();
        for (name, value) in members {
            let expected = |what: &str| invalid(format!("`{name}` must be {what}"));
            let text = || value.as_str().map(ToOwned::to_owned).ok_or_else(|| expected("a string"));
            let number = || value.as_i64().ok_or_else(|| expected("a whole number"));
            let list = || {
                let list = value.as_array().ok_or_else(|| expected("a list of attribute names"))?;
                let text = |item: &Json| item.as_str().map(ToOwned::to_owned);
                list.iter()
                    .map(text)
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| expected("a list of strings"))
            };
            match name.to_ascii_lowercase().as_str() {
                "filter" => raw.filter = Some(text()?),
                "attributes" => raw.attributes = Some(list()?),
                "excludedattributes" => raw.excluded = Some(list()?),
                "sortby" => raw.sort_by = Some(text()?),
                "sortorder" => raw.descending = descending(&text()?)?,
                "startindex" => raw.start = Some(number()?),
                "count" => raw.count = Some(number()?),
                "cursor" => raw.cursor = Some(text()?),
                _ => {}
            }
        }
        raw.read(schemas)
    }
}

impl Raw {
    fn read(self, schemas: &SchemaSet) -> Result<Query, ScimError> {
        let filter = match self.filter {
            Some(text) => Some(Filter::parse(&text).map_err(|error| {
                ScimError::new(400, scim_type::INVALID_FILTER, format!("filter `{text}`: {error}"))
            })?),
            None => None,
        };
        let sort = match self.sort_by {
            Some(by) => Some(Sort {
                by: Path::parse(&by).map_err(|error| invalid(format!("sortBy `{by}`: {error}")))?,
                descending: self.descending,
            }),
            None => None,
        };
        let selection = Selection::new(self.attributes, self.excluded, schemas)?;
        // RFC 7644 §3.4.2.4: what is too small counts as the smallest number.
        let start = usize::try_from(self.start.unwrap_or(1).max(1)).unwrap_or(usize::MAX);
        let count = self.count.map(|count| usize::try_from(count.max(0)).unwrap_or(usize::MAX));
        Ok(Query { filter, selection, sort, start, count, cursor: self.cursor })
    }
}

/// Refuses a filter that names what these resources do not have, or orders what has no order (RFC 7644 §3.4.2.2).
///
/// # Errors
/// 400 `invalidFilter`.
pub(crate) fn check_filter(
    filter: &Filter,
    resources: &[Resource],
    schemas: &SchemaSet,
) -> Result<(), ScimError> {
    match filter {
        Filter::And(terms) | Filter::Or(terms) => {
            terms.iter().try_for_each(|term| check_filter(term, resources, schemas))
        }
        Filter::Not(inner) => check_filter(inner, resources, schemas),
        Filter::Present(path) | Filter::ValuePath(path) => kind(path, resources, schemas).map(drop),
        Filter::Compare { path, op, .. } => {
            let kind = kind(path, resources, schemas)?;
            let ordered = !matches!(kind, Kind::Boolean | Kind::Binary);
            let equality = matches!(op, Op::Eq | Op::Ne);
            if ordered || equality {
                return Ok(());
            }
            Err(bad_filter(format!("`{path}` cannot be compared with {}", op.name())))
        }
    }
}

/// The type of the attribute that a filter names, for whichever of the resource types has it.
fn kind(path: &Path, resources: &[Resource], schemas: &SchemaSet) -> Result<Kind, ScimError> {
    let resolve =
        |path: &Path| resources.iter().find_map(|resource| schemas.resolve(*resource, path));
    let Some(found) = resolve(path) else {
        return Err(bad_filter(format!("unknown attribute `{path}`")));
    };
    let inner = path.filter().map(|inner| (inner, resolve(&path.root())));
    if let Some((inner, Some(root))) = inner {
        check_inner(inner, root.attribute(), path)?;
    }
    let default = found.attribute().sub("value").filter(|_| found.kind == Kind::Complex);
    Ok(default.map_or(found.kind, |value| value.kind))
}

/// The names inside a value filter are sub-attributes.
fn check_inner(filter: &Filter, root: &Attribute, whole: &Path) -> Result<(), ScimError> {
    match filter {
        Filter::And(terms) | Filter::Or(terms) => {
            terms.iter().try_for_each(|term| check_inner(term, root, whole))
        }
        Filter::Not(inner) => check_inner(inner, root, whole),
        Filter::Present(path) | Filter::ValuePath(path) | Filter::Compare { path, .. } => {
            let simple =
                root.sub_attributes.is_empty() && path.attribute().eq_ignore_ascii_case("value");
            if simple || root.sub(path.attribute()).is_some() {
                return Ok(());
            }
            Err(bad_filter(format!("`{}` has no sub-attribute `{path}` (in `{whole}`)", root.name)))
        }
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

fn whole(name: &str, value: &str) -> Result<i64, ScimError> {
    value
        .trim()
        .parse()
        .map_err(|_| invalid(format!("`{name}` must be a whole number, found `{value}`")))
}

fn descending(order: &str) -> Result<bool, ScimError> {
    match order {
        "ascending" => Ok(false),
        "descending" => Ok(true),
        _ => Err(invalid(format!("`sortOrder` must be ascending or descending, found `{order}`"))),
    }
}

fn invalid(detail: String) -> ScimError {
    ScimError::new(400, scim_type::INVALID_VALUE, detail)
}

fn bad_filter(detail: String) -> ScimError {
    ScimError::new(400, scim_type::INVALID_FILTER, detail)
}
