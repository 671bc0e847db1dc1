//! What is repeated, what is not, and how failures are told.

use std::sync::Mutex;

use serde_json::json;

use super::fake::*;
use super::*;

const USERS: Resource = Resource::User;

fn lost() -> Answer {
    Answer::Last(Vec::new())
}

#[tokio::test]
async fn a_post_is_not_repeated_after_its_reply_was_lost() {
    let cut = Answer::Last(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"id\"".to_vec());
    for answer in [
        lost(),
        cut,
        reply("502 Bad Gateway", &[], ""),
        reply("503 Busy", &[], ""),
        reply("504 Late", &[], ""),
    ] {
        let fake = Fake::script([answer]).await;
        let error = client(&fake).create(USERS, &user(1)).await.unwrap_err();
        assert!(error.ambiguous && error.retryable, "{error:?}");
        assert_eq!(fake.lines(), ["POST /Users"]);
    }
    let fake = Fake::script([lost()]).await;
    let error = client(&fake).create(USERS, &user(1)).await.unwrap_err();
    insta::assert_snapshot!(chain(&error), @"
    POST /Users: the connection was lost before the whole answer was there; it may have been done all the same
      caused by: connection closed before message completed
    ");
}

#[tokio::test]
async fn a_post_on_a_connection_that_served_before_is_not_repeated_either() {
    // The pool may repeat by itself what it could not even begin to send; this was sent.
    let fake = Fake::script([scim("200 OK", &user(7)), lost()]).await;
    let client = client(&fake);
    client.get(USERS, "7").await.unwrap();
    assert!(client.create(USERS, &user(1)).await.unwrap_err().ambiguous);
    assert_eq!(fake.connections(), 1);
    assert_eq!(fake.lines().len(), 2);
}

#[tokio::test]
async fn a_post_that_failed_with_500_may_have_happened() {
    let fake = Fake::script([reply("500 Oops", &[], "")]).await;
    let error = client(&fake).create(USERS, &user(1)).await.unwrap_err();
    assert_eq!((error.kind, error.ambiguous), (Kind::Server, true));
}

#[tokio::test]
async fn a_post_that_surely_was_not_processed_is_repeated() {
    let fake = Fake::script([
        reply("429 Too Many Requests", &[], ""),
        reply("503 Busy", &[("Retry-After", "0")], ""),
        scim("201 Created", &user(1)),
    ])
    .await;
    assert_eq!(client(&fake).create(USERS, &user(1)).await.unwrap().id, "1");
    assert_eq!(fake.lines().len(), 3);
}

#[tokio::test]
async fn a_post_is_repeated_when_nobody_listens_and_is_not_ambiguous() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let attempts = Arc::<Mutex<Vec<u32>>>::default();
    let log = attempts.clone();
    let observer: Observer = Arc::new(move |event| log.lock().unwrap().push(event.attempt));
    let config = ClientConfig {
        retries: 2,
        retry_base: Duration::from_millis(1),
        observer: Some(observer),
        ..ClientConfig::new(format!("http://{address}"))
    };
    let error = Client::new(config).unwrap().create(USERS, &user(1)).await.unwrap_err();
    assert_eq!(*attempts.lock().unwrap(), [0, 1, 2]);
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.retryable && !error.ambiguous);
    let told = chain(&error).replace(&address.to_string(), "HOST");
    insta::assert_snapshot!(told, @"
    POST /Users: no connection to HOST
      caused by: tcp connect error
      caused by: Connection refused (os error 111)
    ");
}

