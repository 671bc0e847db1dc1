//! One pass: branch by branch, page by page, or only what changed. What is left out, for whatever reason, makes the end partial.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use peoplesync_source::{
    Batch, Context, Coverage, End, Error, FieldTypes, Key, Origin, Records, Removed, Step,
    async_trait,
};

use crate::changes::{self, Changed, Place};
use crate::columns::Columns;
use crate::config::Referrals;
use crate::connection::{Connection, Server};
use crate::directory::Directory;
use crate::intake::Intake;
use crate::pages::{Over, Pages, Progress, Task};
use crate::referral::Referral;
use crate::source::Shared;
use crate::wire::controls::PAGED;
use crate::wire::{Depth, Filter};

/// So many referrals behind one another are a circle.
const HOPS: usize = 5;

/// A pass.
#[derive(Debug)]
pub(crate) struct LdapRecords {
    cx: Context,
    shared: Arc<Shared>,
    connection: Connection,
    directory: Directory,
    attributes: Vec<String>,
    jobs: VecDeque<Job>,
    reading: Option<(Job, Pages)>,
    page_size: Option<u32>,
    intake: Intake,
    /// What was left out.
    missing: Vec<String>,
    visited: BTreeSet<(String, String)>,
    /// Where a later pass can go on.
    place: Option<Place>,
    /// What is done beside the jobs in a pass over changes.
    changed: Option<Changed>,
}

/// A part of the tree that is still to be read.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Another server than those of the settings.
    server: Option<Server>,
    dn: String,
    depth: Depth,
    filter: Filter,
    hops: usize,
}

impl Job {
    pub(crate) fn new(dn: &str, depth: Depth, filter: Filter) -> Self {
        Self { server: None, dn: dn.to_owned(), depth, filter, hops: 0 }
    }
}

impl LdapRecords {
    /// A pass over everything, which begins at its first branch. Without columns, every field that comes is read. With a place of
    /// before, a pass over what changed since, if the server can tell.
    pub(crate) async fn start(
        cx: Context,
        shared: Arc<Shared>,
        connection: Connection,
        directory: Directory,
        columns: Option<Columns>,
        since: Option<Place>,
    ) -> Result<Self, Error> {
        let mut attributes = match &columns {
            Some(columns) => columns.attributes(),
            None => vec!["*".to_owned(), shared.config.key.clone()],
        };
        let config = &shared.config;
        let is_unique =
            ["entryUUID", "objectGUID"].iter().any(|id| id.eq_ignore_ascii_case(&config.key));
        let comes_once = is_unique
            && shared.checked.branches.len() == 1
            && config.referrals != Referrals::Follow
            && since.is_none();
        let method =
            columns.as_ref().and_then(|_| changes::method(config, &directory, &attributes));
        let page_size = directory.may_have(PAGED).then_some(config.page_size);
        let mut intake = Intake::new(columns, comes_once);
        intake.newest = method.and_then(changes::Method::newest);
        attributes.extend(intake.newest.iter().map(|newest| newest.attribute.to_owned()));
        let mut records = Self {
            cx,
            shared,
            connection,
            directory,
            attributes,
            jobs: VecDeque::new(),
            reading: None,
            page_size,
            intake,
            missing: Vec::new(),
            visited: BTreeSet::new(),
            place: None,
            changed: None,
        };
        let since = since.filter(|since| Some(since.method) == method);
        match since {
            Some(since) => records.go_on_from(since).await?,
            None => records.read_everything(method).await?,
        }
        Ok(records)
    }

    async fn read_everything(&mut self, method: Option<changes::Method>) -> Result<(), Error> {
        // Before anything is read: what changes meanwhile comes again, rather than never.
        self.place = match method {
            Some(method) => {
                changes::begin(method, &mut self.connection, &self.directory, &self.shared).await?
            }
            None => None,
        };
        self.changed = None;
        self.intake.present = None;
        let branches = self.shared.checked.branches.iter();
        self.jobs = branches
            .map(|branch| Job::new(&branch.dn, branch.depth, branch.filter.clone()))
            .collect();
        Ok(())
    }

    async fn go_on_from(&mut self, since: Place) -> Result<(), Error> {
        self.intake.present = Some(HashSet::new());
        let method = since.method;
        let page_size = self.page_size;
        let begun = changes::go_on(
            &self.cx,
            since,
            &mut self.connection,
            &self.directory,
            &self.shared,
            &self.attributes,
            page_size,
        )
        .await?;
        match begun {
            Some((changed, jobs)) => {
                self.changed = Some(changed);
                self.jobs = jobs.into();
                Ok(())
            }
            None => self.read_everything(Some(method)).await,
        }
    }

    /// Begins the next part of the tree; whether there was one.
    async fn begin(&mut self) -> Result<bool, Error> {
        let Some(job) = self.jobs.pop_front() else { return Ok(false) };
        if let Some(server) = &job.server
            && *server != self.connection.server
        {
            match self.shared.connect_to(&self.cx, server.clone()).await {
                Ok(connection) => self.connection = connection,
                Err(error) => {
                    self.missing
                        .push(format!("the referral to {server} could not be followed: {error}"));
                    return Ok(true);
                }
            }
        }
        let task = Task {
            base: job.dn.clone(),
            depth: job.depth,
            filter: job.filter.clone(),
            attributes: self.attributes.clone(),
            types_only: false,
            controls: Vec::new(),
        };
        let pages = Pages::start(&mut self.connection, task, self.page_size).await?;
        self.reading = Some((job, pages));
        Ok(true)
    }

