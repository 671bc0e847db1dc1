//! Building the HTTP client of `reqwest`: TLS, trusted roots, pool, proxies, fixed headers.
//! Only here is it decided what `reqwest` may do by itself, which is little.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Certificate, Identity, Proxy};

use super::address::Base;
use super::cause::is_other_key;
use super::config::ClientConfig;
use super::error::{ClientError, Kind};

/// Sets up the pool, TLS and what every request carries, for requests to the host of `base`.
pub(super) fn http(
    config: &ClientConfig,
    base: &Base,
    user_agent: HeaderValue,
) -> Result<reqwest::Client, ClientError> {
    // Fails only when a provider is installed already, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut headers = HeaderMap::new();
    let accept = "application/scim+json, application/json;q=0.9";
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent)
        .default_headers(headers)
        .timeout(config.timeout)
        .connect_timeout(config.connect_timeout)
        // HTTP/1.1 with a pool was faster than HTTP/2 against every server measured.
        .http1_only()
        // Shorter than the keep-alive of common load balancers, so that a request seldom meets a
        // connection that is just being closed.
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(config.concurrency.max(config.max_concurrency))
        // A redirect would turn a POST into a GET, or take the credentials elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Retries are decided in one place, which knows what is safe.
        .retry(reqwest::retry::never());
    if base.is_loopback() {
        builder = builder.no_proxy();
    } else if let Some(url) = &config.proxy {
        let proxy = Proxy::all(url).map_err(|_| {
            // The error would repeat the URL, in which a password may stand.
            let message =
                "cannot read the proxy, expected something like \"http://proxy.example.com:3128\"";
            ClientError::new(Kind::Config, message)
        })?;
        builder = builder.no_proxy().proxy(proxy);
    }
    if let Some(pem) = &config.identity_pem {
        let identity = Identity::from_pem(pem).map_err(|source| {
            if pem.windows(9).any(|part| part == b"ENCRYPTED") {
                let message =
                    "the client's private key is encrypted, expected one without a passphrase";
                return ClientError::new(Kind::Config, message);
            }
            let message = "the client's certificate is not a certificate and a private key in PEM";
            ClientError::new(Kind::Config, message).because(source)
        })?;
        builder = builder.identity(identity);
    }
    // What was given is looked at, whether it is of use now or not.
    let roots = config.extra_roots_pem.as_deref().map(certificates).transpose()?;
    if !base.is_https() {
        // No TLS, so no need of the system's certificates: a bare machine may have none.
        builder = builder.tls_certs_only([]);
    } else if let Some(roots) = roots {
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|source| {
        if is_other_key(&source) {
            let message = "the client's private key is not that of its certificate";
            return ClientError::new(Kind::Config, message);
        }
        let message = "cannot set up TLS; are the system's root certificates installed \
                       (package ca-certificates)?";
        ClientError::new(Kind::Config, message).because(source)
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, ClientError> {
    let message = "the extra root certificates are not PEM";
    let certificates = Certificate::from_pem_bundle(pem)
        .map_err(|source| ClientError::new(Kind::Config, message).because(source))?;
    if certificates.is_empty() {
        let message = "the extra root certificates are empty: no \"BEGIN CERTIFICATE\" in them";
        return Err(ClientError::new(Kind::Config, message));
    }
    Ok(certificates)
}
