//! Kerberos: a bind by SASL GSSAPI (RFC 4752), through the library of the system.
//!
//! Without TLS everything after the bind is encrypted by Kerberos. Within TLS it is not (Active Directory refuses both at once), and the
//! bind names the TLS connection that it was made for, so that it is of no use on another one.

use std::io;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::error::Error as GssError;
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, GSS_NT_USER_NAME, OidSet};
use peoplesync_source::{Context, Error, ErrorKind, Revealed};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::result::{BIND_IN_PROGRESS, Said};
use super::sealed::{LONGEST, Layer, Sealed};
use super::{Connection, broken};
use crate::config::Bind;
use crate::wire::ber::{Reader, SEQUENCE};
use crate::wire::{Broken, Credentials};

/// The layers of RFC 4752, section 3.3: none, and encryption.
const NO_LAYER: u8 = 1;
const ENCRYPTION: u8 = 4;

/// What a sealed piece is longer than what is in it, generously.
const OVERHEAD: usize = 256;

/// What the library says, or that it cannot be asked.
type Gss<T> = Result<T, GssError>;

/// Shows who we are by a ticket, and says as whom we were let in.
pub(super) async fn bind(
    connection: &mut Connection,
    cx: &Context,
    bind: &Bind,
) -> Result<String, Error> {
    let is_tls = connection.certificate.is_some();
    let endpoint = connection.certificate.as_deref().map(endpoint);
    let password = bind.password.as_ref().map(|password| cx.reveal(password)).transpose()?;
    let (host, user) = (connection.server.host.clone(), bind.user.clone());
    let begun = blocking(move || begin(&host, user.as_deref(), password.as_ref(), is_tls)).await?;
    let mut context = begun.map_err(|error| refused(connection, &error))?;
    let mut said: Option<Vec<u8>> = None;
    let layers = loop {
        let endpoint = endpoint.clone();
        let (back, step) = blocking(move || {
            let step = context.step(said.as_deref(), endpoint.as_deref());
            let token = step.map(|token| token.map(|token| token.to_vec()));
            (context, token)
        })
        .await?;
        context = back;
        let token = step.map_err(|error| refused(connection, &error))?;
        // That nothing is left to say is said as well (RFC 4752, section 3.1).
        let answer = answer(connection, token.as_deref().unwrap_or_default()).await?;
        if context.is_complete() {
            break answer;
        }
        said = Some(answer);
    };
    let flags = context.flags().map_err(|error| refused(connection, &error))?;
    let unfit = |what: &str| {
        let error = Error::new(ErrorKind::Unsupported, format!("{} {what}", connection.server));
        if is_tls { error } else { error.with_hint("use ldaps:// or start_tls = true") }
    };
    if !flags.contains(wanted(is_tls)) {
        return Err(unfit("neither shows who it is nor encrypts by Kerberos"));
    }
    let offered = context.unwrap(&layers).map_err(|error| refused(connection, &error))?;
    let (layer, portion) = choose(&offered, is_tls).map_err(unfit)?;
    // A server is told how long its pieces may be, and without a layer, that there are none.
    let longest = if is_tls { 0 } else { u32::try_from(LONGEST).unwrap_or(u32::MAX) };
    let [_, size @ ..] = longest.to_be_bytes();
    let [a, b, c] = size;
    let choice =
        context.wrap(false, &[layer, a, b, c]).map_err(|error| refused(connection, &error))?;
    let outcome = connection
        .bind_step(&Credentials::Sasl { mechanism: "GSSAPI", token: Some(&choice) })
        .await?;
    connection.expect_success("the bind by Kerberos", &outcome)?;
    let name = context.source_name().and_then(|name| name.display_name());
    let name = name.map(|name| String::from_utf8_lossy(&name).into_owned());
    if !is_tls {
        connection.seal(|stream| Box::new(Sealed::new(stream, Kerberos(context), portion)));
    }
    let protection = if is_tls { "within TLS" } else { "which encrypts everything" };
    Ok(format!("Kerberos (GSSAPI), as {}, {protection}", name.unwrap_or_default()))
}

