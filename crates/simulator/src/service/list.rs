//! Queries (RFC 7644 §3.4.2): filter, order, page. An index answers the filters that are sent most often, and a page of
//! everything is a slice; only other filters, and an order, look at each resource.

use axum::body::Bytes;
use axum::http::StatusCode;
use peoplesync_scim::error::scim_type;
use peoplesync_scim::profile::Paging;
use peoplesync_scim::schema::Kind;
use peoplesync_scim::value::fold;
use peoplesync_scim::{Filter, Resource, ScimError, resource};
use serde_json::Value as Json;

use super::{Reply, Service, reply};
use crate::memberships;
use crate::query::{Query, Sort, check_filter};
use crate::quirks::{BeyondTheEnd, Filters, Total};
use crate::store::{Lookup, RowRef, Store};

/// A resource and its type.
type Found = (Resource, RowRef);

impl Service {
    /// One page of the resources of these types.
    pub(super) fn list(&self, resources: &[Resource], query: &Query) -> Result<Reply, ScimError> {
        if let Some(filter) = &query.filter {
            if !self.behaviour.filter {
                return Err(ScimError::new(
                    400,
                    scim_type::INVALID_FILTER,
                    "filters are not supported",
                ));
            }
            check_filter(filter, resources, &self.schemas)?;
            memberships::check_filter(&self.habits.profile.groups, filter)?;
        }
        let finds = query
            .filter
            .as_ref()
            .map_or(Ok(true), |filter| self.habits.finds(resources, filter))?;
        let quirks = &self.habits.quirks;
        let filter = query.filter.as_ref().filter(|_| quirks.filters != Filters::Ignored);
        let sort = query.sort.as_ref().filter(|_| self.behaviour.sort);
        let count = query.count.unwrap_or(self.behaviour.default_page).min(self.behaviour.max_page);
        let by_cursor = match self.habits.profile.list.paging {
            Paging::Auto | Paging::Index => false,
            Paging::Cursor => true,
            Paging::BareCursor => query.cursor.is_some(),
        };
        let start = match query.cursor.as_deref().filter(|cursor| by_cursor && !cursor.is_empty()) {
            Some(cursor) => read_cursor(cursor)?,
            None if by_cursor => 1,
            None => query.start,
        };
        let store = self.read();
        let hides = self.habits.may_hide();
        let (total, page) = if filter.is_none() && sort.is_none() && !hides {
            let rows = resources.iter().map(|kind| store.table(*kind).rows().len()).sum();
            slice(&store, resources, self.skipped(start, count, rows), count)
        } else {
            let mut found = self.select(&store, resources, filter);
            if hides {
                found.retain(|(resource, row)| !self.habits.hides(*resource, &row.value()));
            }
            if !finds {
                found.clear();
            }
            if let Some(sort) = sort {
                self.sort(&mut found, sort);
            }
            let skipped = self.skipped(start, count, found.len());
            (found.len(), found.into_iter().skip(skipped).take(count).collect())
        };
        let shown: Vec<Bytes> = page
            .iter()
            .map(|(resource, row)| self.show(&store, *resource, row, &query.selection, true))
            .collect();
        drop(store);
        // With count 0, only the number of results is asked for.
        let resources = (count > 0 || total == 0).then_some(shown.as_slice());
        let next = start + shown.len();
        let shape = Shape {
            key: &quirks.resources_key,
            total: match quirks.total_results {
                _ if by_cursor => None,
                Total::Right => Some(total),
                Total::Missing => None,
                Total::OfPage => Some(shown.len()),
                Total::TooMany if filter.is_none() => Some(total + 7),
                Total::TooMany => Some(total),
            },
            start: (!by_cursor).then_some(start),
            next: (by_cursor && next <= total).then(|| write_cursor(next)),
        };
        Ok(reply(StatusCode::OK, page_body(&shape, resources)))
    }

    /// How many resources stand before the page.
    fn skipped(&self, start: usize, count: usize, total: usize) -> usize {
        if self.habits.quirks.pages_by_number {
            let size = self.behaviour.default_page.max(1);
            return ((start / size).max(1) - 1) * size;
        }
        match self.habits.quirks.beyond_the_end {
            BeyondTheEnd::LastPage if start > total && count > 0 => {
                total.saturating_sub(1) / count * count
            }
            _ => start - 1,
        }
    }

