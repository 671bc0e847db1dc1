//! Reading the errors of `reqwest`: which layer failed, and what there is to say about it.

use std::error::Error;
use std::fmt;

/// What was wrong with TLS, so that trying again changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The target's certificate is not trusted: an authority of its own, another name, or its time is over.
    Untrusted,
    /// The target asks for a certificate of the client and gets none, or one that it does not trust.
    ClientRefused,
    /// Anything else, such as no version or cipher in common.
    Other,
}

impl TlsFailure {
    /// What failed, of a connection that did not come about; none if it was not TLS.
    pub(super) fn of(error: &reqwest::Error) -> Option<Self> {
        use rustls::AlertDescription as Alert;
        Some(match tls_error(error)? {
            rustls::Error::InvalidCertificate(_) => Self::Untrusted,
            // Before TLS 1.3, a missing certificate is a failed handshake like others.
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::HandshakeFailure
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => Self::ClientRefused,
            _ => Self::Other,
        })
    }

    /// What is told of it, before the name of the host.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Untrusted => "cannot trust the TLS certificate of",
            Self::ClientRefused | Self::Other => "cannot agree on TLS with",
        }
    }
}

/// Whether a key and a certificate do not belong together.
pub(super) fn is_other_key(error: &reqwest::Error) -> bool {
    matches!(tls_error(error), Some(rustls::Error::InconsistentKeys(_)))
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An I/O error passes over what it wraps when asked for its source.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = wrapped.map(|error| error as _).or_else(|| error.source());
    }
    None
}

/// Why a connection failed, without the layers that only say that something failed below them.
#[derive(Debug)]
pub(super) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut texts = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            let says_nothing = error.is::<reqwest::Error>() || text.starts_with("client error (");
            // Wrapped I/O errors say the same twice.
            if !says_nothing && texts.last() != Some(&text) {
                texts.push(text);
            }
            cause = error.source();
        }
        let deepest = Self { text: texts.pop().unwrap_or_else(|| error.to_string()), source: None };
        texts
            .into_iter()
            .rev()
            .fold(deepest, |source, text| Self { text, source: Some(Box::new(source)) })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