/// The library may ask a key distribution centre, and waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "Kerberos ended").with_source(error))
}

/// A context towards the directory of this host, with a ticket by password, or whatever the environment has.
fn begin(
    host: &str,
    user: Option<&str>,
    password: Option<&Revealed>,
    is_tls: bool,
) -> Gss<ClientCtx> {
    let kerberos = OidSet::singleton(GSS_MECH_KRB5)?;
    let name = user.map(|user| Name::new(user.as_bytes(), Some(GSS_NT_USER_NAME))).transpose()?;
    let (name, usage) = (name.as_ref(), CredUsage::Initiate);
    let credentials = match password {
        Some(password) => {
            Cred::acquire_with_password(name, password.expose(), None, usage, Some(&kerberos))?
        }
        None => Cred::acquire(name, None, usage, Some(&kerberos))?,
    };
    let service = Name::new(format!("ldap@{host}").as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
    let flags = wanted(is_tls) | CtxFlags::GSS_C_REPLAY_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG;
    Ok(ClientCtx::new(Some(credentials), service, flags, Some(GSS_MECH_KRB5)))
}

/// What a context must have: the server shows who it is, and can encrypt where nothing else does.
fn wanted(is_tls: bool) -> CtxFlags {
    if is_tls {
        CtxFlags::GSS_C_MUTUAL_FLAG
    } else {
        CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_INTEG_FLAG | CtxFlags::GSS_C_CONF_FLAG
    }
}

/// One step of the bind that is not its last.
async fn answer(connection: &mut Connection, token: &[u8]) -> Result<Vec<u8>, Error> {
    let sasl = Credentials::Sasl { mechanism: "GSSAPI", token: Some(token) };
    let outcome = connection.bind_step(&sasl).await?;
    if outcome.code != BIND_IN_PROGRESS {
        connection.expect_success("the bind by Kerberos", &outcome)?;
        return Err(broken(&connection.server, Broken("a bind by Kerberos ended before its end")));
    }
    Ok(outcome.sasl.unwrap_or_default())
}

/// Of what the server offers: the layer that is taken, and how much is sealed at a time.
fn choose(offered: &[u8], is_tls: bool) -> Result<(u8, usize), &'static str> {
    let &[layers, a, b, c] = offered else { return Err("offers no list of layers") };
    let layer = if is_tls { NO_LAYER } else { ENCRYPTION };
    if layers & layer == 0 {
        return Err(if is_tls {
            "wants Kerberos to encrypt within TLS"
        } else {
            "does not encrypt by Kerberos"
        });
    }
    let longest = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
    match longest.checked_sub(OVERHEAD) {
        Some(portion) if portion >= OVERHEAD => Ok((layer, portion)),
        _ if is_tls => Ok((layer, 0)),
        _ => Err("takes no encrypted message"),
    }
}

/// A context as the layer of a stream.
struct Kerberos(ClientCtx);

impl Layer for Kerberos {
    fn seal(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.0.wrap(true, piece).map_err(io::Error::other)?.to_vec())
    }

    fn open(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.0.unwrap(piece).map_err(io::Error::other)?.to_vec())
    }
}

