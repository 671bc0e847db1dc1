//! One pass over everything: branch by branch, page by page. What is left out, for whatever reason, makes the end partial.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use peoplesync_source::{
    Batch, Context, End, Error, Fields, Origin, Records, Rejected, Seen, Step, async_trait,
};

use crate::columns::{Columns, KeyOf, Nothing};
use crate::config::Referrals;
use crate::connection::{Connection, Server};
use crate::directory::Directory;
use crate::pages::{Over, Pages, Progress, Task};
use crate::referral::Referral;
use crate::side::Side;
use crate::source::{Shared, broken};
use crate::wire::controls::PAGED;
use crate::wire::{Depth, Entry, Filter};

/// What a batch holds at most.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 1 << 20;

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
}

/// A part of the tree that is still to be read.
#[derive(Debug, Clone)]
struct Job {
    /// Another server than those of the settings.
    server: Option<Server>,
    dn: String,
    depth: Depth,
    filter: Filter,
    hops: usize,
}

/// Where entries become records.
#[derive(Debug)]
struct Intake {
    /// `None`: every field that comes.
    columns: Option<Columns>,
    /// Keys that came. Not kept where the server itself makes each unique, and no entry can come twice.
    seen: Option<Seen>,
    batch: Option<Batch>,
    /// Entries that lack something, or whose fields are not known yet.
    waiting: Vec<Vec<u8>>,
    waiting_bytes: usize,
    count: u64,
    side: Option<Side>,
}

impl LdapRecords {
    /// A pass that begins at its first branch. Without columns, every field that comes is read.
    pub(crate) fn new(
        cx: Context,
        shared: Arc<Shared>,
        connection: Connection,
        directory: Directory,
        columns: Option<Columns>,
    ) -> Self {
        let attributes = match &columns {
            Some(columns) => columns.attributes(),
            None => vec!["*".to_owned(), shared.config.key.clone()],
        };
        let jobs = shared.checked.branches.iter().map(|branch| Job {
            server: None,
            dn: branch.dn.clone(),
            depth: branch.depth,
            filter: branch.filter.clone(),
            hops: 0,
        });
        let jobs: VecDeque<_> = jobs.collect();
        let config = &shared.config;
        let is_unique =
            ["entryUUID", "objectGUID"].iter().any(|id| id.eq_ignore_ascii_case(&config.key));
        let comes_once = is_unique && jobs.len() == 1 && config.referrals != Referrals::Follow;
        let page_size = directory.may_have(PAGED).then_some(config.page_size);
        let intake = Intake {
            columns,
            seen: (!comes_once).then(Seen::new),
            batch: None,
            waiting: Vec::new(),
            waiting_bytes: 0,
            count: 0,
            side: None,
        };
        let (missing, visited) = (Vec::new(), BTreeSet::new());
        Self {
            cx,
            shared,
            connection,
            directory,
            attributes,
            jobs,
            reading: None,
            page_size,
            intake,
            missing,
            visited,
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

    fn end(&mut self) -> End {
        if let Some(least) = self.shared.config.expect_at_least
            && self.intake.count < least
        {
            let count = self.intake.count;
            self.missing
                .push(format!("{count} entries were read, and expect_at_least says {least}"));
        }
        if self.missing.is_empty() {
            End::complete()
        } else {
            End::partial(self.missing.join("; "))
        }
    }
}

#[async_trait]
impl Records for LdapRecords {
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
            } else if !self.begin().await? {
                if let Some(batch) =
                    self.intake.give(&self.cx, &self.shared, &self.directory).await?
                {
                    return Ok(Step::Batch(batch));
                }
                return Ok(Step::End(self.end()));
            }
        }
    }
}

