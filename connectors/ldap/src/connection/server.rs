//! The address of a server.

use std::fmt;
use std::net::IpAddr;

use peoplesync_source::Error;
use url::{Host, Url};

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether TLS begins with the connection.
    pub(crate) tls: bool,
}

impl Server {
    /// The server of a URL such as `ldaps://host:636`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::config(format!("\"{text}\" is not the URL of a server: {why}"))
                .with_hint("write ldaps://host, or ldap://host:port")
        };
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let tls = match url.scheme() {
            "ldap" => false,
            "ldaps" => true,
            _ => return Err(wrong("it does not begin with ldap:// or ldaps://")),
        };
        let server = Self::of_url(&url, tls).ok_or_else(|| wrong("it names no host"))?;
        let rest = [url.path().trim_matches('/'), url.query().unwrap_or_default(), url.username()];
        if rest.iter().any(|part| !part.is_empty()) {
            return Err(wrong("only a host and a port are taken"));
        }
        Ok(server)
    }

    pub(crate) fn of_url(url: &Url, tls: bool) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port().unwrap_or(if tls { 636 } else { 389 });
        (!host.is_empty()).then_some(Self { host, port, tls })
    }

    /// Whether the host is this machine, as far as its name tells.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "ldaps" } else { "ldap" };
        let host = &self.host;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{}", self.port)
        } else {
            write!(f, "{scheme}://{host}:{}", self.port)
        }
    }
}
