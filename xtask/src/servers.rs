//! The servers of others that some tests need: installed below the target folder, never into the system's Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Result, run, say, succeeds};

/// Where the tests find the programs of scim2-server: the folder of `gunicorn`.
pub(crate) const SCIM2_SERVER: &str = "PEOPLESYNC_TEST_SCIM2_SERVER";

/// What the venv needs to have been built.
const PACKAGES: &[&str] = &["python3", "python3-venv"];

/// Installs scim2-server with gunicorn, and shows that it loads. Gives the absolute folder of its programs.
pub(crate) fn scim2_server(root: &Path, target: &Path) -> Result<PathBuf> {
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
        say(&format!("installing scim2-server into {}", venv.display()));
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv))?;
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(Command::new(bin.join("python")).args(pip).arg(&requirements))?;
        std::fs::write(&stamp, wanted)
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    }
    let mut check = Command::new(bin.join("gunicorn"));
    check.current_dir(&servers).env("PYTHONDONTWRITEBYTECODE", "1");
    shell::capture(check.args(["--check-config", "scim2_wsgi:app"]))?;
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
