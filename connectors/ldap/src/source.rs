//! A configured directory: connects, learns what the server is, and starts a pass.

use std::sync::Arc;

use peoplesync_source::{
    Checked as Report, Context, Error, ErrorKind, Query, Records, Source, async_trait,
};
use tokio_rustls::TlsConnector;

use crate::changes::Place;
use crate::check;
use crate::columns::Columns;
use crate::config::{Checked, LdapConfig};
use crate::connection::{self, Connection, INVALID_DN, NO_SUCH_OBJECT, refused};
use crate::directory::Directory;
use crate::records::LdapRecords;
use crate::wire::{Broken, Depth, Filter};

/// A directory of one config.
#[derive(Debug)]
pub(crate) struct LdapSource {
    config: Arc<LdapConfig>,
    checked: Arc<Checked>,
}

/// What the connections of one pass share.
pub(crate) struct Shared {
    pub(crate) config: Arc<LdapConfig>,
    pub(crate) checked: Arc<Checked>,
    tls: Option<TlsConnector>,
}

impl LdapSource {
    pub(crate) fn new(config: LdapConfig) -> Result<Self, Error> {
        let checked = Arc::new(config.validate()?);
        Ok(Self { config: Arc::new(config), checked })
    }

    /// Connects and looks around; the canary is looked for before anything else.
    async fn begin(&self, cx: &Context) -> Result<(Arc<Shared>, Connection, Directory), Error> {
        let shared = Arc::new(Shared::new(cx, &self.config, &self.checked)?);
        let mut connection = shared.connect(cx).await?;
        let directory = Directory::ask(&mut connection).await?;
        for branch in &self.checked.branches {
            exists(&mut connection, &branch.dn).await?;
        }
        if let Some(expected) = &self.config.expect_entry {
            canary(&mut connection, &expected.dn, &expected.attributes).await?;
        }
        Ok((shared, connection, directory))
    }
}

impl Shared {
    fn new(cx: &Context, config: &Arc<LdapConfig>, checked: &Arc<Checked>) -> Result<Self, Error> {
        let needs_tls = config.start_tls || checked.servers.iter().any(|server| server.tls);
        // A referral may lead to ldaps:// although no server of the settings does.
        let may_need = config.referrals == crate::config::Referrals::Follow;
        let tls =
            (needs_tls || may_need).then(|| connection::tls_connector(cx, config)).transpose()?;
        Ok(Self { config: Arc::clone(config), checked: Arc::clone(checked), tls })
    }

    /// A connection to the first server that answers.
    pub(crate) async fn connect(&self, cx: &Context) -> Result<Connection, Error> {
        connection::connect(cx, &self.config, self.tls.as_ref(), &self.checked.servers).await
    }

    /// A connection to a server that a referral names.
    pub(crate) async fn connect_to(
        &self,
        cx: &Context,
        server: connection::Server,
    ) -> Result<Connection, Error> {
        self.config.protected(&server)?;
        connection::connect(cx, &self.config, self.tls.as_ref(), &[server]).await
    }
}

#[async_trait]
impl Source for LdapSource {
    async fn check(&self, cx: &Context) -> Result<Report, Error> {
        let (shared, connection, directory) = self.begin(cx).await?;
        check::check(cx, &shared, connection, &directory).await
    }

    async fn fields(&self, _: &Context) -> Result<Option<Vec<String>>, Error> {
        // The names of attributes have no letter case, and options make more of them than a schema lists.
        Ok(None)
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        let (shared, connection, directory) = self.begin(cx).await?;
        // The settings are checked against the schema even where every field is asked for.
        let names = query.fields.clone().unwrap_or_default();
        let columns = Columns::new(&self.config, &directory, &names)?;
        let asked = query.fields.is_some().then_some(columns);
        let since = query.since.as_ref().and_then(Place::parse);
        let records = LdapRecords::start(cx.clone(), shared, connection, directory, asked, since);
        Ok(Box::new(records.await?))
    }
}

/// That a base is there. Without it, a search would say the same, after everything else was read.
async fn exists(connection: &mut Connection, dn: &str) -> Result<(), Error> {
    let anything = Filter::present("objectClass");
    let (_, outcome) = connection.read(dn, Depth::Base, &anything, &["1.1"], &[]).await?;
    match outcome.code {
        NO_SUCH_OBJECT | INVALID_DN => {
            Err(refused(&connection.server, &format!("to show {dn}"), &outcome))
        }
        _ => Ok(()),
    }
}

/// That the account may still see what it saw when this was set up.
async fn canary(connection: &mut Connection, dn: &str, attributes: &[String]) -> Result<(), Error> {
    let names: Vec<&str> = attributes.iter().map(String::as_str).collect();
    let asked = if names.is_empty() { vec!["1.1"] } else { names.clone() };
    let denied = |message: String| {
        Error::new(ErrorKind::Denied, message)
            .with_hint("has the account lost rights to read? What it cannot see would look like people who left")
    };
    let Some(entry) = connection.entry(dn, &asked).await? else {
        return Err(denied(format!("expect_entry {dn} is not to be seen")));
    };
    match names.iter().find(|name| entry.values(name).is_empty()) {
        Some(name) => Err(denied(format!("{name} of expect_entry {dn} is not to be seen"))),
        None => Ok(()),
    }
}

/// The error of an answer that is not what the protocol says.
pub(crate) fn broken(error: Broken) -> Error {
    Error::malformed("the server sent an entry that is none").with_source(error)
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}
