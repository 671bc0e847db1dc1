//! Groups that were linked and are not wanted any more.

use peoplesync_scim::schema::Resource;

use super::Planner;
use crate::observation::Presence;
use crate::planner::leavers::{self, Verdict};
use crate::planner::{Draft, causes, words};
use crate::survey::Evidence;
use crate::{
    Action, Bookkeeping, Change, Coverage, LeaverAction, Link, MemberChanges, Rejection, Warning,
    Written,
};

impl Planner<'_> {
    pub(super) fn leavers(&self, draft: &mut Draft) {
        for link in self.facts.links.missing() {
            if let Verdict::Due(action, evidence) = leavers::verdict(self.facts, link) {
                self.leaver(link, action, evidence, draft);
            }
        }
        draft.warnings.extend(self.kept().map(|message| Warning {
            key: None,
            origin: None,
            message,
        }));
    }

    fn leaver(&self, link: &Link, action: Action, evidence: Evidence, draft: &mut Draft) {
        let unknown = |reason: &str| Rejection {
            origin: self.facts.policy.source.clone(),
            key: Some(link.key.clone()),
            field: None,
            reason: format!(
                "the group left, and group {} could not be looked up: {reason}",
                link.id
            ),
            resource: Resource::Group,
        };
        let group = match self.facts.observation.presence(&link.id) {
            None => return draft.rejected.push(unknown("the target was not asked")),
            Some(Presence::Unknown(reason)) => return draft.rejected.push(unknown(reason)),
            Some(Presence::Gone) => {
                return draft.bookkeeping.push(Bookkeeping::Gone { key: link.key.clone() });
            }
            Some(Presence::Found(group)) => group,
        };
        if group.protected_by().is_some() {
            let what = "the group left the source, but stays as it is";
            return self.protected(group, &link.key, None, what, draft);
        }
        let source = &self.facts.policy.source;
        let reason = match evidence {
            Evidence::Absent => format!("no longer in {source}"),
            Evidence::Removed => format!("removed from {source}"),
            Evidence::OutOfScope => "no longer in scope".to_owned(),
        };
        let cause = causes::of_leaver(self.facts, link, action, evidence);
        draft.changes.push(Change {
            action,
            resource: Resource::Group,
            cause,
            key: link.key.clone(),
            id: Some(link.id.clone()),
            name: group.name.clone(),
            origin: None,
            reason: causes::with_cause(reason, cause),
            attributes: Vec::new(),
            members: MemberChanges::default(),
            digest: None,
            written: Written::default(),
        });
    }

    /// Why groups are kept, if any are.
    fn kept(&self) -> Option<String> {
        let survey = self.facts.survey;
        let missing = survey.missing.iter().filter(|missing| !missing.shared).count() as u64;
        if missing == 0 {
            return None;
        }
        let groups = words::count(missing, "linked group", "linked groups");
        let is_or_are = if missing == 1 { "is" } else { "are" };
        let source = &self.facts.policy.source;
        match &survey.coverage {
            Coverage::Partial { reason } => Some(format!(
                "{groups} not seen {is_or_are} kept, as only a part was read: {reason}"
            )),
            Coverage::Complete if self.facts.policy.leavers.action == LeaverAction::Ignore => {
                Some(format!(
                    "{groups} {is_or_are} not in {source} any more and left as at the target; groups.on_absent says what else to do"
                ))
            }
            Coverage::Complete if !survey.unidentified.is_empty() => {
                let records = survey.unidentified.len() as u64;
                let records = words::count(records, "rejected record", "rejected records");
                let places = words::list(survey.unidentified.iter().cloned());
                Some(format!(
                    "{groups} not in {source} {is_or_are} kept, as {records} may be theirs: {places}"
                ))
            }
            _ => None,
        }
    }
}
