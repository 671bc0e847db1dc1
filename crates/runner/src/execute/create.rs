//! Creating an account or a group, once.

use std::sync::PoisonError;

use peoplesync_reconcile::Change;
use peoplesync_scim::client::{ClientError, Created, Kind, Links};
use peoplesync_scim::{Filter, Path};
use serde_json::Value as Json;

use super::lookup::{find, find_created};
use super::partly::Partly;
use super::requests;
use super::send::Sender;
use super::sent::Sent;

impl Sender<'_> {
    /// Creates the account of a change. An attribute that the target refuses keeps nobody out, unless it is needed.
    pub(super) async fn create(&self, index: usize) -> Sent {
        let change = &self.plan.changes[index];
        let wanted = requests::now(change);
        let mut partly = Partly::default();
        loop {
            let left = partly.left(&wanted);
            let body = requests::create_body(change.resource, &left);
            let links = self.links(index, &left);
            match self.try_create(change, &body, links.as_ref()).await {
                Ok(created) => {
                    self.see_references(index, &created).await;
                    let answer = Some(&created.resource).filter(|resource| resource.is_object());
                    self.learn(change, &created.id, &wanted, answer, partly.is_used()).await;
                    return Sent {
                        status: Some(201),
                        error: partly.told(),
                        ..Sent::done(&created.id)
                    };
                }
                Err(error) if partly.leave_out(&left, &error, |path| self.is_needed(path)) => {}
                Err(error) => return self.failed(&error),
            }
        }
    }

    /// Creates a group with this body.
    pub(super) async fn create_with(&self, change: &Change, body: &Json) -> Sent {
        match self.try_create(change, body, None).await {
            Ok(created) => {
                let answer = Some(&created.resource).filter(|resource| resource.is_object());
                self.learn(change, &created.id, &[], answer, false).await;
                Sent { status: Some(201), ..Sent::done(&created.id) }
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Creates it, and where the answer is lost, looks for it before it is created again.
    async fn try_create(
        &self,
        change: &Change,
        body: &Json,
        links: Option<&Links>,
    ) -> Result<Created, ClientError> {
        let mut was_tried = false;
        loop {
            let error = match self.tools.client.create_linked(change.resource, body, links).await {
                Ok(created) => {
                    self.reached();
                    if self.is_anothers(&created.resource, change) {
                        return Err(ClientError::somebody_elses(change.resource));
                    }
                    if self.is_new(change, &created.id) {
                        return Ok(created);
                    }
                    None
                }
                Err(error) if error.ambiguous || error.kind == Kind::NoId => Some(error),
                // The first one arrived, and could not be found so soon after.
                Err(error) if was_tried && error.kind == Kind::Conflict => Some(error),
                Err(error) => return Err(error),
            };
            let (tools, lookup) = (&self.tools, self.lookup(change));
            // One that was created for sure may lack what the target does not keep.
            let found = match &error {
                Some(error) if error.kind != Kind::NoId => {
                    find_created(&tools.client, change.resource, &lookup, &tools.schemas).await
                }
                _ => find(&tools.client, change.resource, &lookup, &tools.schemas).await,
            };
            // Where nobody can tell whether it exists, it must not be created again; that is what is to be told.
            let (found, is_second) = match found {
                Ok(found) => (found, was_tried),
                Err(_) => (None, true),
            };
            if let Some(id) = found
                && self.is_new(change, &id)
            {
                return Ok(Created { id, resource: Json::Null, version: None, linked: false });
            }
            match error {
                Some(error) if is_second || error.kind == Kind::NoId => return Err(error),
                None if is_second => return Err(ClientError::somebody_elses(change.resource)),
                _ => was_tried = true,
            }
        }
    }

    /// Whether an answer is an account with another key than the one that was sent, and with nothing else by which it would be
    /// found. A service may drop what it is sent, or write it otherwise, and would not give it somebody else's key.
    fn is_anothers(&self, account: &Json, change: &Change) -> bool {
        let key = account.get("externalId").and_then(Json::as_str).unwrap_or_default();
        if key.is_empty() {
            return false;
        }
        let has = |(path, value): &(String, String)| {
            Path::parse(path).is_ok_and(|path| {
                Filter::eq(path, value.clone()).matches(account, &self.tools.schemas)
            })
        };
        let lookup = self.lookup(change);
        lookup.iter().any(|(path, _)| path == "externalId") && !lookup.iter().any(has)
    }

    /// Whether an id that was answered can be that of a new account. A proxy that repeats an answer, or a service that answers
    /// with whom it has, would otherwise give one account to two people.
    fn is_new(&self, change: &Change, id: &str) -> bool {
        let is_free = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.insert((change.resource, id.to_owned()))
        };
        // Whoever did not change is not in the plan.
        is_free && self.journal.owner(change.resource, id).is_none_or(|key| key == change.key)
    }

    /// Whether an account is no good without this attribute, so that it must not be left out.
    pub(super) fn is_needed(&self, path: &Path) -> bool {
        let is_root = |text: &str| Path::parse(text).is_ok_and(|known| known.same_root(path));
        let required = &self.tools.client.profile().write.required;
        ["userName", "active"].into_iter().any(is_root)
            || required.iter().any(|text| is_root(text))
            || self.tools.match_by.iter().any(|known| known.same_root(path))
    }
}
