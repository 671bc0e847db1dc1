//! A field of a secret in the key-value store of a HashiCorp Vault, read over its HTTP API. Where the vault is and how to sign in
//! are what its own tools use: `VAULT_ADDR`, `VAULT_TOKEN`, `VAULT_NAMESPACE`, `VAULT_CACERT`.

use std::time::Duration;

use peoplesync_source::{Error, ErrorKind};
use serde_json::Value as Json;

/// As long as anybody waits for a vault.
const PATIENCE: Duration = Duration::from_secs(20);

/// No answer of a vault is longer; Vault itself takes no request of more than 32 MiB, and a secret of 1 MiB at most.
const MOST_BYTES: usize = 4 << 20;

/// `place` is `PATH#FIELD`, with the path as the API has it: `secret/data/scim` for version 2 of the store, `secret/scim` for
/// version 1. `variable` reads the environment.
pub(super) fn read(
    place: &str,
    variable: &dyn Fn(&str) -> Result<String, Error>,
) -> Result<String, Error> {
    let (path, field) = place.split_once('#').unwrap_or((place, ""));
    let address = variable("VAULT_ADDR")?;
    let token = variable("VAULT_TOKEN")?;
    let url = format!("{}/v1/{}", address.trim_end_matches('/'), path.trim_matches('/'));
    let parsed = reqwest::Url::parse(&url)
        .map_err(|error| Error::config("VAULT_ADDR is no URL").with_source(error))?;
    let plain = parsed.scheme() != "https" && !is_this_machine(&parsed);
    if plain {
        return Err(Error::config("VAULT_ADDR is plain http, which would send the token readable")
            .with_hint("use https"));
    }
    let namespace = variable("VAULT_NAMESPACE").ok();
    let authority = variable("VAULT_CACERT").ok();
    let (status, body) = ask(&url, &token, namespace, authority)?;
    let answer: Json = serde_json::from_slice(&body).unwrap_or_default();
    match status {
        200 => {}
        403 => {
            return Err(Error::new(ErrorKind::Denied, format!("the vault refuses to show {path}"))
                .with_hint("is VAULT_TOKEN valid, and may its policies read this path?"));
        }
        404 => {
            return Err(Error::config(format!("the vault has no secret at {path}")).with_hint(
                "the path is that of the API: secret/data/NAME for version 2 of the store",
            ));
        }
        status => {
            return Err(Error::unavailable(format!("the vault answered with status {status}")));
        }
    }
    // Version 2 of the store wraps the fields once more.
    let fields = answer.pointer("/data/data").filter(|data| data.is_object());
    let fields = fields.or_else(|| answer.get("data")).and_then(Json::as_object);
    match fields.and_then(|fields| fields.get(field)) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => Err(Error::config(format!("`{field}` of {path} in the vault is no text"))),
        None => {
            let mut known: Vec<&str> =
                fields.into_iter().flat_map(|fields| fields.keys()).map(String::as_str).collect();
            known.sort_unstable();
            Err(Error::config(format!("the secret {path} in the vault has no field `{field}`"))
                .with_hint(format!("it has {}", known.join(", "))))
        }
    }
}

/// By its very name, without asking a name server.
fn is_this_machine(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|host| host.is_loopback()),
        None => false,
    }
}

/// Secrets are revealed where nothing else goes on, also from inside an async function; so this has a thread of its own.
fn ask(
    url: &str,
    token: &str,
    namespace: Option<String>,
    authority: Option<String>,
) -> Result<(u16, Vec<u8>), Error> {
    let unreachable = |error: reqwest::Error| {
        Error::unavailable("no answer from the vault at VAULT_ADDR")
            .with_source(error.without_url())
    };
    // Fails only when a provider is installed already, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("peoplesync/", env!("CARGO_PKG_VERSION")));
    if url.starts_with("http://") {
        builder = builder.tls_certs_only([]).no_proxy();
    } else if let Some(path) = authority {
        let pem = std::fs::read(&path).map_err(|error| {
            Error::config(format!("cannot read VAULT_CACERT, {path}")).with_source(error)
        })?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| Error::config("VAULT_CACERT is no PEM").with_source(error))?;
        builder = builder.tls_certs_merge(certificates);
    }
    let http = builder.build().map_err(unreachable)?;
    let mut request = http.get(url).header("X-Vault-Token", token);
    if let Some(namespace) = namespace {
        request = request.header("X-Vault-Namespace", namespace);
    }
    let answer = async {
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BYTES {
                return Err(Error::unavailable(format!(
                    "the vault answered with more than {MOST_BYTES} bytes, which is no secret"
                )));
            }
        }
        Ok((status, body))
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime
                .map_err(|error| Error::unavailable("cannot start a thread").with_source(error))?;
            runtime.block_on(answer)
        });
        thread.join().expect("reading a vault does not panic")
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Reads `place` from a vault that gives one answer; also what it was asked.
    fn check(place: &str, status: &str, body: &str) -> (Result<String, String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let vault = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        let variable = |name: &str| match name {
            "VAULT_ADDR" => Ok(address.clone()),
            "VAULT_TOKEN" => Ok("hunter2".to_owned()),
            _ => Err(Error::config("not set")),
        };
        let read = read(place, &variable).map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        });
        (read, vault.join().unwrap())
    }

    #[test]
    fn both_versions_of_the_store_are_read() {
        let two = r#"{"data":{"data":{"token":"s3cret","other":"x"},"metadata":{}}}"#;
        let (read, asked) = check("secret/data/scim#token", "200 OK", two);
        assert_eq!(read.unwrap(), "s3cret");
        assert!(asked.starts_with("GET /v1/secret/data/scim HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("x-vault-token: hunter2"), "{asked}");
        let one = r#"{"data":{"token":"s3cret"}}"#;
        assert_eq!(check("secret/scim#token", "200 OK", one).0.unwrap(), "s3cret");
    }

    #[test]
    fn what_a_vault_does_not_have_is_told_by_name() {
        let fields = r#"{"data":{"data":{"token":"s3cret"}}}"#;
        let told = [
            check("kv/data/scim#tokn", "200 OK", fields).0,
            check("kv/data/scim#token", "200 OK", r#"{"data":{"data":{"token":7}}}"#).0,
            check("kv/scim#token", "404 Not Found", r#"{"errors":[]}"#).0,
            check("kv/data/scim#token", "403 Forbidden", "{}").0,
            check("kv/data/scim#token", "503 Sealed", "{}").0,
        ];
        let told: Vec<String> = told.into_iter().map(Result::unwrap_err).collect();
        assert!(!told.concat().contains("hunter2") && !told.concat().contains("s3cret"));
        insta::assert_snapshot!(told.join("\n"), @"
        the secret kv/data/scim in the vault has no field `tokn`; it has token
        `token` of kv/data/scim in the vault is no text
        the vault has no secret at kv/scim; the path is that of the API: secret/data/NAME for version 2 of the store
        the vault refuses to show kv/data/scim; is VAULT_TOKEN valid, and may its policies read this path?
        the vault answered with status 503
        ");
    }

    #[test]
    fn a_token_is_not_sent_readable_to_another_machine() {
        for address in [
            "http://vault.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            let variable = |_: &str| Ok(address.to_owned());
            let error = read("kv/data/scim#token", &variable).unwrap_err();
            assert!(error.to_string().contains("plain http"), "{address}: {error}");
        }
    }
}
