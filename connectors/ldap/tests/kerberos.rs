//! A bind by Kerberos, against Samba as the key distribution centre and the directory.

#![cfg(feature = "gssapi")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

#[path = "../../../tests/servers/samba.rs"]
mod samba;

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use peoplesync_ldap::Ldap;
use peoplesync_source::{Context, Query};
use peoplesync_testkit::{read_all, source};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use samba::{ADMINISTRATOR, MANY, Samba};

/// Settings that read the group of 5,000.
fn settings(url: &str, bind: &str, more: &str) -> String {
    format!(
        "servers = [\"{url}\"]\nkey = \"objectGUID\"\nbind = {{ method = \"gssapi\", {bind} }}\n{more}\n\
         [[bases]]\ndn = \"{MANY}\"\nfilter = \"(objectClass=contact)\"\n"
    )
}

/// The place of the authority's certificate. Made once for all tests: a new one under a server that is starting would not be the one that
/// its clients are told to trust.
static AUTHORITY: OnceLock<String> = OnceLock::new();

/// A domain controller that gives tickets, if there are settings of Kerberos that name it; and its authority of TLS.
#[allow(clippy::print_stderr, reason = "a test that was left out says so")]
fn start() -> Option<(Samba, String)> {
    let folder = std::env::var_os("PEOPLESYNC_TEST_SAMBA");
    let (Some(folder), Some(_)) = (folder, std::env::var_os("KRB5_CONFIG")) else {
        eprintln!("LEFT OUT: Kerberos is not set up; `cargo xtask test` does it");
        return None;
    };
    let authority = AUTHORITY.get_or_init(|| certify(Path::new(&folder))).clone();
    let server = Samba::start()?;
    // The bound is a number of tries, each of which yields to it.
    let gives_tickets = (0..2_000_000).any(|_| {
        std::thread::yield_now();
        TcpStream::connect(("127.0.0.1", 88)).is_ok()
    });
    assert!(gives_tickets, "Samba's key distribution centre does not start");
    Some((server, authority))
}

/// Gives the domain controller a certificate for `localhost`, as its own names no host. Gives the place of the authority's.
fn certify(domain: &Path) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let folder = domain.join("private/tls");
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        // Samba takes no key that others may read.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    write("key.pem", key.serialize_pem());
    write("cert.pem", certificate.pem());
    write("ca.pem", authority.pem())
}

#[test]
fn a_ticket_opens_the_directory_and_encrypts_what_is_read() {
    let Some((_server, authority)) = start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cx = Context::for_tests(".");
    let (user, password) = ("Administrator@AD.EXAMPLE.TEST", ADMINISTRATOR.1);
    let by = |user: &str, password: &str| format!("user = \"{user}\", password = \"{password}\"");
    let start_tls = format!("start_tls = true\nca = \"{authority}\"");
    let ca = format!("ca = \"{authority}\"");
    let plain = "ldap://localhost";
    let cases = [
        ("a keytab", plain, String::new(), ""),
        ("a keytab, and whose key", plain, format!("user = \"{user}\""), ""),
        ("a password", plain, by(user, password), ""),
        ("StartTLS", plain, String::new(), start_tls.as_str()),
        ("ldaps", "ldaps://localhost", by(user, password), ca.as_str()),
        ("another password", plain, by(user, "x"), ""),
        ("nobody", plain, by("nobody@AD.EXAMPLE.TEST", "x"), ""),
        ("no realm", plain, by("reader@OTHER.TEST", "x"), ""),
        ("no key", plain, "user = \"reader@AD.EXAMPLE.TEST\"".to_owned(), ""),
        ("an address", "ldap://127.0.0.1", String::new(), ""),
    ];
    let shown = cases.map(|(name, url, bind, more)| {
        let source = source::<Ldap>(&settings(url, &bind, more)).unwrap();
        let checked = match runtime.block_on(source.check(&cx)) {
            Ok(report) => {
                let pass = read_all(&*source, &cx, &Query::fields(["cn"]));
                assert!(pass.is_complete() && pass.records.len() == 5000, "{pass}");
                format!("{}\n5000 were read", report.notes[1])
            }
            Err(error) => failure(&error),
        };
        format!("{name}:\n{checked}\n")
    });
    insta::assert_snapshot!(shown.join("\n"));
}

/// The environment names the cache of tickets to the library of the system, so this test runs itself once more in another one.
#[test]
fn a_ticket_of_kinit_is_enough() {
    const WITH_TICKET: &str = "PEOPLESYNC_TEST_WITH_TICKET";
    if std::env::var_os(WITH_TICKET).is_some() {
        let source = source::<Ldap>(&settings("ldap://localhost", "", "")).unwrap();
        let pass = read_all(&*source, &Context::for_tests("."), &Query::fields(["cn"]));
        assert!(pass.is_complete() && pass.records.len() == 5000, "{pass}");
        return;
    }
    let Some((_server, _)) = start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cache = format!("FILE:{}", folder.path().join("tickets").display());
    let again = || {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "a_ticket_of_kinit_is_enough"]).env(WITH_TICKET, "1");
        // No keytab may stand in for a ticket.
        program.env("KRB5CCNAME", &cache).env("KRB5_CLIENT_KTNAME", folder.path().join("none"));
        program.output().unwrap()
    };
    assert!(!again().status.success(), "there is no way in without a ticket");
    let mut kinit = Command::new("kinit")
        .args(["-c", &cache, "Administrator@AD.EXAMPLE.TEST"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(kinit.stdin.take().unwrap(), "{}", ADMINISTRATOR.1).unwrap();
    assert!(kinit.wait().unwrap().success());
    let output = again();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn what_crosses_the_network_is_encrypted() {
    let Some((_server, _)) = start() else { return };
    let (port, heard) = listen();
    let source = source::<Ldap>(&settings(&format!("ldap://localhost:{port}"), "", "")).unwrap();
    let pass = read_all(&*source, &Context::for_tests("."), &Query::fields(["cn"]));
    assert!(pass.is_complete() && pass.records.len() == 5000, "{pass}");
    let heard = heard.lock().unwrap();
    let has = |text: &[u8]| heard.windows(text.len()).any(|bytes| bytes == text);
    assert!(heard.len() > 100_000 && has(b"GSSAPI"), "the relay hears");
    assert!(!has(b"objectGUID") && !has(b"OU=many"), "and understands nothing of what is read");
}

/// A relay in front of the domain controller that keeps what passes, both ways.
fn listen() -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = Arc::clone(&heard);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect("127.0.0.1:389").unwrap();
            let ways =
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)];
            for (mut from, mut to) in ways {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(read @ 1..) = from.read(&mut bytes) {
                        kept.lock().unwrap().extend_from_slice(&bytes[..read]);
                        if to.write_all(&bytes[..read]).is_err() {
                            break;
                        }
                    }
                    drop(to.shutdown(Shutdown::Both));
                });
            }
        }
    });
    (port, heard)
}

/// An error as a user reads it.
fn failure(error: &peoplesync_source::Error) -> String {
    let mut text = format!("{:?}: {error}", error.kind());
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text + &error.hint().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default()
}
