//! Running other programs, and saying things. Nothing here knows the project.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a chore ends with; the text says what to do.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// A line for the person at the terminal.
#[expect(clippy::print_stdout, reason = "the one place where xtask prints")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The cargo that runs us, so that a `+toolchain` holds for everything.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned()));
    command.current_dir(root);
    command
}

/// Runs a program that writes to the terminal itself.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", shown(command))) }
}

/// Runs a program and keeps what it writes, both streams together; the text of a failure comes back in the error.
pub(crate) fn capture(command: &mut Command) -> std::result::Result<String, Captured> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Captured { what: cannot_start(command, &error), output: String::new() })?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let what = format!("{} failed: {}", shown(command), output.status);
    Err(Captured { what, output: text })
}

/// Whether a program runs and ends well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    capture(command).is_ok()
}

/// Whether we may install packages of the system.
pub(crate) fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Installs Debian packages, if this is Debian and we may.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    let advice = || format!("apt-get install {}", packages.join(" "));
    if !is_root() || !succeeds(Command::new("apt-get").arg("--version")) {
        return Err(format!("install them with `{}` (as root) or your system's like", advice()));
    }
    say(&format!("installing {}", packages.join(", ")));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        capture(&mut command).map_err(|error| error.to_string())
    };
    // A fresh image has no package lists at all.
    apt(&["update", "-qq"])?;
    let _quiet = NoServices::new();
    apt(&[["install", "-y", "-qq", "--no-install-recommends"].as_slice(), packages].concat())?;
    Ok(())
}

/// As long as it lives, packages do not start the services that they bring: tests start their own.
struct NoServices {
    is_ours: bool,
}

/// What Debian asks before it starts a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn new() -> Self {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o755).open(POLICY);
        let written = file.and_then(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n"));
        Self { is_ours: written.is_ok() }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.is_ours {
            drop(std::fs::remove_file(POLICY));
        }
    }
}

/// A program that failed, with what it wrote.
#[derive(Debug)]
pub(crate) struct Captured {
    what: String,
    output: String,
}

impl fmt::Display for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = self.output.trim_end();
        if output.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}\n{output}", self.what)
        }
    }
}

impl From<Captured> for String {
    fn from(captured: Captured) -> Self {
        captured.to_string()
    }
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("{} does not start: {error}", shown(command))
}

/// A command as somebody would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    format!("`{}`", words.join(" "))
}
