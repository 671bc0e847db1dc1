//! The network of a history, with the target at its end: what is sent may be lost, late or answered with nonsense, and each write
//! that arrives is shown to the checker.

use std::time::Duration;

use http::{Request, Response};
use peoplesync_scim::Resource;
use peoplesync_scim::client::{Carried, Lost, Wire};
use serde_json::{Value as Json, json};

use super::checker::Write;
use super::{Moment, Sabotage, Shared, Sim, bulk, locked};

/// Where the target is.
pub(super) const BASE: &str = "/scim/v2";

#[derive(Debug)]
pub(super) struct SimulatedWire(pub(super) Shared);

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Well,
    RequestLost,
    ReplyLost,
    Refused(u16),
    /// An answer from something that is no SCIM service, before the request arrives.
    Page(u16),
    /// The request is carried out, and the answer is cut.
    Cut,
    /// The request is carried out, and the answer is something else.
    Nonsense,
    /// Nothing comes, whether it is carried out or not.
    Silence(bool),
}

impl Wire for SimulatedWire {
    fn carry(&self, request: Request<Vec<u8>>) -> Carried<'_> {
        Box::pin(async move {
            let (there, back, way) = {
                let mut sim = locked(&self.0);
                let mut way = way(&mut sim);
                if way == Way::Well
                    && bulk::is_bulk(&request)
                    && let Some(status) = bulk::refusal(&mut sim)
                {
                    way = Way::Refused(status);
                }
                let mut late = || Duration::from_millis(u64::from(sim.dice.below(30)));
                (late(), late(), way)
            };
            tokio::time::sleep(there).await;
            let reply = {
                let mut sim = locked(&self.0);
                let line = format!("{} {}", request.method(), request.uri().path());
                if sim.may_die(Moment::Request) {
                    sim.note(&format!("{line}: dies before it is carried out"));
                    None
                } else {
                    let reply = match way {
                        Way::RequestLost => Err(Lost::Request),
                        Way::Silence(false) => Ok(None),
                        Way::Refused(status) => Ok(Some(refused(status))),
                        Way::Page(status) => Ok(Some(page(status))),
                        _ => {
                            let reply = serve(&mut sim, request);
                            match way {
                                Way::ReplyLost => Err(Lost::Reply),
                                Way::Silence(_) => Ok(None),
                                Way::Cut => Ok(Some(reply.map(|mut body| {
                                    body.truncate(body.len() / 2);
                                    body
                                }))),
                                Way::Nonsense => Ok(Some(
                                    reply.map(|_| b"{\"Resources\": 7, \"id\": []}".to_vec()),
                                )),
                                _ => Ok(Some(reply)),
                            }
                        }
                    };
                    let status = match &reply {
                        Ok(Some(reply)) => reply.status().as_u16(),
                        _ => 0,
                    };
                    sim.note(&format!("{line}: {way:?} {status}"));
                    if sim.may_die(Moment::Reply) {
                        sim.note("dies before the answer comes");
                        None
                    } else {
                        Some(reply)
                    }
                }
            };
            let Some(reply) = reply else { return std::future::pending().await };
            let Some(reply) = reply? else { return std::future::pending().await };
            tokio::time::sleep(back).await;
            Ok(reply)
        })
    }
}

fn way(sim: &mut Sim) -> Way {
    if !sim.is_stormy() || !sim.dice.one_in(8) {
        return Way::Well;
    }
    match sim.dice.below(12) {
        0 | 1 => Way::RequestLost,
        2 | 3 => Way::ReplyLost,
        4 => Way::Refused(429),
        5 => Way::Refused(503),
        6 => Way::Refused(500),
        7 => Way::Page(if sim.dice.one_in(2) { 404 } else { 200 }),
        8 => Way::Page(502),
        9 => Way::Cut,
        10 => Way::Nonsense,
        _ => Way::Silence(sim.dice.one_in(2)),
    }
}

/// The body of an error.
pub(super) fn error_of(status: u16) -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(), "detail": "not now",
    })
}

pub(super) fn refused(status: u16) -> Response<Vec<u8>> {
    let body = error_of(status);
    let reply = Response::builder().status(status).header("content-type", "application/scim+json");
    let reply = if status == 429 { reply.header("retry-after", "2") } else { reply };
    reply.body(body.to_string().into_bytes()).unwrap()
}

