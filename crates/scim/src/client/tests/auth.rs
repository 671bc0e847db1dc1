//! Tokens that are fetched and renewed, headers of a service's own, client certificates, proxies.

use std::sync::Mutex;

use serde_json::json;

use super::fake::*;
use super::*;

const USERS: Resource = Resource::User;

fn oauth2(fake: &Fake) -> ClientConfig {
    let auth = Auth::OAuth2(OAuth2 {
        token_url: format!("{}/token", fake.url),
        client_id: "people:sync".to_owned(),
        client_secret: "s3cret".to_owned(),
        scope: Some("scim.write".to_owned()),
    });
    ClientConfig { auth, ..config(fake) }
}

/// A service with its own authorization server: `tokens` are handed out in turn, and only the last one is good.
async fn service(expires_in: serde_json::Value) -> Fake {
    let issued = Mutex::new(0);
    Fake::start(move |_, seen| {
        let mut issued = issued.lock().unwrap();
        if seen.target == "/token" {
            *issued += 1;
            let token = json!({
                "access_token": format!("t{issued}"), "token_type": "Bearer", "expires_in": expires_in,
            });
            return reply("200 OK", &[("Content-Type", "application/json")], &token.to_string());
        }
        if seen.target.ends_with("/withdraw") {
            *issued += 10;
            return scim("200 OK", &user(7));
        }
        let good = format!("Bearer t{issued}");
        match seen.headers.get("authorization") {
            Some(sent) if *sent == good => scim("200 OK", &user(7)),
            _ => scim_error(401, "", "who are you?"),
        }
    })
    .await
}

