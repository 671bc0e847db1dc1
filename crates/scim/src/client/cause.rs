//! Reading the errors of `reqwest`: which layer failed, and what there is to say about it.

use std::error::Error;
use std::fmt;

/// What to tell if the connection failed in TLS, where trying again changes nothing.
pub(super) fn tls_failure(error: &reqwest::Error) -> Option<&'static str> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(match tls {
                rustls::Error::InvalidCertificate(_) => "cannot trust the TLS certificate of",
                _ => "cannot agree on TLS with",
            });
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
