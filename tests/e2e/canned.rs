//! A target that says what a test wants it to say, word by word, whatever that is. The simulator is right where it is not told to be
//! wrong; this is not even HTTP where a test wants that.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// What is answered to requests of this method whose path begins like this; the first that fits is taken.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) method: String,
    pub(crate) path: String,
    /// With what follows it up to the first header, such as `200` or `401`; `cut` closes the connection.
    pub(crate) status: String,
    pub(crate) media_type: String,
    pub(crate) body: Vec<u8>,
}

/// A target on loopback, which counts the requests of each method (`POST-1`). Its thread ends with the test's process.
#[derive(Debug)]
pub(crate) struct Canned {
    url: String,
}

impl Canned {
    pub(crate) fn start(rules: Vec<Rule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/scim", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut numbers = BTreeMap::new();
            for stream in listener.incoming().flatten() {
                // A client that goes away is no matter of the target's.
                let _gone = answer(&rules, &mut numbers, stream);
            }
        });
        Self { url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Answers one request, and closes: so a connection that is cut is like any other.
fn answer(
    rules: &[Rule],
    numbers: &mut BTreeMap<String, u32>,
    mut stream: TcpStream,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? <= 2 {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.strip_prefix("/scim").unwrap_or(path);
    let fits = |rule: &&Rule| rule.method == method && path.starts_with(&rule.path);
    let of_method = numbers.entry(method.to_owned()).or_insert(0_u32);
    *of_method += 1;
    let number = format!("{method}-{of_method}");
    let missing = Rule {
        method: String::new(),
        path: String::new(),
        status: "404".to_owned(),
        media_type: "text/plain".to_owned(),
        body: b"nothing is here".to_vec(),
    };
    let rule = rules.iter().find(fits).unwrap_or(&missing);
    if rule.status == "cut" {
        return Ok(());
    }
    write!(stream, "HTTP/1.1 {} Said\r\nConnection: close\r\n", rule.status)?;
    write!(stream, "X-Request-Id: {number}\r\n")?;
    if !rule.media_type.is_empty() {
        write!(stream, "Content-Type: {}\r\n", rule.media_type)?;
    }
    write!(stream, "Content-Length: {}\r\n\r\n", rule.body.len())?;
    stream.write_all(&rule.body)
}
