//! Entries that changed and are not, or no longer, people by the settings: moved elsewhere, or no longer matched by a filter.
//! They are seen, so they are certainly out of scope; who is not seen may only be hidden, and waits for a full pass.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_source::{Context, Error};

use super::Step;
use crate::connection::Connection;
use crate::directory::Directory;
use crate::form::Form;
use crate::intake::Intake;
use crate::pages::{Over, Pages, Progress, Task};
use crate::records::Job;
use crate::source::{Shared, broken};
use crate::wire::ber::OCTETS;
use crate::wire::{Depth, Filter};

/// Searches over whole naming contexts, after those over the branches.
#[derive(Debug)]
pub(super) struct Strays {
    pub(super) tasks: Vec<Task>,
    reading: Option<Pages>,
    page_size: Option<u32>,
    key_form: Form,
}

impl Strays {
    pub(super) fn new(
        tasks: Vec<Task>,
        directory: &Directory,
        shared: &Shared,
        page_size: Option<u32>,
    ) -> Self {
        let key_form = Form::of(&shared.config.key, &directory.schema, &[], &[]);
        Self { tasks, reading: None, page_size, key_form }
    }

    pub(super) async fn step(
        &mut self,
        cx: &Context,
        connection: &mut Connection,
        shared: &Shared,
        intake: &Intake,
        gone: &mut BTreeMap<String, String>,
    ) -> Result<Step, Error> {
        cx.go_on()?;
        let Some(mut pages) = self.reading.take() else {
            let Some(task) = self.tasks.pop() else { return Ok(Step::Over) };
            self.reading = Some(Pages::start(connection, task, self.page_size).await?);
            return Ok(Step::Going);
        };
        let (key, form) = (shared.config.key.as_bytes(), self.key_form);
        let progress = pages.step(connection, |entry| {
            for attribute in entry.attributes() {
                let (name, mut values) = attribute.map_err(broken)?;
                if name.eq_ignore_ascii_case(key)
                    && !values.is_empty()
                    && let Some(key) = form.key(values.take(OCTETS).map_err(broken)?)
                    && intake.present.as_ref().is_some_and(|present| !present.contains(&key))
                {
                    gone.insert(key, entry.dn().into_owned());
                }
            }
            Ok(())
        });
        match progress.await? {
            Progress::Over(Over::NoBase(error)) => return Err(error),
            // What is missing here only waits for a full pass.
            Progress::Over(_) => {}
            Progress::Going | Progress::Reference(_) => self.reading = Some(pages),
        }
        Ok(Step::Going)
    }
}

/// The naming contexts of the branches.
pub(super) fn contexts(directory: &Directory, shared: &Shared) -> BTreeSet<String> {
    let branches = shared.checked.branches.iter();
    branches.filter_map(|branch| directory.context_of(&branch.dn)).map(str::to_owned).collect()
}

/// The searches for what a filter says has changed: people by the settings, and whoever else is seen.
pub(super) fn searches(
    since: &Filter,
    directory: &Directory,
    shared: &Shared,
    page_size: Option<u32>,
) -> (Vec<Job>, Strays) {
    let jobs = shared
        .checked
        .branches
        .iter()
        .map(|branch| Job::new(&branch.dn, branch.depth, Filter::all([&branch.filter, since])));
    let tasks = contexts(directory, shared).into_iter().map(|context| Task {
        base: context,
        depth: Depth::Subtree,
        filter: Filter::all([&Filter::present(&shared.config.key), since]),
        attributes: vec![shared.config.key.clone()],
        types_only: false,
        controls: Vec::new(),
    });
    (jobs.collect(), Strays::new(tasks.collect(), directory, shared, page_size))
}
