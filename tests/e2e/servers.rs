//! SCIM services of others, as tests start them, from the folder that `cargo xtask test` prepares.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::directory::slapd::free_port;
use super::harness::here;

/// Where programs of Python are.
const PROGRAMS: &str = "PEOPLESYNC_TEST_VENV";

/// A service on loopback, until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// scim2-server: strict, in memory. None if it is not here, which is said.
    pub(crate) fn scim2() -> Option<Self> {
        Self::start("scim2_wsgi:app", "/v2", &[])
    }

    /// django-scim2, which keeps people in a file of this folder.
    pub(crate) fn django(folder: &Path) -> Option<Self> {
        let database = folder.join("django.sqlite3").display().to_string();
        Self::start("django_scim2_wsgi:app", "/scim/v2", &[("DATABASE", database)])
    }

    fn start(app: &str, base: &str, environment: &[(&str, String)]) -> Option<Self> {
        let mut gunicorn = program("gunicorn")?;
        let port = free_port();
        let child = gunicorn
            .env("PORT", port.to_string())
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .arg(app)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, url: format!("http://127.0.0.1:{port}{base}") };
        // Ready when it accepts connections; the bound is a number of tries, each of which yields to it.
        for _ in 0..2_000_000 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::yield_now();
        }
        panic!("{app} does not start");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A program of the folder, to be run among the servers of the tests. None if it is not here, which is said.
#[allow(clippy::print_stderr, reason = "a test that was left out says so")]
pub(crate) fn program(name: &str) -> Option<Command> {
    let Some(folder) = std::env::var_os(PROGRAMS) else {
        eprintln!(
            "LEFT OUT: SCIM services of others are not here; `cargo xtask test` installs them"
        );
        return None;
    };
    let mut command = Command::new(PathBuf::from(folder).join(name));
    command.current_dir(here().join("servers")).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}
