//! A simulator at work on the network: where it is, and how it ends.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Error;
use crate::provider::Provider;
use crate::serve::Shared;

/// A simulator that serves. Dropping it ends it as well, without waiting.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    provider: Provider,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) fn new(
        address: SocketAddr,
        shared: Arc<Shared>,
        stop: watch::Sender<bool>,
        serving: JoinHandle<std::io::Result<()>>,
    ) -> Self {
        Self { address, provider: Provider(shared), stop, serving }
    }

    /// The address and port that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Ends the service: no further connection is taken, requests that have begun are answered, waiting ones at once.
    ///
    /// # Errors
    /// When serving had failed.
    pub async fn shutdown(self) -> Result<(), Error> {
        self.stop.send_replace(true);
        let failed = || Error::new("the simulator had stopped");
        match self.serving.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed().because(error)),
            Err(error) => Err(failed().because(error)),
        }
    }
}

impl Deref for Running {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        &self.provider
    }
}
