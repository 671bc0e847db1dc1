//! OpenLDAP's server, one for each test that wants one: its own folder, its own ports of loopback, data from LDIF.
//! Used by the tests of several packages: `#[path = "…/tests/servers/slapd.rs"] mod slapd;`.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests end where something is not as it must be"
)]

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// Where `cargo xtask test` says that slapd is.
const SLAPD: &str = "PEOPLESYNC_TEST_SLAPD";

/// Where the ports of servers begin, and how many there are.
const FIRST_PORT: u16 = 20_000;
const PORTS: u32 = 12_000;

/// The top of the tree.
pub(crate) const SUFFIX: &str = "dc=example,dc=com";

/// The account without limits; its password is `admin`.
pub(crate) const ADMIN: &str = "cn=admin,dc=example,dc=com";

/// How a server is to be.
#[derive(Debug, Default)]
pub(crate) struct Options<'a> {
    /// The tree, beside its top and the accounts.
    pub(crate) ldif: &'a str,
    /// A certificate, its key, and the authority of client certificates, as PEM files.
    pub(crate) tls: Option<[PathBuf; 3]>,
    /// Whether deletions are remembered for content synchronisation.
    pub(crate) session_log: bool,
    /// Further lines of the global part, and of the database.
    pub(crate) global: &'a str,
    pub(crate) database: &'a str,
}

/// A server that listens. It ends with its value.
#[derive(Debug)]
pub(crate) struct Slapd {
    child: Option<Child>,
    folder: TempDir,
    program: PathBuf,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
}

