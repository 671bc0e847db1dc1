//! The config as types: one struct a table, a doc comment a key. The comments are the reference and the JSON Schema.

use std::collections::BTreeMap;
use std::fmt;

use peoplesync_reconcile::{LeaverAction, Limit, OnDrift, Required};
use peoplesync_source::Secret;
use peoplesync_source::schemars::{self, JsonSchema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::groups::GroupsTable;
pub(crate) use super::rule::AttributeRule;
pub(crate) use super::service::{
    Encryption, EventKind, Notification, Notifications, QuarantineTable, RetriesTable, Schedule,
    Smtp, Webhook,
};

/// Everything that a config file says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where people come from.
    #[serde(default)]
    pub source: Option<SourceTable>,
    /// Instead of `source`: several, by name. Records with the same key are one person. Of a field that several sources have, the
    /// value of the source counts that stands first in the file (in YAML and JSON: whose name is first) and has one;
    /// `[NAME.field]` is the field of one source.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceTable>,
    /// The names of `sources`, the one whose values count first.
    #[serde(skip)]
    pub source_order: Vec<String>,
    /// The SCIM service provider.
    pub target: Target,
    /// Who is provisioned, and how.
    pub people: People,
    /// Groups, and who is in them.
    #[serde(default)]
    pub groups: Option<GroupsTable>,
    /// How people are treated who are no longer in scope.
    pub leavers: LeaversTable,
    /// What refuses a plan.
    pub guards: GuardsTable,
    /// What needs an approval, and whose counts.
    pub approval: ApprovalTable,
    /// Where links, runs and history are kept.
    pub state: StateTable,
    /// What the history keeps.
    pub history: HistoryTable,
    /// When `peoplesync run` runs; not used by the other commands.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// When somebody is tried again whose write the target refused; for runs without anybody there.
    pub retries: RetriesTable,
    /// When runs without anybody there slow down, because the job as a whole fails.
    pub quarantine: QuarantineTable,
    /// Who is told what happened in `peoplesync run`, by name.
    #[serde(default)]
    pub notifications: Notifications,
    /// Tables for `Lookup`, by name.
    #[serde(default)]
    pub lookups: BTreeMap<String, LookupTable>,
    /// Mapping tests.
    #[serde(default)]
    pub tests: Vec<MappingTest>,
}

impl Config {
    /// Every source with its name, the one whose values count first; the only one has no name.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Option<&str>, &SourceTable)> {
        let named = self.source_order.iter().filter_map(|name| {
            let table = self.sources.get(name)?;
            Some((Some(name.as_str()), table))
        });
        self.source.iter().map(|table| (None, table)).chain(named)
    }
}

/// Where people come from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceTable {
    /// The connector: `csv`, `static` …
    pub kind: String,
    /// How long the source may take for its next records, in seconds.
    #[serde(default = "three_hundred")]
    pub timeout_secs: u64,
    /// How many times a read is begun again when the source was out of reach.
    #[serde(default = "two")]
    pub retries: u32,
    /// How long changes since the last run are enough, in hours; after that, everybody is read once.
    #[serde(default = "a_day")]
    pub full_after_hours: u32,
    /// The connector's own table.
    #[serde(default)]
    #[schemars(schema_with = "any_table")]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

impl SourceTable {
    /// What reasons call it: "no longer in people.csv".
    pub(crate) fn name(&self) -> String {
        match self.settings.get("path").and_then(|path| path.as_str()) {
            Some(path) => path.to_owned(),
            None => format!("the {} source", self.kind),
        }
    }
}

// A source of groups is a table of its own, to which the defaults of `[source]` do not reach.

fn three_hundred() -> u64 {
    300
}

fn two() -> u32 {
    2
}

fn a_day() -> u32 {
    24
}

fn any_table(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "description": "The connector's own settings." })
}

fn profile_table(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "description": "Keys of a profile." })
}

/// The SCIM service provider.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// What reports and messages call it; the host of the URL if not given.
    #[serde(default)]
    pub name: Option<String>,
    /// A name from config/profiles, or the path of a profile file.
    pub profile: String,
    /// Keys of a profile that are otherwise here than the profile says; config/profiles/generic.toml describes them.
    #[serde(default)]
    #[schemars(schema_with = "profile_table")]
    pub overrides: serde_json::Map<String, serde_json::Value>,
    /// The base URL of the SCIM service, such as `https://scim.example.com/v2`.
    pub url: String,
    /// How peoplesync signs in.
    #[serde(default)]
    pub auth: Auth,
    /// Certificates beyond those of the system.
    #[serde(default)]
    pub tls: Tls,
    /// A proxy, such as `http://proxy.example.com:3128`; a secret, as a password may stand in it. Without it, the environment's
    /// (`HTTPS_PROXY`, `NO_PROXY`). Never used for loopback.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Allows `http://` beyond loopback. Credentials and people then travel in the clear.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How many requests are under way at once, at first.
    pub concurrency: usize,
    /// Up to how many are under way at once, as long as more of them are answered faster. Where only `concurrency` is written,
    /// it stays at that.
    pub max_concurrency: usize,
    /// How long one request may take, in seconds.
    pub timeout_secs: u64,
    /// How many times a request is tried again.
    pub retries: u32,
}

