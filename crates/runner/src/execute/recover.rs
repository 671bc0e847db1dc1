//! After a crash: what the journal left open is looked up at the target, before anything is planned.

use peoplesync_mapping::DigestKey;
use peoplesync_reconcile::{Action, Digest, Link, Standing, Written};
use peoplesync_scim::client::Client;
use peoplesync_state::{HistoryNote, Intent, LinkEffect, Settlement, State};

use super::lookup::find_all_created;
use super::trial;
use crate::failure::Outcome;
use crate::pipeline::{Access, Session, fingerprint_of, one_persons};
use crate::report::Output;

/// Settles every intent that an interrupted apply left open.
///
/// - A create whose account is there now becomes a link; one whose account is not there is planned anew; one of which the target
///   does not tell stays open, and keeps nobody else waiting.
/// - A trial that may have taken members out of a group is made good by an apply; for a plan, which writes nothing, it stays open.
/// - Any other change leaves its link with an unknown digest, so that the account is compared with the target.
pub(crate) async fn recover(
    session: &Session,
    client: &Client,
    state: &mut State,
    key: &DigestKey,
    access: Access,
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
    let lost: Vec<(usize, &Intent)> = open
        .iter()
        .enumerate()
        .filter(|(_, (_, intent))| intent.action == Action::Create)
        .map(|(index, (_, intent))| (index, intent))
        .collect();
    let at_once = session.loaded.config.target.concurrency.max(1);
    let mut found = find_all_created(client, &lost, &session.schemas, at_once).await?;
    let (mut unclear, mut untold) = (Vec::new(), 0);
    for (index, (run, intent)) in open.into_iter().enumerate() {
        let fingerprint = fingerprint_of(key, &intent.key);
        let known = state.link(intent.resource, fingerprint, &intent.key)?;
        let put_back = match access {
            _ if !trial::is_one(&intent) => None,
            Access::Apply => match trial::put_back(client, &intent).await {
                Ok(told) => Some(told),
                // What concerns one group keeps nobody else waiting.
                Err(error) => {
                    unclear.push(one_persons(error)?);
                    continue;
                }
            },
            Access::Plan => {
                untold += 1;
                continue;
            }
        };
        let id = match found.remove(&index) {
            Some(Err(error)) => {
                unclear.push(error);
                continue;
            }
            Some(Ok(id)) => id,
            None => None,
        };
        // Somebody else's link to that account wins: then it was there before, and is no lost create.
        let found = match id {
            Some(id) => {
                let owners = state.links_by_id(intent.resource, &[id.as_str()])?;
                Some(id).filter(|_| owners.iter().all(|owner| owner.key == intent.key))
            }
            None => None,
        };
        // Of two accounts the one that was created last is theirs: the other one was gone.
        let link = match (&found, known) {
            (Some(id), known) if known.as_ref().is_none_or(|known| known.id != *id) => Some(Link {
                key: intent.key.clone(),
                id: id.clone(),
                digest: Digest::UNKNOWN,
                standing: Standing::Active,
                absent_since: None,
                created: true,
                written: Written::default(),
            }),
            (_, known) => known.map(|known| Link { digest: Digest::UNKNOWN, ..known }),
        };
        let outcome = match (&found, intent.action) {
            (Some(_), _) => peoplesync_state::Outcome::Done,
            (None, Action::Create) => peoplesync_state::Outcome::Failed,
            (None, _) if put_back.is_some() => peoplesync_state::Outcome::Done,
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
            error: Some(put_back.unwrap_or_else(|| error.to_owned())),
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
    if untold > 0 {
        output.note(&format!(
            "an interrupted trial may have taken members out of {}; the next apply puts them back",
            if untold == 1 { "a group".to_owned() } else { format!("{untold} groups") }
        ));
    }
    if let Some(first) = unclear.first() {
        output.note(&format!(
            "of {} of them the target does not tell what came of it, so the next run looks again: {first}",
            unclear.len()
        ));
    }
    Ok(())
}