fn requests(fake: &Fake) -> String {
    let lines = fake.seen().into_iter().map(|seen| {
        let authorization = seen.headers.get("authorization").cloned().unwrap_or_default();
        let body = if seen.target == "/token" { seen.body.as_str() } else { "" };
        format!("{} [{authorization}] {body}", seen.line()).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn one_token_serves_all_requests_until_it_is_withdrawn() {
    let fake = service(json!(3600)).await;
    let client = Client::new(oauth2(&fake)).unwrap();
    let (one, two) = tokio::join!(client.get(USERS, "7"), client.get(USERS, "7"));
    one.unwrap();
    two.unwrap();
    client.get(USERS, "withdraw").await.unwrap_err();
    client.create(USERS, &user(7)).await.unwrap();
    insta::assert_snapshot!(requests(&fake), @"
    POST /token [Basic cGVvcGxlJTNBc3luYzpzM2NyZXQ=] grant_type=client_credentials&scope=scim.write
    GET /Users/7 [Bearer t1]
    GET /Users/7 [Bearer t1]
    GET /Users/withdraw [Bearer t1]
    POST /Users [Bearer t1]
    POST /token [Basic cGVvcGxlJTNBc3luYzpzM2NyZXQ=] grant_type=client_credentials&scope=scim.write
    POST /Users [Bearer t12]
    ");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let fake = service(json!("300")).await;
    let client = Client::new(oauth2(&fake)).unwrap();
    let tokens = || fake.lines().iter().filter(|line| line.ends_with("/token")).count();
    client.get(USERS, "7").await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(230)).await;
    tokio::time::resume();
    client.get(USERS, "7").await.unwrap();
    assert_eq!(tokens(), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(15)).await;
    tokio::time::resume();
    client.get(USERS, "7").await.unwrap();
    assert_eq!(tokens(), 2, "a minute before its end it is no longer used");
}

#[tokio::test]
async fn a_server_that_wants_the_secret_in_the_form_gets_it_there() {
    let fake = Fake::start(|_, seen| match seen.target.as_str() {
        "/token" if !seen.body.contains("client_secret=s3cret") => {
            reply("401 No", &[], r#"{"error":"invalid_client"}"#)
        }
        "/token" => reply("200 OK", &[], r#"{"access_token":"t"}"#),
        _ => scim("200 OK", &user(7)),
    })
    .await;
    Client::new(oauth2(&fake)).unwrap().get(USERS, "7").await.unwrap();
    assert_eq!(fake.lines(), ["POST /token", "POST /token", "GET /Users/7"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_reason_is_told() {
    let answers = [
        reply(
            "400 No",
            &[],
            r#"{"error":"invalid_client","error_description":"the secret has expired"}"#,
        ),
        reply("401 No", &[], "<html>"),
        reply("200 OK", &[], r#"{"access_token":"t","token_type":"mac"}"#),
        reply("200 OK", &[], r#"{"token":"t"}"#),
    ];
    let mut told = Vec::new();
    for answer in answers {
        let fake = Fake::start(move |_, _| answer.clone()).await;
        let error = Client::new(oauth2(&fake)).unwrap().create(USERS, &user(7)).await.unwrap_err();
        assert!(fake.lines().iter().all(|line| line == "POST /token"), "{:?}", fake.lines());
        assert!(!error.ambiguous && !chain(&error).contains("s3cret"));
        told.push(
            format!("{:?}: {}", error.kind, chain(&error))
                .replace(fake.url.trim_start_matches("http://"), "HOST"),
        );
    }
    insta::assert_snapshot!(told.join("\n"), @"
    Denied: POST /Users: no token from HOST: the secret has expired (status 400)
    Denied: POST /Users: no token from HOST: the client's id or secret is not accepted (status 401)
    Malformed: POST /Users: no token from HOST: tokens of the type `mac` are not known (status 200)
    Malformed: POST /Users: no token from HOST: the answer holds no `access_token` (status 200)
    ");
}

#[tokio::test]
async fn a_header_of_the_services_own_is_sent() {
    let fake = Fake::start(|_, _| scim("200 OK", &user(7))).await;
    let auth = Auth::Header { name: "X-Api-Key".to_owned(), value: "Key 1".to_owned() };
    Client::new(ClientConfig { auth, ..config(&fake) }).unwrap().get(USERS, "7").await.unwrap();
    let seen = fake.seen();
    assert_eq!(seen[0].headers["x-api-key"], "Key 1");
    assert!(!seen[0].headers.contains_key("authorization"));
}

#[test]
fn credentials_that_cannot_work_are_refused_and_never_shown() {
    let refused = |auth: Auth| {
        assert!(!format!("{auth:?}").contains("s3cret"), "{auth:?}");
        let config = ClientConfig { auth, ..ClientConfig::new("https://scim.example.com") };
        Client::new(config).unwrap_err().to_string()
    };
    let header = |name: &str, value: &str| {
        refused(Auth::Header { name: name.to_owned(), value: value.to_owned() })
    };
    let oauth2 = |token_url: &str, client_id: &str| {
        let (client_secret, scope) = ("s3cret".to_owned(), None);
        let (token_url, client_id) = (token_url.to_owned(), client_id.to_owned());
        refused(Auth::OAuth2(OAuth2 { token_url, client_id, client_secret, scope }))
    };
    let proxy = ClientConfig {
        proxy: Some("ftp::s3cret".to_owned()),
        ..ClientConfig::new("https://scim.example.com")
    };
    let identity = ClientConfig {
        identity_pem: Some(b"no PEM".to_vec()),
        ..ClientConfig::new("https://scim.example.com")
    };
    let messages = [
        header("X Key", "s3cret"),
        header("X-Key", "s3cret\n"),
        oauth2("http://login.example.com/token", "id"),
        oauth2("https://login.example.com/token", ""),
        Client::new(proxy).unwrap_err().to_string(),
        Client::new(identity).unwrap_err().to_string(),
    ];
    assert!(messages.iter().all(|message| !message.contains("s3cret")), "{messages:?}");
    insta::assert_snapshot!(messages.join("\n"), @r#"
    "X Key" is no name of a header
    the value for the header X-Key is empty, or holds a line break or another character that no header has
    the URL "http://login.example.com/token" is plain http, which would send credentials and people readable over the network; use https, or set `allow_plain_http`
    the client's id or secret is empty
    cannot read the proxy, expected something like "http://proxy.example.com:3128"
    the client's certificate is not a certificate and a private key in PEM
    "#);
}

#[tokio::test]
async fn a_proxy_gets_every_request_but_those_to_this_machine() {
    let proxy = Fake::start(|_, _| scim("200 OK", &user(7))).await;
    let beyond = ClientConfig {
        proxy: Some(proxy.url.replace("http://", "http://ann:s3cret@")),
        allow_plain_http: true,
        ..ClientConfig::new("http://scim.example.invalid/v2")
    };
    Client::new(beyond).unwrap().get(USERS, "7").await.unwrap();
    let seen = proxy.seen();
    assert_eq!(seen[0].line(), "GET http://scim.example.invalid/v2/Users/7");
    assert_eq!(seen[0].headers["proxy-authorization"], "Basic YW5uOnMzY3JldA==");

    let target = Fake::start(|_, _| scim("200 OK", &user(7))).await;
    let config = ClientConfig { proxy: Some(proxy.url.clone()), ..config(&target) };
    Client::new(config).unwrap().get(USERS, "7").await.unwrap();
    assert_eq!((target.seen().len(), proxy.seen().len()), (1, 1));
}

#[tokio::test]
async fn an_answer_without_end_is_no_token() {
    let huge = format!(r#"{{"access_token":"{}"}}"#, "t".repeat(300 << 10));
    let fake = Fake::start(move |_, _| reply("200 OK", &[], &huge)).await;
    let error = Client::new(oauth2(&fake)).unwrap().get(USERS, "7").await.unwrap_err();
    assert_eq!(error.kind, Kind::TooLarge, "{error}");
}
