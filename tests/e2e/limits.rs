//! Limits of a target that outlive a process, and tokens that are fetched.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS, profile};

fn people(count: usize) -> String {
    let rows = (0..count).map(|n| format!("{n},First{n},Last{n},u{n}@example.com,,active,\n"));
    HEADER.to_owned() + &rows.collect::<String>()
}

#[test]
fn a_lasting_limit_holds_from_one_run_to_the_next() {
    let bed = Bed::new();
    let limit =
        "overrides.rates = [{ requests = 1200, per_secs = 600, burst = 3, methods = [\"POST\"] }]";
    let config = CONFIG.replace("[target]", &format!("[target]\n{limit}"));
    bed.write("peoplesync.toml", config + NO_GUARDS);
    let apply = |count| {
        bed.write("people.csv", people(count));
        let began = Instant::now();
        bed.run(&["apply", "--yes"]).expect(0);
        began.elapsed()
    };
    // Two a second, once three have passed at once.
    let first = apply(6);
    assert!(first >= Duration::from_millis(1500), "{first:?}");
    // The three that may come at once are used up, whoever counts.
    let second = apply(9);
    assert!(second >= Duration::from_millis(700), "{second:?}");
    assert_eq!(bed.simulator().users().len(), 9);
}

#[test]
fn a_service_that_holds_callers_to_its_rates_refuses_nobody_who_knows_them() {
    let rate = r#"{ requests = 1200, per_secs = 60, burst = 10, methods = ["POST", "PATCH"], resources = ["users"] }"#;
    let mut strict = profile("generic");
    let rates: toml::Table = toml::from_str(&format!("rates = [{rate}]")).unwrap();
    strict.rates = rates["rates"].clone().try_into().unwrap();
    let bed = Bed::with_limits(&strict);
    let known = CONFIG.replace("[target]", &format!("[target]\noverrides.rates = [{rate}]"));
    bed.write("peoplesync.toml", known + NO_GUARDS);
    bed.write("people.csv", people(40));
    bed.run(&["apply", "--yes"]).expect(0);
    let too_many = |bed: &Bed| {
        let requests = bed.simulator().take_requests();
        requests.iter().filter(|request| request.status == Some(429)).count()
    };
    assert_eq!((bed.simulator().users().len(), too_many(&bed)), (40, 0));

    // Whoever does not know them is refused, slows down, and loses nobody.
    let unknown = CONFIG.to_owned() + NO_GUARDS + "max_config_changes = 1000000\n";
    bed.write("peoplesync.toml", unknown);
    bed.write("people.csv", people(100));
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(bed.simulator().users().len(), 100);
    assert!(too_many(&bed) > 0);
    bed.run(&["plan", "--full"]).expect(0);
}

/// An authorization server that gives every client the simulator's token; where it is.
fn authorization_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !String::from_utf8_lossy(&asked).contains("grant_type=client_credentials") {
                let read = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..read]);
            }
            // `sync:hunter2`, as Basic credentials.
            let known = String::from_utf8_lossy(&asked).contains("Basic c3luYzpodW50ZXIy");
            let (status, body) = match known {
                true => (
                    "200 OK",
                    r#"{"access_token":"secret","token_type":"Bearer","expires_in":600}"#,
                ),
                false => ("401 No", r#"{"error":"invalid_client"}"#),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn a_token_of_an_authorization_server_opens_the_target() {
    let bed = Bed::new();
    let url = authorization_server();
    let config = |secret: &str| {
        let bearer = "auth = { bearer = { env = \"SCIM_TOKEN\" } }";
        assert!(CONFIG.contains(bearer));
        CONFIG.replace(bearer, &format!("auth = {{ oauth2 = {{ token_url = \"{url}\", client_id = \"sync\", client_secret = \"{secret}\" }} }}"))
    };
    bed.write("people.csv", people(2));
    bed.write("peoplesync.toml", config("hunter3"));
    let refused = bed.run(&["apply", "--yes"]).expect(4);
    assert!(refused.stderr.contains("no token from 127.0.0.1"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter3"), "{}", refused.stderr);
    bed.write("peoplesync.toml", config("hunter2"));
    bed.run(&["apply", "--yes"]).expect(0);
    assert_eq!(bed.simulator().users().len(), 2);
}
