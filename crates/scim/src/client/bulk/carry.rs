//! Carrying a bulk request: its pace, its lane, and what its answer means for each change in it.

use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::super::error::{ClientError, Kind};
use super::super::pace::Class;
use super::super::reply::Reply;
use super::super::retry::Sent;
use super::super::transport::{Call, Transport};
use super::{Bulk, Ordering, Outcome, Part, Turn, Waiting, message};

/// A bulk request, as far as limits tell requests apart.
const WHOLE: Class<'static> = Class { method: "POST", resource: None, write: true };

impl Transport {
    /// Sends a change along with others, if it can be.
    pub(in super::super) async fn together(&self, bulk: &Bulk, call: &Call<'_>) -> Outcome {
        loop {
            let Some((number, turn)) = bulk.join(call, self.lanes.count()) else {
                return Outcome::Alone;
            };
            if let Some(number) = number {
                // Until everybody has had a chance to join who can.
                tokio::task::yield_now().await;
                bulk.flush_turn(number, self.lanes.count());
            }
            let turn = match turn.await {
                Ok(Turn::Carry(part, others)) => self.carry_all(bulk, part, others).await,
                Ok(turn) => turn,
                // Who carried it is gone, and with it what came of it.
                Err(_) => {
                    let message = "nobody knows what came of the request that it was part of";
                    let error = ClientError::new(Kind::Unreachable, message);
                    let error = error.with_retryable(true).with_ambiguous(true);
                    Turn::Sent(Err((error, Sent::Perhaps)), false)
                }
            };
            match turn {
                Turn::Sent(result, linked) => return Outcome::Sent(result, linked),
                Turn::Again => {}
                Turn::Doubted => return Outcome::Doubted,
                Turn::Alone | Turn::Carry(..) => return Outcome::Alone,
            }
        }
    }

