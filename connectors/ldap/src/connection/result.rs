//! What the result codes of a server mean for a run (RFC 4511, appendix A).

use peoplesync_source::{Error, ErrorKind};

use super::Server;
use crate::wire::Outcome;

pub(crate) const SUCCESS: i64 = 0;
pub(crate) const TIME_LIMIT: i64 = 3;
pub(crate) const SIZE_LIMIT: i64 = 4;
pub(crate) const REFERRAL: i64 = 10;
pub(crate) const ADMIN_LIMIT: i64 = 11;
pub(crate) const UNKNOWN_CONTROL: i64 = 12;
#[cfg(feature = "gssapi")]
pub(crate) const BIND_IN_PROGRESS: i64 = 14;
pub(crate) const NO_SUCH_OBJECT: i64 = 32;
pub(crate) const INVALID_DN: i64 = 34;
pub(crate) const UNWILLING: i64 = 53;
pub(crate) const SYNC_REFRESH_REQUIRED: i64 = 4096;

/// The name of a code, as the standard and every manual have it.
pub(crate) fn name(code: i64) -> &'static str {
    match code {
        SUCCESS => "success",
        1 => "operationsError",
        2 => "protocolError",
        TIME_LIMIT => "timeLimitExceeded",
        SIZE_LIMIT => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        REFERRAL => "referral",
        ADMIN_LIMIT => "adminLimitExceeded",
        UNKNOWN_CONTROL => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        18 => "inappropriateMatching",
        NO_SUCH_OBJECT => "noSuchObject",
        INVALID_DN => "invalidDNSyntax",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        UNWILLING => "unwillingToPerform",
        80 => "other",
        SYNC_REFRESH_REQUIRED => "e-syncRefreshRequired",
        _ => "an unusual result",
    }
}

/// The error of an operation that the server refused.
pub(crate) fn refused(server: &Server, what: &str, outcome: &Outcome) -> Error {
    let code = outcome.code;
    let (kind, hint) = match code {
        49 => (ErrorKind::Denied, Some(credentials_hint(&outcome.message))),
        8 | 13 => (ErrorKind::Denied, Some("use ldaps:// or start_tls = true")),
        1 if outcome.message.contains("bind") => {
            (ErrorKind::Denied, Some("this server is not read as nobody: `bind` is missing"))
        }
        7 | 48 | 50 | UNWILLING => (ErrorKind::Denied, None),
        51 | 52 | 80 | TIME_LIMIT | ADMIN_LIMIT => (ErrorKind::Unavailable, None),
        NO_SUCH_OBJECT => (
            ErrorKind::Config,
            Some("is the DN right, and may the account see it? Servers answer both alike"),
        ),
        INVALID_DN => (ErrorKind::Config, Some("a DN is written like ou=people,dc=example,dc=com")),
        _ => (ErrorKind::Unsupported, None),
    };
    let mut error = Error::new(kind, format!("{server} refused {what}: {} ({code})", name(code)));
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    if outcome.message.is_empty() {
        error
    } else {
        error.with_source(Said(outcome.message.clone()))
    }
}

/// Active Directory says in its message why an account may not enter.
fn credentials_hint(message: &str) -> &'static str {
    let code = message.split("data ").nth(1).and_then(|rest| rest.split([',', ' ']).next());
    match code {
        Some("525") => "there is no such user",
        Some("530") => "the account may not log on at this time",
        Some("531") => "the account may not log on from this machine",
        Some("532") => "the password of the account has expired",
        Some("533") => "the account is disabled",
        Some("701") => "the account has expired",
        Some("773") => "the password of the account must be changed first",
        Some("775") => "the account is locked",
        _ => "is the user a full DN (or user@domain), and the password right?",
    }
}

/// Words of others, as the cause.
#[derive(Debug)]
pub(super) struct Said(pub(super) String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}
