//! After a crash: what the journal left open is looked up at the target, before anything is planned.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use peoplesync_mapping::DigestKey;
use peoplesync_reconcile::{Action, Digest, Link, Standing, Written};
use peoplesync_scim::client::{Client, ClientError};
use peoplesync_state::{HistoryNote, LinkEffect, Settlement, State};

use super::create::find_created;
use crate::failure::Outcome;
use crate::pipeline::{Session, fingerprint_of};
use crate::report::Output;

/// Settles every intent that an interrupted apply left open.
///
/// - A create whose account is there now becomes a link; one whose account is not there is planned anew.
/// - Any other change leaves its link with an unknown digest, so that the account is compared with the target.
pub(crate) async fn recover(
    session: &Session,
    client: &Client,
    state: &mut State,
    key: &DigestKey,
    output: Output,
) -> Outcome<()> {
    let open = state.unsettled()?;
    output.note(&format!(
        "an earlier apply was interrupted; looking up {} at the target",
        match open.len() {
            1 => "the change that it left open".to_owned(),
            count => format!("the {count} changes that it left open"),
        }
    ));
    let now = session.clock.now().0;
    // Side by side, as there may be many: intents are written ahead of their requests.
    let lost = open.iter().enumerate().filter(|(_, (_, intent))| intent.action == Action::Create);
    let found: Vec<(usize, Option<String>)> = futures_util::stream::iter(lost)
        .map(|(index, (_, intent))| async move {
            let lookup = &intent.lookup;
            let found = find_created(client, intent.resource, lookup, &session.schemas).await?;
            Ok::<_, ClientError>((index, found))
        })
        .buffer_unordered(session.loaded.config.target.concurrency.max(1))
        .try_collect()
        .await?;
    let mut found: BTreeMap<usize, Option<String>> = found.into_iter().collect();
    for (index, (run, intent)) in open.into_iter().enumerate() {
        let fingerprint = fingerprint_of(key, &intent.key);
        let known = state.link(intent.resource, fingerprint, &intent.key)?;
        let (link, found) = match (&known, intent.action) {
            (Some(known), _) => (Some(Link { digest: Digest::UNKNOWN, ..known.clone() }), None),
            (None, Action::Create) => {
                let id = found.remove(&index).flatten();
                // Somebody else's link to that account wins: then it was there before, and is no lost create.
                let taken = match &id {
                    Some(id) => !state.links_by_id(intent.resource, &[id.as_str()])?.is_empty(),
                    None => false,
                };
                let id = id.filter(|_| !taken);
                let link = id.as_ref().map(|id| Link {
                    key: intent.key.clone(),
                    id: id.clone(),
                    digest: Digest::UNKNOWN,
                    standing: Standing::Active,
                    absent_since: None,
                    created: true,
                    written: Written::default(),
                });
                (link, id)
            }
            (None, _) => (None, None),
        };
        let outcome = match (&found, intent.action) {
            (Some(_), _) => peoplesync_state::Outcome::Done,
            (None, Action::Create) => peoplesync_state::Outcome::Failed,
            (None, _) => peoplesync_state::Outcome::Skipped,
        };
        let error = match (&found, intent.action) {
            (Some(_), _) => "interrupted; the account was found at the target",
            (None, Action::Create) => "interrupted; the account is not at the target",
            (None, _) => "interrupted; the account is compared with the target again",
        };
        let settlement = Settlement {
            seq: intent.seq,
            outcome,
            status: None,
            error: Some(error.to_owned()),
            link: match link {
                Some(link) => LinkEffect::Put { fingerprint, link },
                None => LinkEffect::None,
            },
            members: None,
            history: HistoryNote {
                at: now,
                resource: intent.resource,
                key: intent.key.clone(),
                id: found.or(intent.id),
                action: intent.action,
                reason: "an earlier apply was interrupted".to_owned(),
                name: None,
                attributes: "[]".to_owned(),
                request: None,
            },
        };
        state.settle(run, &[settlement])?;
    }
    Ok(())
}
