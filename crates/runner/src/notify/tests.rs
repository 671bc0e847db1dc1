//! Notifications against listeners on loopback.

use std::path::Path;
use std::sync::Mutex;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;

fn event() -> Event {
    Event {
        event: EventKind::Refused,
        time: "2026-01-01T00:00:00.000Z".to_owned(),
        target: "Example".to_owned(),
        title: "a plan waits for an approval".to_owned(),
        text: "max_leavers: 8 of 40 linked people would be deactivated".to_owned(),
        plan: Some("sha256:12".to_owned()),
        summary: json!({ "deactivate": 8 }),
        outcomes: Json::Null,
    }
}

fn loaded(notifications: &str) -> Loaded {
    let text = format!(
        "source = {{ kind = \"static\" }}\ntarget.url = \"http://127.0.0.1:1/\"\npeople.attributes.userName = \"a\"\n{notifications}\n"
    );
    crate::config::parse(Path::new("p.toml"), &text, Path::new(".")).unwrap()
}

/// Answers one request after another, and keeps what it was sent: headers and body.
async fn listener(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    // As `main` does.
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&kept);
    tokio::spawn(async move {
        for answer in answers {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                let lower = line.to_ascii_lowercase();
                if let Some(number) = lower.strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                }
                if lower.starts_with("x-peoplesync") {
                    head.push_str(&lower);
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            seen.lock().unwrap().push(format!("{head}{}", String::from_utf8(body).unwrap()));
            let text =
                format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    });
    (url, kept)
}

#[tokio::test]
async fn a_webhook_gets_everything_signed_and_is_tried_again() {
    let (url, kept) = listener(&["503 Away", "204 No Content"]).await;
    let loaded = loaded(&format!(
        "[notifications.ops]\nwebhook = {{ url = \"{url}\", key = \"k\" }}\nsubject = \"{{{{ target }}}} {{{{ summary.deactivate }}}}\"\n\
         [notifications.other]\non = [\"changes\"]\nwebhook = {{ url = \"{url}\" }}"
    ));
    assert_eq!(mistakes(&loaded).len(), 0);
    tell(&loaded, &event()).await;
    let kept = kept.lock().unwrap().clone();
    assert_eq!(kept.len(), 2, "once more after a failure, and not to whom it does not concern");
    assert_eq!(kept[0], kept[1]);
    let (head, body) = kept[0].split_once("\r\n").unwrap();
    assert_eq!(
        head,
        format!("x-peoplesync-signature: {}", webhook::signature("k", body.as_bytes()))
    );
    let body: Json = serde_json::from_str(body).unwrap();
    assert_eq!(body["subject"], "Example 8");
    assert_eq!(body["event"], "refused");
    assert_eq!(body["plan"], "sha256:12");
}

#[test]
fn a_signature_is_that_of_the_rfc() {
    // RFC 4231 section 4.3.
    assert_eq!(
        webhook::signature("Jefe", b"what do ya want for nothing?"),
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[tokio::test]
async fn chat_programs_get_what_they_show() {
    let (url, kept) = listener(&["200 OK", "200 OK"]).await;
    let loaded = loaded(&format!(
        "[notifications.a]\nwebhook = {{ url = \"{url}\", format = \"slack\" }}\n[notifications.b]\nwebhook = {{ url = \"{url}\", format = \"teams\" }}"
    ));
    tell(&loaded, &event()).await;
    insta::assert_snapshot!(kept.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn a_mail_goes_to_the_mail_server() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let session = tokio::spawn(async move {
        let (stream, _) = server.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 test\r\n").await.unwrap();
        let (mut said, mut in_data) = (String::new(), false);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                return said;
            }
            let is_noise = line.starts_with("EHLO") || line.starts_with("Date:");
            if !is_noise {
                said.push_str(&line.replace('\r', ""));
            }
            let answer: &[u8] = match line.trim_end() {
                "." if in_data => {
                    in_data = false;
                    b"250 kept\r\n"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                _ => b"250 fine\r\n",
            };
            stream.write_all(answer).await.unwrap();
        }
    });
    let loaded = loaded(&format!(
        "[notifications.ops]\nsmtp = {{ host = \"127.0.0.1\", port = {port}, encryption = \"none\", from = \"peoplesync <sync@example.com>\", to = [\"ops@example.com\"] }}"
    ));
    assert_eq!(mistakes(&loaded).len(), 0);
    tell(&loaded, &event()).await;
    insta::assert_snapshot!(session.await.unwrap());
}

#[test]
fn what_cannot_work_is_said_beforehand() {
    let wrong = loaded(
        "[notifications.a]\ntext = \"{{ unclosed\"\n[notifications.b]\nsmtp = { host = \"mail.example.com\", encryption = \"none\", from = \"a@example.com\", to = [\"b@example.com\"] }\n\
         [notifications.d]\nwebhook = { url = \"https://example.com/\", format = \"slak\" }\n[notifications.c]\nsmtp = { host = \"mail.example.com\", from = \"nobody\", to = [] }\n\
         [notifications.e]\nsubject = \"{{ titel }}\"\nwebhook = { url = \"https://example.com/\", body = \"{{ subject }} {{ nosuch }} {{ range(2) }}\" }",
    );
    insta::assert_snapshot!(crate::config::ConfigErrors::new(mistakes(&wrong)).to_string());
}

#[test]
fn templates_know_the_fields_of_an_event() {
    let event = serde_json::to_value(event()).unwrap();
    let mut names = FIELDS;
    names.sort_unstable();
    assert!(event.as_object().unwrap().keys().eq(names), "{event}");
}

#[test]
fn what_is_missing_to_tell_somebody_is_found_without_telling_anybody() {
    let loaded = loaded(
        "[notifications.a]\nwebhook = { url = \"https://hooks.example.com/services/T0/secret\" }\n\
         [notifications.b]\nwebhook = { url = { env = \"PEOPLESYNC_TEST_NOPE\" } }\n\
         [notifications.c]\nwebhook = { url = \"hooks.example.com\" }\n\
         [notifications.d]\nsmtp = { host = \"mail.example.com\", from = \"a@example.com\", to = [\"b@example.com\"] }",
    );
    let found: Vec<String> =
        ready(&loaded).into_iter().map(|(name, found)| format!("{name}: {found:?}\n")).collect();
    insta::assert_snapshot!(found.concat(), @r#"
    a: Ok("a webhook at hooks.example.com")
    b: Err("the variable PEOPLESYNC_TEST_NOPE is not set")
    c: Err("the address of the webhook is no URL of http or https")
    d: Ok("mail to b@example.com by mail.example.com")
    "#);
}
