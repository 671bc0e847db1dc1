//! Headers, credentials, the pool, TLS and odd HTTP.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use super::fake::*;
use super::*;

const USERS: Resource = Resource::User;

#[tokio::test]
async fn every_request_has_user_agent_accept_and_credentials() {
    let fake = Fake::start(|_, _| scim("200 OK", &user(7))).await;
    let auth = Auth::Bearer("s3cret".to_owned());
    let client = Client::new(ClientConfig { auth, ..config(&fake) }).unwrap();
    client.get(USERS, "7").await.unwrap();
    client.create(USERS, &user(7)).await.unwrap();
    client.replace(USERS, "7", &user(7), None).await.unwrap();
    client.patch(USERS, "7", &json!({}), None).await.unwrap();
    client.delete(USERS, "7", None).await.unwrap();
    client.service_provider_config().await.unwrap();
    let seen = fake.seen();
    assert_eq!(seen.len(), 6);
    for request in seen {
        assert!(request.headers["user-agent"].starts_with("peoplesync/"), "{request:?}");
        assert!(request.headers["accept"].starts_with("application/scim+json"), "{request:?}");
        assert_eq!(request.headers["authorization"], "Bearer s3cret");
        assert_eq!(request.headers.contains_key("content-type"), !request.body.is_empty());
    }
}