    /// Takes the next answer.
    async fn step(&mut self, (job, mut pages): (Job, Pages)) -> Result<(), Error> {
        let (cx, intake) = (&self.cx, &mut self.intake);
        let progress = pages.step(&mut self.connection, |entry| intake.entry(cx, entry)).await?;
        self.page_size = pages.page_size;
        let over = match progress {
            Progress::Going => {
                self.reading = Some((job, pages));
                return Ok(());
            }
            Progress::Reference(urls) => {
                self.refer(&job, &urls, false);
                self.reading = Some((job, pages));
                return Ok(());
            }
            Progress::Over(over) => over,
        };
        match over {
            Over::Whole => {}
            Over::Cut(why) => self.missing.push(why),
            Over::Elsewhere(urls) => self.refer(&job, &urls, true),
            Over::NoBase(_) if job.hops > 0 => {
                self.missing.push(format!("{} is not where a referral says that it is", job.dn));
            }
            Over::NoBase(error) => return Err(error),
        }
        Ok(())
    }

    /// A part of the tree is elsewhere.
    fn refer(&mut self, job: &Job, urls: &[String], is_whole: bool) {
        let Some(referral) = Referral::first(urls) else {
            self.missing.push(format!("a referral that is none: {}", urls.join(", ")));
            return;
        };
        if referral.is_housekeeping() && !is_whole {
            return;
        }
        let dn = referral.dn.clone().unwrap_or_else(|| job.dn.clone());
        match self.shared.config.referrals {
            Referrals::Ignore => {}
            Referrals::Report => {
                self.missing.push(format!(
                    "{dn} is on {}, and referrals are not followed",
                    referral.server
                ));
            }
            Referrals::Follow if job.hops >= HOPS => {
                self.missing.push(format!(
                    "{HOPS} referrals behind one another, the last to {}",
                    referral.server
                ));
            }
            Referrals::Follow => {
                let place = (referral.server.to_string(), crate::dn::normal(&dn));
                if self.visited.insert(place) {
                    self.jobs.push_back(Job {
                        depth: referral.depth.unwrap_or(job.depth),
                        server: Some(referral.server),
                        dn,
                        filter: job.filter.clone(),
                        hops: job.hops + 1,
                    });
                }
            }
        }
    }

    /// What changed beside the jobs; whether the pass is to go on.
    async fn change(&mut self) -> Result<bool, Error> {
        let Some(changed) = &mut self.changed else { return Ok(false) };
        let (cx, intake) = (&self.cx, &mut self.intake);
        let step =
            changed.step(cx, &mut self.connection, &self.shared, &self.attributes, intake).await?;
        match step {
            changes::Step::Going => Ok(true),
            changes::Step::Over => Ok(false),
            changes::Step::Everything => {
                // What is still under way on this connection is of no use any more.
                let method = changed.method();
                self.connection = self.shared.connect(&self.cx).await?;
                self.read_everything(Some(method)).await?;
                Ok(true)
            }
        }
    }

    /// Those who are gone, in a batch of their own; once.
    fn removals(&mut self) -> Option<Batch> {
        let gone = self.changed.as_mut()?.take_gone();
        let present = self.intake.present.as_ref()?;
        let mut batch = Batch::new(self.intake.fields()?.clone());
        let mut any = false;
        for (key, place) in gone {
            // Moved from one branch to another is not gone.
            if !present.contains(&key)
                && let Some(key) = Key::new(&key)
            {
                batch.remove(Removed { key, origin: Origin::entry(place) });
                any = true;
            }
        }
        any.then_some(batch)
    }

    fn end(&mut self) -> End {
        if self.changed.is_none()
            && let Some(least) = self.shared.config.expect_at_least
            && self.intake.count < least
        {
            let count = self.intake.count;
            self.missing
                .push(format!("{count} entries were read, and expect_at_least says {least}"));
        }
        if !self.missing.is_empty() {
            return End::partial(self.missing.join("; "));
        }
        let newest = self.intake.newest.as_ref();
        match self.changed.take() {
            Some(changed) => {
                End { coverage: Coverage::Changes, cursor: Some(changed.place(newest).cursor()) }
            }
            None => {
                let place = self.place.take().map(|place| place.with(newest));
                End { coverage: Coverage::Complete, cursor: place.map(|place| place.cursor()) }
            }
        }
    }
}

#[async_trait]
impl Records for LdapRecords {
    fn types(&self) -> FieldTypes {
        self.intake
            .columns()
            .map(|columns| columns.types(&self.directory.schema))
            .unwrap_or_default()
    }

    async fn next(&mut self) -> Result<Step, Error> {
        loop {
            self.cx.go_on()?;
            if self.intake.is_full() {
                let batch = self.intake.give(&self.cx, &self.shared, &self.directory).await?;
                if let Some(batch) = batch {
                    return Ok(Step::Batch(batch));
                }
            }
            if let Some(reading) = self.reading.take() {
                self.step(reading).await?;
            } else if !self.begin().await? && !self.change().await? {
                if let Some(batch) =
                    self.intake.give(&self.cx, &self.shared, &self.directory).await?
                {
                    return Ok(Step::Batch(batch));
                }
                if let Some(batch) = self.removals() {
                    return Ok(Step::Batch(batch));
                }
                return Ok(Step::End(self.end()));
            }
        }
    }
}
