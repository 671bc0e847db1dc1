//! TLS: whom we trust, and the certificate that we show.

use std::path::Path;
use std::sync::Arc;

use peoplesync_source::{Context, Error};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Server;
use crate::config::{ClientCertificate, LdapConfig};

/// What every TLS connection of a source shares.
pub(crate) fn connector(cx: &Context, config: &LdapConfig) -> Result<TlsConnector, Error> {
    let roots = match &config.ca {
        Some(path) => trusted(cx, path)?,
        None => system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config("TLS cannot be set up").with_source(error))?
        .with_root_certificates(roots);
    let tls = match &config.client_certificate {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { certificate, key }) => {
            let chain = certificates(cx, certificate)?;
            let key_der = PrivateKeyDer::from_pem_file(cx.resolve(key))
                .map_err(|error| unreadable("a private key", key).with_source(error))?;
            builder.with_client_auth_cert(chain, key_der).map_err(|error| {
                let shown = (certificate.display(), key.display());
                Error::config(format!("{} and {} do not fit together", shown.0, shown.1))
                    .with_source(error)
            })?
        }
    };
    Ok(TlsConnector::from(Arc::new(tls)))
}

/// Begins TLS on a connection.
pub(super) async fn begin(
    tls: &TlsConnector,
    server: &Server,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Error> {
    let name = ServerName::try_from(server.host.clone()).map_err(|error| {
        Error::config(format!("{server} has no name that a certificate can have"))
            .with_source(error)
    })?;
    tls.connect(name, stream).await.map_err(|error| refused(server, error))
}

/// What a failed handshake means: a certificate is a matter for somebody, a cut connection passes.
pub(super) fn refused(server: &Server, error: std::io::Error) -> Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => Error::new(
            peoplesync_source::ErrorKind::Denied,
            format!("{server} cannot be trusted"),
        )
        .with_hint(
            "`ca` names the authority of its certificate; the host must be as in the certificate",
        )
        .with_source(error),
        Some(rustls::Error::AlertReceived(_)) => {
            Error::new(peoplesync_source::ErrorKind::Denied, format!("{server} refuses our TLS"))
                .with_hint("does it want a client_certificate?")
                .with_source(error)
        }
        Some(_) => Error::unavailable(format!("{server} does not speak TLS"))
            .with_hint("is it the port of ldaps://?")
            .with_source(error),
        None => Error::unavailable(format!("{server} does not answer")).with_source(error),
    }
}

fn trusted(cx: &Context, path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(cx, path)? {
        roots
            .add(certificate)
            .map_err(|error| unreadable("a certificate", path).with_source(error))?;
    }
    Ok(roots)
}

/// The authorities of the system. One that cannot be read is none; without any, nobody could be trusted.
fn system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Error::config("this system has no certificates of authorities")
            .with_hint("`ca` names a PEM file with those that the server is trusted by"));
    }
    Ok(roots)
}

fn certificates(cx: &Context, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let file = cx.resolve(path);
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(unreadable("a certificate", path)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unreadable("a certificate", path).with_source(error)),
    }
}

fn unreadable(what: &str, path: &Path) -> Error {
    Error::config(format!("{} is not a PEM file with {what}", path.display()))
}
