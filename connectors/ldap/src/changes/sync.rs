//! Content synchronisation (RFC 4533), refresh only: the server says what was changed and what was deleted since a cookie.
//!
//! A server that has forgotten what was deleted lists everybody who is still there instead. That is no list of changes, so
//! everything is read.

use std::collections::BTreeMap;

use peoplesync_source::{Context, Error};

use super::{Place, Step};
use crate::connection::{Connection, SUCCESS};
use crate::directory::Directory;
use crate::intake::Intake;
use crate::source::{Shared, broken};
use crate::value;
use crate::wire::ber::OCTETS;
use crate::wire::controls::{self, SYNC_DONE, SYNC_INFO, SYNC_STATE, SyncInfo, SyncState};
use crate::wire::{Answer, Broken, Search};

/// Goes through the branches, one after the other.
#[derive(Debug)]
pub(super) struct Sync {
    branch: usize,
    under_way: Option<i32>,
    /// Whether the server said that it lists those who are gone.
    has_deletes: bool,
}

/// The cookie of this moment: OpenLDAP makes it of the newest change of each server (`contextCSN`).
pub(super) async fn begin(
    connection: &mut Connection,
    directory: &Directory,
    shared: &Shared,
) -> Result<Option<Place>, Error> {
    let mut parts = Vec::new();
    for branch in &shared.checked.branches {
        let Some(context) = directory.context_of(&branch.dn) else { return Ok(None) };
        let entry = connection.entry(context, &["contextCSN"]).await?;
        let newest: Vec<String> = entry
            .map(|entry| entry.texts("contextCSN").map(str::to_owned).collect())
            .unwrap_or_default();
        if newest.is_empty() {
            return Ok(None);
        }
        parts.push(format!("rid=000,csn={}", newest.join(";")).into_bytes());
    }
    Ok(Some(Place { method: super::Method::Syncrepl, parts }))
}

impl Sync {
    pub(super) fn new() -> Self {
        Self { branch: 0, under_way: None, has_deletes: false }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a pass, which its owner cannot lend as a whole"
    )]
    pub(super) async fn step(
        &mut self,
        cx: &Context,
        connection: &mut Connection,
        shared: &Shared,
        attributes: &[String],
        intake: &mut Intake,
        place: &mut Place,
        gone: &mut BTreeMap<String, String>,
    ) -> Result<Step, Error> {
        let (Some(branch), Some(cookie)) =
            (shared.checked.branches.get(self.branch), place.parts.get_mut(self.branch))
        else {
            return Ok(Step::Over);
        };
        let Some(id) = self.under_way else {
            let search = Search {
                base: &branch.dn,
                depth: branch.depth,
                filter: &branch.filter,
                attributes,
                types_only: false,
                controls: &[controls::sync_request(cookie)],
            };
            self.under_way = Some(connection.start(&search).await?);
            return Ok(Step::Going);
        };
        let message = connection.answer(id).await?;
        match &message.answer {
            Answer::Entry(entry) => {
                let Some(control) = message.control(SYNC_STATE).map_err(broken)? else {
                    return Ok(Step::Everything);
                };
                let (state, id, newer) = controls::sync_state(control).map_err(broken)?;
                match state {
                    SyncState::Present => return Ok(Step::Everything),
                    SyncState::Deleted => note_gone(gone, id)?,
                    SyncState::Changed => intake.entry(cx, entry)?,
                }
                remember(cookie, newer);
            }
            Answer::Intermediate { oid, value } if *oid == SYNC_INFO.as_bytes() => {
                match controls::sync_info(value).map_err(broken)? {
                    SyncInfo::Cookie(newer) => remember(cookie, Some(newer)),
                    SyncInfo::Deletes { cookie: newer } => {
                        self.has_deletes = true;
                        remember(cookie, newer);
                    }
                    SyncInfo::Presents | SyncInfo::Ids { are_deleted: false, .. } => {
                        return Ok(Step::Everything);
                    }
                    SyncInfo::Ids { cookie: newer, mut ids, .. } => {
                        while !ids.is_empty() {
                            note_gone(gone, ids.take(OCTETS).map_err(broken)?)?;
                        }
                        remember(cookie, newer);
                    }
                }
            }
            Answer::Done(outcome) if outcome.code == SUCCESS => {
                let Some(control) = message.control(SYNC_DONE).map_err(broken)? else {
                    return Ok(Step::Everything);
                };
                let (newer, are_deletes) = controls::sync_done(control).map_err(broken)?;
                remember(cookie, newer);
                // Without the list of deletions, what came is everybody who is there: so it is with a cookie that means nothing.
                if !are_deletes && !self.has_deletes {
                    return Ok(Step::Everything);
                }
                *self = Self { branch: self.branch + 1, ..Self::new() };
            }
            // A cookie that is too old, or no longer allowed. If it is something else, a full pass says what.
            Answer::Done(_) => return Ok(Step::Everything),
            _ => {}
        }
        Ok(Step::Going)
    }
}

fn remember(cookie: &mut Vec<u8>, newer: Option<&[u8]>) {
    if let Some(newer) = newer {
        *cookie = newer.to_vec();
    }
}

fn note_gone(gone: &mut BTreeMap<String, String>, id: &[u8]) -> Result<(), Error> {
    let id = value::uuid(id).ok_or(Broken("an identity has not 16 bytes")).map_err(broken)?;
    let place = format!("entryUUID {id}");
    gone.insert(id, place);
    Ok(())
}
