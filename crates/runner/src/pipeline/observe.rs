//! What the plan has to know of the target: a few accounts by id or search, or all of them page by page where that takes
//! fewer requests. A list that ended early proves nothing; the planner then asks for single accounts.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use peoplesync_reconcile::{
    Action, Links, Lookups, Managed, Observation, Observed, Policy, Search, Survey,
};
use peoplesync_scim::Path;
use peoplesync_scim::client::{Client, ClientError, Kind};
use peoplesync_state::{HistoryEntry, HistoryFilter, State};
use serde_json::Value as Json;

use super::Session;
use crate::failure::{Failure, Outcome};
use crate::report::progress::Progress;

/// Below so many, single requests are always the better way.
const FEW: usize = 20;

/// Of more people than these the history is not asked: mostly they are looked for in the list anyway.
const MOST_ASKED: usize = 1_000;

/// A page of a list costs the target about as much as so many single requests.
const PAGE_COST: usize = 8;

/// Who looks at the answers of the target.
pub(crate) struct Watch<'a> {
    pub(crate) managed: &'a Managed,
    /// Sees each resource whole, once for each time that it was answered.
    pub(crate) each: &'a mut (dyn FnMut(&Json) + Send),
}

impl Watch<'_> {
    fn seen(&mut self, resource: &Json) -> Outcome<Observed> {
        (self.each)(resource);
        self.managed.observe(resource).map_err(|error| {
            Failure::new(crate::exit::Exit::Target, "the target's answer cannot be used")
                .with_cause(&error)
        })
    }
}

/// Looks up everything that the survey asks for. With `full`, every account is read. `distrust`: a search has found nobody where
/// there was somebody, so it proves nothing.
#[expect(clippy::too_many_arguments, reason = "everything that a look depends on")]
pub(crate) async fn observe(
    session: &Session,
    client: &Client,
    watch: &mut Watch<'_>,
    survey: &Survey,
    links: &Links,
    policy: &Policy,
    full: bool,
    distrust: bool,
    progress: &Progress,
) -> Outcome<Observation> {
    let mut observation = Observation::new();
    let mut asked = survey.lookups(links, &observation, policy);
    let people =
        usize::try_from(survey.linked()).unwrap_or(usize::MAX).max(survey.candidates().len());
    let pages = people / session.profile.list.page_size.max(1) as usize + 1;
    // A list that leaves out what is compared costs a request for each account besides.
    let many = asked.len() > FEW
        && !leaves_out(session, watch.managed)
        && asked.len() > pages.saturating_mul(PAGE_COST);
    let cannot_search = asked
        .searches
        .iter()
        .any(|search| !session.profile.can_find(watch.managed.resource(), &search.path));
    let is_doubtful = distrust && !asked.searches.is_empty();
    if !asked.is_empty() && (full || many || cannot_search || is_doubtful) {
        list(session, client, watch, &mut observation, progress).await?;
        asked = survey.lookups(links, &observation, policy);
    }
    while !asked.is_empty() {
        tracing::info!(
            accounts = asked.accounts.len(),
            searches = asked.searches.len(),
            "looking up accounts"
        );
        single(session, client, watch, &asked, &mut observation, progress).await?;
        asked = survey.lookups(links, &observation, policy);
    }
    Ok(observation)
}