impl Target {
    /// What reports call it: its name, or the host of its URL. A query of the URL may hold a key.
    pub(crate) fn title(&self) -> &str {
        let host = self.url.split("//").nth(1).unwrap_or(&self.url).split(['/', '?']).next();
        self.name.as_deref().or(host).unwrap_or_default()
    }
}

/// How peoplesync signs in: one of these, or nothing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// A bearer token.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// A user name and a password.
    #[serde(default)]
    pub basic: Option<Basic>,
    /// A header of the service's own.
    #[serde(default)]
    pub header: Option<Header>,
    /// A token of an authorization server, by client credentials (RFC 6749 section 4.4); renewed before it expires.
    #[serde(default)]
    pub oauth2: Option<OAuth2>,
}

/// A header of a service's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// Its name, such as `X-Api-Key`.
    pub name: String,
    /// What it carries.
    pub value: Secret,
}

/// Where tokens come from, and for whom.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuth2 {
    /// The token endpoint of the authorization server.
    pub token_url: String,
    /// Who asks.
    pub client_id: String,
    /// The proof.
    pub client_secret: Secret,
    /// What is asked for, if the server wants to know.
    #[serde(default)]
    pub scope: Option<String>,
}

/// Certificates, as PEM files relative to the config file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// Authorities that are trusted besides the system's.
    #[serde(default)]
    pub ca: Option<std::path::PathBuf>,
    /// The certificate by which the service knows peoplesync (mutual TLS).
    #[serde(default)]
    pub certificate: Option<std::path::PathBuf>,
    /// Its private key.
    #[serde(default)]
    pub key: Option<Secret>,
}

/// A user name and a password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Who is provisioned, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct People {
    /// An expression that says who is provisioned; empty is everybody.
    #[serde(default)]
    pub scope: String,
    /// An expression for the key of a person's manager, for `ReportsTo` and `ManagerField`; where it is not given, the attribute
    /// `manager` says it.
    #[serde(default)]
    pub manager: Option<String>,
    /// What `DefaultDomain()` gives.
    #[serde(default)]
    pub default_domain: Option<String>,
    /// How an unlinked person finds an existing account: attributes, first hit wins.
    #[serde(rename = "match")]
    pub match_by: Vec<String>,
    /// Whether an existing account that matches is taken over; otherwise it is reported.
    pub adopt: bool,
    /// What happens when others change an attribute at the target, which a full run sees: `correct`, `report` or `leave`. An
    /// attribute may say otherwise. Whatever it is, the attribute is written when the person's record changes.
    #[schemars(with = "String")]
    pub on_drift: OnDrift,
    /// SCIM path = expression, or a table.
    pub attributes: BTreeMap<String, AttributeRule>,
}

/// What happens when the value is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnEmpty {
    /// The attribute is left as it is at the target.
    #[default]
    Leave,
    /// The attribute is emptied.
    Clear,
}

/// When an attribute is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// Kept in step for ever.
    #[default]
    Always,
    /// Only when the account is created.
    Create,
}

/// How people are treated who are linked and no longer in scope.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeaversTable {
    /// What is done: `ignore`, `unlink`, `deactivate` or `delete`.
    #[schemars(with = "String")]
    pub action: LeaverAction,
    /// What is done with those who are still in the source and no longer in scope; as `action` if not given.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub out_of_scope: Option<LeaverAction>,
    /// SCIM filters: accounts that are kept as they are when their person leaves.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Only after they were absent for so many days.
    pub grace_days: u32,
    /// Deleted so many days after the deactivation; 0 is never.
    pub delete_after_days: u32,
}