#[tokio::test]
async fn everything_but_post_is_repeated_after_a_lost_connection() {
    let cut_short = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\": \"7\"}".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{\"id".to_vec();
    let half_a_head = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
    for first in [Vec::new(), cut_short, chunked, half_a_head] {
        let fake = Fake::start(move |number, _| match number % 2 {
            0 => Answer::Last(first.clone()),
            _ => scim("200 OK", &user(7)),
        })
        .await;
        let client = client(&fake);
        assert_eq!(client.get(USERS, "7").await.unwrap(), Some(user(7)));
        assert_eq!(client.replace(USERS, "7", &user(7), None).await.unwrap(), Some(user(7)));
        assert_eq!(client.patch(USERS, "7", &json!({}), None).await.unwrap(), Some(user(7)));
        assert_eq!(client.delete(USERS, "7", None).await.unwrap(), Deleted::Deleted);
        assert_eq!(fake.lines().len(), 8);
    }
}

#[tokio::test]
async fn transient_statuses_are_repeated_and_others_are_not() {
    for (status, repeated) in [
        (429, true),
        (502, true),
        (503, true),
        (504, true),
        (408, true),
        (400, false),
        (401, false),
        (403, false),
        (409, false),
        (500, false),
        (501, false),
    ] {
        let answer = reply(&format!("{status} X"), &[], "");
        let fake = Fake::start(move |number, _| match number {
            0 => answer.clone(),
            _ => scim("200 OK", &user(7)),
        })
        .await;
        let result = client(&fake).get(USERS, "7").await;
        assert_eq!(result.is_ok(), repeated, "{status}");
        assert_eq!(fake.lines().len(), if repeated { 2 } else { 1 }, "{status}");
    }
}

#[tokio::test]
async fn retries_end_and_the_last_failure_is_told() {
    let fake = Fake::start(|_, _| reply("503 Busy", &[], "")).await;
    let config = ClientConfig { retries: 3, ..config(&fake) };
    let error = Client::new(config).unwrap().get(USERS, "7").await.unwrap_err();
    assert_eq!((error.kind, error.retryable), (Kind::Server, true));
    assert_eq!(fake.lines().len(), 4);
}

#[tokio::test]
async fn a_delete_whose_reply_was_lost_is_gone_the_second_time() {
    let fake = Fake::script([lost(), scim_error(404, "", "not found")]).await;
    assert_eq!(client(&fake).delete(USERS, "7", None).await.unwrap(), Deleted::Gone);
}

#[tokio::test]
async fn a_patch_that_may_have_happened_stays_ambiguous_whatever_follows() {
    let fake = Fake::script([lost(), scim_error(400, "noTarget", "no such value")]).await;
    let error = client(&fake).patch(USERS, "7", &json!({}), None).await.unwrap_err();
    assert_eq!(error.status, Some(400));
    assert!(error.ambiguous);
    insta::assert_snapshot!(error, @"PATCH /Users/7: refused: no such value (status 400, noTarget); it may have been done all the same");
}

#[tokio::test]
async fn a_429_with_retry_after_in_seconds_or_as_a_date_is_throttled() {
    let date = [
        ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"),
    ];
    let seconds = [("Retry-After", "30")];
    for headers in [&date[..], &seconds[..]] {
        let fake = Fake::script([reply("429 Too Many Requests", headers, "")]).await;
        let config = ClientConfig { retries: 0, ..config(&fake) };
        let error = Client::new(config).unwrap().get(USERS, "7").await.unwrap_err();
        assert_eq!((error.kind, error.retryable), (Kind::Throttled, true));
        assert_eq!(error.retry_after, Some(Duration::from_secs(30)));
    }
}

#[tokio::test]
async fn a_retry_after_beyond_the_cap_is_told_and_then_nothing_more_is_sent() {
    let fake = Fake::script([reply("429 Slow", &[("Retry-After", "3600")], "")]).await;
    let client = client(&fake);
    let error = client.get(USERS, "7").await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(3600)));
    let next = client.get(USERS, "8").await.unwrap_err();
    assert_eq!((next.kind, next.status), (Kind::Throttled, None));
    assert!(next.retry_after > Some(Duration::from_secs(3500)));
    assert_eq!(fake.lines().len(), 1);
}

#[tokio::test]
async fn denied_is_told_from_everything_else() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let fake = Fake::script([html(status)]).await;
        let error = client(&fake).get(USERS, "7").await.unwrap_err();
        assert_eq!((error.kind, error.retryable), (Kind::Denied, false));
    }
    let body = json!({"error": {"message": "Invalid OAuth access token", "code": 190}}).to_string();
    let fake = Fake::script([reply("401 Unauthorized", &[], &body)]).await;
    insta::assert_snapshot!(client(&fake).get(USERS, "7").await.unwrap_err(), @"GET /Users/7: access denied: Invalid OAuth access token (status 401)");
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let fake = Fake::script([reply(
        "302 Found",
        &[("Location", "https://login.example/?next=secret")],
        "",
    )])
    .await;
    let error = client(&fake).create(USERS, &user(1)).await.unwrap_err();
    assert_eq!((error.kind, error.ambiguous), (Kind::Refused, false));
    insta::assert_snapshot!(error, @"POST /Users: redirects to https://login.example/, which is not followed; set the target's URL to it (status 302)");
}