/// What names the TLS connection: the hash of the server's certificate, by the algorithm of its signature, with SHA-256 in place of
/// those that are too old (RFC 5929, section 4.1).
fn endpoint(certificate: &[u8]) -> Vec<u8> {
    const SHA384: [&[u8]; 2] =
        [b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", b"\x2a\x86\x48\xce\x3d\x04\x03\x03"];
    const SHA512: [&[u8]; 2] =
        [b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", b"\x2a\x86\x48\xce\x3d\x04\x03\x04"];
    let signed_by = || {
        let mut fields = Reader::new(Reader::new(certificate).take(SEQUENCE)?);
        fields.take(SEQUENCE)?;
        Reader::new(fields.take(SEQUENCE)?).take(0x06)
    };
    let hash = match signed_by() {
        Ok(algorithm) if SHA384.contains(&algorithm) => Sha384::digest(certificate).to_vec(),
        Ok(algorithm) if SHA512.contains(&algorithm) => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    };
    [b"tls-server-end-point:".as_slice(), &hash].concat()
}

/// What an error of Kerberos means for a run. Its numbers are those of MIT's library, which count from here.
fn refused(connection: &Connection, error: &GssError) -> Error {
    const FIRST: i32 = -1_765_328_384;
    let server = &connection.server;
    let number = error.minor.cast_signed().wrapping_sub(FIRST);
    let (kind, hint) = match number {
        6 => (ErrorKind::Denied, "the domain does not know this principal"),
        7 => (
            ErrorKind::Denied,
            "the domain has no service of this name: `servers` must name the host as the domain does, not its address",
        ),
        18 => (ErrorKind::Denied, "the account is disabled, locked or expired"),
        23 => (ErrorKind::Denied, "the password of the account has expired"),
        24 => (ErrorKind::Denied, "is the password right?"),
        37 => (ErrorKind::Denied, "the clocks of this machine and of the domain differ too much"),
        154 | 156 | 220 => (
            ErrorKind::Unavailable,
            "the key distribution centre of the realm does not answer; krb5.conf or the DNS says where it is",
        ),
        _ => (
            ErrorKind::Denied,
            "a ticket is needed: of `kinit` (KRB5CCNAME), of a keytab (KRB5_CLIENT_KTNAME), or by bind.user and bind.password",
        ),
    };
    Error::new(kind, format!("there is no way into {server} by Kerberos"))
        .with_hint(hint)
        // Its own error asks the library for its words again, which may then have others.
        .with_source(Said(error.to_string()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};

    use super::*;

    #[test]
    fn a_connection_is_named_by_the_hash_of_its_certificates_signature() {
        for (algorithm, len) in [(&PKCS_ECDSA_P256_SHA256, 32), (&PKCS_ECDSA_P384_SHA384, 48)] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let certificate = CertificateParams::default().self_signed(&key).unwrap();
            let name = endpoint(certificate.der());
            let hash = name.strip_prefix(b"tls-server-end-point:").unwrap();
            let whole = match len {
                32 => Sha256::digest(certificate.der()).to_vec(),
                _ => Sha384::digest(certificate.der()).to_vec(),
            };
            assert_eq!(hash, whole);
        }
        assert_eq!(endpoint(b"nonsense").len(), 21 + 32);
    }

    #[test]
    fn without_tls_nothing_but_encryption_is_taken() {
        let shown = [
            (false, [7, 0x9c, 0x40, 0].as_slice()),
            (false, &[3, 1, 0, 0]),
            (false, &[4, 0, 1, 0]),
            (true, &[7, 0, 0xff, 0xff]),
            (true, &[1, 0, 0, 0]),
            (true, &[6, 0, 0xff, 0xff]),
            (true, &[1, 0, 0]),
        ]
        .map(|(is_tls, offered)| format!("{is_tls} {offered:?} {:?}", choose(offered, is_tls)));
        insta::assert_snapshot!(shown.join("\n"), @r#"
        false [7, 156, 64, 0] Ok((4, 10239744))
        false [3, 1, 0, 0] Err("does not encrypt by Kerberos")
        false [4, 0, 1, 0] Err("takes no encrypted message")
        true [7, 0, 255, 255] Ok((1, 65279))
        true [1, 0, 0, 0] Ok((1, 0))
        true [6, 0, 255, 255] Err("wants Kerberos to encrypt within TLS")
        true [1, 0, 0] Err("offers no list of layers")
        "#);
    }
}
