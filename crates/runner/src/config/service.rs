//! The tables of `peoplesync run`: when it runs, who is told what, and what becomes of failures.

use std::collections::BTreeMap;

use peoplesync_source::Secret;
use peoplesync_source::schemars::{self, JsonSchema};
use serde::Deserialize;

/// When `peoplesync run` runs: cron expressions of five fields, or six with seconds in front.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    /// When changes are read, where the source can tell what changed.
    #[serde(default)]
    pub incremental: Option<String>,
    /// When everybody is read and compared with every account.
    #[serde(default)]
    pub full: Option<String>,
    /// The time zone of both, such as `Europe/Oslo`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// How long requests under way may take when the service is stopped, in seconds.
    #[serde(default = "sixty")]
    pub stop_secs: u64,
    /// An address on loopback with a page, `/health` and `/metrics` (Prometheus), such as `127.0.0.1:9464`.
    #[serde(default)]
    pub listen: Option<String>,
}

/// When somebody is tried again whose write the target refused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetriesTable {
    /// Hours after the first failure, the second, and so on; the last number holds for all that follow.
    pub after_hours: Vec<u32>,
    /// After so many days it is given up, until the record changes or `peoplesync resume`.
    pub give_up_days: u32,
}

/// When the service slows down because the job as a whole fails.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineTable {
    /// So many runs in a row that could not read the source.
    pub source_failures: u32,
    /// More than this share of the writes of a run failed, in percent.
    pub failed_percent: u32,
    /// Only where there were at least so many writes.
    pub min_writes: u32,
    /// In quarantine there is a run every so many hours; with 0 it is told, and runs go on as they are.
    pub every_hours: u32,
}

/// What is told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventKind {
    /// A run failed, or people could not be written.
    Failed,
    /// A plan waits for an approval.
    Refused,
    /// The job is in quarantine.
    Quarantine,
    /// A run went well after one that did not.
    Recovered,
    /// A run changed something.
    Changes,
}

/// Somebody who is told what happened: by webhook, by mail, or both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notification {
    /// What is told: `failed`, `refused`, `quarantine`, `recovered`, `changes`.
    #[serde(default = "most")]
    pub on: Vec<EventKind>,
    /// A web address that gets a POST.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// A mail.
    #[serde(default)]
    pub smtp: Option<Smtp>,
    /// A template of the subject (the language of Jinja); docs/service.md has the names.
    #[serde(default)]
    pub subject: Option<String>,
    /// A template of the text.
    #[serde(default)]
    pub text: Option<String>,
}

/// A web address that gets a POST.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// The address. It is a secret, as those of chat programs let everybody write who knows them.
    pub url: Secret,
    /// What the body looks like: `json` for everything that is known, or the name of a file of config/webhooks.
    #[serde(default = "json")]
    pub format: String,
    /// Instead of `format`: a template of the body, in the language of Jinja.
    #[serde(default)]
    pub body: Option<String>,
    /// A key: then the header `X-Peoplesync-Signature` is `sha256=` and the HMAC of the body.
    #[serde(default)]
    pub key: Option<Secret>,
}

/// A mail server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Smtp {
    /// Its name.
    pub host: String,
    /// Its port; 465, 587 or 25 by `encryption` if not given.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// Who signs in, if anybody.
    #[serde(default)]
    pub user: Option<String>,
    /// The password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// From whom: `peoplesync <sync@example.com>`.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encryption {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// STARTTLS, and nothing without it.
    Starttls,
    /// Nothing; on loopback only.
    None,
}

/// Everybody who is told, by name.
pub(crate) type Notifications = BTreeMap<String, Notification>;

fn json() -> String {
    "json".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

fn sixty() -> u64 {
    60
}

fn most() -> Vec<EventKind> {
    vec![EventKind::Failed, EventKind::Refused, EventKind::Quarantine, EventKind::Recovered]
}
