//! Requests a second over real connections, and what a page of many users costs. Run with `cargo bench`.

#![expect(clippy::print_stdout, reason = "a benchmark reports to the terminal")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use peoplesync_scim::Resource;
use peoplesync_simulator::Simulator;
use serde_json::json;

const CONNECTIONS: usize = 16;
const EACH: usize = 2000;
const USERS: usize = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let simulator = runtime.block_on(Simulator::builder().record(false).start())?;
    let address = simulator.addr();

    let created = parallel(address, |number| {
        let name = format!("new{number}@example.com");
        let body = user(&name).replacen('{', r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"#, 1);
        ("POST", "/Users".to_owned(), body)
    });
    report("POST /Users", created);
    report(
        "GET /Users?filter=userName eq",
        parallel(address, |number| {
            (
                "GET",
                format!("/Users?filter=userName%20eq%20%22new{number}@example.com%22"),
                String::new(),
            )
        }),
    );
    let ids: Vec<String> = simulator
        .users()
        .iter()
        .filter_map(|user| user["id"].as_str().map(ToOwned::to_owned))
        .collect();
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "title", "value": "Lead" }],
    });
    report(
        "PATCH /Users/{id}",
        parallel(address, |number| ("PATCH", format!("/Users/{}", ids[number]), patch.to_string())),
    );
    report(
        "GET /Users/{id}",
        parallel(address, |number| ("GET", format!("/Users/{}", ids[number]), String::new())),
    );

    let more = USERS - ids.len();
    let began = Instant::now();
    let users = (0..more).map(|number| {
        serde_json::from_str(&user(&format!("u{number}@example.com"))).unwrap_or_default()
    });
    simulator.seed(Resource::User, users)?;
    println!("seed: {more} users in {:?}; memory of the process {}", began.elapsed(), memory());
    let mut stream = TcpStream::connect(address)?;
    for start in [1, 100_001, 199_001] {
        let began = Instant::now();
        for _ in 0..20 {
            ask(&mut stream, "GET", &format!("/Users?startIndex={start}&count=1000"), "")?;
        }
        println!("a page of 1,000 of {USERS} users from {start}: {:?}", began.elapsed() / 20);
    }
    let began = Instant::now();
    ask(&mut stream, "GET", "/Users?filter=title%20co%20%22nobody%22", "")?;
    println!("a filter without an index over {USERS} users: {:?}", began.elapsed());
    Ok(())
}

fn user(name: &str) -> String {
    json!({
        "userName": name, "externalId": name, "active": true, "title": "Engineer", "displayName": "Zoë Ng",
        "name": { "givenName": "Zoë", "familyName": "Ng" },
        "emails": [{ "type": "work", "value": name }],
        "addresses": [{ "type": "work", "locality": "London", "country": "GB" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R&D", "manager": { "value": "7" } },
    })
    .to_string()
}

fn parallel(
    address: SocketAddr,
    request: impl Fn(usize) -> (&'static str, String, String) + Sync,
) -> Duration {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let request = &request;
            scope.spawn(move || -> std::io::Result<()> {
                let mut stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                for number in 0..EACH {
                    let (method, path, body) = request(connection * EACH + number);
                    ask(&mut stream, method, &path, &body)?;
                }
                Ok(())
            });
        }
    });
    began.elapsed()
}

fn report(what: &str, time: Duration) {
    let requests = CONNECTIONS * EACH;
    let rate = u128::try_from(requests).unwrap_or_default() * 1_000_000 / time.as_micros().max(1);
    println!(
        "{what}: {requests} requests on {CONNECTIONS} connections in {time:?}: {rate} a second"
    );
}

/// Sends a request and reads its answer; fails unless it is a success.
fn ask(stream: &mut TcpStream, method: &str, path: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let request = format!(
        "{method} /scim/v2{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut read = Vec::with_capacity(4096);
    let mut buffer = [0; 65536];
    let mut whole = usize::MAX;
    while read.len() < whole {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&buffer[..count]);
        if whole == usize::MAX
            && let Some(end) = read.windows(4).position(|part| part == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            assert!(head.starts_with("http/1.1 2"), "{head}");
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            whole = end + 4 + length.unwrap_or(0);
        }
    }
    Ok(())
}

/// As Linux tells it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