#[tokio::test]
async fn basic_credentials_are_sent_and_no_credentials_are_not() {
    let fake = Fake::start(|_, _| scim("200 OK", &user(7))).await;
    let auth = Auth::Basic { user: "Aladdin".to_owned(), password: "open sesame".to_owned() };
    let basic = Client::new(ClientConfig { auth, ..config(&fake) }).unwrap();
    basic.get(USERS, "7").await.unwrap();
    client(&fake).get(USERS, "7").await.unwrap();
    let seen = fake.seen();
    assert_eq!(seen[0].headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(!seen[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_query_of_the_base_url_goes_with_every_request() {
    let fake = Fake::start(|_, seen| match seen.method.as_str() {
        "GET" if seen.target.starts_with("/scim/v2/Users?") => page(&[], 0),
        _ => scim("200 OK", &user(7)),
    })
    .await;
    let base_url = format!("{}/scim/v2/?tenant=a%20b", fake.url);
    let client = Client::new(ClientConfig { base_url, ..config(&fake) }).unwrap();
    client.list(USERS, None, None).next().await.unwrap();
    client.get(USERS, "7").await.unwrap();
    client.create(USERS, &user(7)).await.unwrap();
    client.delete(USERS, "7", None).await.unwrap();
    insta::assert_snapshot!(fake.lines().join("\n"), @"
    GET /scim/v2/Users?tenant=a%20b&count=100
    GET /scim/v2/Users/7?tenant=a%20b
    POST /scim/v2/Users?tenant=a%20b
    DELETE /scim/v2/Users/7?tenant=a%20b
    ");
}

fn refused(change: impl FnOnce(&mut ClientConfig)) -> String {
    let mut config = ClientConfig::new("https://scim.example.com/v2");
    change(&mut config);
    let error = Client::new(config).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    error.to_string()
}

#[test]
fn a_config_that_cannot_work_is_refused_with_the_reason() {
    let bearer = |token: &str| {
        let auth = Auth::Bearer(token.to_owned());
        refused(|config| config.auth = auth)
    };
    let basic = Auth::Basic { user: "a:b".to_owned(), password: String::new() };
    let messages = [
        refused(|config| config.base_url = "http://scim.example.com".to_owned()),
        refused(|config| config.user_agent = " ".to_owned()),
        refused(|config| config.user_agent = "a\nb".to_owned()),
        refused(|config| config.concurrency = 0),
        refused(|config| config.page_size = 0),
        refused(|config| config.extra_roots_pem = Some(b"no PEM".to_vec())),
        bearer(""),
        bearer("s3cret\n"),
        refused(|config| config.auth = basic),
    ];
    for message in &messages {
        assert!(!message.contains("s3cret"), "{message}");
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    the URL "http://scim.example.com" is plain http, which would send credentials and people readable over the network; use https, or set `allow_plain_http`
    the user agent is empty; some targets refuse requests without one
    the user agent holds characters that cannot stand in a header
    the concurrency must be at least 1
    the page size must be at least 1
    the extra root certificates are empty: no "BEGIN CERTIFICATE" in them
    the token is empty
    the token holds a blank, a line break or another character that no token has; is there a line break at the end of its file?
    the user name holds a colon, which Basic authentication cannot send
    "#);
}

#[test]
fn a_config_does_not_show_its_secrets() {
    let mut config = ClientConfig::new("https://ann:hunter2@scim.example.com/v2?key=hunter2");
    config.auth = Auth::Bearer("hunter2".to_owned());
    let bearer = format!("{config:?}");
    config.auth = Auth::Basic { user: "ann".to_owned(), password: "hunter2".to_owned() };
    let basic = format!("{config:?}");
    assert!(!bearer.contains("hunter2") && !basic.contains("hunter2"), "{bearer}\n{basic}");
    insta::assert_snapshot!(basic, @r#"ClientConfig { base_url: "https://***@scim.example.com/v2", auth: Basic { user: "ann", password: "***" }, user_agent: "peoplesync/0.1.0", timeout: 30s, concurrency: 8, retries: 4, page_size: 100, allow_plain_http: false, .. }"#);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let fake = Fake::start(|number, _| match number % 3 {
        0 => scim_error(404, "", "not found"),
        1 => reply("204 No Content", &[], ""),
        _ => scim("200 OK", &user(7)),
    })
    .await;
    let client = client(&fake);
    for _ in 0..20 {
        client.delete(USERS, "7", None).await.unwrap();
    }
    assert_eq!(fake.lines().len(), 20);
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn the_bound_on_concurrency_is_reached_and_held() {
    let gate = Arc::new(Semaphore::new(0));
    let under_way = Arc::<AtomicUsize>::default();
    let most = Arc::<AtomicUsize>::default();
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let (doors, now, peak) = (gate.clone(), under_way.clone(), most.clone());
    let fake = Fake::start_async(move |_, _| {
        let (doors, now, peak, arrived) =
            (doors.clone(), now.clone(), peak.clone(), arrived.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            arrived.send(()).unwrap();
            doors.acquire().await.unwrap().forget();
            now.fetch_sub(1, Ordering::SeqCst);
            scim("200 OK", &user(7))
        }
    })
    .await;
    let client = Client::new(ClientConfig { concurrency: 3, ..config(&fake) }).unwrap();
    let requests: Vec<_> = (0..12)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get(USERS, "7").await })
        })
        .collect();
    for _ in 0..3 {
        arrivals.recv().await.unwrap();
    }
    // On a paused clock, a sleep ends when nothing else in the test can move any more.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::time::resume();
    assert_eq!(under_way.load(Ordering::SeqCst), 3);
    gate.add_permits(12);
    for request in requests {
        request.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(fake.connections(), 3);
}

#[tokio::test]
async fn a_request_that_waits_to_be_repeated_leaves_its_place_to_others() {
    let fake = Fake::start(|_, seen| match seen.target.as_str() {
        "/Users/busy" => reply("502 Busy", &[], ""),
        _ => scim("200 OK", &user(7)),
    })
    .await;
    let hour = Duration::from_secs(3600);
    let config =
        ClientConfig { concurrency: 1, retry_base: hour, retry_cap: hour, ..config(&fake) };
    let client = Client::new(config).unwrap();
    let (waits, other) = tokio::join!(
        tokio::time::timeout(Duration::from_millis(300), client.get(USERS, "busy")),
        client.get(USERS, "7"),
    );
    assert!(waits.is_err(), "the first is still waiting");
    assert_eq!(other.unwrap(), Some(user(7)));
}

#[tokio::test]
async fn http_1_0_and_an_empty_reason_are_understood() {
    let body = user(7).to_string();
    let fake = Fake::start(move |number, _| match number % 2 {
        0 => Answer::Last(format!("HTTP/1.0 200 OK\r\n\r\n{body}").into_bytes()),
        _ => Answer::Bytes(
            format!("HTTP/1.1 200 \r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
        ),
    })
    .await;
    let client = client(&fake);
    for _ in 0..4 {
        assert_eq!(client.get(USERS, "7").await.unwrap(), Some(user(7)));
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    let fake = Fake::start(|_, _| Answer::Last(b"220 mail.example.com ESMTP\r\n".to_vec())).await;
    let error = client(&fake).get(USERS, "7").await.unwrap_err();
    insta::assert_snapshot!(chain(&error), @"
    GET /Users/7: the connection was lost before the whole answer was there
      caused by: invalid HTTP version parsed
    ");
}

/// A TLS server whose certificate is signed by `tls/ca.pem`. The keys are for tests alone.
async fn tls_server() -> (String, Arc<Mutex<Vec<Seen>>>) {
    tls_server_for(false).await
}

/// The same; with `clients`, only for those who show a certificate that `tls/client-ca.pem` has signed.
async fn tls_server_for(clients: bool) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut roots = tokio_rustls::rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(include_bytes!("tls/client-ca.pem")).unwrap())
        .unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        true => builder.with_client_cert_verifier(verifier.build().unwrap()),
        false => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let log = seen.clone();
    tokio::spawn(async move {
        let handler = Arc::new(|_, _| std::future::ready(scim("200 OK", &user(7))));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate hangs up here.
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(serve(stream, log.clone(), handler.clone()));
            }
        }
    });
    (url, seen)
}

#[tokio::test]
async fn tls_works_with_an_authority_of_ones_own() {
    let (url, _) = tls_server().await;
    let roots = include_bytes!("tls/ca.pem").to_vec();
    let config = ClientConfig { extra_roots_pem: Some(roots), ..ClientConfig::new(url) };
    let client = Client::new(config).unwrap();
    assert_eq!(client.get(USERS, "7").await.unwrap(), Some(user(7)));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused_at_once() {
    let (url, seen) = tls_server().await;
    let attempts = Arc::<AtomicUsize>::default();
    let count = attempts.clone();
    let observer: Observer = Arc::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let roots = include_bytes!("tls/other-ca.pem").to_vec();
    let config = ClientConfig {
        extra_roots_pem: Some(roots),
        observer: Some(observer),
        ..ClientConfig::new(&url)
    };
    let error = Client::new(config).unwrap().get(USERS, "7").await.unwrap_err();
    assert_eq!((error.kind, error.retryable), (Kind::Unreachable, false));
    assert_eq!(error.tls, Some(TlsFailure::Untrusted));
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    assert!(seen.lock().unwrap().is_empty());
    let told = chain(&error).replace(url.trim_start_matches("https://"), "HOST");
    insta::assert_snapshot!(told, @"
    GET /Users/7: cannot trust the TLS certificate of HOST
      caused by: invalid peer certificate: UnknownIssuer
    ");
}

#[tokio::test]
async fn a_target_that_wants_a_certificate_of_the_client_gets_it() {
    let (url, _) = tls_server_for(true).await;
    let roots = include_bytes!("tls/ca.pem").to_vec();
    let config = ClientConfig { extra_roots_pem: Some(roots), ..ClientConfig::new(&url) };
    let client = Client::new(ClientConfig { retries: 0, ..config.clone() }).unwrap();
    let error = client.get(USERS, "7").await.unwrap_err();
    assert_eq!(error.tls, Some(TlsFailure::ClientRefused), "{}", chain(&error));
    let identity = include_bytes!("tls/client.pem").to_vec();
    let config = ClientConfig { identity_pem: Some(identity), ..config };
    assert_eq!(Client::new(config).unwrap().get(USERS, "7").await.unwrap(), Some(user(7)));
}

#[test]
fn a_key_that_cannot_be_used_is_told_from_one_that_is_missing() {
    let of = |pem: &[u8], url: &str| {
        let config = ClientConfig { identity_pem: Some(pem.to_vec()), ..ClientConfig::new(url) };
        chain(&Client::new(config).unwrap_err())
    };
    let (_, certificate) = include_str!("tls/client.pem").split_once("-----BEGIN CERT").unwrap();
    let (certificate, _) = certificate.split_once("-----END CERT").unwrap();
    let certificate = format!("-----BEGIN CERT{certificate}-----END CERTIFICATE-----\n");
    let other = format!("{certificate}{}", include_str!("tls/server.key"));
    let encrypted = format!(
        "{certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    );
    let told = [other.as_bytes(), encrypted.as_bytes(), certificate.as_bytes()]
        .map(|pem| of(pem, "https://scim.example.com"));
    insta::assert_snapshot!(told.join("\n"), @"
    the client's private key is not that of its certificate
    the client's private key is encrypted, expected one without a passphrase
    the client's certificate is not a certificate and a private key in PEM
      caused by: builder error
      caused by: unexpected error: private key or certificate not found
    ");
}

#[tokio::test]
async fn a_token_endpoint_has_tls_of_its_own_beside_a_plain_target() {
    let (url, seen) = tls_server().await;
    let fake = Fake::script([scim("200 OK", &user(7))]).await;
    let auth = Auth::OAuth2(OAuth2 {
        token_url: format!("{url}/token"),
        client_id: "sync".to_owned(),
        client_secret: "s3cret".to_owned(),
        scope: None,
    });
    let roots = include_bytes!("tls/ca.pem").to_vec();
    let config = ClientConfig { auth, extra_roots_pem: Some(roots), retries: 0, ..config(&fake) };
    // The server is no token endpoint and says so, which shows that TLS was spoken.
    let error = Client::new(config).unwrap().get(Resource::User, "7").await.unwrap_err();
    assert!(error.message.contains("holds no `access_token`"), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!(fake.lines(), [""; 0]);
}

#[tokio::test]
async fn a_target_on_this_machine_does_not_take_the_proxy_from_the_token_endpoint() {
    let proxy = Fake::script([reply("200 OK", &[], r#"{"access_token":"t"}"#)]).await;
    let fake = Fake::script([scim("200 OK", &user(7))]).await;
    let auth = Auth::OAuth2(OAuth2 {
        token_url: "http://login.example.com/token".to_owned(),
        client_id: "sync".to_owned(),
        client_secret: "s3cret".to_owned(),
        scope: None,
    });
    let config = ClientConfig {
        auth,
        allow_plain_http: true,
        proxy: Some(proxy.url.clone()),
        ..config(&fake)
    };
    Client::new(config).unwrap().get(Resource::User, "7").await.unwrap();
    assert_eq!(proxy.lines(), ["POST http://login.example.com/token"]);
    assert_eq!(fake.lines(), ["GET /Users/7"]);
}