fn page(status: u16) -> Response<Vec<u8>> {
    let reply = Response::builder().status(status).header("content-type", "text/html");
    reply.body(b"<html><body>Sign in</body></html>".to_vec()).unwrap()
}

/// Carries a request out at the target, and shows writes to the checker.
fn serve(sim: &mut Sim, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
    if request.method() == "GET" {
        return sim.target.answer(request);
    }
    if bulk::is_bulk(&request) {
        return bulk::serve(sim, request);
    }
    let mut first = None;
    for request in sabotage(sim, request) {
        let (method, id) = (request.method().as_str().to_owned(), id_of(&request));
        let reply = carried_out(sim, &method, id, request);
        first.get_or_insert(reply);
    }
    first.unwrap_or_else(|| refused(500))
}

fn carried_out(
    sim: &mut Sim,
    method: &str,
    id: String,
    request: Request<Vec<u8>>,
) -> Response<Vec<u8>> {
    let before = sim.target.get(Resource::User, &id);
    let reply = sim.target.answer(request);
    let id = match method {
        "POST" => {
            let created: Json = serde_json::from_slice(reply.body()).unwrap_or_default();
            created["id"].as_str().unwrap_or_default().to_owned()
        }
        _ => id,
    };
    if !reply.status().is_success() {
        return reply;
    }
    let after = sim.target.get(Resource::User, &id);
    let all = sim.target.users();
    let write = Write { method, id: &id, before, after, all };
    let (settings, now) = (sim.believed(), sim.now);
    sim.checker.wrote(&settings, now, &write);
    reply
}

fn id_of(request: &Request<Vec<u8>>) -> String {
    let path = request.uri().path();
    path.strip_prefix("/scim/v2/Users/").unwrap_or_default().to_owned()
}

/// What a program would send that is wrong in one way: the request, and perhaps one more.
pub(super) fn sabotage(sim: &mut Sim, mut request: Request<Vec<u8>>) -> Vec<Request<Vec<u8>>> {
    let is_twice =
        sim.sabotage == Sabotage::TwiceCreated && request.method() == "POST" && sim.dice.one_in(4);
    let twin = is_twice.then(|| {
        let mut body: Json = serde_json::from_slice(request.body()).unwrap();
        body["userName"] = format!("twin.{}", body["userName"].as_str().unwrap()).into();
        request.clone().map(|_| body.to_string().into_bytes())
    });
    redirect(sim, &mut request);
    [request].into_iter().chain(twin).collect()
}

/// A change of another account, or of more than it should be.
fn redirect(sim: &mut Sim, request: &mut Request<Vec<u8>>) {
    let is_change = matches!(request.method().as_str(), "PATCH" | "PUT");
    match sim.sabotage {
        Sabotage::WrongAccount if is_change && sim.dice.one_in(4) => {
            let users = sim.target.users();
            let other = &users[sim.dice.index(users.len())];
            let uri = format!("/scim/v2/Users/{}", other["id"].as_str().unwrap());
            *request.uri_mut() = uri.parse().unwrap();
        }
        Sabotage::WrongMatch if is_change => {
            let users = sim.target.users();
            let id_of = |user: &Json| user["id"].as_str().unwrap().to_owned();
            let is_nobodys = |id: &String| !sim.checker.owned.contains_key(id);
            let nobodys: Vec<String> = users.iter().map(id_of).filter(is_nobodys).collect();
            let Some(id) = nobodys.first() else { return };
            *request.uri_mut() = format!("/scim/v2/Users/{id}").parse().unwrap();
            sim.checker.is_planned(id);
        }
        Sabotage::MixedUp if is_change => {
            let id = id_of(request);
            let Some(other) = sim.checker.planned_but(&id) else { return };
            *request.uri_mut() = format!("/scim/v2/Users/{other}").parse().unwrap();
        }
        Sabotage::WipesUnmanaged if is_change => {
            let mut body: Json = serde_json::from_slice(request.body()).unwrap();
            match body["Operations"].as_array_mut() {
                Some(operations) => operations.push(json!({ "op": "remove", "path": "nickName" })),
                None => drop(body.as_object_mut().unwrap().remove("nickName")),
            }
            *request.body_mut() = body.to_string().into_bytes();
        }
        _ => {}
    }
}
