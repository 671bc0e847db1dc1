//! Creating, changing and deleting where replies are thin, odd or missing.

use serde_json::json;

use super::fake::*;
use super::*;

const USERS: Resource = Resource::User;

async fn create(answers: impl Into<Vec<Answer>>) -> (Result<Created, ClientError>, Vec<String>) {
    let fake = Fake::script(answers).await;
    let result = client(&fake).create(USERS, &user(1)).await;
    (result, fake.lines())
}

#[tokio::test]
async fn what_is_created_comes_back_with_id_and_version() {
    let body = json!({"id": "42", "userName": "other", "meta": {"version": "W/\"3\""}});
    let answer = reply("201 Created", &[("ETag", "\"express\"")], &body.to_string());
    let fake = Fake::script([answer]).await;
    let created = client(&fake).create(USERS, &user(1)).await.unwrap();
    let version = Some("W/\"3\"".to_owned());
    assert_eq!(created, Created { id: "42".to_owned(), resource: body, version, linked: false });
    let seen = &fake.seen()[0];
    assert_eq!(seen.line(), "POST /Users");
    assert_eq!(serde_json::from_str::<Json>(&seen.body).unwrap(), user(1));
    assert_eq!(seen.headers["content-type"], "application/scim+json");
}

#[tokio::test]
async fn a_201_without_an_id_falls_back_to_the_location() {
    for (location, body) in [
        ("https://elsewhere.example/scim/v2/Users/4%2F2?x=1", ""),
        ("/Users/4%2F2", "{}"),
        ("Users/4%2F2/", "Created"),
    ] {
        let (created, _) = create([reply("201 Created", &[("Location", location)], body)]).await;
        let created = created.unwrap();
        assert_eq!(created.id, "4/2", "{location}");
    }
}

#[tokio::test]
async fn a_201_without_body_or_location_may_have_created_and_says_so() {
    for location in ["/Users", "/Users/undefined", "https://h/"] {
        let (created, lines) = create([reply("201 Created", &[("Location", location)], "")]).await;
        let error = created.unwrap_err();
        assert_eq!((error.kind, error.ambiguous), (Kind::NoId, true));
        assert_eq!(lines.len(), 1, "a second POST would make a second account");
    }
    let (created, _) = create([reply("201 Created", &[], "{}")]).await;
    insta::assert_snapshot!(chain(&created.unwrap_err()), @"POST /Users: the reply names no id, neither in its body nor as a Location (status 201); it may have been done all the same");
}

