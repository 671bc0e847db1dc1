//! Groups: read after people, compared with the target, and planned on top of the plan of people. A run without `[groups]`
//! does nothing of this.

mod accounts;
mod gather;
mod members;
mod read;
mod session;

use peoplesync_mapping::DigestKey;
use peoplesync_reconcile::{
    Change, Coverage, GroupFacts, Holdings, Limits, Links, LintContext, Memberships, Observation,
    Plan, Policy, Survey, Warning, lint, plan_groups,
};
use peoplesync_scim::Resource;
use peoplesync_scim::client::Client;
use peoplesync_source::Timestamp;
use peoplesync_state::State;

use self::accounts::Accounts;
use self::members::Sightings;
use super::edited::Edits;
use super::observe::{self, Watch};
use super::{Session, kept};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::Output;
use crate::report::human::number;
use crate::report::progress::Progress;
pub(crate) use gather::{BoundOfPeople, Gathered, OfPeople, name_print};
pub(crate) use members::Found;
pub(crate) use session::{GroupSession, Origin, fits};
pub(super) use session::{leavers_of, mapping};

/// What groups are planned with.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) session: &'a Session,
    pub(crate) groups: &'a GroupSession,
    pub(crate) client: &'a Client,
    pub(crate) state: &'a State,
    pub(crate) key: &'a DigestKey,
    /// What the config of the last run says of groups.
    pub(in crate::pipeline) edits: &'a Edits,
}

/// What is known of people.
#[derive(Clone, Copy)]
pub(crate) struct People<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) observation: &'a Observation,
    pub(crate) policy: &'a Policy,
    /// Whether no apply of groups has come to its end yet.
    pub(crate) first_groups: bool,
}

/// What an apply of groups needs beside the plan.
#[derive(Debug)]
pub(crate) struct GroupLinks {
    pub(crate) links: Links,
    /// Who was found in the groups that are looked at, as the state remembers it.
    pub(crate) found: Found,
}

/// A plan with groups in it.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) links: GroupLinks,
    pub(crate) snapshot: u128,
}

/// Adds groups to a plan of people.
pub(crate) async fn plan(
    run: Run<'_>,
    people: People<'_>,
    plan: Plan,
    gathered: Gathered,
    moment: Timestamp,
    full: bool,
    output: Output,
) -> Outcome<Planned> {
    let Run { session, groups, client, state, key, edits } = run;
    let policy = groups.policy(people.policy, people.first_groups, edits.edited);
    let holdings = Holdings::new(&plan, people.survey, people.observation);
    let accounts = Accounts::read(state, key, &holdings)?;
    let index = super::index(Resource::Group, state)?;

    let reading = Progress::counting(output.quiet, "reading groups");
    let reader = read::Reader::new(groups, index, key, moment, full, &accounts, edits);
    let read::Reading { survey, wanted, snapshot, pending } =
        reader.read(session, gathered, people.survey, &reading).await?;
    reading.finish();
    tracing::info!(candidates = survey.candidates().len(), "read the groups");

    let mut links = super::links(Resource::Group, state, key, &survey, &policy)?;
    let looking = Progress::counting(output.quiet, "looking up groups");
    let mut sightings = Sightings::default();
    let mut each = |group: &_| sightings.see(group);
    let mut watch = Watch { managed: &groups.managed, each: &mut each };
    let observation = observe::observe(
        session, client, &mut watch, &survey, &links, &policy, full, false, &looking,
    )
    .await?
    .with_kept(kept::load(Resource::Group, state, key)?);
    let owners = survey.owners(&links, &observation);
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    links.extend(state.links_by_id(Resource::Group, &owners)?);

    let members = if groups.manages_members() {
        let seen = members::Seen { survey: &survey, links: &links, observation: &observation };
        let finder = members::Finder::new(run, seen, &holdings, &accounts, full);
        Some(finder.find(wanted, sightings, &looking).await?)
    } else {
        None
    };
    looking.finish();
    let (memberships, found) = members.unzip();
    let complete =
        *survey.coverage() == Coverage::Complete && proves_absence(groups, people.survey);
    let remembered = state.count_memberships()?;
    let memberships = memberships.map(|(groups_members, roster)| Memberships {
        groups: groups_members,
        roster,
        complete,
        unmanaged: groups.unmanaged,
        on_drift: groups.on_drift,
        remembered,
    });
    let facts = GroupFacts {
        survey: &survey,
        links: &links,
        observation: &observation,
        policy: &policy,
        members: memberships.as_ref(),
    };
    let mut plan = plan_groups(plan.clone(), &facts);
    let most = client.profile().groups.joins();
    let messages: Vec<String> = pending.message().into_iter().chain(slow(&plan, most)).collect();
    if !messages.is_empty() {
        let warning = |message| Warning { key: None, origin: None, message };
        plan.warnings.extend(messages.into_iter().map(warning));
        plan.warnings.sort();
        plan = plan.seal();
    }
    let context = LintContext {
        managed: &groups.managed,
        links: &links,
        observation: Some(&observation),
        limits: Some(Limits { policy: &policy, linked: survey.linked() }),
    };
    if let Some(finding) = lint(&plan, context).first() {
        return Err(Failure::new(Exit::Bug, format!("the plan contradicts itself: {finding}"))
            .with_hint("please report this; nothing was written"));
    }
    let links = GroupLinks { links, found: found.unwrap_or_default() };
    Ok(Planned { plan, links, snapshot })
}

/// That groups gain more members than may join one in an hour.
fn slow(plan: &Plan, most: usize) -> Option<String> {
    let joins = |change: &Change| change.members.add.len();
    let slow = plan.changes.iter().filter(|change| joins(change) > most);
    let slowest = slow.clone().max_by_key(|change| joins(change))?;
    let hours = match (joins(slowest) - 1) / most {
        1 => "an hour".to_owned(),
        hours => format!("{hours} hours"),
    };
    let groups = match slow.count() {
        1 => String::new(),
        count => format!(" (and so on for {} more)", number(count - 1)),
    };
    Some(format!(
        "the target lets {} members join a group in an hour: the last of {} for `{}` join after {hours}{groups}",
        number(most),
        number(joins(slowest)),
        slowest.name,
    ))
}

/// Whether it means anything that a person is not among the members. Where groups are made of people, everybody must have been
/// read; a source of its own says by itself who is in a group, as long as people were not read in part.
fn proves_absence(groups: &GroupSession, people: &Survey) -> bool {
    match (people.coverage(), &groups.origin) {
        (Coverage::Partial { .. } | Coverage::Mixed { .. }, _) => false,
        (Coverage::Complete, Origin::People) => !people.rejects_unknown(),
        (Coverage::Changes, Origin::People) => false,
        (Coverage::Complete | Coverage::Changes, Origin::Source(..)) => true,
    }
}
