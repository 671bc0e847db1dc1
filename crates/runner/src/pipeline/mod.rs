//! From a config to a plan: read, compare, look up, decide. Nothing is written to the target.

mod access;
pub(crate) mod cursor;
mod digest;
pub(crate) mod discovery;
mod edited;
mod groups;
mod kept;
mod lookups;
mod mapper;
mod membership;
mod observe;
mod others;
mod parts;
mod patient;
mod people;
mod read;
pub(crate) mod saved;
mod session;
mod sources;
mod store;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use peoplesync_mapping::{Asks, DigestKey};
use peoplesync_reconcile::{
    Bookkeeping, Coverage, Edited, Fingerprint, Kept, Limits, LinkIndex, Links, LintContext, Part,
    Plan,
};
use peoplesync_scim::Resource;
use peoplesync_scim::client::Client;
use peoplesync_source::Timestamp;
use peoplesync_state::State;
use sha2::{Digest as _, Sha256};

use crate::config::Loaded;
use crate::execute::recover;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::Output;
use crate::report::progress::Progress;
use crate::retries;
pub(crate) use digest::print_of as fingerprint_of;
pub(crate) use groups::{Found, GroupLinks, Origin};
pub(crate) use kept::load as load_kept;
pub(crate) use membership::Groups;
pub(crate) use observe::one_persons;
pub(crate) use others::Others;
use parts::Parts;
pub(crate) use read::{begin, fits, open};
pub(crate) use saved::Basis;
#[cfg(test)]
pub(crate) use session::Wired;
pub(crate) use session::{Session, load, mapping};
pub(crate) use store::{open as open_store, path as store_path};
pub(crate) use target::{
    bound as bound_target, check as check_target, identity as target_identity,
};

/// The outcome of a run that came to its end, as the state keeps it.
pub(crate) const DONE: &str = "done";

/// What the plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// To be shown: the state is read.
    Plan,
    /// To be applied: the state is locked from here on.
    Apply,
}

/// A plan with everything that it was made from.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) session: Session,
    pub(crate) client: Client,
    pub(crate) state: State,
    pub(crate) plan: Plan,
    /// What was picked of the plan, if anything was.
    pub(crate) part: Option<Plan>,
    pub(crate) links: Links,
    /// The links of groups, and what was found of their members; none where groups are not managed.
    pub(crate) groups: Option<GroupLinks>,
    pub(crate) key: DigestKey,
    pub(crate) basis: Basis,
    /// The moment that `Now()` gives.
    pub(crate) moment: Timestamp,
    pub(crate) parts: Parts,
    /// What the target keeps otherwise than it was written.
    pub(crate) kept: Kept,
    /// The version that each account to be changed had when it was read, by its id.
    pub(crate) versions: BTreeMap<String, String>,
    /// Whether each account is read after it was written.
    pub(crate) verify: bool,
    /// Other people, if an expression asks about them.
    pub(crate) people: Option<Arc<Others>>,
    /// Where the next run can go on to read the source, once this plan was applied.
    pub(crate) next: Option<cursor::Kept>,
    /// Whether the next run has to see the same records again: somebody waits for another try, or was rejected for what is at the
    /// target and not for their record.
    pub(crate) sees_again: bool,
}

impl Prepared {
    /// `people.csv → Example`.
    pub(crate) fn title(&self) -> String {
        format!("{} → {}", self.session.source_name(), self.session.target_name())
    }
}

/// Makes a plan. To be the same as one that was saved, it needs the moment of that one.
pub(crate) async fn prepare(
    loaded: Loaded,
    full: bool,
    moment: Option<Timestamp>,
    access: Access,
    part: Option<&Part>,
    output: Output,
) -> Outcome<Prepared> {
    prepare_of(Session::new(loaded, &crate::clock::system())?, full, moment, access, part, output)
        .await
}

