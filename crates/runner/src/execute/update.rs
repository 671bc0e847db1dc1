//! Changing an account or a group that exists: PATCH, PUT, or DELETE where that is how an account is taken out of use.

use std::sync::atomic::Ordering;

use peoplesync_reconcile::{Action, AttributeChange, Change};
use peoplesync_scim::client::{ClientError, Kind, version as version_of};
use peoplesync_scim::desired::Difference;
use peoplesync_scim::profile::{Clear, Deactivate, Reactivate, Update};
use peoplesync_scim::write;
use serde_json::Value as Json;

use super::partly::Partly;
use super::requests;
use super::send::Sender;
use super::sent::Sent;

/// How often an account is read again because somebody else is faster.
const MOST_REREAD: u32 = 3;

impl Sender<'_> {
    /// Writes differences. `version` is the one that they were found in, where the target has versions and they count.
    ///
    /// An attribute that the target refuses is left out, unless it is needed. Where somebody else was faster, the account is
    /// read again: what was planned is written if it is still what was planned, and is a failure otherwise.
    pub(super) async fn write(
        &self,
        change: &Change,
        differences: &[Difference],
        attributes: &[AttributeChange],
        id: &str,
        version: Option<&str>,
    ) -> Sent {
        let mut partly = Partly::default();
        let mut version = version.map(str::to_owned);
        let mut reread = 0;
        loop {
            let left = partly.left(differences);
            let error =
                match self.try_write(change, &left, attributes, id, version.as_deref()).await {
                    Ok(answer) => {
                        self.reached();
                        self.learn(change, id, differences, answer.as_ref(), partly.is_used())
                            .await;
                        return Sent { status: Some(200), error: partly.told(), ..Sent::done(id) };
                    }
                    Err(Stop::Error(error)) => error,
                    Err(Stop::Sent(sent)) => return sent,
                };
            if error.kind == Kind::Precondition && version.is_some() {
                reread += 1;
                match self.still_holds(change, &left, id).await {
                    Ok(Holds::No(path)) => {
                        return Sent::refused(error.status, overtaken(&path));
                    }
                    Ok(Holds::Done) => return Sent { status: Some(200), ..Sent::done(id) },
                    Ok(Holds::Yes(now)) if reread <= MOST_REREAD => version = now,
                    Ok(Holds::Yes(_)) => return self.failed(&error),
                    Err(stop) => return stop,
                }
                continue;
            }
            if !partly.leave_out(&left, &error, |path| self.is_needed(path)) {
                return self.failed(&error);
            }
        }
    }

    /// Deletes an account, if it is as it was when that was planned.
    pub(super) async fn delete(&self, change: &Change, id: &str) -> Sent {
        let version = self.version(change, id);
        match self.tools.client.delete(change.resource, id, version).await {
            Ok(_) => {
                self.reached();
                Sent::done(id)
            }
            // A rule of the target, such as that accounts in use are kept, is refused in the same way.
            Err(error)
                if error.kind == Kind::Precondition
                    && self.has_moved(change, id, version).await =>
            {
                Sent::refused(error.status, overtaken("the account"))
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Whether an account has another version than this one.
    async fn has_moved(&self, change: &Change, id: &str, version: Option<&str>) -> bool {
        let Some(version) = version else { return false };
        let read = self.tools.client.get(change.resource, id).await.ok().flatten();
        read.as_ref().and_then(version_of).is_none_or(|now| now != version)
    }

    /// Reads an account that has moved since it was planned, and sees whether what was planned still fits.
    async fn still_holds(
        &self,
        change: &Change,
        differences: &[Difference],
        id: &str,
    ) -> Result<Holds, Sent> {
        let managed = &self.tools.managed;
        let whole = match self.tools.client.get(change.resource, id).await {
            Ok(Some(whole)) => whole,
            Ok(None) => return Err(gone()),
            Err(error) => return Err(self.failed(&error)),
        };
        let Ok(account) = managed.observe(&whole) else {
            return Err(Sent::refused(None, "the account cannot be read any more"));
        };
        let has = |path, value: &Option<Json>| managed.agrees(path, value.as_ref(), &account);
        let mut is_done = true;
        for Difference { path, before, after } in differences {
            let is_there = has(path, after);
            if !is_there && !has(path, before) {
                return Ok(Holds::No(path.to_string()));
            }
            is_done &= is_there;
        }
        Ok(if is_done { Holds::Done } else { Holds::Yes(version_of(&whole)) })
    }

    /// PATCH, or read, merge and PUT.
    async fn try_write(
        &self,
        change: &Change,
        differences: &[Difference],
        attributes: &[AttributeChange],
        id: &str,
        version: Option<&str>,
    ) -> Result<Option<Json>, Stop> {
        let client = &self.tools.client;
        let profile = client.profile();
        let Some(update) = self.verb(change) else {
            let deleted = client.delete(change.resource, id, version).await;
            return deleted.map(|_| None).map_err(Stop::Error);
        };
        let by_put = matches!(update, Update::Put | Update::PutChanges);
        let mut whole = None;
        if by_put || requests::needs_whole(differences, change, profile, &self.tools.schemas) {
            whole = match client.get(change.resource, id).await {
                Ok(Some(whole)) => Some(whole),
                Ok(None) => return Err(Stop::Sent(gone())),
                Err(error) => return Err(Stop::Error(error)),
            };
        }
        let answer = match &whole {
            Some(whole) if update == Update::Put && self.hides_members(change, whole) => {
                Err(ClientError::members_not_told())
            }
            Some(whole) if by_put => {
                let empty = match profile.write.clear {
                    Clear::Remove => None,
                    Clear::Empty => Some(Json::String(String::new())),
                    Clear::Null => Some(Json::Null),
                };
                let body = match empty {
                    None => write::put_body(whole, differences),
                    Some(empty) if update == Update::PutChanges => {
                        write::changes_body(change.resource, whole, differences, &empty)
                    }
                    Some(empty) => write::put_body_with_empties(whole, differences, &empty),
                };
                client.replace(change.resource, id, &body, version).await
            }
            whole => {
                let body = requests::patch_body(
                    differences,
                    attributes,
                    whole.as_ref(),
                    profile,
                    &self.tools.schemas,
                );
                client.patch(change.resource, id, &body, version).await
            }
        };
        match answer {
            // It said nothing of it, but it has no PATCH: this account and all others are replaced instead.
            Err(error) if error.is_unsupported() && update == Update::Patch => {
                self.without_patch.store(true, Ordering::Relaxed);
                Box::pin(self.try_write(change, differences, attributes, id, version)).await
            }
            answer => answer.map_err(Stop::Error),
        }
    }

    /// How this change is sent; none is by DELETE.
    fn verb(&self, change: &Change) -> Option<Update> {
        let profile = self.tools.client.profile();
        let put = match profile.write.update {
            Update::PutChanges => Update::PutChanges,
            _ => Update::Put,
        };
        let asked =
            match (change.action, profile.lifecycle.deactivate, profile.lifecycle.reactivate) {
                (Action::Deactivate, Deactivate::Delete, _) => None,
                (Action::Deactivate, Deactivate::Patch, _) => Some(Update::Patch),
                (Action::Deactivate, Deactivate::Put, _) => Some(put),
                (Action::Reactivate, _, Reactivate::Patch) => Some(Update::Patch),
                (Action::Reactivate, _, Reactivate::Put) => Some(put),
                _ => Some(profile.write.update),
            };
        match asked {
            Some(Update::Patch | Update::Auto) if self.without_patch.load(Ordering::Relaxed) => {
                Some(Update::Put)
            }
            asked => asked,
        }
    }
}

/// Why a write ended.
enum Stop {
    Error(ClientError),
    Sent(Sent),
}

/// Whether a change still fits an account that has moved since it was planned.
enum Holds {
    /// It does, in this version.
    Yes(Option<String>),
    /// All of it is there already: our own request, whose answer was lost, or somebody who did the same.
    Done,
    /// This attribute has another value than the one that was to be replaced.
    No(String),
}

fn gone() -> Sent {
    Sent::refused(Some(404), "the account no longer exists at the target")
}

fn overtaken(path: &str) -> String {
    format!(
        "{path} was changed at the target after this was planned, so nothing was written; the next run plans it anew"
    )
}
