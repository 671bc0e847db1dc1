//! What came of a change: the link that it leaves behind, the history, and the end of its intent.

use peoplesync_reconcile::{Action, Change, Digest, Link, REDACTED, Standing};
use peoplesync_state::{HistoryNote, LinkEffect, MemberEffect, Settlement};
use serde_json::Value as Json;

use super::send::Sender;
use super::sent::{Ended, Sent};
use super::{groups, link, requests};
use crate::log::masked;

impl Sender<'_> {
    /// Notes what came of a change. `digest` is what the link remembers; none as long as something of it is open.
    pub(super) fn settle(
        &self,
        seq: usize,
        change: &Change,
        sent: &Sent,
        digest: Option<Digest>,
        created: bool,
    ) {
        self.settle_with(seq, change, sent, digest, created, None);
    }

    /// The same, with what it did to the members of a group.
    pub(super) fn settle_with(
        &self,
        seq: usize,
        change: &Change,
        sent: &Sent,
        digest: Option<Digest>,
        created: bool,
        members: Option<MemberEffect>,
    ) {
        let now = self.tools.clock.now().0;
        let known = self.links_of(change.resource).and_then(|links| links.get(&change.key));
        let created = created || known.is_some_and(|link| link.created);
        let put = |link: Link| LinkEffect::Put {
            fingerprint: (self.tools.fingerprint)(&change.key),
            link,
        };
        let effect = match (sent.ended, change.action) {
            (Ended::Done, Action::Delete | Action::Unlink) => LinkEffect::Forget {
                fingerprint: (self.tools.fingerprint)(&change.key),
                key: change.key.clone(),
            },
            (Ended::Done, action) => {
                let id = sent.id.as_deref().or(change.id.as_deref()).unwrap_or_default();
                let mut link = link(change, id, digest, created);
                // A leaver has no digest: there is no record to take one of.
                if action == Action::Deactivate && change.digest.is_none() {
                    link.standing = Standing::Deactivated { since: now };
                    link.absent_since = known.and_then(Link::first_missed);
                }
                put(link)
            }
            // What the account is now is not known: the next run looks.
            (Ended::Failed, action) => match known {
                // A later step of a change that led to another account than the one that was known.
                Some(known)
                    if action == Action::Update && change.id.as_ref() != Some(&known.id) =>
                {
                    put(link(change, change.id.as_deref().unwrap_or_default(), None, created))
                }
                Some(known) => put(Link { digest: Digest::UNKNOWN, ..known.clone() }),
                None => LinkEffect::None,
            },
            (Ended::Skipped, _) => LinkEffect::None,
        };
        self.journal.settle(Settlement {
            seq: seq as u64,
            outcome: match sent.ended {
                Ended::Done => peoplesync_state::Outcome::Done,
                Ended::Failed => peoplesync_state::Outcome::Failed,
                Ended::Skipped => peoplesync_state::Outcome::Skipped,
            },
            status: sent.status,
            error: sent.error.clone(),
            link: effect,
            members: members.filter(|_| sent.ended == Ended::Done).map(Box::new),
            history: self.history(change, sent, now),
        });
    }

    fn history(&self, change: &Change, sent: &Sent, at: i64) -> HistoryNote {
        let shown = |redact: bool, value: &Option<Json>| match value {
            None => Json::Null,
            Some(_) if redact => Json::from(REDACTED),
            Some(value) if self.tools.full_history => value.clone(),
            Some(Json::String(text)) => Json::String(masked(text)),
            Some(Json::Bool(value)) => Json::Bool(*value),
            Some(other) => Json::String(masked(&other.to_string())),
        };
        let attributes: Vec<Json> = change
            .attributes
            .iter()
            .filter(|attribute| !requests::is_pending(attribute))
            .map(|attribute| {
                serde_json::json!({
                    "path": attribute.path,
                    "before": shown(attribute.redact, &attribute.before),
                    "after": shown(attribute.redact, &attribute.after),
                })
            })
            .chain(groups::history_of(change))
            .collect();
        HistoryNote {
            at,
            resource: change.resource,
            key: change.key.clone(),
            id: sent.id.clone().or_else(|| change.id.clone()),
            action: change.action,
            reason: change.reason.clone(),
            name: self.tools.full_history.then(|| change.name.clone()),
            attributes: Json::Array(attributes).to_string(),
            request: sent.request.clone(),
        }
    }
}