#[tokio::test]
async fn an_answer_that_never_comes_times_out() {
    let fake = Fake::start(|_, _| Answer::Silence).await;
    let config = ClientConfig { timeout: Duration::from_millis(50), retries: 1, ..config(&fake) };
    let client = Client::new(config).unwrap();
    let error = client.create(USERS, &user(1)).await.unwrap_err();
    assert_eq!((error.kind, error.ambiguous), (Kind::Timeout, true));
    insta::assert_snapshot!(error, @"POST /Users: no whole answer within 50ms; it may have been done all the same");
    let error = client.get(USERS, "7").await.unwrap_err();
    assert_eq!((error.kind, error.ambiguous), (Kind::Timeout, false));
    assert_eq!(fake.lines().len(), 3, "one POST, two GETs");
}

#[tokio::test]
async fn a_reply_larger_than_the_limit_is_refused_by_its_announcement() {
    // The body never comes; the announcement is enough.
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    let fake = Fake::script([Answer::Bytes(head.into())]).await;
    let error = client(&fake).get(USERS, "7").await.unwrap_err();
    assert_eq!(error.kind, Kind::TooLarge);
    insta::assert_snapshot!(error, @"GET /Users/7: the reply is larger than the limit of 33554432 bytes (status 200)");
}

#[tokio::test]
async fn a_reply_larger_than_the_limit_is_refused_while_it_streams() {
    // An endless reply: only a client that counts while it reads ever comes back.
    let mut endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..8 {
        endless.extend_from_slice(b"100\r\n");
        endless.extend_from_slice(&[b' '; 256]);
        endless.extend_from_slice(b"\r\n");
    }
    let fake = Fake::script([Answer::Bytes(endless.clone())]).await;
    let config = |max_response_bytes| ClientConfig {
        max_response_bytes,
        retries: 0,
        timeout: Duration::from_millis(200),
        ..config(&fake)
    };
    let error = Client::new(config(1000)).unwrap().get(USERS, "7").await.unwrap_err();
    assert_eq!(error.kind, Kind::TooLarge);
}

#[tokio::test]
async fn a_reply_larger_than_the_limit_once_unpacked_is_refused() {
    let packed = include_bytes!("large.json.gz");
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    )
    .into_bytes();
    bytes.extend_from_slice(packed);
    let fake = Fake::start(move |_, _| Answer::Bytes(bytes.clone())).await;
    let limited = ClientConfig { max_response_bytes: 50_000, ..config(&fake) };
    let error = Client::new(limited).unwrap().get(USERS, "7").await.unwrap_err();
    assert_eq!(error.kind, Kind::TooLarge);
    let title = client(&fake).get(USERS, "7").await.unwrap().unwrap();
    assert_eq!(title["title"].as_str().unwrap().len(), 100_000);
}

#[tokio::test]
async fn a_large_error_page_still_tells_its_status() {
    let page = format!("<html><title>Oops</title>{}", "x".repeat(200_000));
    let fake = Fake::start(move |_, _| reply("400 Bad", &[], &page)).await;
    let config = ClientConfig { max_response_bytes: 100, ..config(&fake) };
    let error = Client::new(config).unwrap().get(USERS, "7").await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Refused, Some(400)));
}

#[tokio::test]
async fn the_observer_hears_of_every_attempt() {
    let events = Arc::<Mutex<Vec<String>>>::default();
    let log = events.clone();
    let observer: Observer = Arc::new(move |event| {
        let RequestEvent { method, request, attempt, status, bytes, error, wait, .. } = event;
        let kind = error.map(|error| error.kind);
        let again = wait.is_some();
        log.lock().unwrap().push(format!(
            "{method} | {request} | {attempt} | {status:?} | {bytes} | {kind:?} | again: {again}"
        ));
    });
    let fake = Fake::script([
        reply("429 Slow", &[], ""),
        page(&[user(1)], 1),
        scim_error(409, "uniqueness", "taken"),
    ])
    .await;
    let client = Client::new(ClientConfig { observer: Some(observer), ..config(&fake) }).unwrap();
    let filter = Filter::eq(Path::parse("userName").unwrap(), "user1");
    client.find(USERS, &filter).await.unwrap();
    client.create(USERS, &user(1)).await.unwrap_err();
    insta::assert_snapshot!(events.lock().unwrap().join("\n"), @"
    GET | GET /Users?filter=… | 0 | Some(429) | 0 | Some(Throttled) | again: true
    GET | GET /Users?filter=… | 1 | Some(200) | 216 | None | again: false
    POST | POST /Users | 0 | Some(409) | 0 | Some(Conflict) | again: false
    ");
}
