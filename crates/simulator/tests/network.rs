//! The simulator over real connections: what only a network shows.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper of a test fails the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use peoplesync_scim::profile::Rate;
use peoplesync_scim::{Profile, Resource};
use peoplesync_simulator::{Behaviour, Builder, Fault, RetryAfter, Running, Simulator};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A client on one connection.
struct Client(TcpStream);

/// What came back: status, head as text, body.
struct Answer {
    status: u16,
    head: String,
    body: Json,
}

impl Client {
    async fn new(running: &Running) -> Self {
        Self(TcpStream::connect(running.addr()).await.unwrap())
    }

    async fn send(&mut self, line: &str, body: &str) {
        let (method, path) = line.split_once(' ').unwrap();
        let length = body.len();
        let head = format!(
            "{method} /scim/v2{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        );
        self.0.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    }

    /// The next answer; none if the connection ends before a byte of it.
    async fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => {
                    assert!(head.is_empty(), "the answer was cut off: {head:?}");
                    return None;
                }
            }
        }
        let head = String::from_utf8(head).unwrap();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    async fn ask(&mut self, line: &str, body: &Json) -> Option<Answer> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(line, &body).await;
        self.answer().await
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn user(name: &str) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name })
}

async fn start(builder: Builder) -> Running {
    builder.start().await.unwrap()
}

