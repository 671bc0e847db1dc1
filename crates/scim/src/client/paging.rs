//! Reading a whole list page by page (RFC 7644 §3.4.2.4) from targets that count badly.
//! Nothing is decided by arithmetic alone: the end is an empty page, or one without a new id.

use std::collections::{HashSet, VecDeque};

use serde_json::value::RawValue;

use crate::filter::Filter;
use crate::list::{self, Page};
use crate::path::Path;
use crate::profile::Paging;
use crate::schema::Resource;

use super::Client;
use super::error::{ClientError, Kind};

/// A cursor over the resources of a list; see [`Client::list`].
#[derive(Debug)]
pub struct Pages {
    client: Client,
    resource: Resource,
    filter: Option<String>,
    attributes: Option<String>,
    count: Option<u32>,
    place: Place,
    seen: HashSet<String>,
    /// What was handed out before the list was begun anew, which happens once.
    given: Option<HashSet<String>>,
    /// The largest `totalResults` of any page.
    total: Option<u64>,
    /// Entries without an id, which can neither be told apart nor be addressed.
    without_id: u64,
    /// Whether the pages read prove that there is nothing after them.
    proven: bool,
    /// How many pages are asked for at once.
    width: usize,
    /// Pages that were asked for before their turn, with the number at which each begins.
    ahead: VecDeque<(u64, Ahead)>,
    /// How many resources the pages have so far.
    stride: usize,
}

/// A page that is on its way; nobody waits for it once it is dropped.
#[derive(Debug)]
struct Ahead(tokio::task::JoinHandle<Result<Page, ClientError>>);

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where the next page begins.
#[derive(Debug)]
enum Place {
    Index(u64),
    /// None: the first page, asked for by the parameter's name alone.
    Cursor(Option<String>),
    End,
}

impl Place {
    fn first(paging: Paging) -> Self {
        match paging {
            Paging::Auto | Paging::Index => Self::Index(1),
            Paging::Cursor => Self::Cursor(Some(String::new())),
            Paging::BareCursor => Self::Cursor(None),
        }
    }
}

impl Pages {
    pub(super) fn new(
        client: Client,
        resource: Resource,
        filter: Option<&Filter>,
        attributes: Option<&[Path]>,
        count: Option<u32>,
    ) -> Self {
        let place = Place::first(client.profile().list.paging);
        Self {
            client,
            resource,
            filter: filter.map(Filter::to_string),
            attributes: attributes.map(names),
            count,
            place,
            seen: HashSet::new(),
            given: None,
            total: None,
            without_id: 0,
            proven: false,
            width: 1,
            ahead: VecDeque::new(),
            stride: 0,
        }
    }

    /// Asks for so many pages at once, where that is possible.
    pub(super) fn ahead(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// The next page's resources that no earlier page had; `None` after the last one. Never
    /// an empty list. After an error, calling again asks for the same page again.
    ///
    /// # Errors
    /// Whatever [`ClientError`] the page met. A target that refuses `count` or `attributes` is
    /// asked again without, and one whose page is too large for a smaller one, before that. One that no longer knows its cursor
    /// is asked for the first page again, once.
    pub async fn next(&mut self) -> Result<Option<Vec<Box<RawValue>>>, ClientError> {
        while !matches!(self.place, Place::End) {
            let fresh = self.page().await?;
            if !fresh.is_empty() {
                return Ok(Some(fresh));
            }
        }
        Ok(None)
    }

    /// What no earlier page had of the next one: nothing at the end, and where a list that was begun anew repeats itself.
    async fn page(&mut self) -> Result<Vec<Box<RawValue>>, ClientError> {
        let page = match self.expected().await {
            Some(page) => page,
            None => self.fetch().await?,
        };
        let by_number = self.client.profile().list.paging == Paging::Index;
        self.total = self.total.max(page.total_results);
        let length = page.resources.len();
        let mut fresh = Vec::with_capacity(length);
        let mut is_new = false;
        for resource in page.resources {
            match list::id_of(&resource).filter(|id| !id.is_empty()) {
                Some(id) => {
                    let is_given = self.given.as_ref().is_some_and(|given| given.contains(&id));
                    if self.seen.insert(id) {
                        is_new = true;
                        if !is_given {
                            fresh.push(resource);
                        }
                    }
                }
                None => self.without_id += 1,
            }
        }
        self.place = match (page.next_cursor, &self.place) {
            _ if length == 0 => {
                self.proven = true;
                Place::End
            }
            _ if !is_new => {
                self.proven = self.repetition_proves(length);
                Place::End
            }
            (Some(cursor), _) if !by_number => Place::Cursor(Some(cursor)),
            // RFC 9865 §2: the last page has no cursor.
            (_, Place::Cursor(_)) => {
                self.proven = true;
                Place::End
            }
            (_, Place::Index(start)) => Place::Index(start + length as u64),
            (_, Place::End) => Place::End,
        };
        self.look_ahead(length);
        Ok(fresh)
    }

    /// Whether everything was read: the last page was reached, every entry had an id, and there
    /// were at least as many as the target claimed (`totalResults`).
    ///
    /// A target that repeats a full page and does not say how many there are may as well ignore
    /// `startIndex` and hide the rest; that does not count as complete.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.proven && self.without_id == 0 && self.seen_enough()
    }

