//! LDAP on the wire: BER, messages, filters. No I/O, and nothing of what is read is trusted.

pub(crate) mod ber;
pub(crate) mod controls;
pub(crate) mod filter;
pub(crate) mod message;

pub(crate) use ber::Broken;
pub(crate) use filter::Filter;
pub(crate) use message::{Answer, Control, Credentials, Depth, Entry, Message, Outcome, Search};