/// Whether the last run met the account of somebody for whom it had searched in vain: a create that was refused, as there is one.
pub(super) fn met_a_conflict(survey: &Survey, state: &State) -> Outcome<bool> {
    let candidates = survey.candidates();
    if candidates.len() > MOST_ASKED {
        return Ok(false);
    }
    for candidate in candidates {
        let last = HistoryFilter { key: Some(candidate.key.clone()), run: None, limit: 1 };
        let is_conflict = |entry: &HistoryEntry| {
            entry.note.action == Action::Create
                && entry.outcome == peoplesync_state::Outcome::Failed
                && entry.status == Some(409)
        };
        if state.entries(&last)?.iter().any(is_conflict) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads every account of the target; whether the list was read to its end.
async fn list(
    session: &Session,
    client: &Client,
    watch: &mut Watch<'_>,
    observation: &mut Observation,
    progress: &Progress,
) -> Outcome<bool> {
    let resource_type = watch.managed.resource();
    let mut pages = client.list(resource_type, None, None);
    let by_one = leaves_out(session, watch.managed);
    let width = session.loaded.config.target.concurrency.max(1);
    let mut ids = Vec::new();
    let mut count = 0;
    while let Some(page) = pages.next().await.map_err(unreadable)? {
        for resource in &page {
            let resource: Json = serde_json::from_str(resource.get()).map_err(|error| {
                Failure::new(
                    crate::exit::Exit::Target,
                    "the target listed something that is not JSON",
                )
                .with_cause(&error)
            })?;
            if by_one {
                ids.extend(watch.managed.observe(&resource).map(|account| account.id));
            } else {
                observation.found(watch.seen(&resource)?);
            }
        }
        let mut accounts = futures_util::stream::iter(ids.drain(..))
            .map(|id| async move { client.get(resource_type, &id).await.map(|whole| (id, whole)) })
            .buffer_unordered(width);
        while let Some(answer) = accounts.next().await {
            match answer.map_err(unreadable)? {
                (_, Some(whole)) => observation.found(watch.seen(&whole)?),
                (id, None) => observation.gone(&id),
            }
        }
        drop(accounts);
        count += page.len();
        progress.steps(page.len());
    }
    let complete = pages.complete() && session.profile.list.complete;
    if complete {
        observation.listed();
    } else if !session.profile.list.complete {
        // That is how this service is, and nothing to be warned of in each run.
        tracing::info!(
            count,
            "accounts that are not in the target's list are looked up one by one"
        );
    } else {
        tracing::warn!(
            count,
            "the target's list ended early; accounts that are not in it are looked up one by one"
        );
    }
    Ok(complete)
}

/// Whether a list leaves out something that is managed, so that each account has to be asked for.
fn leaves_out(session: &Session, managed: &Managed) -> bool {
    let omitted: Vec<Path> =
        session.profile.list.omits.iter().filter_map(|text| Path::parse(text).ok()).collect();
    managed.attributes().iter().filter(|attribute| !attribute.create_only).any(|attribute| {
        omitted.iter().any(|path| *path == attribute.path || *path == attribute.path.root())
    })
}

/// Asks for accounts one by one, side by side.
async fn single(
    session: &Session,
    client: &Client,
    watch: &mut Watch<'_>,
    asked: &Lookups,
    observation: &mut Observation,
    progress: &Progress,
) -> Outcome<()> {
    let resource = watch.managed.resource();
    let width = session.loaded.config.target.concurrency.max(1);
    let mut accounts = futures_util::stream::iter(&asked.accounts)
        .map(|id| async move { (id, client.get(resource, id).await) })
        .buffer_unordered(width);
    while let Some((id, answer)) = accounts.next().await {
        match answer {
            Ok(Some(account)) => observation.found(watch.seen(&account)?),
            Ok(None) => observation.gone(id),
            Err(error) => observation.failed(id, &one_persons(error)?),
        }
        progress.step();
    }
    let mut searches =
        futures_util::stream::iter(asked.searches.iter().enumerate())
            .map(|(at, search)| async move {
                (at, search, client.search(resource, &search.filter()).await)
            })
            .buffer_unordered(width);
    let mut open: BTreeMap<usize, &Search> = asked.searches.iter().enumerate().collect();
    let mut needs_list = false;
    while let Some((at, search, answer)) = searches.next().await {
        match answer {
            Ok(found) if found.complete && found.filtered => {
                let hits =
                    found.hits.iter().map(|hit| watch.seen(hit)).collect::<Outcome<Vec<_>>>()?;
                observation.searched(search, hits);
                open.remove(&at);
            }
            // The target answers with a part, or not to this: only the whole list can tell.
            Ok(found) if found.filtered => needs_list = true,
            Err(error) if matches!(error.kind, Kind::Refused | Kind::Server) => needs_list = true,
            Err(error) => {
                observation.search_failed(search, &one_persons(error)?);
                open.remove(&at);
            }
            // It answers with everybody, and would do so each time.
            Ok(_) => {
                needs_list = true;
                break;
            }
        }
        progress.step();
    }
    drop(searches);
    if needs_list && !list(session, client, watch, observation, progress).await? {
        for search in open.into_values() {
            observation.search_failed(search, "the target cannot search, and its list ended early");
        }
    }
    Ok(())
}

/// An error that concerns one person stays with that person; one that concerns the target ends the run.
pub(crate) fn one_persons(error: ClientError) -> Outcome<String> {
    match error.kind {
        Kind::Refused | Kind::Server | Kind::Conflict | Kind::TooLarge => Ok(error.to_string()),
        _ => Err(unreadable(error)),
    }
}

pub(super) fn unreadable(error: ClientError) -> Failure {
    Failure::from(error).about("cannot read the target")
}