#[tokio::test]
async fn a_login_page_with_status_200_is_no_success() {
    let fake = Fake::start(|_, _| html("200 OK")).await;
    let client = client(&fake);
    let create = client.create(USERS, &user(1)).await.unwrap_err();
    let replace = client.replace(USERS, "7", &user(7), None).await.unwrap_err();
    let patch = client.patch(USERS, "7", &json!({}), None).await.unwrap_err();
    let delete = client.delete(USERS, "7", None).await.unwrap_err();
    let get = client.get(USERS, "7").await.unwrap_err();
    for error in [&create, &replace, &patch, &delete] {
        assert_eq!((error.kind, error.ambiguous), (Kind::Malformed, true), "{error}");
    }
    assert_eq!((get.kind, get.ambiguous), (Kind::Malformed, false));
    insta::assert_snapshot!(chain(&create), @"
    POST /Users: answered with HTML: Not your API (status 200); it may have been done all the same
      caused by: expected value at line 1 column 1
    ");
}

#[tokio::test]
async fn an_error_with_status_200_is_no_success() {
    let meta = json!({"error": {"message": "(#100) no such field", "code": 100}});
    let fake = Fake::script([
        scim("200 OK", &meta),
        scim(
            "200 OK",
            &json!({"schemas": [crate::urn::ERROR], "status": "409", "detail": "taken"}),
        ),
    ])
    .await;
    let client = client(&fake);
    let refused = client.patch(USERS, "7", &json!({}), None).await.unwrap_err();
    assert_eq!(refused.scim.as_ref().unwrap().code, Some(100));
    insta::assert_snapshot!(refused, @"PATCH /Users/7: refused: (#100) no such field (status 400)");
    let conflict = client.create(USERS, &user(1)).await.unwrap_err();
    assert_eq!(conflict.kind, Kind::Conflict);
}

#[tokio::test]
async fn a_409_is_a_conflict_with_its_scim_type() {
    let (created, lines) = create([scim_error(409, "uniqueness", "userName is taken")]).await;
    let error = created.unwrap_err();
    assert_eq!((error.kind, error.ambiguous, error.retryable), (Kind::Conflict, false, false));
    assert_eq!(lines, ["POST /Users"]);
    insta::assert_snapshot!(error, @"POST /Users: conflicts with another resource: userName is taken (status 409, uniqueness)");
}

#[tokio::test]
async fn a_412_is_a_precondition() {
    let fake = Fake::script([reply("412 Precondition Failed", &[], "")]).await;
    let error = client(&fake).delete(USERS, "7", None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Precondition);
    insta::assert_snapshot!(error, @"DELETE /Users/7: a precondition of the target does not hold (status 412)");
}

#[tokio::test]
async fn put_and_patch_take_a_body_or_none() {
    let fake = Fake::script([
        reply("204 No Content", &[], ""),
        scim("200 OK", &user(7)),
        scim("200 OK", &json!({"success": true})),
        scim("200 OK", &json!(true)),
    ])
    .await;
    let client = client(&fake);
    assert_eq!(client.patch(USERS, "7", &json!({"Operations": []}), None).await.unwrap(), None);
    assert_eq!(client.replace(USERS, "7", &user(7), None).await.unwrap(), Some(user(7)));
    assert_eq!(client.replace(USERS, "7", &user(7), None).await.unwrap(), None);
    assert_eq!(client.patch(USERS, "7", &json!({}), None).await.unwrap(), None);
    assert_eq!(fake.lines()[..2], ["PATCH /Users/7", "PUT /Users/7"]);
    assert_eq!(fake.seen()[0].body, r#"{"Operations":[]}"#);
}

#[tokio::test]
async fn delete_takes_200_202_and_204() {
    let fake = Fake::script([
        scim("200 OK", &json!({})),
        reply("202 Accepted", &[], ""),
        reply("204 No Content", &[], ""),
    ])
    .await;
    let client = client(&fake);
    for _ in 0..3 {
        assert_eq!(client.delete(USERS, "7", None).await.unwrap(), Deleted::Deleted);
    }
}

#[tokio::test]
async fn a_scim_404_is_gone() {
    let errors_1_1 = json!({"Errors": [{"description": "Resource 7 not found", "code": "404"}]});
    let plain_type = json!({"schemas": [crate::urn::ERROR], "status": 404});
    let json_type = [("Content-Type", "application/json; charset=utf-8")];
    let scim_type = [("Content-Type", "application/scim+json;charset=utf-8")];
    let answers = [
        scim_error(404, "", "not found"),
        reply("404 Not Found", &json_type, &plain_type.to_string()),
        reply("404 Not Found", &json_type, &errors_1_1.to_string()),
        reply("404 Not Found", &scim_type, ""),
    ];
    for answer in answers {
        let fake = Fake::start(move |_, _| answer.clone()).await;
        let client = client(&fake);
        assert_eq!(client.get(USERS, "7").await.unwrap(), None);
        assert_eq!(client.delete(USERS, "7", None).await.unwrap(), Deleted::Gone);
        let error = client.patch(USERS, "7", &json!({}), None).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert!(!error.is_unsupported());
    }
}

#[tokio::test]
async fn an_html_404_is_not_gone() {
    let other_json = [("Content-Type", "application/json")];
    let answers = [
        html("404 Not Found"),
        reply("404 Not Found", &[], ""),
        reply("404 Not Found", &other_json, r#"{"message": "no Route matched"}"#),
    ];
    for answer in answers {
        let fake = Fake::start(move |_, _| answer.clone()).await;
        let client = client(&fake);
        for error in [
            client.get(USERS, "7").await.unwrap_err(),
            client.delete(USERS, "7", None).await.unwrap_err(),
            client.replace(USERS, "7", &user(7), None).await.unwrap_err(),
        ] {
            assert_eq!((error.kind, error.status), (Kind::Refused, Some(404)), "{error}");
            assert!(error.is_unsupported(), "authentik #16678: PUT itself was not served");
        }
    }
    let fake = Fake::script([html("404 Not Found")]).await;
    insta::assert_snapshot!(client(&fake).delete(USERS, "7", None).await.unwrap_err(), @"DELETE /Users/7: not found, but not by the SCIM service: answered with HTML: Not your API (status 404)");
}

#[tokio::test]
async fn a_target_without_patch_says_so() {
    for answer in [reply("501 Not Implemented", &[], ""), html("405 Method Not Allowed")] {
        let fake = Fake::script([answer]).await;
        let error = client(&fake).patch(USERS, "7", &json!({}), None).await.unwrap_err();
        assert!(error.is_unsupported() && !error.retryable && !error.ambiguous, "{error:?}");
    }
}

#[tokio::test]
async fn an_id_is_sent_as_one_segment() {
    let id = "../Groups/a b?c#d%2F";
    let fake = Fake::start(move |_, _| scim("200 OK", &json!({ "id": id }))).await;
    let client = client(&fake);
    client.get(USERS, id).await.unwrap();
    assert_eq!(fake.lines(), ["GET /Users/..%2FGroups%2Fa%20b%3Fc%23d%252F"]);
    let group = client.replace(Resource::Group, "é", &json!({}), None).await;
    group.unwrap();
    assert_eq!(fake.lines()[1], "PUT /Groups/%C3%A9");
}

#[tokio::test]
async fn an_id_that_would_address_the_whole_collection_is_never_sent() {
    let fake = Fake::script([]).await;
    for id in ["", ".", ".."] {
        let error = client(&fake).delete(USERS, id, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Config);
    }
    assert!(fake.lines().is_empty());
    insta::assert_snapshot!(client(&fake).delete(USERS, "..", None).await.unwrap_err(), @r#"DELETE /Users/..: the id ".." cannot stand in a URL"#);
}

#[tokio::test]
async fn a_configuration_is_looked_for_at_both_names() {
    let fake = Fake::script([html("404 Not Found"), scim("200 OK", &json!({"patch": {}}))]).await;
    let found = client(&fake).service_provider_config().await.unwrap();
    assert_eq!(found, Some(json!({"patch": {}})));
    assert_eq!(fake.lines(), ["GET /ServiceProviderConfig", "GET /ServiceProviderConfigs"]);
}

#[tokio::test]
async fn a_target_without_a_configuration_is_no_failure() {
    let fake = Fake::script([scim_error(404, "", ""), reply("501 No", &[], "")]).await;
    assert_eq!(client(&fake).service_provider_config().await.unwrap(), None);
    let fake = Fake::script([reply("401 No", &[], "")]).await;
    let error = client(&fake).service_provider_config().await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
}

#[tokio::test]
async fn an_answer_about_something_else_is_not_taken_for_the_account() {
    for body in [json!({"Resources": 7, "id": []}), user(8), json!({"userName": "x"}), json!([])] {
        let fake = Fake::start(move |_, _| reply("200 OK", &[], &body.to_string())).await;
        let client = client(&fake);
        let read = client.get(USERS, "7").await.unwrap_err();
        assert_eq!((read.kind, read.ambiguous), (Kind::Malformed, false));
        assert_eq!(client.replace(USERS, "7", &user(7), None).await.unwrap(), None);
        assert_eq!(client.patch(USERS, "7", &json!({}), None).await.unwrap(), None);
    }
    let fake = Fake::start(|_, _| reply("200 OK", &[], r#"{"id": 7}"#)).await;
    assert!(client(&fake).get(USERS, "7").await.unwrap().is_some());
}
