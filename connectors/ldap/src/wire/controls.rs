//! The controls that are used, with their values.

use super::ber::{
    BOOLEAN, Broken, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, put, put_integer, put_with,
};
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

/// Content synchronisation (RFC 4533): the request, the state of an entry, and the end.
pub(crate) const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
pub(crate) const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
pub(crate) const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
pub(crate) const SYNC_INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncState {
    /// Nothing: it is still there.
    Present,
    Changed,
    Deleted,
}

/// What a server says between entries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SyncInfo<'a> {
    Cookie(&'a [u8]),
    /// What follows, or came, lists what is gone.
    Deletes {
        cookie: Option<&'a [u8]>,
    },
    /// What follows, or came, lists what is still there.
    Presents,
    Ids {
        cookie: Option<&'a [u8]>,
        are_deleted: bool,
        ids: Reader<'a>,
    },
}

/// Asks for what changed since the cookie, once.
pub(crate) fn sync_request(cookie: &[u8]) -> Control {
    let mut value = Vec::new();
    put_with(&mut value, SEQUENCE, |out| {
        put_integer(out, ENUMERATED, 1);
        put(out, OCTETS, cookie);
    });
    Control { oid: SYNC_REQUEST, critical: true, value: Some(value) }
}

/// What became of an entry, its identity, and the cookie after it.
type StateOf<'a> = (SyncState, &'a [u8], Option<&'a [u8]>);

/// What the control of an entry says of it.
pub(crate) fn sync_state(value: &[u8]) -> Result<StateOf<'_>, Broken> {
    let mut fields = Reader::new(Reader::new(value).take(SEQUENCE)?);
    let state = match fields.integer(ENUMERATED)? {
        0 => SyncState::Present,
        3 => SyncState::Deleted,
        _ => SyncState::Changed,
    };
    let id = fields.take(OCTETS)?;
    Ok((state, id, fields.optional(OCTETS)?))
}

/// The cookie of the end, and whether what was not mentioned is unchanged.
pub(crate) fn sync_done(value: &[u8]) -> Result<(Option<&[u8]>, bool), Broken> {
    let mut fields = Reader::new(Reader::new(value).take(SEQUENCE)?);
    let cookie = fields.optional(OCTETS)?;
    Ok((cookie, truth(&mut fields)?.unwrap_or(false)))
}

/// What an intermediate message says.
pub(crate) fn sync_info(value: &[u8]) -> Result<SyncInfo<'_>, Broken> {
    let (tag, content) = Reader::new(value).any()?;
    let mut fields = Reader::new(content);
    Ok(match tag {
        0x80 => SyncInfo::Cookie(content),
        0xa1 => SyncInfo::Deletes { cookie: fields.optional(OCTETS)? },
        0xa2 => SyncInfo::Presents,
        0xa3 => {
            let cookie = fields.optional(OCTETS)?;
            let are_deleted = truth(&mut fields)?.unwrap_or(false);
            SyncInfo::Ids { cookie, are_deleted, ids: Reader::new(fields.take(SET)?) }
        }
        _ => return Err(Broken("a message of synchronisation is unknown")),
    })
}

fn truth(fields: &mut Reader<'_>) -> Result<Option<bool>, Broken> {
    Ok(fields.optional(BOOLEAN)?.map(|content| content != [0]))
}

/// Shows deleted entries (MS-ADTS, section 3.1.1.3.4.1.14).
pub(crate) fn show_deleted() -> Control {
    Control { oid: SHOW_DELETED, critical: true, value: None }
}

pub(crate) const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";

/// Active Directory's own synchronisation (MS-ADTS, section 3.1.1.3.4.1.3).
pub(crate) const DIRSYNC: &str = "1.2.840.113556.1.4.841";

/// Asks for what changed since the cookie; as nobody asks for others, without the flags.
pub(crate) fn dirsync(cookie: &[u8]) -> Control {
    let mut value = Vec::new();
    put_with(&mut value, SEQUENCE, |out| {
        put_integer(out, INTEGER, 0);
        put_integer(out, INTEGER, 1 << 20);
        put(out, OCTETS, cookie);
    });
    Control { oid: DIRSYNC, critical: true, value: Some(value) }
}

/// Whether there is more, and the cookie to go on with.
pub(crate) fn dirsync_answer(value: &[u8]) -> Result<(bool, &[u8]), Broken> {
    let mut fields = Reader::new(Reader::new(value).take(SEQUENCE)?);
    let more = fields.integer(INTEGER)? != 0;
    fields.integer(INTEGER)?;
    Ok((more, fields.take(OCTETS)?))
}
