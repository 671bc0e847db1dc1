//! The controls that are used, with their values.

use super::ber::{Broken, INTEGER, OCTETS, Reader, SEQUENCE, put, put_integer, put_with};
use super::message::Control;

/// Simple paged results (RFC 2696).
pub(crate) const PAGED: &str = "1.2.840.113556.1.4.319";

/// One page of so many entries, from where the cookie says.
pub(crate) fn paged(size: u32, cookie: &[u8]) -> Control {
    let mut value = Vec::new();
    put_with(&mut value, SEQUENCE, |out| {
        put_integer(out, INTEGER, size.into());
        put(out, OCTETS, cookie);
    });
    Control { oid: PAGED, critical: true, value: Some(value) }
}

/// The cookie of the next page; empty after the last one.
pub(crate) fn paged_cookie(value: &[u8]) -> Result<&[u8], Broken> {
    let mut fields = Reader::new(Reader::new(value).take(SEQUENCE)?);
    fields.integer(INTEGER)?;
    fields.take(OCTETS)
}