/// Makes a plan of a session: with a source, a clock and a way to the target that may be others than the config's.
pub(crate) async fn prepare_of(
    session: Session,
    full: bool,
    moment: Option<Timestamp>,
    access: Access,
    part: Option<&Part>,
    output: Output,
) -> Outcome<Prepared> {
    if !store::path(&session.loaded)?.exists() {
        // A plan is bound to its state by the key of the state's hashes, so there must be one.
        drop(open_state(&session, Access::Apply)?);
    }
    let mut state = open_state(&session, access)?;
    target::check(&session.loaded, &state)?;
    let client = session.client(used_limits(&session, &state)?)?;
    if !state.unsettled()?.is_empty() {
        // An earlier apply was interrupted. What it left open is looked up first, which writes to the state.
        drop(state);
        let mut writing = open_state(&session, Access::Apply)?;
        let key = digest_key(&writing);
        recover::recover(&session, &client, &mut writing, &key, access, output).await?;
        state = if access == Access::Apply {
            writing
        } else {
            drop(writing);
            open_state(&session, access)?
        };
    }
    if access == Access::Apply {
        target::bind(&session.loaded, &mut state)?;
    }
    let key = digest_key(&state);
    let parts = Parts::new(&session, state.hash_key());
    let checked = read::check(&session).await?;
    let edited::Difference { edited, before, groups: edits } =
        edited::difference(&session, &state, &parts, checked.as_deref())?;
    let edits = edits.known_to(&session).await;
    let edited_at_all = !matches!(edited, Edited::Nothing);
    let finished = state.finished_configs(DONE)?;
    let mut policy = session.policy(finished.is_empty(), full, edited);
    policy.tried = retries::tried(&state, policy.now, session.holds_back)?;
    let moment = moment.unwrap_or(Timestamp(policy.now));
    let config = config_digest(&session, &state);
    // What depends on more than a record is not seen by looking at the records that changed.
    let is_whole = full
        || edited_at_all
        || session.groups.is_some()
        || *session.mapping.asks() != Asks::default();
    let only = session.loaded.config.source.as_ref();
    let full_after_hours = only.map_or(0, |source| source.full_after_hours);
    let kept = cursor::Kept::find(&state, &config)?.filter(|kept| {
        let hours = i64::from(full_after_hours);
        // A full read that is still to come was noted by a clock that was wrong.
        !is_whole && (0..hours * 3_600_000).contains(&(policy.now - kept.last_full))
    });
    let since = kept.as_ref().map(|kept| kept.cursor.clone());
    let reading = Progress::counting(output.quiet, "reading people");
    // Several sources are tried again one by one.
    let retries = only.map_or(0, |source| source.retries);
    let (people, read::Reading { survey, cursor, mut snapshot, gathered, holding }) =
        patient::again(retries, || async {
            let index = || {
                index(Resource::User, &state).inspect(|index| {
                    tracing::info!(links = index.len(), "loaded the links");
                })
            };
            let people = Others::read(&session, &key, moment).await?.map(Arc::new);
            let when = (moment, full);
            let before = (before.clone(), since.clone());
            let sides = (&session, &state);
            let read = read::read(sides, index, &key, before, when, people.as_ref(), &reading);
            let read = read.await?;
            Ok((people, read))
        })
        .await?;
    reading.finish();
    tracing::info!(candidates = survey.candidates().len(), "read the source");
    if let Some(word) = cursor::word(since.is_some(), survey.coverage()) {
        output.note(word);
    }
    let last_full = match (survey.coverage(), kept) {
        (Coverage::Changes, Some(kept)) => kept.last_full,
        _ => policy.now,
    };
    let next = cursor.map(|cursor| cursor::Kept { last_full, cursor });

    let mut links = links(Resource::User, &state, &key, &survey, &policy)?;
    let looking = Progress::counting(output.quiet, "looking up accounts");
    let mut watch = observe::Watch { managed: &session.managed, each: &mut |_| {} };
    let distrust = observe::met_a_conflict(&survey, &state)?;
    let observation = observe::observe(
        &session, &client, &mut watch, &survey, &links, &policy, full, distrust, &looking,
    )
    .await?;
    let observation = observation.with_kept(kept::load(session.managed.resource(), &state, &key)?);
    looking.finish();
    let owners = survey.owners(&links, &observation);
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    links.extend(state.links_by_id(session.managed.resource(), &owners)?);

    let mut plan = peoplesync_reconcile::plan(&survey, &links, &observation, &policy);
    let of_records = survey.rejected_places().count();
    let sees_again = plan.summary.waiting > 0 || plan.rejected.len() > of_records;
    let context = LintContext {
        managed: &session.managed,
        links: &links,
        observation: Some(&observation),
        limits: Some(Limits { policy: &policy, linked: survey.linked() }),
    };
    let mut group_links = None;
    if let Some(groups) = &session.groups {
        let of_people = groups::People {
            survey: &survey,
            observation: &observation,
            policy: &policy,
            first_groups: !finished.iter().any(|text| Parts::has_groups(text)),
        };
        let run = groups::Run {
            session: &session,
            groups,
            client: &client,
            state: &state,
            key: &key,
            edits: &edits,
        };
        let planned = groups::plan(run, of_people, plan, gathered, moment, full, output).await?;
        snapshot = snapshot.wrapping_add(planned.snapshot);
        plan = planned.plan;
        group_links = Some(planned.links);
    }
    let part = part
        .map(|part| peoplesync_reconcile::plan_part(&survey, &links, &observation, &policy, part));
    for made in part.iter().chain([&plan]) {
        if let Some(finding) = peoplesync_reconcile::lint(made, context).first() {
            // The checker shares no code with the planner: one of them is wrong, and nothing may be written.
            return Err(Failure::new(Exit::Bug, format!("the plan contradicts itself: {finding}"))
                .with_hint("please report this; nothing was written"));
        }
    }
    for made in part.iter().chain([&plan]) {
        holding.check(made, &key)?;
    }
    if access == Access::Apply {
        holding.keep(&session.sources, &mut state)?;
    }
    let versions = plan.changes.iter().filter_map(|change| {
        let id = change.id.as_ref().filter(|_| change.resource == Resource::User)?;
        Some((id.clone(), observation.get(id)?.version.clone()?))
    });
    let versions = versions.collect();
    let basis = Basis::new(config, snapshot, state.serial(), full, policy.now);
    Ok(Prepared {
        session,
        client,
        state,
        plan,
        part,
        links,
        kept: observation.kept().clone(),
        versions,
        verify: false,
        groups: group_links,
        key,
        basis,
        moment,
        parts,
        people,
        next,
        sees_again,
    })
}

