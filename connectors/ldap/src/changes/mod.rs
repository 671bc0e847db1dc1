//! What changed since the last run: how that is found, and where the next pass goes on.
//!
//! A pass over changes proves nothing about absence. Who is gone is said by the server, by identity; whoever cannot be told
//! apart from somebody whom we may no longer see waits for a full pass.

mod active_directory;
mod strays;
mod sync;

use std::collections::BTreeMap;

use peoplesync_source::{Context, Cursor, Error};

use crate::config::{Changes, LdapConfig};
use crate::connection::Connection;
use crate::directory::Directory;
use crate::intake::{Intake, Newest};
use crate::records::Job;
use crate::source::Shared;
use crate::value;
use crate::wire::Filter;
use crate::wire::controls::{DIRSYNC, SYNC_REQUEST};
use strays::Strays;
use sync::Sync;

/// How changes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Syncrepl,
    Dirsync,
    Usn,
    /// By `modifyTimestamp`.
    Modified,
    /// By `whenChanged`.
    Changed,
}

/// The methods by the words that cursors have.
const METHODS: [(Method, &str); 5] = [
    (Method::Syncrepl, "syncrepl"),
    (Method::Dirsync, "dirsync"),
    (Method::Usn, "usn"),
    (Method::Modified, "modifyTimestamp"),
    (Method::Changed, "whenChanged"),
];

/// What the server makes up when it is asked: it changes without the entry having changed.
const MADE_UP: [&str; 5] = [
    "memberOf",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
    "tokenGroups",
    "isMemberOfDL",
];

/// Servers of one directory do not have the same clock, and a change takes a while from one to another.
const OVERLAP_SECONDS: i64 = 600;

/// Where a pass went to: what the server says, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) method: Method,
    pub(crate) parts: Vec<Vec<u8>>,
}

/// The part of a pass over changes that is no search by pages.
#[derive(Debug)]
pub(crate) struct Changed {
    place: Place,
    /// Keys of those who are gone, with where they were.
    gone: BTreeMap<String, String>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Sync(Sync),
    Strays(Strays),
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Going,
    Over,
    /// The server no longer knows what changed since: everything must be read.
    Everything,
}

impl Method {
    /// The attribute whose newest value is where the next pass goes on.
    pub(crate) fn newest(self) -> Option<Newest> {
        let attribute = match self {
            Self::Modified => "modifyTimestamp",
            Self::Changed => "whenChanged",
            _ => return None,
        };
        Some(Newest { attribute, time: Vec::new() })
    }

    /// The word for people.
    pub(crate) fn name(self) -> &'static str {
        METHODS.iter().find(|(method, _)| *method == self).map_or("", |(_, name)| name)
    }
}

impl Place {
    /// The place in a cursor; `None` if it is none of ours.
    pub(crate) fn parse(cursor: &Cursor) -> Option<Self> {
        let mut lines = cursor.0.lines();
        let word = lines.next()?;
        let (method, _) = METHODS.iter().find(|(_, name)| *name == word)?;
        let parts = lines.map(bytes).collect::<Option<_>>()?;
        Some(Self { method: *method, parts })
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let mut text = self.method.name().to_owned();
        for part in &self.parts {
            text.push('\n');
            text.extend(part.iter().map(|byte| format!("{byte:02x}")));
        }
        Cursor(text)
    }

