//! The settings of a directory source.

use std::path::PathBuf;

use peoplesync_source::schemars::JsonSchema;
use peoplesync_source::{Error, Secret};
use serde::Deserialize;

use crate::connection::Server;
use crate::wire::{Depth, Filter};

/// People in an LDAP directory: OpenLDAP, Active Directory, and whatever else speaks LDAP 3.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct LdapConfig {
    /// The servers, in the order in which they are tried: `ldaps://host`, `ldap://host:port`. All of them hold the same.
    pub servers: Vec<String>,
    /// The attribute that identifies an entry for ever: `entryUUID`, `objectGUID`, or an employee number.
    pub key: String,
    /// Where people are: one table for each part of the tree.
    pub bases: Vec<Base>,
    /// How to show who we are. Without it, as nobody.
    #[serde(default)]
    pub bind: Option<Bind>,
    /// Whether a connection to `ldap://` is changed to TLS before anything else is said.
    #[serde(default)]
    pub start_tls: bool,
    /// Whether passwords and people may cross the network without TLS. Loopback always may.
    #[serde(default)]
    pub allow_plain_text: bool,
    /// A PEM file with the certificates of the authorities that servers are trusted by; otherwise those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The certificate that we show to the server, for `bind.method = "external"` or where the server wants one.
    #[serde(default)]
    pub client_certificate: Option<ClientCertificate>,
    /// How long to wait for a connection, TLS and bind included.
    #[serde(default = "ten")]
    pub connect_timeout_secs: u64,
    /// How long to wait for each answer.
    #[serde(default = "sixty")]
    pub timeout_secs: u64,
    /// How many entries are asked for at a time. A server that refuses is asked for fewer.
    #[serde(default = "thousand")]
    pub page_size: u32,
    /// What to do where the server says that a part of the tree is on another server.
    #[serde(default)]
    pub referrals: Referrals,
    /// Attributes that hold the DN of a person, such as `manager` or `member`, and are to be read as the key of that person.
    #[serde(default)]
    pub references: Vec<String>,
    /// The attribute that is the key of those to whom `references` lead, if it is another than `key`: of members of groups.
    #[serde(default)]
    pub reference_key: Option<String>,
    /// Attributes that are to stay bytes although they have a usual text form, such as `objectGUID`.
    #[serde(default)]
    pub bytes: Vec<String>,
    /// How changes since the last run are found. `auto` takes the best that the server can do.
    #[serde(default)]
    pub changes: Changes,
    /// A read that finds fewer entries than this is not complete: the account may have lost its rights.
    #[serde(default)]
    pub expect_at_least: Option<u64>,
    /// An entry that must be readable before anything else is read: a canary for lost rights.
    #[serde(default)]
    pub expect_entry: Option<ExpectEntry>,
}

/// A part of the tree.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct Base {
    /// The DN of its top.
    pub dn: String,
    /// How deep: `subtree`, `one` (the entries right below), or `base` (that entry alone).
    #[serde(default)]
    pub scope: Scope,
    /// Which entries are people, as an LDAP filter.
    #[serde(default = "person")]
    pub filter: String,
}

/// How deep a search goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "peoplesync_source::schemars")]
pub enum Scope {
    /// The top and everything below it.
    #[default]
    Subtree,
    /// The entries right below the top.
    One,
    /// The top alone.
    Base,
}

/// Who we are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct Bind {
    /// `simple` (user and password), `external` (the client certificate) or `gssapi` (Kerberos).
    #[serde(default)]
    pub method: Method,
    /// The DN of the account; Active Directory also takes `user@domain`. For `gssapi` the principal, if it is not that of the ticket
    /// cache or keytab.
    #[serde(default)]
    pub user: Option<String>,
    /// Its password. For `gssapi` it gets the ticket; without it there is one in the ticket cache, or a keytab.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// How we show who we are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "peoplesync_source::schemars")]
pub enum Method {
    /// User and password.
    #[default]
    Simple,
    /// The client certificate (SASL EXTERNAL).
    External,
    /// A ticket of Kerberos (SASL GSSAPI). Without TLS, everything is encrypted by Kerberos.
    Gssapi,
}

/// A certificate of ours.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct ClientCertificate {
    /// A PEM file with the certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// A PEM file with its private key.
    pub key: PathBuf,
}

/// What to do with referrals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "peoplesync_source::schemars")]
pub enum Referrals {
    /// The read is not complete, and says where the rest is.
    #[default]
    Report,
    /// The other server is asked, with the same account.
    Follow,
    /// What is there is out of scope.
    Ignore,
}

/// How changes are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(crate = "peoplesync_source::schemars")]
pub enum Changes {
    /// The best that the server can do with this key.
    #[default]
    Auto,
    /// Every run reads everything.
    Off,
    /// Content synchronisation (RFC 4533): OpenLDAP. The key must be `entryUUID`.
    Syncrepl,
    /// The DirSync control of Active Directory. The key must be `objectGUID`.
    Dirsync,
    /// The update sequence number of Active Directory.
    Usn,
    /// The time of the last change. Finds no deletions: they wait for the next full run.
    Timestamp,
}

