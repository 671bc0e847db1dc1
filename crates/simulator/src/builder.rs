//! How a simulator is set up and started.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use peoplesync_scim::profile::Ids;
use peoplesync_scim::schema::Schema;
use peoplesync_scim::{Profile, SchemaSet};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Error;
use crate::behaviour::{Behaviour, Bulk};
use crate::fault::{Fault, Faults};
use crate::habits::Habits;
use crate::limits::{Joins, Limits};
use crate::provider::Provider;
use crate::recorded::{Recorder, Request};
use crate::running::Running;
use crate::schemas;
use crate::serve::{Shared, serve};
use crate::service::{BASE, Service};
use crate::store::Store;
use crate::time::Clock;

/// A SCIM 2.0 service provider in a box.
#[derive(Debug, Clone, Copy)]
pub struct Simulator;

impl Simulator {
    /// A simulator with the default behaviour, empty, in memory, on a free port of 127.0.0.1.
    pub fn builder() -> Builder {
        Builder {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            behaviour: Behaviour::default(),
            schemas: schemas::embedded(),
            clock: Clock::default(),
            record: true,
            faults: None,
            file: None,
            profile: Arc::default(),
            limited: false,
        }
    }
}

/// A simulator that has not started yet.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    address: SocketAddr,
    behaviour: Behaviour,
    schemas: SchemaSet,
    clock: Clock,
    record: bool,
    faults: Option<Faults>,
    file: Option<PathBuf>,
    profile: Arc<Profile>,
    limited: bool,
}

impl Builder {
    /// The port; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// The address and port. Starting refuses an address that is not loopback: whoever reaches a simulator may do anything.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// How the service provider behaves.
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// Behaves as the services of this profile: what the profile says of both sides of the wire, and its table `[simulate]`, which
    /// holds a [`Behaviour`].
    ///
    /// # Errors
    /// When `[simulate]` is not a behaviour, or the profile describes an attribute that cannot be.
    pub fn profile(mut self, profile: &Profile) -> Result<Self, Error> {
        let table = serde_json::Value::Object(profile.simulate.clone());
        let token = self.behaviour.bearer.take();
        self.behaviour = serde_json::from_value(table)
            .map_err(|error| Error::new("the table `simulate` of the profile").because(error))?;
        self.behaviour.bearer = token.or(self.behaviour.bearer);
        let extensions = profile
            .extensions()
            .map_err(|(key, reason)| Error::new(format!("`{key}` of the profile: {reason}")))?;
        for extension in extensions {
            self = self.schema(extension);
        }
        self.schemas = profile.names_of(self.schemas);
        self.profile = Arc::new(profile.clone());
        Ok(self)
    }

    /// Serves bulk requests, whatever the profile says.
    pub fn bulk(mut self, bulk: Bulk) -> Self {
        self.behaviour.bulk = Some(bulk);
        self
    }

    /// Adds an extension schema, or takes the place of the one with the same URN. A schema whose URN ends in `:Group`
    /// extends groups, one that ends in `:User` users, any other both.
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schemas = self.schemas.with(schema);
        self
    }

    /// Adds one schema or a list of schemas from JSON, in the form in which `/Schemas` answers.
    ///
    /// # Errors
    /// When it is not a schema.
    pub fn schemas_json(mut self, text: &str) -> Result<Self, Error> {
        for schema in schemas::parse(text)? {
            self = self.schema(schema);
        }
        Ok(self)
    }

    /// Where the present comes from, in milliseconds since 1970. Without it, time stands still at 2026-01-01T00:00:00Z.
    pub fn clock(mut self, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Whether the rates of the profile hold, by the [`clock`](Self::clock): a request beyond them is answered with 429 and
    /// `Retry-After`. They do not by default, and neither does the number of members who may join a group in an hour.
    pub fn limited(mut self, limited: bool) -> Self {
        self.limited = limited;
        self
    }

    /// Whether requests are recorded; they are by default, and need memory.
    pub fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }

    /// Decides for each request whether it goes wrong. The hook must not block.
    pub fn faults(
        mut self,
        hook: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        self.faults = Some(Faults::new(hook));
        self
    }

    /// Keeps the resources in this file, so that they outlive the simulator. A missing file is made. Each change is in the
    /// file before it is answered; the file is not made to survive a loss of power. A file with `.lock` at the end of its name lies beside it.
    pub fn store(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Starts to serve, on the tokio runtime that it is called from.
    ///
    /// # Errors
    /// When the address is not loopback, the port is taken, or the file cannot be read, is in use, or is no file of a
    /// simulator.
    pub async fn start(self) -> Result<Running, Error> {
        let address = self.address;
        if !address.ip().is_loopback() {
            let message = format!(
                "a simulator listens on loopback only, such as 127.0.0.1, and not on {}",
                address.ip()
            );
            return Err(Error::new(message));
        }
        let unbound = |error| Error::new(format!("cannot listen on {address}")).because(error);
        let listener = TcpListener::bind(address).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let (stop, down) = watch::channel(false);
        let shared = Arc::new(self.build(format!("http://{address}{BASE}"), down)?);
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Running::new(address, shared, stop, serving))
    }

    /// A simulator without a network, to which requests are [handed](Provider::answer). The port counts for its base URL only.
    ///
    /// # Errors
    /// As [`start`](Self::start), but for the address.
    pub fn without_network(self) -> Result<Provider, Error> {
        let (_, down) = watch::channel(false);
        let url = format!("http://{}{BASE}", self.address);
        Ok(Provider(Arc::new(self.build(url, down)?)))
    }

    /// The simulator without its network.
    pub(crate) fn build(self, url: String, down: watch::Receiver<bool>) -> Result<Shared, Error> {
        let etag = self.behaviour.etag;
        let store = match &self.file {
            Some(file) => Store::open(url.clone(), etag, file)?,
            None => Store::new(url.clone(), etag),
        }
        .with_numbers(self.profile.values.ids == Ids::Number);
        let limits = self.limited.then(|| Limits::new(&self.profile.rates));
        let joins = self.limited.then(|| Joins::new(&self.profile.groups));
        let service = Service {
            habits: Habits::new(self.profile, self.behaviour.quirks.clone())?,
            behaviour: self.behaviour,
            whole: !schemas::on_request(&self.schemas),
            schemas: self.schemas,
            clock: self.clock,
            url,
            joins,
            store: RwLock::new(store),
        };
        Ok(Shared {
            service,
            recorder: Recorder::new(self.record),
            faults: self.faults,
            limits,
            received: AtomicU64::new(0),
            down,
        })
    }
}