    /// The same after entries were read of which the newest is known.
    pub(crate) fn with(mut self, newest: Option<&Newest>) -> Self {
        if let Some(newest) = newest.filter(|newest| !newest.time.is_empty()) {
            let before = self.parts.pop().unwrap_or_default();
            self.parts = vec![before.max(newest.time.clone())];
        }
        self
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// How changes can be found here; `None` if only by reading everything.
pub(crate) fn method(
    config: &LdapConfig,
    directory: &Directory,
    attributes: &[String],
) -> Option<Method> {
    let is_key = |name: &str| config.key.eq_ignore_ascii_case(name);
    let by_time = if directory.is_active_directory { Method::Changed } else { Method::Modified };
    match config.changes {
        Changes::Off => None,
        Changes::Syncrepl => Some(Method::Syncrepl),
        Changes::Dirsync => Some(Method::Dirsync),
        Changes::Usn => Some(Method::Usn),
        Changes::Timestamp => Some(by_time),
        Changes::Auto => {
            let is_made_up =
                |name: &str| MADE_UP.iter().any(|made_up| made_up.eq_ignore_ascii_case(name));
            let in_filters = config.bases.iter().any(|base| {
                let filter = base.filter.to_lowercase();
                MADE_UP.iter().any(|made_up| filter.contains(&made_up.to_lowercase()))
            });
            if in_filters || attributes.iter().any(|name| is_made_up(name)) {
                None
            } else if directory.is_active_directory {
                let dirsync = is_key("objectGUID") && directory.has(DIRSYNC);
                Some(if dirsync { Method::Dirsync } else { Method::Usn })
            } else if is_key("entryUUID") && directory.has(SYNC_REQUEST) {
                Some(Method::Syncrepl)
            } else {
                Some(by_time)
            }
        }
    }
}

/// Where a pass over everything that begins now will have gone to; `None` if the server does not tell.
pub(crate) async fn begin(
    method: Method,
    connection: &mut Connection,
    directory: &Directory,
    shared: &Shared,
) -> Result<Option<Place>, Error> {
    match method {
        Method::Syncrepl => sync::begin(connection, directory, shared).await,
        Method::Dirsync => active_directory::begin(connection, directory, shared).await,
        Method::Usn => Ok(active_directory::usn(directory)),
        Method::Modified | Method::Changed => Ok(Some(Place { method, parts: Vec::new() })),
    }
}

/// Goes on from a place: what is done beside searches, and the searches. `None` if everything must be read.
pub(crate) async fn go_on(
    cx: &Context,
    place: Place,
    connection: &mut Connection,
    directory: &Directory,
    shared: &Shared,
    attributes: &[String],
    page_size: Option<u32>,
) -> Result<Option<(Changed, Vec<Job>)>, Error> {
    let changed = |place, work, gone| Changed { place, gone, work };
    match place.method {
        Method::Syncrepl => {
            if place.parts.len() != shared.checked.branches.len() {
                return Ok(None);
            }
            let work = Work::Sync(Sync::new());
            Ok(Some((changed(place, work, BTreeMap::new()), Vec::new())))
        }
        Method::Dirsync => {
            let found = active_directory::dirsync(
                cx, place, connection, directory, shared, attributes, page_size,
            )
            .await?;
            Ok(found.map(|(place, gone, jobs, strays)| {
                (changed(place, Work::Strays(strays), gone), jobs)
            }))
        }
        Method::Usn => {
            let found =
                active_directory::since_usn(&place, connection, directory, shared, page_size)
                    .await?;
            Ok(found.map(|(place, gone, jobs, strays)| {
                (changed(place, Work::Strays(strays), gone), jobs)
            }))
        }
        Method::Modified | Method::Changed => {
            let Some(since) = since_time(&place) else { return Ok(None) };
            let (jobs, strays) = strays::searches(&since, directory, shared, page_size);
            Ok(Some((changed(place, Work::Strays(strays), BTreeMap::new()), jobs)))
        }
    }
}

/// The filter for what changed since a time, or a little before it.
fn since_time(place: &Place) -> Option<Filter> {
    let text = std::str::from_utf8(place.parts.first()?).ok()?;
    let time = value::generalized_time(text)?;
    let earlier = peoplesync_source::Timestamp(time.0 - OVERLAP_SECONDS * 1000);
    let text = value::to_generalized_time(earlier);
    Some(match place.method {
        Method::Changed => Filter::at_least("whenChanged", &format!("{text}.0Z")),
        _ => Filter::at_least("modifyTimestamp", &format!("{text}Z")),
    })
}

impl Changed {
    pub(crate) fn method(&self) -> Method {
        self.place.method
    }

    /// Goes on.
    pub(crate) async fn step(
        &mut self,
        cx: &Context,
        connection: &mut Connection,
        shared: &Shared,
        attributes: &[String],
        intake: &mut Intake,
    ) -> Result<Step, Error> {
        match &mut self.work {
            Work::Sync(sync) => {
                sync.step(
                    cx,
                    connection,
                    shared,
                    attributes,
                    intake,
                    &mut self.place,
                    &mut self.gone,
                )
                .await
            }
            Work::Strays(strays) => {
                strays.step(cx, connection, shared, intake, &mut self.gone).await
            }
        }
    }

    /// Those who are gone; once.
    pub(crate) fn take_gone(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.gone)
    }

    /// Where the next pass goes on.
    pub(crate) fn place(self, newest: Option<&Newest>) -> Place {
        self.place.with(newest)
    }
}
