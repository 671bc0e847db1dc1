//! The one place that reads the clock, draws random numbers, and asks the system who runs the program.

use std::sync::Arc;

use peoplesync_source::{Clock, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "time enters here and is handed on as a parameter"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// The machine's clock, for a session.
pub(crate) fn system() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// A time as people read it: `2026-01-31 09:30:00 UTC`.
pub(crate) fn readable(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_else(|_| millis.to_string())
}

/// A time as machines read it: RFC 3339.
pub(crate) fn rfc3339(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_else(|_| millis.to_string())
}

/// Who runs the program, as the system calls them. It is told, not proved: whoever runs it can say something else.
pub(crate) fn user() -> String {
    let names = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"];
    let mut found = names.iter().filter_map(|name| std::env::var_os(name)?.into_string().ok());
    found.find(|name| !name.is_empty()).or_else(owner).unwrap_or_else(|| "unknown".to_owned())
}

/// The name of the process's owner, where the environment does not tell it: in a shell that something else began, say.
#[cfg(unix)]
fn owner() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let table = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    Some(name.unwrap_or_else(|| format!("user {id}")))
}

#[cfg(not(unix))]
fn owner() -> Option<String> {
    None
}

/// A key for the hashes of a new state: 256 bits from the operating system.
pub(crate) fn random_key() -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    Ok(key)
}