impl Intake {
    fn is_full(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| {
            batch.len() + batch.rejected().len() >= BATCH_RECORDS || batch.size() >= BATCH_BYTES
        }) || self.waiting.len() >= BATCH_RECORDS
            || self.waiting_bytes >= BATCH_BYTES
    }

    /// Takes an entry: into the batch if it is whole, otherwise aside.
    fn entry(&mut self, cx: &Context, entry: &Entry<'_>) -> Result<(), Error> {
        let Some(columns) = &self.columns else {
            self.wait(entry);
            return Ok(());
        };
        if columns.may_want() || columns.is_part(entry).map_err(broken)? {
            self.wait(entry);
            return Ok(());
        }
        let batch = self.batch.get_or_insert_with(|| new_batch(&columns.fields));
        if let Some(key) = accept(columns, &mut self.seen, batch, entry)? {
            columns.add_record(batch, entry, &key, cx.now(), &Nothing).map_err(broken)?;
            self.count += 1;
        }
        Ok(())
    }

    fn wait(&mut self, entry: &Entry<'_>) {
        self.waiting_bytes += entry.raw().len();
        self.waiting.push(entry.raw().to_vec());
    }

    /// The batch, with what was waiting; `None` if there is nothing.
    async fn give(
        &mut self,
        cx: &Context,
        shared: &Arc<Shared>,
        directory: &Directory,
    ) -> Result<Option<Batch>, Error> {
        if self.waiting.is_empty() {
            return Ok(self.batch.take());
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let entries: Vec<Entry<'_>> = waiting
            .iter()
            .map(|raw| Entry::parse(raw))
            .collect::<Result<_, _>>()
            .map_err(broken)?;
        let of_these;
        let columns = match &self.columns {
            Some(columns) => columns,
            None => {
                of_these = Columns::new(&shared.config, directory, &descriptions(&entries)?)?;
                &of_these
            }
        };
        let side = self
            .side
            .get_or_insert_with(|| Side::new(cx.clone(), Arc::clone(shared), columns.key_form()));
        // The references of all of them at once, the long lists one by one.
        let mut references = BTreeSet::new();
        for entry in &entries {
            references.append(&mut Side::wants(columns, entry)?.references);
        }
        side.resolve(references).await?;
        let mut batch = match self.batch.take() {
            Some(batch) if batch.fields().is_same(&columns.fields) => batch,
            _ => new_batch(&columns.fields),
        };
        for entry in &entries {
            let Some(key) = accept(columns, &mut self.seen, &mut batch, entry)? else { continue };
            let wants = Side::wants(columns, entry)?;
            side.complete(&entry.dn(), wants).await?;
            columns.add_record(&mut batch, entry, &key, cx.now(), side).map_err(broken)?;
            self.count += 1;
        }
        Ok(Some(batch))
    }
}

fn new_batch(fields: &Fields) -> Batch {
    Batch::with_capacity(fields.clone(), BATCH_RECORDS, BATCH_RECORDS * 64)
}

/// The key of an entry that is to become a record. The same entry may be below two branches, and comes once.
fn accept(
    columns: &Columns,
    seen: &mut Option<Seen>,
    batch: &mut Batch,
    entry: &Entry<'_>,
) -> Result<Option<String>, Error> {
    let found = columns.key(entry).map_err(broken)?;
    let KeyOf::One(key) = found else {
        batch.reject(columns.without_key(Origin::entry(entry.dn()), &found));
        return Ok(None);
    };
    let Some(seen) = seen else { return Ok(Some(key)) };
    let origin = Origin::entry(entry.dn());
    match seen.insert(&key, &origin) {
        None => Ok(Some(key)),
        Some(first) if first == origin => Ok(None),
        Some(first) => {
            batch.reject(
                Rejected::new(origin, format!("key {key} is also at {first}")).with_key(&key),
            );
            Ok(None)
        }
    }
}

/// The attributes that the entries have, by name.
fn descriptions(entries: &[Entry<'_>]) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    for entry in entries {
        for attribute in entry.attributes() {
            let (description, _) = attribute.map_err(broken)?;
            let text = String::from_utf8_lossy(description);
            let (name, _) = crate::columns::Part::split(&text);
            if known.insert(name.to_lowercase()) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}