/// What refuses a plan, until it is approved. A number means what it says; of a share five are always allowed. Groups are counted
/// apart from people, as a share of the linked groups.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuardsTable {
    /// Deactivations, deletions and unlinks together: a number, or a share of the linked people.
    pub max_leavers: LimitText,
    /// All changes together, but those of a group's members alone; not for the first load.
    pub max_changes: LimitText,
    /// New accounts, and new groups; not for the first load.
    pub max_creates: LimitText,
    /// People whose userName or e-mail address becomes another, and groups whose displayName does.
    pub max_renames: LimitText,
    /// People of whom one attribute is cleared, for each attribute.
    pub max_clears: LimitText,
    /// Changes that come from the config having changed since the last run: a number, or a share of the linked people.
    pub max_config_changes: LimitText,
    /// Rejected records: a number, or a share of the records that were read.
    pub max_rejected: LimitText,
    /// Members who leave one group: a number, or a share of its members.
    pub max_members_removed: LimitText,
    /// Memberships that end in all groups together: a number, or a share of all there are.
    pub max_memberships_removed: LimitText,
    /// So many records must have been read.
    pub min_records: u64,
    /// SCIM filters: accounts that are never touched.
    #[serde(default)]
    pub protect: Vec<String>,
    /// SCIM filters: accounts that are changed as others are, and never deactivated or deleted.
    pub administrators: Vec<String>,
}

/// What needs an approval, and whose counts. A plan that a guard refuses always needs one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalTable {
    /// Which plans need one besides: `never`, `leavers` or `all`.
    #[schemars(with = "String")]
    pub required: Required,
    /// Plans with more changes than these need one too: a number, or a share of the linked people.
    #[serde(default)]
    pub over: Option<LimitText>,
    /// Whether somebody else than whoever made the plan must approve it.
    pub by_another: bool,
    /// Names, and their public keys of minisign. Where there are any, only plans that one of them signed are approved.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
}

/// A number, or a share such as `"10%"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LimitText(pub(crate) Limit);

/// Where links, runs and history are kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateTable {
    /// `sqlite:PATH`, relative to the config file.
    pub url: String,
}

/// What the history keeps.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryTable {
    /// Whether values are kept in full; otherwise the history says which attributes changed, with masked values.
    pub values: bool,
    /// Entries older than this are dropped after an apply; 0 keeps them for ever.
    pub keep_days: u32,
}

/// A table for `Lookup(NAME, key, default)`: its pairs, or a CSV file that has them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupTable {
    /// The pairs.
    #[serde(default)]
    pub values: Option<BTreeMap<String, String>>,
    /// A CSV file with a header, relative to the config file.
    #[serde(default)]
    pub file: Option<String>,
    /// The column of the keys; the first if not given.
    #[serde(default)]
    pub key: Option<String>,
    /// The column of the values; the second if not given.
    #[serde(default)]
    pub value: Option<String>,
    /// What stands between two columns; a comma if not given.
    #[serde(default)]
    pub delimiter: Option<String>,
}

/// A mapping test: a record and what must come of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingTest {
    /// What the test is about.
    #[serde(default)]
    pub name: Option<String>,
    /// The fields of the record.
    pub record: BTreeMap<String, serde_json::Value>,
    /// The fields of the person's manager, for `ManagerField`.
    #[serde(default)]
    pub manager: BTreeMap<String, serde_json::Value>,
    /// The keys of those who stand above the person, for `ReportsTo`.
    #[serde(default)]
    pub reports_to: Vec<String>,
    /// The names of the groups that the person is in, for `Groups` and `IsMemberOfGroup`.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The time that `Now()` gives: `2026-01-31`, `2026-01-31T08:30:00Z`.
    #[serde(default)]
    pub now: Option<String>,
    /// What chance depends on: with the same text, `Guid` and `RandomString` give the same value again.
    #[serde(default)]
    pub seed: String,
    /// The attributes that must come of it; others are not looked at.
    #[serde(default)]
    pub expect: BTreeMap<String, serde_json::Value>,
    /// Whether the person must be in scope.
    #[serde(default)]
    pub in_scope: Option<bool>,
    /// The record must be rejected, for a reason that has this text in it.
    #[serde(default)]
    pub error: Option<String>,
}

impl<'de> Deserialize<'de> for LimitText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor)
    }
}

struct LimitVisitor;

impl Visitor<'_> for LimitVisitor {
    type Value = LimitText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of people, or a share such as \"10%\"")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<LimitText, E> {
        Ok(LimitText(Limit::Count(number)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<LimitText, E> {
        u64::try_from(number)
            .map(|number| LimitText(Limit::Count(number)))
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LimitText, E> {
        let refused = || E::invalid_value(de::Unexpected::Str(text), &self);
        if let Ok(number) = text.trim().parse() {
            return Ok(LimitText(Limit::Count(number)));
        }
        let percent = text.trim().strip_suffix('%').ok_or_else(refused)?;
        let percent: f64 = percent.trim().parse().map_err(|_| refused())?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(refused());
        }
        Ok(LimitText(Limit::Percent(percent)))
    }
}

impl JsonSchema for LimitText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of people, or a share of the linked people.",
            "oneOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^ *[0-9.]+ *%?$" }]
        })
    }
}
