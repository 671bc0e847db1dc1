//! Failures of the file system and of compressed files, as errors of the contract.

use std::io;

use peoplesync_source::{Context, Error, files};

/// What a reader found wrong with the bytes of a file, carried through `std::io`.
#[derive(Debug)]
pub(crate) struct Damage(pub(crate) &'static str);

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Damage {}

/// Reading failed: behind a line, or at the beginning, where no line is known yet.
pub(crate) fn reading(
    cx: &Context,
    name: &str,
    line: Option<u64>,
    gzip: bool,
    error: io::Error,
) -> Error {
    let place = line.map(|line| format!(" after line {line}")).unwrap_or_default();
    if cx.is_cancelled() {
        return Error::cancelled();
    }
    if let Some(damage) = error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
        return Error::malformed(format!("{name} {damage}{place}"))
            .with_hint("was it copied while it was still being written?");
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof if gzip => {
            Error::malformed(format!("the gzip file {name} ends too early{place}"))
                .with_hint("was it copied while it was still being written?")
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput if gzip => {
            Error::malformed(format!("the gzip file {name} is damaged{place}")).with_source(error)
        }
        io::ErrorKind::PermissionDenied => files::denied(name, error),
        _ => Error::unavailable(format!("{name} cannot be read{place}")).with_source(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: io::ErrorKind) -> String {
        let cx = Context::for_tests(".");
        let error = io::Error::new(kind, "the system says so");
        let error = reading(&cx, "p.csv", Some(3), true, error);
        format!("{:?} {:?}: {error}", error.kind(), error.retry())
    }

    #[test]
    fn the_file_system_tells_missing_from_denied() {
        assert_eq!(
            check(io::ErrorKind::NotFound),
            "Unavailable Later(None): p.csv cannot be read after line 3"
        );
        assert_eq!(
            check(io::ErrorKind::PermissionDenied),
            "Denied Never: p.csv may not be read by this user"
        );
        assert_eq!(
            check(io::ErrorKind::UnexpectedEof),
            "Malformed Never: the gzip file p.csv ends too early after line 3"
        );
    }
}
