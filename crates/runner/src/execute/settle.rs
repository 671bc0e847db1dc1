//! What came of a change: the link that it leaves behind, the history, and the end of its intent.

use std::borrow::Cow;

use peoplesync_reconcile::{Action, Change, Digest, Link, REDACTED, Standing};
use peoplesync_scim::Path;
use peoplesync_state::{HistoryNote, LinkEffect, MemberEffect, Settlement};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
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
                // Who is in the source is not absent, whatever comes of their change.
                Some(known) => put(Link {
                    digest: Digest::UNKNOWN,
                    absent_since: known.absent_since.filter(|_| change.digest.is_none()),
                    ..known.clone()
                }),
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
            error: sent.kept_error(change, self.tools.full_history),
            link: effect,
            members: members.filter(|_| sent.ended == Ended::Done).map(Box::new),
            history: self.history(change, sent, now),
        });
    }

    fn history(&self, change: &Change, sent: &Sent, at: i64) -> HistoryNote {
        let attributes = Noted { change, full: self.tools.full_history };
        HistoryNote {
            at,
            resource: change.resource,
            key: change.key.clone(),
            id: sent.id.clone().or_else(|| change.id.clone()),
            action: change.action,
            reason: change.reason.clone(),
            name: self.tools.full_history.then(|| change.name.clone()),
            attributes: serde_json::to_string(&attributes).expect("texts and JSON are JSON"),
            request: sent.request.clone(),
        }
    }
}

/// The attributes of a change, and the members of a group, as the history has them: a JSON array. It is written for every
/// change, so it is not built as a value first.
struct Noted<'a> {
    change: &'a Change,
    /// Whether values are kept as they are.
    full: bool,
}

#[derive(Serialize)]
struct NotedAttribute<'a> {
    after: Cow<'a, Json>,
    before: Cow<'a, Json>,
    path: &'a Path,
}

impl Serialize for Noted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { change, full } = *self;
        let mut all = serializer.serialize_seq(None)?;
        for attribute in change.attributes.iter().filter(|one| !requests::is_pending(one)) {
            let shown = |value| shown(value, attribute.redact, full);
            all.serialize_element(&NotedAttribute {
                after: shown(attribute.after.as_ref()),
                before: shown(attribute.before.as_ref()),
                path: &attribute.path,
            })?;
        }
        if let Some(members) = groups::history_of(change) {
            all.serialize_element(&members)?;
        }
        all.end()
    }
}

fn shown(value: Option<&Json>, redact: bool, full: bool) -> Cow<'_, Json> {
    match value {
        None => Cow::Owned(Json::Null),
        Some(_) if redact => Cow::Owned(Json::from(REDACTED)),
        Some(value) if full => Cow::Borrowed(value),
        Some(value @ Json::Bool(_)) => Cow::Borrowed(value),
        Some(Json::String(text)) => Cow::Owned(Json::String(masked(text))),
        Some(other) => Cow::Owned(Json::String(masked(&other.to_string()))),
    }
}