    /// Sends a request and tells the others what came of theirs; gives what came of one's own.
    async fn carry_all(&self, bulk: &Bulk, own: Part, others: Vec<Waiting>) -> Turn {
        let mut parts = vec![&own];
        parts.extend(others.iter().map(|waiting| &waiting.part));
        let with_links = bulk.links();
        let order = message::ordered(&parts, with_links);
        let body = message::request(order.iter().map(|(index, linked)| (parts[*index], *linked)));
        let sent: Vec<&Part> = order.iter().map(|(index, _)| parts[*index]).collect();

        let classes: Vec<Class<'_>> = match bulk.counts.load(Ordering::Relaxed) {
            true => sent.iter().map(|part| class(part)).collect(),
            false => vec![WHOLE],
        };
        let mut asked = Instant::now();
        for class in &classes {
            asked = self.pace.admit(*class).await;
        }
        let lane = self.lanes.enter().await;
        let started = Instant::now();
        let call = Call { body: Some(body), ..Call::new(Method::POST, &bulk.endpoint) };
        let result = self.signed(&call).await;
        let elapsed = started.elapsed();
        drop(lane);
        let label = format!("{} with {} operations", call.label(), sent.len());
        self.judge_load(&result, sent.len());
        let turns = match result {
            Ok(mut reply) => {
                self.succeeded(&call, &label, 0, (reply.status, reply.body.len(), elapsed));
                let body = reply.json().ok().flatten();
                match message::answers(body, &sent) {
                    Some(answers) => {
                        bulk.together_took(sent.len(), elapsed);
                        // It counts operations, then.
                        if answers.iter().flatten().any(|answer| answer.status == 429) {
                            bulk.counts.store(true, Ordering::Relaxed);
                        }
                        if !bulk.counts.load(Ordering::Relaxed) {
                            self.pace.succeeded(WHOLE);
                        }
                        let answers = answers.into_iter().zip(&order).zip(&sent);
                        answers
                            .map(|((answer, (_, linked)), part)| {
                                self.turn(bulk, answer, part, *linked, asked)
                            })
                            .collect()
                    }
                    None => {
                        let message =
                            "answered with something else than what came of the operations";
                        let error = ClientError::new(Kind::Malformed, message);
                        let error = error.with_status(reply.status).of(&label);
                        bulk.end(error.to_string());
                        sent.iter().map(|part| unknown(&error, part)).collect()
                    }
                }
            }
            Err((error, sent_how)) => {
                let error = error.of(&label);
                tracing::debug!(request = label, status = error.status, kind = ?error.kind, "bulk request failed");
                if error.kind == Kind::Throttled && error.retry_after != Some(Duration::ZERO) {
                    self.pace.refused(WHOLE, asked);
                }
                refused(bulk, &error, sent_how, &sent)
            }
        };
        // Back from the order of the request to that of the queue.
        let mut own_turn = Turn::Alone;
        let mut others: Vec<Option<Waiting>> = others.into_iter().map(Some).collect();
        let indexes: Vec<usize> = order.iter().map(|(index, _)| *index).collect();
        for (index, turn) in indexes.into_iter().zip(turns) {
            match index.checked_sub(1) {
                None => own_turn = turn,
                Some(index) => {
                    if let Some(waiting) = others.get_mut(index).and_then(Option::take) {
                        waiting.tell(turn);
                    }
                }
            }
        }
        own_turn
    }

    /// What came of one operation.
    fn turn(
        &self,
        bulk: &Bulk,
        answer: Option<Reply>,
        part: &Part,
        linked: bool,
        asked: Instant,
    ) -> Turn {
        let Some(mut reply) = answer else {
            let message = "the answer says nothing of this operation";
            return unknown(&ClientError::new(Kind::Malformed, message), part);
        };
        let class = class(part);
        let Some((error, sent)) = reply.failure(true) else {
            if bulk.counts.load(Ordering::Relaxed) {
                self.pace.succeeded(class);
            }
            return Turn::Sent(Ok(reply), linked);
        };
        if error.kind == Kind::Throttled {
            self.pace.refused(class, asked);
        }
        // Perhaps it is the reference that is refused.
        if linked && sent == Sent::Decided && !error.ambiguous {
            return Turn::Doubted;
        }
        Turn::Sent(Err((error, sent)), linked)
    }
}

/// What the refusal of a whole request means for each part of it.
fn refused(bulk: &Bulk, error: &ClientError, sent: Sent, parts: &[&Part]) -> Vec<Turn> {
    let each = |turn: &dyn Fn(&Part) -> Turn| parts.iter().map(|part| turn(part)).collect();
    let same = |_: &Part| Turn::Sent(Err((error.once_more(), sent)), false);
    match (error.status, error.kind) {
        (Some(413), _) => match bulk.shrink(parts.len(), error) {
            true => each(&|_| Turn::Again),
            false => each(&|_| Turn::Alone),
        },
        // Withdrawn credentials are no better for single requests.
        (Some(401 | 429), _) => each(&same),
        (Some(500..), _) | (_, Kind::TooLarge) if sent == Sent::Decided => {
            bulk.end(error.to_string());
            match error.is_unsupported() {
                true => each(&|_| Turn::Alone),
                false => each(&|part| unknown(error, part)),
            }
        }
        // It is not served, or not to us, or not like this.
        (Some(_), _) if sent == Sent::Decided => {
            bulk.end(error.to_string());
            each(&|_| Turn::Alone)
        }
        _ => {
            bulk.rest(parts.len());
            each(&same)
        }
    }
}

/// Nobody knows whether it was done: what may be done twice is sent by itself.
fn unknown(error: &ClientError, part: &Part) -> Turn {
    if part.method != Method::POST {
        return Turn::Alone;
    }
    Turn::Sent(Err((error.once_more().with_ambiguous(true), Sent::Perhaps)), false)
}

fn class(part: &Part) -> Class<'_> {
    Class { method: part.method.as_str(), resource: part.resource, write: true }
}