/// Every fault happens to the first request only.
async fn with_fault(fault: Fault) -> (Running, Client) {
    let builder = Simulator::builder();
    let running =
        start(builder.faults(move |request| (request.number == 1).then(|| fault.clone()))).await;
    let client = Client::new(&running).await;
    (running, client)
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause))).unwrap_or_default();
    format!("{error}{cause}")
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_and_recorded_in_order() {
    let running = start(Simulator::builder()).await;
    let mut client = Client::new(&running).await;
    let created = client.ask("POST /Users", &user("ada")).await.unwrap();
    assert_eq!(created.status, 201);
    let location = header(&created.head, "location").unwrap().to_owned();
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(location, format!("{}/Users/{id}", running.url()));
    let page =
        client.ask("GET /Users?filter=userName%20eq%20%22ada%22", &Json::Null).await.unwrap();
    assert_eq!(page.body["Resources"][0], created.body);
    assert_eq!(client.ask(&format!("DELETE /Users/{id}"), &Json::Null).await.unwrap().status, 204);
    assert_eq!(client.ask("GET /Users/7", &Json::Null).await.unwrap().status, 404);

    let shown: Vec<String> = running.take_requests().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n").replace(id, "ID"), @r#"
        POST /Users -> 201
        GET /Users?filter=userName%20eq%20%22ada%22 -> 200
        DELETE /Users/ID -> 204
        GET /Users/7 -> 404
        "#);
    assert!(running.requests().is_empty(), "they have been taken");
    assert_eq!(running.received(), 4);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_recorded_request_shows_its_body_as_json() {
    let running = start(Simulator::builder()).await;
    Client::new(&running).await.ask("POST /Users", &user("ada")).await.unwrap();
    insta::assert_json_snapshot!(running.requests(), @r#"
        [
          {
            "method": "POST",
            "path": "/Users",
            "query": null,
            "status": 201,
            "body": {
              "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User"
              ],
              "userName": "ada"
            }
          }
        ]
        "#);
    let silent = start(Simulator::builder().record(false)).await;
    Client::new(&silent).await.ask("POST /Users", &user("ada")).await.unwrap();
    assert_eq!((silent.requests().len(), silent.received()), (0, 1));
}

#[tokio::test]
async fn a_refusing_fault_does_nothing_and_says_when_to_come_back() {
    let retry_after = Some(RetryAfter::Seconds(3));
    let (running, mut client) = with_fault(Fault::Answer { status: 429, retry_after }).await;
    let answer = client.ask("POST /Users", &user("ada")).await.unwrap();
    assert_eq!((answer.status, header(&answer.head, "retry-after")), (429, Some("3")));
    assert_eq!(answer.body["status"], "429");
    assert!(running.users().is_empty());
    assert_eq!(client.ask("POST /Users", &user("ada")).await.unwrap().status, 201);

    let retry_after = Some(RetryAfter::Date(90));
    let (_running, mut client) = with_fault(Fault::Answer { status: 503, retry_after }).await;
    let answer = client.ask("GET /Users", &Json::Null).await.unwrap();
    assert_eq!(header(&answer.head, "date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_eq!(header(&answer.head, "retry-after"), Some("Thu, 01 Jan 2026 00:01:30 GMT"));
}

#[tokio::test]
async fn a_connection_can_be_dropped_before_or_after_the_request_is_carried_out() {
    for (fault, done) in [(Fault::DropBefore, 0), (Fault::DropAfter, 1)] {
        let (running, mut client) = with_fault(fault).await;
        assert!(client.ask("POST /Users", &user("ada")).await.is_none());
        assert_eq!(running.count(Resource::User), done);
        assert_eq!(running.requests()[0].to_string(), "POST /Users -> no answer");
        let again = Client::new(&running).await.ask("GET /Users", &Json::Null).await.unwrap();
        assert_eq!(again.body["totalResults"], done);
    }
}

#[tokio::test]
async fn an_answer_can_be_cut_doubled_or_replaced_by_a_page() {
    let (running, mut client) = with_fault(Fault::Truncated).await;
    let answer = client.ask("POST /Users", &user("ada")).await.unwrap();
    assert_eq!((answer.status, answer.body), (201, Json::Null), "it is no JSON");
    assert_eq!(running.count(Resource::User), 1);

    let (running, mut client) = with_fault(Fault::Twice).await;
    client.send("POST /Users", &user("ada").to_string()).await;
    let (one, two) = (client.answer().await.unwrap(), client.answer().await.unwrap());
    assert_eq!((one.status, &one.body), (201, &two.body));
    assert_eq!(running.count(Resource::User), 1);

    let (running, mut client) = with_fault(Fault::Page { status: 502 }).await;
    let answer = client.ask("POST /Users", &user("ada")).await.unwrap();
    assert_eq!((answer.status, header(&answer.head, "content-type")), (502, Some("text/html")));
    assert_eq!(running.count(Resource::User), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_belongs_to_a_request_that_was_carried_out_at_once() {
    let (running, mut client) = with_fault(Fault::LateAnswer(Duration::from_secs(600))).await;
    let began = Instant::now();
    client.send("POST /Users", &user("ada").to_string()).await;
    while running.users().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(began.elapsed() < Duration::from_secs(600));
    assert_eq!(client.answer().await.unwrap().status, 201);
    assert!(began.elapsed() >= Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn latency_comes_before_the_request_is_carried_out() {
    let behaviour = Behaviour { latency_ms: 250, ..Behaviour::default() };
    let running = start(Simulator::builder().behaviour(behaviour)).await;
    let began = Instant::now();
    assert_eq!(
        Client::new(&running).await.ask("POST /Users", &user("a")).await.unwrap().status,
        201
    );
    assert!(began.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_connection_stays_usable() {
    let behaviour = Behaviour { max_body: 1000, ..Behaviour::default() };
    let running = start(Simulator::builder().behaviour(behaviour)).await;
    let mut client = Client::new(&running).await;
    let answer = client.ask("POST /Users", &user(&"x".repeat(2_000_000))).await.unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(answer.body["detail"], "the body is larger than 1000 bytes");
    assert_eq!(client.ask("POST /Users", &user("ada")).await.unwrap().status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_the_same_user_at_once_one_succeeds() {
    let running = start(Simulator::builder()).await;
    let mut tasks = Vec::new();
    for number in 0..32 {
        let mut client = Client::new(&running).await;
        let name = if number % 2 == 0 { "ada" } else { "ADA" };
        tasks.push(tokio::spawn(async move { client.ask("POST /Users", &user(name)).await }));
    }
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap().unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses.first(), Some(&201));
    assert!(statuses.iter().skip(1).all(|status| *status == 409), "{statuses:?}");
    assert_eq!(running.count(Resource::User), 1);
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_waiting_requests_and_idle_connections() {
    let (running, mut client) = with_fault(Fault::LateAnswer(Duration::from_secs(86_400))).await;
    let mut idle = Client::new(&running).await;
    assert_eq!(
        idle.ask("GET /ResourceTypes", &Json::Null).await.map(|a| a.status),
        None::<u16>.or(Some(200))
    );
    client.send("POST /Users", &user("ada").to_string()).await;
    let address = running.addr();
    running.shutdown().await.unwrap();
    assert!(idle.answer().await.is_none());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_address_must_be_loopback_and_free() {
    let open: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let error = Simulator::builder().bind(open).start().await.unwrap_err();
    insta::assert_snapshot!(chain(&error), @"a simulator listens on loopback only, such as 127.0.0.1, and not on 0.0.0.0");

    let running = start(Simulator::builder()).await;
    let port = running.addr().port();
    let error = Simulator::builder().port(port).start().await.unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(&port.to_string(), "PORT"), @"cannot listen on 127.0.0.1:PORT");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn the_owner_can_seed_edit_and_remove_under_the_same_rules() {
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let running = start(Simulator::builder().clock(move || clock.load(Ordering::Relaxed))).await;
    let ids = running.seed(
        Resource::User,
        [json!({ "userName": "ada", "id": "7" }), json!({ "userName": "bob" })],
    );
    let ids = ids.unwrap();
    assert_eq!(ids[0], "7");
    for wrong in [
        json!({ "userName": "ADA" }),
        json!({ "userName": "eve", "id": "7" }),
        json!({ "title": "Lead" }),
    ] {
        assert!(running.seed(Resource::User, [wrong]).is_err());
    }
    now.store(86_400_000, Ordering::Relaxed);
    assert!(running.edit(Resource::User, "7", |user| user["title"] = "Lead".into()).unwrap());
    assert!(running.edit(Resource::User, "7", |user| user["title"] = 7.into()).is_err());
    assert!(!running.edit(Resource::User, "8", |_| {}).unwrap());
    let ada = running.get(Resource::User, "7").unwrap();
    assert_eq!(ada["title"], "Lead");
    assert_eq!(ada["meta"]["created"], "1970-01-01T00:00:00Z");
    assert_eq!(ada["meta"]["lastModified"], "1970-01-02T00:00:00Z");
    assert_eq!(ada["meta"]["version"], "W/\"2\"");
    assert!(running.remove(Resource::User, &ids[1]).unwrap());
    assert!(!running.remove(Resource::User, &ids[1]).unwrap());
    assert_eq!(running.users(), [ada]);
    assert!(running.received() == 0, "none of this is a request");
}

#[tokio::test]
async fn a_store_carries_the_resources_from_one_simulator_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.jsonl");
    let first = start(Simulator::builder().store(&file)).await;
    let created = Client::new(&first).await.ask("POST /Users", &user("ada")).await.unwrap();
    let id = created.body["id"].as_str().unwrap();
    let second = Simulator::builder().store(&file).start().await.unwrap_err();
    assert!(second.to_string().ends_with("is in use by another simulator"));
    first.shutdown().await.unwrap();

    let second = start(Simulator::builder().store(&file)).await;
    let mut client = Client::new(&second).await;
    let found = client.ask(&format!("GET /Users/{id}"), &Json::Null).await.unwrap();
    assert_eq!(found.body["userName"], "ada");
    assert_eq!(found.body["meta"]["location"], format!("{}/Users/{id}", second.url()));
    assert_eq!(client.ask("POST /Users", &user("ADA")).await.unwrap().status, 409);
    second.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_rates_of_a_profile_hold_by_the_clock() {
    let rate = Rate {
        requests: 60,
        per_secs: 60,
        burst: 2,
        methods: vec!["POST".to_owned()],
        resources: vec!["users".to_owned()],
    };
    let profile = Profile { rates: vec![rate], ..Profile::default() };
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let builder = Simulator::builder().clock(move || clock.load(Ordering::SeqCst));
    let running = start(builder.profile(&profile).unwrap().limited(true)).await;
    let mut client = Client::new(&running).await;
    let mut made = 0;
    let mut post = async |client: &mut Client| {
        made += 1;
        client.ask("POST /Users", &user(&format!("u{made}"))).await.unwrap()
    };
    // Two at once, and one that may be early.
    for _ in 0..3 {
        assert_eq!(post(&mut client).await.status, 201);
    }
    let refused = post(&mut client).await;
    assert_eq!((refused.status, header(&refused.head, "retry-after")), (429, Some("1")));
    // What is not named is not counted.
    assert_eq!(client.ask("GET /Users", &Json::Null).await.unwrap().status, 200);
    now.store(1_000, Ordering::SeqCst);
    assert_eq!(post(&mut client).await.status, 201);
    assert_eq!(post(&mut client).await.status, 429);
    assert_eq!(running.count(Resource::User), 4);
}