    fn select(&self, store: &Store, resources: &[Resource], filter: Option<&Filter>) -> Vec<Found> {
        let mut found = Vec::new();
        for &resource in resources {
            let table = store.table(resource);
            let Some(filter) = filter else {
                found.extend(table.rows().iter().map(|row| (resource, RowRef::clone(row))));
                continue;
            };
            let matches =
                |row: &&RowRef| filter.matches(&self.value(store, resource, row), &self.schemas);
            let candidates;
            let rows = match Lookup::of(filter, resource) {
                Some(lookup) => {
                    candidates = table.lookup(&lookup);
                    candidates.as_slice()
                }
                None => table.rows(),
            };
            found.extend(rows.iter().filter(matches).map(|row| (resource, RowRef::clone(row))));
        }
        found
    }

    /// Puts results in order; those without a value come last, or first in descending order (RFC 7644 §3.4.2.3).
    fn sort(&self, found: &mut [Found], sort: &Sort) {
        found.sort_by_cached_key(|(kind, row)| {
            let attribute = self.schemas.resolve(*kind, &sort.by);
            let numeric =
                attribute.is_some_and(|found| matches!(found.kind, Kind::Integer | Kind::Decimal));
            let exact = attribute.is_some_and(|found| found.case_exact);
            let value = row.value();
            match resource::get(&value, &sort.by) {
                Some(Json::Number(number)) if numeric => {
                    Key::Number(Ordered(number.as_f64().unwrap_or(0.0)))
                }
                Some(Json::String(text)) if exact => Key::Text(text.clone()),
                Some(Json::String(text)) => Key::Text(fold(text)),
                Some(Json::Object(members)) => match members.get("value").and_then(Json::as_str) {
                    Some(text) => Key::Text(fold(text)),
                    None => Key::None,
                },
                Some(Json::Bool(value)) => Key::Bool(*value),
                _ => Key::None,
            }
        });
        if sort.descending {
            found.reverse();
        }
    }
}

/// What resources are ordered by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Bool(bool),
    Number(Ordered),
    Text(String),
    None,
}

/// A number with a total order.
struct Ordered(f64);

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A part of all resources of these types, one type after the other.
fn slice(
    store: &Store,
    resources: &[Resource],
    skipped: usize,
    count: usize,
) -> (usize, Vec<Found>) {
    let (mut total, mut page) = (0, Vec::new());
    for &resource in resources {
        let rows = store.table(resource).rows();
        let start = skipped.saturating_sub(total).min(rows.len());
        let end = (start + (count - page.len()).min(rows.len() - start)).min(rows.len());
        let part = rows.get(start..end).unwrap_or_default();
        page.extend(part.iter().map(|row| (resource, RowRef::clone(row))));
        total += rows.len();
    }
    (total, page)
}

/// What of a page is not its resources.
pub(super) struct Shape<'a> {
    key: &'a str,
    total: Option<usize>,
    start: Option<usize>,
    next: Option<String>,
}

impl Shape<'static> {
    /// As RFC 7644 has it.
    pub(super) fn plain(total: usize, start: usize) -> Self {
        Self { key: "Resources", total: Some(total), start: Some(start), next: None }
    }
}

/// A cursor says nothing to the client.
fn write_cursor(start: usize) -> String {
    format!("VjF{start:x}")
}

fn read_cursor(cursor: &str) -> Result<usize, ScimError> {
    let start = cursor.strip_prefix("VjF").and_then(|hex| usize::from_str_radix(hex, 16).ok());
    start
        .filter(|start| *start > 0)
        .ok_or_else(|| ScimError::new(400, "invalidCursor", "there is no such cursor"))
}

/// A ListResponse; the resources are put in as they are.
pub(super) fn page_body(shape: &Shape<'_>, resources: Option<&[Bytes]>) -> Bytes {
    let items = resources.unwrap_or_default();
    let mut body = Vec::with_capacity(200 + items.iter().map(|item| item.len() + 1).sum::<usize>());
    body.extend_from_slice(b"{");
    if resources.is_some() {
        body.extend_from_slice(format!("\"{}\":[", shape.key).as_bytes());
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(item);
        }
        body.extend_from_slice(b"],");
    }
    let mut rest = format!(
        "\"itemsPerPage\":{},\"schemas\":[\"{}\"]",
        items.len(),
        peoplesync_scim::urn::LIST_RESPONSE
    );
    if let Some(next) = &shape.next {
        rest.push_str(&format!(",\"nextCursor\":\"{next}\""));
    }
    if let Some(start) = shape.start {
        rest.push_str(&format!(",\"startIndex\":{start}"));
    }
    if let Some(total) = shape.total {
        rest.push_str(&format!(",\"totalResults\":{total}"));
    }
    rest.push('}');
    body.extend_from_slice(rest.as_bytes());
    Bytes::from(body)
}
