//! Ways into what reads untrusted bytes, for the fuzz targets in `fuzz/`. Not for use.

use std::hint::black_box;

use peoplesync_source::{Batch, Origin, Timestamp};

use crate::columns::{Columns, KeyOf, Nothing};
use crate::config::LdapConfig;
use crate::directory::Directory;
use crate::schema::Schema;
use crate::wire::ber::{OCTETS, Reader};
use crate::wire::{Entry, Filter, Message, controls};

/// What the columns of [`Decoder`] read: an attribute of each form.
const FIELDS: [&str; 12] = [
    "cn",
    "photo",
    "number",
    "flag",
    "whenChanged",
    "accountExpires",
    "objectGUID",
    "objectSid",
    "manager",
    "IsDisabled",
    "IsExpired",
    "dn",
];

const SCHEMA: [&str; 7] = [
    "( 1 NAME 'photo' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )",
    "( 2 NAME 'number' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )",
    "( 3 NAME 'flag' SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 )",
    "( 4 NAME 'whenChanged' SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 )",
    "( 5 NAME ( 'cn' 'objectGUID' 'objectSid' 'accountExpires' ) )",
    "( 6 NAME ( 'manager' 'userAccountControl' ) )",
    "( 7 NAME 'employeeNumber' )",
];

/// A filter from text, and one that is put together with the text as a value. Whatever is accepted is one element that can be
/// taken apart to its leaves.
pub fn filter(text: &str) {
    let built = Filter::all([&Filter::equal("cn", text.as_bytes()), &Filter::present(text)]);
    well_formed(built.as_bytes());
    if let Ok(filter) = Filter::parse(text) {
        well_formed(filter.as_bytes());
        assert!(filter.as_bytes().len() < text.len() * 16 + 16, "a filter grows without a bound");
    }
}

/// Every constructed element holds whole elements only.
fn well_formed(bytes: &[u8]) {
    let mut left = vec![bytes];
    while let Some(bytes) = left.pop() {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let (tag, content) = reader.any().expect("what was written can be read");
            if tag & 0x20 != 0 {
                left.push(content);
            }
        }
    }
}

/// Decodes answers.
#[derive(Debug)]
pub struct Decoder {
    columns: Columns,
}

impl Decoder {
    /// With columns of every form.
    ///
    /// # Panics
    /// The settings here are wrong.
    #[must_use]
    pub fn new(config: &LdapConfig) -> Self {
        let directory = Directory {
            kind: String::new(),
            is_active_directory: true,
            contexts: Vec::new(),
            controls: Vec::new(),
            schema: Schema::new(SCHEMA.into_iter()),
            usn: None,
        };
        let fields = FIELDS.map(str::to_owned);
        let columns = Columns::new(config, &directory, &fields).expect("the fields are known");
        Self { columns }
    }

    /// A message, its controls, and the entry in it; then the same bytes as an entry, and as the definitions of a schema.
    pub fn decode(&self, bytes: &[u8]) {
        if let Ok(message) = Message::parse(bytes) {
            for oid in
                [controls::PAGED, controls::SYNC_STATE, controls::SYNC_DONE, controls::DIRSYNC]
            {
                black_box(message.control(oid).is_ok());
            }
        }
        black_box(controls::paged_cookie(bytes).is_ok());
        black_box(controls::sync_state(bytes).is_ok());
        black_box(controls::sync_done(bytes).is_ok());
        black_box(controls::dirsync_answer(bytes).is_ok());
        if let Ok(controls::SyncInfo::Ids { mut ids, .. }) = controls::sync_info(bytes) {
            while ids.take(OCTETS).is_ok() {}
        }
        if let Ok(entry) = Entry::parse(bytes) {
            self.entry(&entry);
        }
        let text = String::from_utf8_lossy(bytes);
        let schema = Schema::new(text.lines());
        schema.names().for_each(|name| {
            black_box(schema.syntax(name));
        });
        let dn = crate::dn::normal(&text);
        assert_eq!(crate::dn::normal(&dn), dn, "a name in its normal form stays as it is");
    }

    fn entry(&self, entry: &Entry<'_>) {
        let mut batch = Batch::new(self.columns.fields.clone());
        let Ok(key) = self.columns.key(entry) else { return };
        black_box(self.columns.wants(entry).is_ok());
        match key {
            KeyOf::One(key) => {
                black_box(
                    self.columns
                        .add_record(&mut batch, entry, &key, Timestamp(0), &Nothing)
                        .is_ok(),
                );
            }
            other => batch.reject(self.columns.without_key(Origin::entry(entry.dn()), &other)),
        }
    }
}