impl Slapd {
    /// A server, or a word that it is not here.
    #[allow(clippy::print_stderr, reason = "a test that was left out says so")]
    pub(crate) fn start(options: &Options<'_>) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("LEFT OUT: slapd is not here; `cargo xtask test` installs it");
            return None;
        };
        Some(Self::start_from(&program, options))
    }

    /// A server of this program.
    pub(crate) fn start_from(program: &Path, options: &Options<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("db")).unwrap();
        // A copy, as some systems confine the program at its own path to the system's own directory.
        let copy = folder.path().join("slapd");
        fs::copy(program, &copy).unwrap();
        fs::write(folder.path().join("slapd.conf"), conf(folder.path(), options)).unwrap();
        fs::write(folder.path().join("tree.ldif"), tree(options.ldif)).unwrap();
        let mut server =
            Self { child: None, folder, program: copy, port: free_port(), tls_port: free_port() };
        server.run(
            Command::new(&server.program)
                .args(["-T", "add", "-q", "-f"])
                .arg(server.path("slapd.conf"))
                .arg("-l")
                .arg(server.path("tree.ldif")),
        );
        server.resume(options.tls.is_some());
        server
    }

    /// Starts it, on the same ports and data as before.
    pub(crate) fn resume(&mut self, tls: bool) {
        let mut urls = format!("ldap://127.0.0.1:{}", self.port);
        if tls {
            write!(urls, " ldaps://127.0.0.1:{}", self.tls_port).unwrap();
        }
        let log = fs::File::create(self.path("log")).unwrap();
        let child = Command::new(&self.program)
            .arg("-f")
            .arg(self.path("slapd.conf"))
            .args(["-h", &urls, "-d", "none"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        // The bound is a number of tries, each of which yields to it.
        for _ in 0..2_000_000 {
            if self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                break;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
        panic!("slapd does not start: {}", fs::read_to_string(self.path("log")).unwrap());
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _status = child.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Changes the tree, as the account without limits.
    pub(crate) fn modify(&self, ldif: &str) {
        let file = self.path("change.ldif");
        fs::write(&file, ldif).unwrap();
        let url = self.url();
        self.run(
            Command::new("ldapmodify")
                .args(["-x", "-H", &url, "-D", ADMIN, "-w", "admin", "-f"])
                .arg(&file),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, command: &mut Command) {
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where slapd is, if it is known.
pub(crate) fn program() -> Option<PathBuf> {
    std::env::var_os(SLAPD).map(PathBuf::from)
}

/// A port for a server that is told its port and binds it later. It is below those that systems give to whoever asks for any,
/// such as the simulators of other tests: one of those would be taken before the server comes to it.
pub(crate) fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let ports = std::iter::repeat_with(|| {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        FIRST_PORT + u16::try_from(begin.wrapping_add(given) % PORTS).unwrap()
    });
    let mut free =
        ports.take(PORTS as usize).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().unwrap()
}

/// Accounts with the limits that servers have; the password of each is its name. `reader` must page, by 500 at most; `small` gets
/// 100 entries whatever it does; `nopage` may not page, and gets 1000; `hidden` sees nobody.
const ACCOUNTS: [&str; 5] = ["reader", "small", "nopage", "free", "hidden"];

fn tree(ldif: &str) -> String {
    let mut text = format!("dn: {SUFFIX}\nobjectClass: domain\ndc: example\n\n");
    for name in ACCOUNTS {
        let class = "objectClass: organizationalRole\nobjectClass: simpleSecurityObject";
        write!(text, "dn: cn={name},{SUFFIX}\n{class}\ncn: {name}\nuserPassword: {name}\n\n")
            .unwrap();
    }
    for ou in ["people", "groups", "elsewhere"] {
        write!(text, "dn: ou={ou},{SUFFIX}\nobjectClass: organizationalUnit\nou: {ou}\n\n")
            .unwrap();
    }
    text + ldif
}

fn conf(folder: &Path, options: &Options<'_>) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut text = String::new();
    for schema in ["core", "cosine", "inetorgperson", "nis", "dyngroup"] {
        writeln!(text, "include /etc/ldap/schema/{schema}.schema").unwrap();
    }
    // What Active Directory and our tests add.
    text.push_str("modulepath /usr/lib/ldap\n");
    for module in ["back_mdb", "memberof", "syncprov", "sssvlv", "back_ldap"] {
        writeln!(text, "moduleload {module}").unwrap();
    }
    if let Some([certificate, key, ca]) = &options.tls {
        let shown = [("Certificate", certificate), ("CertificateKey", key), ("CACertificate", ca)];
        for (name, file) in shown {
            writeln!(text, "TLS{name}File {}", file.display()).unwrap();
        }
        text.push_str("TLSVerifyClient try\n");
    }
    writeln!(
        text,
        "{}\nsizelimit 500\npidfile {}\nargsfile {}",
        options.global,
        path("pid"),
        path("args")
    )
    .unwrap();
    writeln!(text, "database mdb\nsuffix {SUFFIX}\nrootdn {ADMIN}\nrootpw admin").unwrap();
    writeln!(text, "directory {}\nmaxsize 1073741824\ndbnosync", path("db")).unwrap();
    for (name, limits) in [
        ("reader", "size.soft=500 size.hard=500 size.pr=500 size.prtotal=unlimited"),
        ("small", "size.soft=100 size.hard=100 size.pr=50 size.prtotal=100"),
        ("nopage", "size.soft=1000 size.hard=1000 size.prtotal=disabled"),
        ("free", "size=unlimited time=unlimited size.prtotal=unlimited"),
    ] {
        writeln!(text, "limits dn.exact=\"cn={name},{SUFFIX}\" {limits}").unwrap();
    }
    text.push_str("index objectClass,entryCSN,entryUUID,uid,member eq\n");
    text.push_str("access to attrs=userPassword by anonymous auth by * none\n");
    writeln!(text, "access to dn.subtree=\"ou=people,{SUFFIX}\" by dn.exact=\"cn=hidden,{SUFFIX}\" none by users read by * none").unwrap();
    text.push_str(
        "access to * by users read by anonymous auth\noverlay memberof\noverlay syncprov\n",
    );
    if options.session_log {
        text.push_str("syncprov-sessionlog 1000\n");
    }
    text.push_str(options.database);
    text
}

/// People in LDIF, below `ou=people`: `uid=person1` and so on, each led by the one before.
pub(crate) fn people(count: usize) -> String {
    let mut text = String::new();
    for n in 1..=count {
        let class = "objectClass: inetOrgPerson";
        write!(
            text,
            "dn: uid=person{n},ou=people,{SUFFIX}\n{class}\nuid: person{n}\ncn: Person {n}\ngivenName: Zoë\nsn: Person\n\
             mail: person{n}@example.com\nemployeeNumber: {n}\ntitle: Engineer\n"
        )
        .unwrap();
        if n > 1 {
            writeln!(text, "manager: uid=person{},ou=people,{SUFFIX}", n / 2).unwrap();
        }
        text.push('\n');
    }
    text
}
