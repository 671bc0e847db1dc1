//! A search page by page. A server that refuses the size of a page is asked for smaller ones, and at last for everything at once.

use peoplesync_source::Error;

use crate::connection::{
    ADMIN_LIMIT, Connection, NO_SUCH_OBJECT, REFERRAL, SIZE_LIMIT, SUCCESS, TIME_LIMIT,
    UNKNOWN_CONTROL, UNWILLING, code_name, refused,
};
use crate::source::broken;
use crate::wire::controls::{self, PAGED};
use crate::wire::{Answer, Control, Depth, Entry, Filter, Outcome, Search};

/// So many pages without an entry are no progress.
const EMPTY_PAGES: usize = 1000;

/// A server that refuses pages even of this size does not page at all.
const SMALLEST_PAGE: u32 = 25;

/// What is searched.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) base: String,
    pub(crate) depth: Depth,
    pub(crate) filter: Filter,
    pub(crate) attributes: Vec<String>,
    pub(crate) types_only: bool,
    /// Beside that for pages.
    pub(crate) controls: Vec<Control>,
}

/// A search that is under way.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) task: Task,
    /// What the server has agreed to; `None` is everything at once.
    pub(crate) page_size: Option<u32>,
    pub(crate) entries: u64,
    id: i32,
    of_page: u64,
    empty_pages: usize,
}

/// What a step came to.
#[derive(Debug)]
pub(crate) enum Progress {
    /// There is more.
    Going,
    /// A part of the tree is elsewhere: one of these URLs.
    Reference(Vec<String>),
    Over(Over),
}

/// How a search ended.
#[derive(Debug)]
pub(crate) enum Over {
    /// Everything that the server shows was given.
    Whole,
    /// The server stopped before the end, for this reason.
    Cut(String),
    /// All of it is elsewhere.
    Elsewhere(Vec<String>),
    /// The base is not there, or not to be seen.
    NoBase(Error),
}

impl Pages {
    /// Asks for the first page.
    pub(crate) async fn start(
        connection: &mut Connection,
        task: Task,
        page_size: Option<u32>,
    ) -> Result<Self, Error> {
        let mut pages = Self { task, page_size, entries: 0, id: 0, of_page: 0, empty_pages: 0 };
        pages.ask(connection, &[]).await?;
        Ok(pages)
    }

    async fn ask(&mut self, connection: &mut Connection, cookie: &[u8]) -> Result<(), Error> {
        let mut controls = self.task.controls.clone();
        controls.extend(self.page_size.map(|size| controls::paged(size, cookie)));
        let Task { base, depth, filter, attributes, types_only, .. } = &self.task;
        let search = Search {
            base,
            depth: *depth,
            filter,
            attributes,
            types_only: *types_only,
            controls: &controls,
        };
        self.id = connection.start(&search).await?;
        self.of_page = 0;
        Ok(())
    }

    /// Takes the next answer. After the last entry of a page, the next page is asked for at once.
    pub(crate) async fn step(
        &mut self,
        connection: &mut Connection,
        take: impl FnOnce(&Entry<'_>) -> Result<(), Error>,
    ) -> Result<Progress, Error> {
        let message = connection.answer(self.id).await?;
        match &message.answer {
            Answer::Entry(entry) => {
                self.entries += 1;
                self.of_page += 1;
                if self.page_size.is_some_and(|size| self.of_page > size.into()) {
                    return Err(Error::malformed("a page has more entries than were asked for"));
                }
                take(entry)?;
                Ok(Progress::Going)
            }
            Answer::Reference(urls) => Ok(Progress::Reference(urls.clone())),
            Answer::Done(outcome) => {
                let outcome = outcome.clone();
                let cookie = message.control(PAGED).map_err(broken)?;
                let cookie = cookie.map(controls::paged_cookie).transpose().map_err(broken)?;
                let cookie = cookie.unwrap_or_default().to_vec();
                self.done(connection, outcome, &cookie).await
            }
            _ => Err(Error::malformed("a search was answered by something else")),
        }
    }

    async fn done(
        &mut self,
        connection: &mut Connection,
        outcome: Outcome,
        cookie: &[u8],
    ) -> Result<Progress, Error> {
        let over = match outcome.code {
            SUCCESS if cookie.is_empty() || self.page_size.is_none() => Over::Whole,
            SUCCESS => {
                self.empty_pages = if self.of_page == 0 { self.empty_pages + 1 } else { 0 };
                if self.empty_pages > EMPTY_PAGES {
                    return Err(Error::malformed(format!(
                        "{EMPTY_PAGES} pages in a row are empty"
                    )));
                }
                self.ask(connection, cookie).await?;
                return Ok(Progress::Going);
            }
            // A size that this account may not ask for, or no pages at all.
            ADMIN_LIMIT | UNWILLING | UNKNOWN_CONTROL
                if self.page_size.is_some() && self.entries == 0 =>
            {
                let smaller = self.page_size.map(|size| size / 2);
                let smaller = smaller.filter(|size| *size >= SMALLEST_PAGE);
                self.page_size = if outcome.code == UNKNOWN_CONTROL { None } else { smaller };
                self.ask(connection, &[]).await?;
                return Ok(Progress::Going);
            }
            SIZE_LIMIT | TIME_LIMIT | ADMIN_LIMIT => Over::Cut(format!(
                "the server ended the search below {} after {} entries: {} ({})",
                self.task.base,
                self.entries,
                code_name(outcome.code),
                outcome.code
            )),
            REFERRAL => Over::Elsewhere(outcome.referrals),
            code => {
                let what = format!("to search below {}", self.task.base);
                let error = refused(&connection.server, &what, &outcome);
                if code != NO_SUCH_OBJECT {
                    return Err(error);
                }
                Over::NoBase(error)
            }
        };
        Ok(Progress::Over(over))
    }
}
