//! Logs: to stderr, without personal values. What people are shown as results goes to stdout through `report`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging. `-q` shows errors, nothing shows warnings, `-v` what is done, `-vv` each request.
pub(crate) fn start(verbose: u8, quiet: bool, colour: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "peoplesync=info,peoplesync_scim=info,warn",
        (false, _) => "peoplesync=debug,peoplesync_scim=debug,info",
    };
    let filter =
        EnvFilter::try_from_env("PEOPLESYNC_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let ansi = colour && std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false);
    // A second start, as in tests that run commands in one process, keeps the first logger.
    let _already = builder.try_init();
}

/// A personal value as logs and histories show it: its first character and its length.
pub(crate) fn masked(value: &str) -> String {
    let length = value.chars().count();
    match value.chars().next() {
        None => String::new(),
        Some(_) if length <= 2 => format!("…({length})"),
        Some(first) => format!("{first}…({length})"),
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_masked_value_shows_one_character_and_the_length() {
        assert_eq!(masked("zoe@example.com"), "z…(15)");
        assert_eq!(masked("Ng"), "…(2)");
        assert_eq!(masked("Ååå"), "Å…(3)");
        assert_eq!(masked(""), "");
    }
}
