//! What becomes of the bytes of a value: by the server's schema, by what everybody knows of an attribute, and for the fields
//! that are read off another attribute.

use peoplesync_source::{RecordWriter, Timestamp, Value};

use crate::schema::{Schema, Syntax};
use crate::value;

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text, or bytes where it is none.
    Text,
    Bytes,
    Integer,
    Boolean,
    Time,
    FileTime,
    Guid,
    Sid,
    /// The DN of a person, to become their key.
    Reference,
    /// Whether any of these bits is set.
    Flag(i64),
    /// Whether this time is over.
    IsPast,
    /// Whether the number is zero.
    IsZero,
}

/// Times that are counted from 1601.
const FILE_TIMES: [&str; 9] = [
    "accountExpires",
    "badPasswordTime",
    "lastLogoff",
    "lastLogon",
    "lastLogonTimestamp",
    "lockoutTime",
    "msDS-LastSuccessfulInteractiveLogonTime",
    "msDS-UserPasswordExpiryTimeComputed",
    "pwdLastSet",
];

const GUIDS: [&str; 5] =
    ["objectGUID", "mS-DS-ConsistencyGuid", "msExchMailboxGuid", "msExchArchiveGUID", "parentGUID"];

const SIDS: [&str; 4] = ["objectSid", "sIDHistory", "tokenGroups", "msExchMasterAccountSid"];

/// Fields of Active Directory that no attribute has: the attribute that they are read off, and how.
pub(crate) const DERIVED: [(&str, &str, Form); 15] = [
    ("IsDisabled", "userAccountControl", Form::Flag(0x2)),
    ("IsDeleted", "isDeleted", Form::Boolean),
    ("IsExpired", "accountExpires", Form::IsPast),
    ("IsLockedOut", "msDS-User-Account-Control-Computed", Form::Flag(0x10)),
    ("IsNormalAccount", "userAccountControl", Form::Flag(0x200)),
    ("IsComputer", "userAccountControl", Form::Flag(0x3000)),
    ("MustChangePassword", "pwdLastSet", Form::IsZero),
    ("PasswordExpired", "msDS-User-Account-Control-Computed", Form::Flag(0x80_0000)),
    ("PasswordNeverExpires", "userAccountControl", Form::Flag(0x1_0000)),
    ("PasswordNotRequired", "userAccountControl", Form::Flag(0x20)),
    ("ReversiblePassword", "userAccountControl", Form::Flag(0x80)),
    ("SmartcardRequired", "userAccountControl", Form::Flag(0x4_0000)),
    ("TrustedForDelegation", "userAccountControl", Form::Flag(0x8_0000)),
    ("NotDelegated", "userAccountControl", Form::Flag(0x10_0000)),
    ("PreauthNotRequired", "userAccountControl", Form::Flag(0x40_0000)),
];

impl Form {
    /// How an attribute is read. `keep_bytes` names those that stay bytes, `references` those that are DNs of people.
    pub(crate) fn of(
        attribute: &str,
        schema: &Schema,
        keep_bytes: &[String],
        references: &[String],
    ) -> Self {
        let name = attribute.split(';').next().unwrap_or_default();
        let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let listed =
            |names: &[String]| names.iter().any(|known| known.eq_ignore_ascii_case(attribute));
        if listed(keep_bytes) {
            return Self::Bytes;
        }
        if listed(references) {
            return Self::Reference;
        }
        if among(&GUIDS) {
            return Self::Guid;
        }
        if among(&SIDS) {
            return Self::Sid;
        }
        if among(&FILE_TIMES) {
            return Self::FileTime;
        }
        match schema.syntax(name) {
            Some(Syntax::Bytes) => Self::Bytes,
            Some(Syntax::Integer) => Self::Integer,
            Some(Syntax::Boolean) => Self::Boolean,
            Some(Syntax::Time) => Self::Time,
            Some(Syntax::Text) | None => Self::Text,
        }
    }

    /// Gives a value to a field. `now` is for what is past; `key_of` finds the key of a DN.
    #[inline]
    pub(crate) fn push<'k>(
        self,
        writer: &mut RecordWriter<'_>,
        field: usize,
        bytes: &[u8],
        now: Timestamp,
        key_of: impl FnOnce(&str) -> Option<&'k str>,
    ) {
        let text = || std::str::from_utf8(bytes).ok();
        let number = || text()?.parse::<i64>().ok();
        let mut owned = String::new();
        let known = match self {
            Self::Text => None,
            Self::Bytes => Some(Value::Bytes(bytes)),
            Self::Integer => number().map(Value::Integer),
            Self::Boolean => match bytes {
                b"TRUE" => Some(Value::Boolean(true)),
                b"FALSE" => Some(Value::Boolean(false)),
                _ => None,
            },
            Self::Time => text().and_then(value::generalized_time).map(Value::Timestamp),
            Self::FileTime => match text().and_then(value::file_time) {
                Some(time) => Some(Value::Timestamp(time)),
                // "Never" is no time.
                None if number().is_some() => return,
                None => None,
            },
            Self::Guid | Self::Sid => {
                let shown = if self == Self::Guid { value::guid(bytes) } else { value::sid(bytes) };
                shown.map(|shown| {
                    owned = shown;
                    Value::Text(&owned)
                })
            }
            Self::Reference => text().and_then(key_of).map(Value::Text),
            Self::Flag(mask) => number().map(|bits| Value::Boolean(bits & mask != 0)),
            Self::IsPast => number().map(|_| {
                let end = text().and_then(value::file_time);
                Value::Boolean(end.is_some_and(|end| end <= now))
            }),
            Self::IsZero => number().map(|number| Value::Boolean(number == 0)),
        };
        // What is not as it should be is given as it is; the mapping says what is wrong with it.
        let value = known.or_else(|| match text() {
            Some("") => None,
            Some(text) => Some(Value::Text(text)),
            None => Some(Value::Bytes(bytes)),
        });
        if let Some(value) = value {
            writer.push(field, value);
        }
    }

    /// The text of a key.
    pub(crate) fn key(self, bytes: &[u8]) -> Option<String> {
        let text = match self {
            Self::Guid => value::guid(bytes),
            Self::Sid => value::sid(bytes),
            _ => None,
        };
        text.or_else(|| std::str::from_utf8(bytes).ok().map(str::to_owned))
            .filter(|text| !text.trim().is_empty())
    }
}
