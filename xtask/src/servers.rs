//! The servers of others that some tests need: Python's below the target folder, never into the system's Python; those of
//! Debian as packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kerberos;
use crate::shell::{self, Result, run, say, succeeds};

/// A server of others.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// Where the tests find it.
    pub(crate) variable: &'static str,
    /// Installs it where it is missing, and gives its place.
    pub(crate) set_up: fn(&Path, &Path) -> Result<PathBuf>,
    /// Its place, if it can be told without installing anything.
    pub(crate) is_here: fn() -> Option<PathBuf>,
}

/// All of them. The place of those in Python is the folder of `gunicorn` and `python`.
pub(crate) const ALL: &[Server] = &[
    Server {
        name: "scim2-server, django-scim2 and scim2-tester",
        variable: "PEOPLESYNC_TEST_VENV",
        set_up: venv,
        is_here: || None,
    },
    Server {
        name: "OpenLDAP",
        variable: "PEOPLESYNC_TEST_SLAPD",
        set_up: |_, _| slapd(),
        is_here: || Some(PathBuf::from(SLAPD)).filter(|program| program.exists()),
    },
    Server {
        name: "Samba (Active Directory)",
        variable: "PEOPLESYNC_TEST_SAMBA",
        set_up: samba,
        is_here: || None,
    },
    Server {
        name: "Kerberos, by the domain of Samba",
        variable: "KRB5_CONFIG",
        set_up: kerberos::set_up,
        is_here: || None,
    },
];

const SLAPD: &str = "/usr/sbin/slapd";

/// Samba as a domain controller.
const SAMBA: &[&str] = &[
    "samba",
    "samba-ad-provision",
    "samba-dsdb-modules",
    "samba-vfs-modules",
    "python3-samba",
    "winbind",
    "ldap-utils",
];

/// OpenLDAP's server with its overlays, and the programs that change a tree.
const OPENLDAP: &[&str] = &["slapd", "slapd-contrib", "ldap-utils"];

/// What the venv needs to have been built.
const PACKAGES: &[&str] = &["python3", "python3-venv"];

/// Installs the SCIM services in Python with gunicorn, and shows that they load. Gives the absolute folder of their programs.
fn venv(root: &Path, target: &Path) -> Result<PathBuf> {
    let servers = root.join("tests/servers");
    let requirements = servers.join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("cannot read tests/servers/requirements.txt: {error}"))?;
    let venv = target.join("venv");
    let bin = venv.join("bin");
    // What was installed last, so that the next call costs nothing.
    let stamp = venv.join("requirements.txt");
    if !std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        let python = python()?;
        say(&format!("installing scim2-server and others into {}", venv.display()));
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv))?;
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(Command::new(bin.join("python")).args(pip).arg(&requirements))?;
        std::fs::write(&stamp, wanted)
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    }
    for service in ["scim2_wsgi:app", "django_scim2_wsgi:app"] {
        let mut check = Command::new(bin.join("gunicorn"));
        check.current_dir(&servers).env("PYTHONDONTWRITEBYTECODE", "1").env("DATABASE", ":memory:");
        shell::capture(check.args(["--check-config", service]))?;
    }
    Ok(bin)
}

/// A Python that can make a venv and is new enough; installs one where we may.
fn python() -> Result<&'static str> {
    const PYTHON: &str = "python3";
    // Debian splits `ensurepip` off, and its `venv` fails half-way without it. scim2-server needs 3.11.
    let works = || {
        let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
        succeeds(Command::new(PYTHON).args(["-c", test]))
    };
    if works() {
        return Ok(PYTHON);
    }
    let needs = format!("Python 3.11 or newer with venv ({}) is not here", PACKAGES.join(", "));
    shell::apt_install(PACKAGES).map_err(|error| format!("{needs}; {error}"))?;
    if works() { Ok(PYTHON) } else { Err(format!("{needs}, and this system's own is too old")) }
}

/// The program slapd.
fn slapd() -> Result<PathBuf> {
    let program = PathBuf::from(SLAPD);
    let is_here = || program.exists() && succeeds(Command::new("ldapmodify").arg("-VV"));
    if !is_here() {
        let needs = format!("slapd and ldapmodify ({}) are not here", OPENLDAP.join(", "));
        shell::apt_install(OPENLDAP).map_err(|error| format!("{needs}; {error}"))?;
        if !is_here() {
            return Err(needs);
        }
    }
    Ok(program)
}

/// The folder of a domain that Samba serves on loopback, with a group of 5,000. It is made once; the tests add to it what they need.
fn samba(root: &Path, target: &Path) -> Result<PathBuf> {
    if !shell::is_root() {
        return Err("a domain controller has ports that only root may open".to_owned());
    }
    let is_here = || succeeds(Command::new("samba").arg("--version"));
    let can_provision = || Path::new("/usr/share/samba/setup").exists();
    if !(is_here() && can_provision()) {
        let needs = format!("Samba ({}) is not here", SAMBA.join(", "));
        shell::apt_install(SAMBA).map_err(|error| format!("{needs}; {error}"))?;
        if !is_here() {
            return Err(needs);
        }
    }
    let folder = target.join("samba");
    let settings = folder.join("etc/smb.conf");
    // Written last, so that a domain that was made by half, or without what is new, is made anew.
    let ready = folder.join("ready-with-many");
    if !ready.exists() {
        say("making a domain for the tests of Active Directory");
        drop(std::fs::remove_dir_all(&folder));
        let cannot = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(cannot)?;
        let mut provision = Command::new("samba-tool");
        provision.args(["domain", "provision", "--realm=AD.EXAMPLE.TEST", "--domain=EXAMPLE"]);
        provision.args(["--server-role=dc", "--dns-backend=NONE", "--host-name=dc1"]);
        provision.args(["--host-ip=127.0.0.1", "--adminpass=Passw0rd!test"]);
        provision.arg(format!("--targetdir={}", folder.display()));
        // Loopback only, and no need of a file system with extended attributes.
        provision.args(["--option=interfaces=lo", "--option=bind interfaces only=yes"]);
        provision.arg(format!("--option=posix:eadb={}/eadb.tdb", folder.display()));
        shell::capture(&mut provision)?;
        let text = std::fs::read_to_string(&settings).map_err(cannot)?;
        let kept = text.lines().filter(|line| {
            let name = line.split('=').next().unwrap_or_default().trim();
            !matches!(name, "server services" | "log file" | "logging")
        });
        let ours = format!(
            "[global]\n\tserver services = ldap, cldap, kdc\n\tldap server require strong auth = no\n\tlog file = {}/log.%m\n\tdisable netbios = yes\n",
            folder.display()
        );
        let text = kept.map(|line| format!("{line}\n")).collect::<String>();
        std::fs::write(&settings, text.replacen("[global]\n", &ours, 1)).map_err(cannot)?;
        // The system's own Python has Samba's library.
        let mut many = Command::new("/usr/bin/python3");
        many.arg("-B").arg(root.join("tests/servers/samba_many.py")).arg(&settings);
        shell::capture(&mut many)?;
        std::fs::write(&ready, "").map_err(cannot)?;
    }
    Ok(folder)
}
