//! Targets that take many changes in one request (RFC 7644 §3.7), and what becomes of such requests. Whether a target does, its seed
//! decides by dice of their own: a history without bulk requests is the one that it was before there were any.

use std::collections::BTreeMap;

use http::{Request, Response};
use peoplesync_simulator::Bulk;
use serde_json::{Value as Json, json};

use super::Sim;
use super::checker::Write;
use super::dice::Dice;
use super::wire::{BASE, error_of, refused, sabotage};

/// From a seed to the one of these dice. Another number would be as good, and give the kept seeds other histories.
const APART: u64 = 0x9E37_79B9_7F4A_7C15;

/// Statuses with which a service, or what stands before it, refuses the whole of it.
const REFUSALS: [u16; 6] = [400, 403, 404, 413, 501, 503];

/// How one target takes bulk requests.
#[derive(Debug)]
pub(super) struct Offer {
    dice: Dice,
    limits: Bulk,
    /// Whether the config has them used even for few changes.
    forced: bool,
    /// How many came.
    pub(super) count: u64,
}

/// What becomes of the operations of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    /// The service stops after so many, and answers those.
    Stops(usize),
    /// Some are refused for now.
    SomeRefused,
    /// Everything is carried out, and some of it not answered.
    SomeUnanswered,
    /// Answered in another order.
    Shuffled,
}

impl Offer {
    /// What the target of a seed offers, if it does.
    pub(super) fn of(seed: u64) -> Option<Self> {
        let mut dice = Dice::new(seed.wrapping_mul(APART));
        if !dice.one_in(3) {
            return None;
        }
        let limits = Bulk {
            max_operations: 2 + dice.index(12),
            max_payload: if dice.one_in(3) { 2_000 } else { 1 << 20 },
            bodies: dice.one_in(2),
        };
        let forced = !dice.one_in(4);
        Some(Self { dice, limits, forced, count: 0 })
    }

    pub(super) fn limits(&self) -> Bulk {
        self.limits.clone()
    }

    /// What the config says of them.
    pub(super) fn toml(&self) -> &'static str {
        if self.forced { "[target.overrides.bulk]\nuse = \"always\"\n" } else { "" }
    }

    fn fate(&mut self, operations: usize) -> Fate {
        match self.dice.below(12) {
            0 => Fate::Stops(self.dice.index(operations + 1)),
            1 => Fate::SomeRefused,
            2 => Fate::SomeUnanswered,
            3 => Fate::Shuffled,
            _ => Fate::Well,
        }
    }
}

pub(super) fn is_bulk(request: &Request<Vec<u8>>) -> bool {
    request.uri().path() == format!("{BASE}/Bulk")
}

/// Whether the whole of a bulk request is refused now.
pub(super) fn refusal(sim: &mut Sim) -> Option<u16> {
    let stormy = sim.stormy;
    let dice = &mut sim.bulk.as_mut()?.dice;
    (stormy && dice.one_in(10)).then(|| REFUSALS[dice.index(REFUSALS.len())])
}

