//! What an apply does to the target and to the links.

use peoplesync_reconcile::{Action, Bookkeeping, Change, Digest, Link, Plan, Standing};
use peoplesync_scim::desired::Difference;
use peoplesync_scim::{patch, write};
use serde_json::{Value as Json, json};

use super::World;

impl World {
    pub(crate) fn apply(&mut self, plan: &Plan) {
        for change in &plan.changes {
            self.change(change);
        }
        // References to accounts that are only there now.
        for change in &plan.changes {
            let waiting: Vec<Difference> = change
                .attributes
                .iter()
                .filter(|attribute| attribute.after.is_none())
                .filter_map(|attribute| {
                    let meant = self.links.get(attribute.reference.as_ref()?);
                    let id = meant.expect("whoever is meant has an account by now").id.clone();
                    let (path, before) = (attribute.path.clone(), attribute.before.clone());
                    Some(Difference { path, before, after: Some(Json::from(id)) })
                })
                .collect();
            if !waiting.is_empty() {
                let id = self.links[&change.key].id.clone();
                self.patch(&id, &waiting);
            }
        }
        for note in &plan.bookkeeping {
            self.note(note);
        }
    }

    fn change(&mut self, change: &Change) {
        let now: Vec<Difference> = change
            .attributes
            .iter()
            .filter(|attribute| attribute.reference.is_none() || attribute.after.is_some())
            .map(|attribute| Difference {
                path: attribute.path.clone(),
                before: attribute.before.clone(),
                after: attribute.after.clone(),
            })
            .collect();
        let known = self.links.get(&change.key).cloned();
        let id = match (&change.action, &change.id) {
            (Action::Create, _) => {
                let values: Vec<_> = now
                    .into_iter()
                    .filter_map(|difference| Some((difference.path, difference.after?)))
                    .collect();
                let mut account = write::create_body(change.resource, &values);
                let id = format!("new{}", self.next_id);
                self.next_id += 1;
                account["id"] = json!(id);
                self.accounts.insert(id.clone(), account);
                id
            }
            (_, None) => panic!("no id: {change:?}"),
            (Action::Delete, Some(id)) => {
                assert!(self.accounts.remove(id).is_some(), "{id} is not there");
                self.links.remove(&change.key);
                return;
            }
            (Action::Unlink, Some(_)) => {
                self.links.remove(&change.key);
                return;
            }
            (_, Some(id)) => {
                if !now.is_empty() {
                    self.patch(id, &now);
                }
                id.clone()
            }
        };
        let standing = match (change.action, change.digest) {
            (Action::Deactivate, None) => Standing::Deactivated { since: self.policy.now },
            _ => Standing::Active,
        };
        let link = Link {
            key: change.key.clone(),
            id,
            digest: change.digest.unwrap_or(Digest::UNKNOWN),
            written: change.written.clone(),
            standing,
            absent_since: known
                .as_ref()
                .and_then(Link::first_missed)
                .filter(|_| change.digest.is_none()),
            created: change.action == Action::Create || known.is_some_and(|known| known.created),
        };
        self.links.insert(link.key.clone(), link);
    }

    fn patch(&mut self, id: &str, differences: &[Difference]) {
        let schemas = self.managed.schemas();
        let account = self.accounts.get_mut(id).unwrap_or_else(|| panic!("{id} is not there"));
        let body = write::patch_body(differences, Some(account), schemas);
        patch::apply(account, &body, schemas, self.managed.resource())
            .unwrap_or_else(|error| panic!("{body} is refused: {error:?}"));
    }

    fn note(&mut self, note: &Bookkeeping) {
        match note {
            Bookkeeping::Same { key, digest, written } => {
                let link = self.links.get_mut(key).expect("only linked people are noted");
                link.digest = *digest;
                link.written = written.clone();
                link.standing = Standing::Active;
                link.absent_since = None;
            }
            Bookkeeping::Absent { key } => {
                let link = self.links.get_mut(key).expect("only linked people are noted");
                let began = link.absent_since.is_some_and(|since| since <= self.policy.now);
                assert!(!began, "the grace period began before");
                link.absent_since = Some(self.policy.now);
            }
            Bookkeeping::Present { key } => {
                let link = self.links.get_mut(key).expect("only linked people are noted");
                assert!(link.absent_since.take().is_some(), "there was no grace period");
            }
            Bookkeeping::Inactive { key } => {
                let link = self.links.get_mut(key).expect("only linked people are noted");
                link.standing = Standing::Deactivated { since: self.policy.now };
            }
            Bookkeeping::Gone { key } => {
                self.links.remove(key).expect("only linked people are noted");
            }
        }
    }
}