/// The canary.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "peoplesync_source::schemars")]
pub struct ExpectEntry {
    /// Its DN.
    pub dn: String,
    /// The attributes that must have a value.
    #[serde(default)]
    pub attributes: Vec<String>,
}

fn ten() -> u64 {
    10
}

fn sixty() -> u64 {
    60
}

fn thousand() -> u32 {
    1000
}

fn person() -> String {
    "(objectClass=person)".to_owned()
}

/// A base whose filter was understood.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) dn: String,
    pub(crate) depth: Depth,
    pub(crate) filter: Filter,
}

impl Base {
    fn branch(&self, place: &str) -> Result<Branch, Error> {
        let filter = Filter::parse(&self.filter).map_err(|error| {
            Error::config(format!("the filter of {place} `{}` is no LDAP filter", self.dn))
                .with_source(error)
        })?;
        let depth = match self.scope {
            Scope::Subtree => Depth::Subtree,
            Scope::One => Depth::One,
            Scope::Base => Depth::Base,
        };
        Ok(Branch { dn: self.dn.clone(), depth, filter })
    }
}

/// What the settings come to.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) servers: Vec<Server>,
    pub(crate) branches: Vec<Branch>,
}

impl LdapConfig {
    /// That the settings fit together.
    pub(crate) fn validate(&self) -> Result<Checked, Error> {
        if self.servers.is_empty() {
            return Err(Error::config("servers is empty: it names at least one server")
                .with_hint("such as \"ldaps://ldap.example.com\""));
        }
        if self.bases.is_empty() {
            return Err(Error::config("bases is empty: it says where people are"));
        }
        let blank = [("key", &self.key)].into_iter().find(|(_, text)| text.trim().is_empty());
        if let Some((name, _)) = blank {
            return Err(Error::config(format!("{name} is empty: it names an attribute")));
        }
        if self.page_size == 0 {
            return Err(Error::config("expected a page_size of at least 1, found 0"));
        }
        let needed = match self.changes {
            Changes::Syncrepl => Some("entryUUID"),
            Changes::Dirsync => Some("objectGUID"),
            _ => None,
        };
        if let Some(needed) = needed.filter(|needed| !needed.eq_ignore_ascii_case(&self.key)) {
            // A server says who was deleted by this identity, and by nothing else.
            return Err(Error::config(format!("these changes need key = \"{needed}\""))
                .with_hint("changes = \"auto\" takes another way where the key is another"));
        }
        let servers: Vec<_> =
            self.servers.iter().map(|url| Server::parse(url)).collect::<Result<_, _>>()?;
        for server in &servers {
            self.protected(server)?;
        }
        self.credentials()?;
        let branches =
            self.bases.iter().map(|base| base.branch("base")).collect::<Result<_, _>>()?;
        Ok(Checked { servers, branches })
    }

    /// That nothing crosses the network in the clear.
    pub(crate) fn protected(&self, server: &Server) -> Result<(), Error> {
        if server.tls && self.start_tls {
            return Err(Error::config(format!("{server} is TLS already, and start_tls is set"))
                .with_hint("start_tls is for ldap:// only"));
        }
        // Kerberos shows no password, and encrypts what follows.
        let kerberos = self.bind.as_ref().is_some_and(|bind| bind.method == Method::Gssapi);
        let is_encrypted = server.tls || self.start_tls || kerberos;
        if is_encrypted || self.allow_plain_text || server.is_loopback() {
            return Ok(());
        }
        Err(Error::config(format!("{server} would get passwords and people in the clear")).with_hint(
            "use ldaps:// or start_tls = true; allow_plain_text = true if the network is safe by itself",
        ))
    }

    fn credentials(&self) -> Result<(), Error> {
        let Some(bind) = &self.bind else { return Ok(()) };
        match (bind.method, &bind.user, &bind.password) {
            (Method::Simple, Some(user), Some(_)) if !user.trim().is_empty() => Ok(()),
            (Method::Simple, ..) => {
                Err(Error::config("a simple bind needs bind.user and bind.password")
                    .with_hint("without `bind`, the directory is read as nobody"))
            }
            (Method::Gssapi, ..) if !cfg!(feature = "gssapi") => Err(Error::config(
                "this program was built without bind.method \"gssapi\"",
            )
            .with_hint(
                "`cargo build --release --features gssapi`; it needs libkrb5-dev and libclang-dev",
            )),
            (Method::Gssapi, None, Some(_)) => {
                Err(Error::config("bind.password needs bind.user: whose is it?"))
            }
            (Method::Gssapi, ..) => Ok(()),
            (_, None, None)
                if bind.method == Method::External && self.client_certificate.is_none() =>
            {
                Err(Error::config("bind.method \"external\" needs a client_certificate"))
            }
            (_, None, None) => Ok(()),
            _ => Err(Error::config(
                "bind.user and bind.password are not for bind.method \"external\"",
            )),
        }
    }
}
