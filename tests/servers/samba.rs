//! Samba as a domain controller: a real Active Directory, with its own ports of loopback (389 and others, so that it runs once at
//! a time, and as root). The domain was made by `cargo xtask test`; what a test adds is below an OU of its own.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// Where `cargo xtask test` says that the domain is.
const SAMBA: &str = "PEOPLESYNC_TEST_SAMBA";

/// The top of the domain.
pub(crate) const TOP: &str = "DC=ad,DC=example,DC=test";

/// The administrator, and the password.
pub(crate) const ADMINISTRATOR: (&str, &str) = ("Administrator@ad.example.test", "Passw0rd!test");

/// The group of 5,000 that `cargo xtask test` has made, below an OU of its own.
pub(crate) const MANY: &str = "OU=many,DC=ad,DC=example,DC=test";

/// The ports are those of Active Directory, so that one test of a program has them at a time.
static PORTS: Mutex<()> = Mutex::new(());

/// A domain controller that listens. It ends with its value.
#[derive(Debug)]
pub(crate) struct Samba {
    child: Child,
    folder: PathBuf,
    _ports: MutexGuard<'static, ()>,
    /// The folder, where it is a copy of the domain.
    _copy: Option<TempDir>,
    /// The OU of this run.
    pub(crate) ou: String,
}

impl Samba {
    /// The domain controller, or a word that it is not here.
    pub(crate) fn start() -> Option<Self> {
        domain().map(|folder| Self::start_in(folder, None))
    }

    /// The same with a recycle bin, which is there for ever once it was turned on: on a copy of the domain.
    pub(crate) fn with_recycle_bin() -> Option<Self> {
        let domain = domain()?;
        let copy = TempDir::new().unwrap();
        let folder = copy.path().join("samba");
        let run =
            |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
        run(Command::new("cp").arg("-a").arg(&domain).arg(&folder));
        let settings = folder.join("etc/smb.conf");
        let text = fs::read_to_string(&settings).unwrap();
        let (from, to) = (domain.display().to_string(), folder.display().to_string());
        fs::write(&settings, text.replace(&from, &to)).unwrap();
        // Samba's own Python modules are those of the system.
        let script =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/servers/samba_recycle_bin.py");
        run(Command::new("/usr/bin/python3").args(["-B", script]).arg(&settings));
        Some(Self::start_in(folder, Some(copy)))
    }

    fn start_in(folder: PathBuf, copy: Option<TempDir>) -> Self {
        let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        // Children of the one before may take a moment to end.
        let is_free = (0..200_000).any(|_| {
            std::thread::yield_now();
            TcpStream::connect(("127.0.0.1", 389)).is_err()
        });
        assert!(
            is_free,
            "port 389 of this machine is in use, so no domain controller can be started"
        );
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = Command::new("samba")
            .args(["--interactive", "--debug-stdout", "--configfile"])
            .arg(folder.join("etc/smb.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let ou = format!("OU=run{},{TOP}", child.id());
        let samba = Self { child, folder, _ports: ports, _copy: copy, ou };
        // The bound is a number of tries, each of which yields to it.
        for _ in 0..2_000_000 {
            if TcpStream::connect(("127.0.0.1", 389)).is_ok() {
                samba.modify(&format!(
                    "dn: {}\nchangetype: add\nobjectClass: organizationalUnit\n",
                    samba.ou
                ));
                return samba;
            }
            std::thread::yield_now();
        }
        panic!("samba does not start: {}", fs::read_to_string(samba.folder.join("log")).unwrap());
    }

    /// Changes the tree, as the administrator.
    pub(crate) fn modify(&self, ldif: &str) {
        self.modify_with(&[], ldif);
    }

    /// The same for entries that were deleted.
    pub(crate) fn modify_deleted(&self, ldif: &str) {
        self.modify_with(&["-e", "!1.2.840.113556.1.4.417"], ldif);
    }

    fn modify_with(&self, arguments: &[&str], ldif: &str) {
        let file = self.folder.join("change.ldif");
        fs::write(&file, ldif).unwrap();
        let (user, password) = ADMINISTRATOR;
        let output = Command::new("ldapmodify")
            .args(arguments)
            .args(["-x", "-H", "ldap://127.0.0.1", "-D", user, "-w", password, "-f"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{ldif}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Where the domain is, or a word that it is not here.
#[allow(clippy::print_stderr, reason = "a test that was left out says so")]
fn domain() -> Option<PathBuf> {
    let folder = std::env::var_os(SAMBA).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("LEFT OUT: Samba is not here; `cargo xtask test` makes a domain");
    }
    folder
}

impl Drop for Samba {
    fn drop(&mut self) {
        // It has children of its own, which end with it when it is asked to end.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _gone = self.child.kill();
        }
        let _status = self.child.wait();
    }
}