/// Carries a bulk request out, and shows the checker each account that is another one after it.
pub(super) fn serve(sim: &mut Sim, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
    let (head, body) = request.into_parts();
    let Ok(mut body) = serde_json::from_slice::<Json>(&body) else { return refused(400) };
    let sent = body["Operations"].as_array().cloned().unwrap_or_default();
    let mut operations = Vec::with_capacity(sent.len());
    for operation in sent {
        operations.extend(sabotaged(sim, &operation));
    }
    let stormy = sim.stormy;
    let Some(offer) = &mut sim.bulk else { return refused(404) };
    offer.count += 1;
    let fate = if stormy { offer.fate(operations.len()) } else { Fate::Well };
    let mut held = Vec::new();
    match fate {
        Fate::Stops(after) => operations.truncate(after),
        Fate::SomeRefused => {
            let dice = &mut offer.dice;
            operations.retain(|operation| {
                let stays = !dice.one_in(3);
                if !stays {
                    held.push((operation.clone(), [429, 500, 503][dice.index(3)]));
                }
                stays
            });
        }
        _ => {}
    }
    if fate != Fate::Well {
        sim.note(&format!("bulk: {fate:?}"));
    }
    let mut reply = match operations.is_empty() {
        true => json!({ "schemas": [peoplesync_scim::urn::BULK_RESPONSE], "Operations": [] }),
        false => {
            body["Operations"] = operations.into();
            let request = Request::from_parts(head, body.to_string().into_bytes());
            let reply = carried_out(sim, request);
            match serde_json::from_slice::<Json>(reply.body()) {
                Ok(json) if reply.status().is_success() => json,
                _ => return reply,
            }
        }
    };
    let Some(offer) = &mut sim.bulk else { return refused(404) };
    if let Json::Array(answers) = &mut reply["Operations"] {
        answers.extend(held.into_iter().map(|(operation, status)| {
            let mut answer = json!({ "method": operation["method"], "status": status.to_string() });
            for name in ["bulkId", "version"] {
                if !operation[name].is_null() {
                    answer[name] = operation[name].clone();
                }
            }
            if operation["method"] != "POST" {
                answer["location"] = format!(
                    "http://127.0.0.1{BASE}{}",
                    operation["path"].as_str().unwrap_or_default()
                )
                .into();
            }
            answer["response"] = error_of(status);
            answer
        }));
        match fate {
            Fate::SomeUnanswered => answers.retain(|_| !offer.dice.one_in(3)),
            Fate::Shuffled => offer.dice.shuffle(answers),
            _ => {}
        }
    }
    let answer = Response::builder().status(200).header("content-type", "application/scim+json");
    answer.body(reply.to_string().into_bytes()).unwrap()
}

/// The operation as a program would send it that is wrong in one way, and perhaps another one beside it.
fn sabotaged(sim: &mut Sim, operation: &Json) -> Vec<Json> {
    let text = |name: &str| operation[name].as_str().unwrap_or_default().to_owned();
    let uri = format!("{BASE}{}", text("path"));
    let data = operation["data"].to_string().into_bytes();
    let request = Request::builder().method(text("method").as_str()).uri(uri).body(data).unwrap();
    let requests = sabotage(sim, request);
    let mut number = 0;
    let changed = requests.into_iter().map(|request| {
        let mut operation = operation.clone();
        let path = request.uri().path();
        operation["path"] = path.strip_prefix(BASE).unwrap_or(path).into();
        if operation.get("data").is_some() {
            operation["data"] = serde_json::from_slice(request.body()).unwrap();
        }
        if number > 0 {
            operation["bulkId"] = format!("twin{number}-{}", text("bulkId")).into();
        }
        number += 1;
        operation
    });
    changed.collect()
}

fn carried_out(sim: &mut Sim, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
    let accounts = |sim: &Sim| -> BTreeMap<String, Json> {
        let users = sim.target.users().into_iter();
        users.map(|user| (user["id"].as_str().unwrap_or_default().to_owned(), user)).collect()
    };
    let before = accounts(sim);
    let reply = sim.target.answer(request);
    let after = accounts(sim);
    let mut ids: Vec<&String> = before.keys().chain(after.keys()).collect();
    ids.sort();
    ids.dedup();
    // Who is new goes first, as others may be changed to refer to them.
    ids.sort_by_key(|id| before.contains_key(*id));
    for id in ids {
        let (was, is) = (before.get(id).cloned(), after.get(id).cloned());
        if was == is {
            continue;
        }
        let method = match (&was, &is) {
            (None, _) => "POST",
            (_, None) => "DELETE",
            _ => "PATCH",
        };
        let write =
            Write { method, id, before: was, after: is, all: after.values().cloned().collect() };
        let (settings, now) = (sim.believed(), sim.now);
        sim.checker.wrote(&settings, now, &write);
    }
    reply
}
