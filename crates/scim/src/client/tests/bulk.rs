//! Changes that leave in one request: each has the outcome that it would have by itself.

use std::fmt::Write as _;
use std::sync::Mutex;

use serde_json::json;

use super::fake::*;
use super::*;

const USERS: Resource = Resource::User;

fn bulk_client(fake: &Fake, bulk: &Json) -> Client {
    let profile = serde_json::from_value(json!({ "bulk": bulk })).unwrap();
    Client::new(ClientConfig { profile: Arc::new(profile), ..config(fake) }).unwrap()
}

/// What is asked for, all at the same time.
#[derive(Debug, Clone)]
enum Change {
    Create(&'static str),
    Linked(&'static str, &'static [&'static str]),
    Patch(&'static str),
    Delete(&'static str),
}

async fn make(client: Client, change: Change) -> String {
    let patch = json!({ "schemas": [crate::urn::PATCH_OP], "Operations": [] });
    match change {
        Change::Create(name) => {
            let created = client.create(USERS, &json!({ "userName": name })).await;
            told(created.map(|created| created.id))
        }
        Change::Linked(name, names) => {
            let links = Links {
                name: name.to_owned(),
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                body: json!({ "userName": name, "knows": names.iter().map(|name| Links::reference(name)).collect::<Vec<_>>() }),
            };
            let body = json!({ "userName": name });
            let created = client.create_linked(USERS, &body, Some(&links)).await;
            told(created.map(|created| format!("{} linked: {}", created.id, created.linked)))
        }
        Change::Patch(id) => told(
            client.patch(USERS, id, &patch, Some("W/\"1\"")).await.map(|_| "changed".to_owned()),
        ),
        Change::Delete(id) => {
            told(client.delete(USERS, id, None).await.map(|deleted| format!("{deleted:?}")))
        }
    }
}

fn told(result: Result<String, ClientError>) -> String {
    result.unwrap_or_else(|error| error.to_string())
}

/// Makes the changes at once: what came in, and what came of each change.
async fn check(
    bulk: Json,
    changes: &[Change],
    answer: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
) -> String {
    let fake = Fake::start(answer).await;
    let client = bulk_client(&fake, &bulk);
    let tasks: Vec<_> =
        changes.iter().map(|change| tokio::spawn(make(client.clone(), change.clone()))).collect();
    let mut told = String::new();
    for task in tasks {
        writeln!(told, "{}", task.await.unwrap()).unwrap();
    }
    // Bulk requests first; which of two single ones is faster is nobody's promise.
    let mut lines = String::new();
    let mut all = fake.seen();
    all.sort_by_key(|seen| (seen.line() != "POST /Bulk").then(|| seen.line()));
    for seen in all {
        let body: Json = serde_json::from_str(&seen.body).unwrap_or_default();
        let operations = body["Operations"].as_array().filter(|_| seen.line() == "POST /Bulk");
        writeln!(lines, "{}", seen.line()).unwrap();
        for operation in operations.into_iter().flatten() {
            writeln!(lines, "  {operation}").unwrap();
        }
    }
    if let Some(why) = client.bulk_ended() {
        writeln!(told, "given up: {why}").unwrap();
    }
    format!("{lines}{told}")
}

/// Answers as a service would that knows nobody: each creation is done, under its name as id.
fn served(_: usize, seen: &Seen) -> Answer {
    let body: Json = serde_json::from_str(&seen.body).unwrap_or_default();
    if seen.line() != "POST /Bulk" {
        let id = body["userName"].as_str().unwrap_or("x");
        return scim("201 Created", &json!({ "id": id }));
    }
    let operations: Vec<Json> = body["Operations"].as_array().unwrap().iter().map(done).collect();
    scim("200 OK", &json!({ "schemas": [crate::urn::BULK_RESPONSE], "Operations": operations }))
}

fn done(operation: &Json) -> Json {
    let path = operation["path"].as_str().unwrap();
    match operation["method"].as_str() {
        Some("POST") => json!({
            "method": "POST", "bulkId": operation["bulkId"], "status": "201",
            "location": format!("https://h{path}/{}", operation["data"]["userName"].as_str().unwrap()),
        }),
        method => {
            json!({ "method": method, "location": format!("https://h{path}"), "status": "204" })
        }
    }
}

fn operations(seen: &Seen) -> Vec<Json> {
    let body: Json = serde_json::from_str(&seen.body).unwrap();
    body["Operations"].as_array().cloned().unwrap_or_default()
}

fn answered(operations: &[Json]) -> Answer {
    scim("200 OK", &json!({ "schemas": [crate::urn::BULK_RESPONSE], "Operations": operations }))
}

#[tokio::test]
async fn each_operation_has_the_outcome_that_it_would_have_by_itself() {
    let changes = [
        Change::Create("ada"),
        Change::Create("bob"),
        Change::Patch("7"),
        Change::Delete("8/x"),
        Change::Patch("9"),
    ];
    let told = check(json!({ "use": "always" }), &changes, |_, seen| {
        let mut answers: Vec<Json> = operations(seen).iter().map(done).collect();
        let error = |status: &str, detail: &str| {
            json!({ "schemas": [crate::urn::ERROR], "status": status, "detail": detail })
        };
        answers[1] = json!({ "method": "POST", "bulkId": answers[1]["bulkId"], "status": { "code": "409" },
            "response": error("409", "taken") });
        answers[2]["status"] = json!(412);
        answers[2]["response"] = error("412", "has another version now");
        answers[3]["status"] = json!("404");
        answers[3]["response"] = error("404", "not found");
        // The order of the answers is nobody's promise.
        answers.rotate_left(2);
        answered(&answers)
    })
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn no_request_is_larger_than_the_service_takes() {
    const NAMES: [&str; 40] = ["a-long-enough-name-of-somebody"; 40];
    let creates: Vec<Change> = NAMES.iter().map(|name| Change::Create(name)).collect();
    let largest = Arc::new(Mutex::new((0, 0, 0)));
    for (limits, most) in [
        (json!({ "use": "always", "max_operations": 7 }), (7, usize::MAX)),
        (json!({ "use": "always", "max_payload": 1000 }), (usize::MAX, 1000)),
        (json!({ "use": "always", "max_payload": 20 }), (0, 0)),
    ] {
        let seen_most = Arc::clone(&largest);
        *largest.lock().unwrap() = (0, 0, 0);
        check(limits.clone(), &creates, move |number, seen| {
            let mut most = seen_most.lock().unwrap();
            if seen.line() == "POST /Bulk" {
                most.0 = most.0.max(operations(seen).len());
                most.1 = most.1.max(seen.body.len());
            }
            most.2 += 1;
            served(number, seen)
        })
        .await;
        let (operations, bytes, requests) = *largest.lock().unwrap();
        assert!(operations <= most.0 && bytes <= most.1, "{limits}: {operations}, {bytes}");
        assert!((6..=40).contains(&requests), "{limits}: {requests}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_serve_them_is_sent_single_requests() {
    let answers = [
        html("404 Not Found"),
        scim_error(404, "", "there is no endpoint /Bulk"),
        reply("405 Method Not Allowed", &[], ""),
        scim_error(501, "", "not supported"),
        scim_error(403, "", "not for you"),
        scim_error(400, "invalidSyntax", "unknown attribute Operations"),
        reply("302 Found", &[("Location", "/login")], ""),
    ];
    let mut told = String::new();
    for answer in answers {
        let changes = [Change::Create("ada"), Change::Patch("7"), Change::Create("bob")];
        told += &check(json!({ "use": "always" }), &changes, move |number, seen| match number {
            0 => answer.clone(),
            _ => served(number, seen),
        })
        .await;
    }
    let told: Vec<&str> = told.lines().filter(|line| !line.starts_with("  ")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn nonsense_leaves_open_what_was_created_and_ends_bulk_requests() {
    let answers = [
        html("200 OK"),
        scim("200 OK", &json!({ "ok": true })),
        scim_error(500, "", "a stack trace"),
        reply("200 OK", &[], "{\"Operations\": ["),
    ];
    let mut told = String::new();
    for answer in answers {
        let changes = [Change::Create("ada"), Change::Patch("7")];
        told += &check(json!({ "use": "always" }), &changes, move |number, seen| match number {
            0 => answer.clone(),
            _ => served(number, seen),
        })
        .await;
    }
    let told: Vec<&str> = told.lines().filter(|line| !line.starts_with("  ")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn what_is_not_answered_is_open_or_sent_by_itself() {
    let changes =
        [Change::Create("ada"), Change::Create("bob"), Change::Patch("7"), Change::Patch("8")];
    let told = check(json!({ "use": "always" }), &changes, |number, seen| match number {
        0 => answered(&operations(seen)[..1].iter().map(done).collect::<Vec<_>>()),
        _ => served(number, seen),
    })
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_lost_answer_is_open_for_creations_and_the_rest_goes_by_itself() {
    let changes = [Change::Create("ada"), Change::Patch("7"), Change::Delete("8")];
    let told = check(json!({ "use": "always" }), &changes, |number, seen| match number {
        0 => Answer::Last(Vec::new()),
        _ => served(number, seen),
    })
    .await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn an_operation_that_was_one_too_many_is_sent_again() {
    let changes = [Change::Create("ada"), Change::Create("bob"), Change::Create("eve")];
    let told = check(json!({ "use": "always" }), &changes, |number, seen| {
        if number > 0 {
            return served(number, seen);
        }
        let mut answers: Vec<Json> = operations(seen).iter().map(done).collect();
        for answer in answers.iter_mut().skip(1) {
            answer["status"] = json!("429");
        }
        answered(&answers)
    })
    .await;
    assert!(told.ends_with("ada\nbob\neve\n"), "{told}");
}

#[tokio::test]
async fn a_request_that_was_too_large_is_sent_in_parts() {
    let changes = [
        Change::Create("ada"),
        Change::Create("bob"),
        Change::Create("eve"),
        Change::Create("joe"),
    ];
    let told = check(json!({ "use": "always" }), &changes, |number, seen| {
        match seen.line() == "POST /Bulk" && operations(seen).len() > 2 {
            true => scim_error(413, "", "too large"),
            false => served(number, seen),
        }
    })
    .await;
    assert!(told.ends_with("ada\nbob\neve\njoe\n"), "{told}");
    assert_eq!(told.matches("POST /Bulk").count(), 3, "{told}");
}

#[tokio::test]
async fn who_is_referred_to_goes_first_and_circles_are_left_out() {
    let changes = [
        Change::Linked("a", &["b"]),
        Change::Linked("b", &["c"]),
        Change::Linked("c", &[]),
        Change::Linked("x", &["y"]),
        Change::Linked("y", &["x"]),
        Change::Linked("z", &["somebody else"]),
    ];
    let told = check(json!({ "use": "always" }), &changes, served).await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn references_that_are_refused_are_given_up_and_the_account_is_created() {
    let fake = Fake::start(|number, seen| {
        let mut answers: Vec<Json> = Vec::new();
        if seen.line() != "POST /Bulk" {
            return served(number, seen);
        }
        for operation in operations(seen) {
            let mut answer = done(&operation);
            if operation["data"].get("knows").is_some_and(|knows| knows != &json!([])) {
                answer["status"] = json!("400");
            }
            answers.push(answer);
        }
        answered(&answers)
    })
    .await;
    let client = bulk_client(&fake, &json!({ "use": "always" }));
    for round in ["1", "2"] {
        let name = |name: &str| -> &'static str { format!("{name}{round}").leak() };
        let names: &'static [&'static str] = vec![name("b")].leak();
        let changes = [Change::Linked(name("a"), names), Change::Linked(name("b"), &[])];
        let tasks = changes.map(|change| tokio::spawn(make(client.clone(), change)));
        for task in tasks {
            assert!(task.await.unwrap().ends_with("linked: false"));
        }
        assert!(!client.links());
    }
    assert_eq!(fake.lines(), ["POST /Bulk", "POST /Users", "POST /Bulk"]);
}

#[tokio::test]
async fn what_is_slower_than_single_requests_is_given_up() {
    let fake = Fake::start_async(|number, seen| async move {
        let slow = if seen.line() == "POST /Bulk" { 40 * operations(&seen).len() } else { 10 };
        tokio::time::sleep(Duration::from_millis(slow as u64 / 2)).await;
        served(number, &seen)
    })
    .await;
    let client = bulk_client(&fake, &json!({ "use": "auto", "max_operations": 32 }));
    for _ in 0..2 {
        let changes = (0..128).map(|_| tokio::spawn(make(client.clone(), Change::Create("ada"))));
        for task in changes.collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), "ada");
        }
    }
    assert!(client.bulk_ended().unwrap().contains("by itself"));
    let single = fake.lines().iter().filter(|line| *line == "POST /Users").count();
    assert!(single >= 16 + 128, "{single}");
}

#[tokio::test]
async fn a_service_that_says_nothing_of_them_is_not_asked_for_them() {
    let changes = [Change::Create("ada"), Change::Create("bob")];
    for bulk in [json!({}), json!({ "use": "never", "max_operations": 9 })] {
        let told = check(bulk, &changes, served).await;
        assert_eq!(told, "POST /Users\nPOST /Users\nada\nbob\n");
    }
}