/// The state that the config of a session names.
pub(crate) fn open_state(session: &Session, access: Access) -> Outcome<State> {
    store::open(&session.loaded, access, session.clock.now().0)
}

/// How long until each lasting limit of the target has room again, as the last run left it.
pub(crate) fn used_limits(session: &Session, state: &State) -> Outcome<Vec<(String, Duration)>> {
    let now = session.clock.now().0;
    let left = |until: i64| Duration::from_millis(u64::try_from(until - now).unwrap_or(0));
    Ok(state.used_limits()?.into_iter().map(|(name, until)| (name, left(until))).collect())
}

/// The key of this state's hashes.
pub(crate) fn digest_key(state: &State) -> DigestKey {
    if state.has_old_fingerprints() {
        DigestKey::with_old_fingerprints(state.hash_key())
    } else {
        DigestKey::new(state.hash_key())
    }
}

/// All links of a kind as the read needs them.
pub(crate) fn index(resource: Resource, state: &State) -> Outcome<LinkIndex> {
    // To count them first would read them twice.
    let mut index = LinkIndex::default();
    state.index(resource, |fingerprint, digest, standing, absent| {
        index.push(fingerprint, digest, standing, absent);
    })?;
    Ok(index)
}

/// The links of everybody whom the plan may touch.
fn links(
    resource: Resource,
    state: &State,
    key: &DigestKey,
    survey: &peoplesync_reconcile::Survey,
    policy: &peoplesync_reconcile::Policy,
) -> Outcome<Links> {
    let needs = survey.needs(policy);
    let asked: Vec<(Fingerprint, &str)> =
        needs.keys.iter().map(|text| (fingerprint_of(key, text), text.as_str())).collect();
    let mut links: Links = state.links_by_key(resource, &asked)?.into_iter().collect();
    for link in state.links_by_fingerprint(resource, &needs.fingerprints)? {
        links.add_missing(link);
    }
    Ok(links)
}

/// A keyed hash of the config: the same config gives another one with another state, so it tells nothing of its secrets.
fn config_digest(session: &Session, state: &State) -> String {
    let mut hash = Sha256::new();
    hash.update(state.hash_key());
    hash.update(session.loaded.identity.as_bytes());
    // A profile decides what is compared and how; it may come from a file of its own.
    hash.update(serde_json::to_vec(&*session.profile).unwrap_or_default());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whom a note is about.
pub(crate) fn key_of_note(note: &Bookkeeping) -> &str {
    match note {
        Bookkeeping::Same { key, .. }
        | Bookkeeping::Absent { key }
        | Bookkeeping::Present { key }
        | Bookkeeping::Inactive { key }
        | Bookkeeping::Gone { key } => key,
    }
}
