//! The guards of groups, in the same words and by the same settings: a share is one of the linked groups. Members have guards of their
//! own, as they come and go.

use super::{
    Facts, Found, approval, changed, clears, count, creates, edited, is_first, is_first_try,
    linked, rejected, renames,
};
use crate::groups::Memberships;
use crate::planner::words;
use crate::{Action, Change, Coverage, Refusal};

pub(in crate::planner) fn refuse(
    facts: &Facts<'_>,
    members: Option<&Memberships>,
    changes: &[Change],
) -> Vec<Refusal> {
    let guards = [
        records(facts, changes),
        rejected(facts),
        leavers(facts, changes),
        creates(facts, changes),
        renames(facts, changes),
        all(facts, changes),
        edited(facts, changes),
        members_removed(facts, members, changes),
        memberships_removed(facts, members, changes),
    ];
    let guards = guards.into_iter().flatten().chain(clears(facts, changes));
    guards.chain(approval(facts, changes)).collect()
}

/// A source of groups that has none any more. A place without groups needs no approval for it.
fn records(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let found = going(changes);
    let is_empty =
        found > 0 && facts.survey.read == 0 && facts.survey.coverage == Coverage::Complete;
    is_empty.then(|| Refusal {
        guard: "min_records".to_owned(),
        limit: "1".to_owned(),
        found: 0,
        message: format!(
            "no group was read from {}, and {found} would go; if there really are none any more, set groups.on_absent = \"ignore\" or take [groups] out of the config",
            facts.policy.source
        ),
    })
}

fn leavers(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let found = going(changes);
    let (of, limit) = (facts.survey.linked, facts.policy.guards.max_leavers);
    Found { guard: "max_leavers", limit, found, of }.refuse(
        || format!("{found} of {} would go", linked(facts)),
        "look at the source of groups first, and raise guards.max_leavers if they really are no more",
    )
}

fn going(changes: &[Change]) -> u64 {
    count(changes, |change| matches!(change.action, Action::Delete | Action::Unlink))
}

/// All changes, of which those of members alone are none. The first load of groups may have linked some of them.
fn all(facts: &Facts<'_>, changes: &[Change]) -> Option<Refusal> {
    let found = count(changes, |change| match change.action {
        _ if !is_first_try(facts, change) => false,
        Action::Create | Action::Adopt => !is_first(facts),
        Action::Update => !change.attributes.is_empty(),
        _ => true,
    });
    changed(facts, found)
}

/// One group that loses many of its members looks like a list of them that was cut.
fn members_removed(
    facts: &Facts<'_>,
    members: Option<&Memberships>,
    changes: &[Change],
) -> Option<Refusal> {
    let limit = facts.policy.guards.max_members_removed;
    let refused = changes.iter().filter_map(|change| {
        let group = members?.groups.get(&change.key)?;
        let of = (group.found.len() + group.strangers.len()) as u64;
        let found = change.members.remove.len() as u64;
        let found = Found { guard: "max_members_removed", limit, found, of };
        found.is_too_much().then_some((change, found))
    });
    let refused: Vec<(&Change, Found)> = refused.collect();
    let others = refused.len().saturating_sub(1) as u64;
    // The one that loses most is shown.
    let (change, found) = refused.into_iter().max_by_key(|(_, found)| found.found)?;
    let mut advice = match others {
        0 => String::new(),
        1 => "1 other group would lose too many as well; ".to_owned(),
        _ => format!("{others} other groups would lose too many as well; "),
    };
    advice.push_str(
        "look at the source of groups first, and raise guards.max_members_removed if they really left",
    );
    let of = words::count(found.of, "member", "members");
    found.refuse(|| format!("{} of {of} would leave group {}", found.found, change.name), &advice)
}

/// Many groups that lose a few members each look like lists that were left empty: of a small group, all may always leave.
fn memberships_removed(
    facts: &Facts<'_>,
    members: Option<&Memberships>,
    changes: &[Change],
) -> Option<Refusal> {
    let members = members?;
    let limit = facts.policy.guards.max_memberships_removed;
    let looked_at = members.groups.values().map(|group| group.found.len() + group.strangers.len());
    // A target that shows members may have more than were ever remembered.
    let of = members.remembered.max(looked_at.sum::<usize>() as u64);
    let found = changes.iter().map(|change| change.members.remove.len() as u64).sum();
    let groups = count(changes, |change| !change.members.remove.is_empty());
    Found { guard: "max_memberships_removed", limit, found, of }.refuse(
        || {
            let of = words::count(of, "membership", "memberships");
            format!("{found} of {of} would end, in {}", words::count(groups, "group", "groups"))
        },
        "look at the source of groups first, and raise guards.max_memberships_removed if they really left",
    )
}