    /// `totalResults`, the largest if the pages disagree; `None` if the target never said.
    #[must_use]
    pub fn total_results(&self) -> Option<u64> {
        self.total
    }

    /// How many different resources have been read so far.
    #[must_use]
    pub fn read(&self) -> usize {
        self.seen.len()
    }

    /// How many entries had no id. They are not handed out, as nothing can be done with them.
    #[must_use]
    pub fn without_id(&self) -> u64 {
        self.without_id
    }

    pub(super) fn seen_enough(&self) -> bool {
        self.total.unwrap_or(0) <= self.seen.len() as u64
    }

    fn repetition_proves(&self, length: usize) -> bool {
        self.total.is_some() || self.count.is_some_and(|count| length < count as usize)
    }

    /// One page, with what the target cannot bear left out step by step.
    async fn fetch(&mut self) -> Result<Page, ClientError> {
        loop {
            let error = match self.client.page(self.resource, &self.query()).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            if !self.begin_anew(&error) && !self.ask_for_less(&error) {
                return Err(error);
            }
        }
    }

    /// Goes back to the first page where the target no longer knows its own cursor (RFC 9865 §2.1), as cursors may expire while a
    /// long list is read. `false` if it is something else, or happens again.
    fn begin_anew(&mut self, error: &ClientError) -> bool {
        let says = error.scim.as_ref().and_then(|scim| scim.scim_type.as_deref());
        let is_of_the_cursor = self.is_within()
            && says.is_some_and(|says| {
                ["expiredCursor", "invalidCursor"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(says))
            });
        if !is_of_the_cursor || self.given.is_some() {
            return false;
        }
        self.given = Some(std::mem::take(&mut self.seen));
        (self.total, self.without_id) = (None, 0);
        self.place = Place::first(self.client.profile().list.paging);
        true
    }

    /// Makes the next request simpler than the one that met this error; `false` if nothing helps.
    fn ask_for_less(&mut self, error: &ClientError) -> bool {
        match (error.kind, error.status) {
            (Kind::TooLarge, _) => match self.count {
                Some(count) if count > 1 => self.count = Some(count / 2),
                _ => return false,
            },
            // With a filter, it is the filter that is not understood, and the caller must know; on a later page by a cursor, it is the
            // cursor, and all other parameters must stay as they were (RFC 9865 §2).
            (_, Some(400 | 500 | 501)) if self.filter.is_none() && !self.is_within() => {
                if self.count.take().is_none() && self.attributes.take().is_none() {
                    return false;
                }
            }
            _ => return false,
        }
        true
    }

    /// Whether this is a later page by a cursor.
    fn is_within(&self) -> bool {
        matches!(&self.place, Place::Cursor(Some(cursor)) if !cursor.is_empty())
    }

    /// The page whose turn it is, if it was asked for before. One that failed is asked for again, in the ordinary way.
    async fn expected(&mut self) -> Option<Page> {
        let Place::Index(turn) = self.place else { return None };
        let (start, mut ahead) = self.ahead.pop_front()?;
        if start == turn
            && let Ok(Ok(page)) = (&mut ahead.0).await
        {
            return Some(page);
        }
        self.ahead.clear();
        None
    }

    /// Asks for the pages after this one. A page of another length than the ones before it moves all that follow, so what was
    /// asked for is forgotten then.
    fn look_ahead(&mut self, length: usize) {
        let (Place::Index(next), Some(total)) = (&self.place, self.total) else {
            return self.ahead.clear();
        };
        if self.stride != length {
            self.ahead.clear();
            self.stride = length;
        }
        let next = *next;
        while self.ahead.len() + 1 < self.width {
            let start = next + (self.ahead.len() * self.stride) as u64;
            if start > total {
                break;
            }
            let (client, resource) = (self.client.clone(), self.resource);
            let query = self.query_at(&Place::Index(start));
            let page = tokio::spawn(async move { client.page(resource, &query).await });
            self.ahead.push_back((start, Ahead(page)));
        }
    }

    fn query(&self) -> Vec<(&'static str, Option<String>)> {
        self.query_at(&self.place)
    }

    fn query_at(&self, place: &Place) -> Vec<(&'static str, Option<String>)> {
        let mut query = Vec::new();
        if let Some(filter) = &self.filter {
            query.push(("filter", Some(filter.clone())));
        }
        if let Some(attributes) = &self.attributes {
            query.push(("attributes", Some(attributes.clone())));
        }
        match place {
            // The first page is the default, and asking for nothing is understood everywhere.
            Place::Index(1) | Place::End => {}
            Place::Index(start) => query.push(("startIndex", Some(start.to_string()))),
            Place::Cursor(cursor) => query.push(("cursor", cursor.clone())),
        }
        if let Some(count) = self.count {
            query.push(("count", Some(count.to_string())));
        }
        query
    }
}

/// The value of `attributes` (RFC 7644 §3.9). Whole attributes only: few targets understand
/// sub-attributes there, and none a value filter.
fn names(paths: &[Path]) -> String {
    let mut names = vec!["id".to_owned()];
    for path in paths {
        let name = path.root().to_string();
        if !names.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            names.push(name);
        }
    }
    names.join(",")
}
