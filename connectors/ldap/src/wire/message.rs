//! Messages of LDAP (RFC 4511): requests as bytes, answers as views into the bytes that came.

use super::ber::{
    BOOLEAN, Broken, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, put, put_boolean,
    put_integer, put_with,
};
use super::filter::Filter;

/// How much of the tree below a base is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    Base = 0,
    One = 1,
    Subtree = 2,
}

/// A control of a request: its OID, whether the server must know it, and its value.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) oid: &'static str,
    pub(crate) critical: bool,
    pub(crate) value: Option<Vec<u8>>,
}

/// A search.
#[derive(Debug, Clone)]
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) depth: Depth,
    pub(crate) filter: &'a Filter,
    pub(crate) attributes: &'a [String],
    /// Whether the names of attributes are enough.
    pub(crate) types_only: bool,
    pub(crate) controls: &'a [Control],
}

/// How the client shows who it is.
pub(crate) enum Credentials<'a> {
    Simple { user: &'a str, password: &'a str },
    Sasl { mechanism: &'a str, token: Option<&'a [u8]> },
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) id: i64,
    pub(crate) answer: Answer<'a>,
    controls: &'a [u8],
}

/// What a server answers.
#[derive(Debug)]
pub(crate) enum Answer<'a> {
    Bound(Outcome),
    Entry(Entry<'a>),
    Reference(Vec<String>),
    Done(Outcome),
    Extended(Outcome),
    Intermediate { oid: &'a [u8], value: &'a [u8] },
    Other,
}

/// An entry as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    raw: &'a [u8],
    dn: &'a [u8],
    attributes: Reader<'a>,
}

/// How an operation ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) referrals: Vec<String>,
    /// What the server says in answer to a bind by SASL.
    #[cfg_attr(not(feature = "gssapi"), expect(dead_code, reason = "Kerberos needs steps"))]
    pub(crate) sasl: Option<Vec<u8>>,
}

impl<'a> Entry<'a> {
    /// The entry in the content of a search result entry.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn parse(content: &'a [u8]) -> Result<Self, Broken> {
        let mut fields = Reader::new(content);
        let dn = fields.take(OCTETS)?;
        Ok(Self { raw: content, dn, attributes: Reader::new(fields.take(SEQUENCE)?) })
    }

    /// The bytes that [`parse`](Self::parse) took.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The DN. What is not UTF-8 in it is shown as such.
    pub(crate) fn dn(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.dn)
    }

    /// The attributes, each with its description and values.
    pub(crate) fn attributes(&self) -> Attributes<'a> {
        Attributes(self.attributes)
    }
}

/// The attributes of an entry. Ends after the first that is broken.
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a>(Reader<'a>);

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a [u8], Reader<'a>), Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut one = || {
            let mut attribute = Reader::new(self.0.take(SEQUENCE)?);
            Ok((attribute.take(OCTETS)?, Reader::new(attribute.take(SET)?)))
        };
        let item = one();
        if item.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(item)
    }
}

impl<'a> Message<'a> {
    /// The message in the content of a frame.
    pub(crate) fn parse(content: &'a [u8]) -> Result<Self, Broken> {
        let mut fields = Reader::new(content);
        let id = fields.integer(INTEGER)?;
        let (tag, body) = fields.any()?;
        let controls = fields.optional(0xa0)?.unwrap_or_default();
        let mut body_fields = Reader::new(body);
        let answer = match tag {
            0x61 => {
                let outcome = Outcome::parse(&mut body_fields)?;
                let sasl = body_fields.optional(0x87)?.map(<[u8]>::to_vec);
                Answer::Bound(Outcome { sasl, ..outcome })
            }
            0x64 => Answer::Entry(Entry::parse(body)?),
            0x73 => Answer::Reference(texts(body_fields)?),
            0x65 => Answer::Done(Outcome::parse(&mut body_fields)?),
            0x78 => Answer::Extended(Outcome::parse(&mut body_fields)?),
            0x79 => {
                let oid = body_fields.optional(0x80)?.unwrap_or_default();
                Answer::Intermediate { oid, value: body_fields.optional(0x81)?.unwrap_or_default() }
            }
            _ => Answer::Other,
        };
        Ok(Self { id, answer, controls })
    }

    /// The value of a control of the answer.
    pub(crate) fn control(&self, oid: &str) -> Result<Option<&'a [u8]>, Broken> {
        let mut controls = Reader::new(self.controls);
        while !controls.is_empty() {
            let mut control = Reader::new(controls.take(SEQUENCE)?);
            let found = control.take(OCTETS)? == oid.as_bytes();
            control.optional(BOOLEAN)?;
            let value = control.optional(OCTETS)?;
            if found {
                return Ok(Some(value.unwrap_or_default()));
            }
        }
        Ok(None)
    }
}

impl Outcome {
    fn parse(fields: &mut Reader<'_>) -> Result<Self, Broken> {
        let code = fields.integer(ENUMERATED)?;
        fields.take(OCTETS)?;
        let message = fields.text()?;
        let referrals = match fields.optional(0xa3)? {
            Some(list) => texts(Reader::new(list))?,
            None => Vec::new(),
        };
        // Active Directory ends its messages with a zero byte.
        let message = message.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
        Ok(Self { code, message: message.to_owned(), referrals, sasl: None })
    }
}

fn texts(mut list: Reader<'_>) -> Result<Vec<String>, Broken> {
    let mut found = Vec::new();
    while !list.is_empty() {
        found.push(list.text()?);
    }
    Ok(found)
}

/// A whole message with this request in it.
fn message(id: i32, controls: &[Control], request: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    put_with(&mut out, SEQUENCE, |out| {
        put_integer(out, INTEGER, id.into());
        request(out);
        if !controls.is_empty() {
            put_with(out, 0xa0, |out| {
                controls.iter().for_each(|control| put_control(out, control))
            });
        }
    });
    out
}

fn put_control(out: &mut Vec<u8>, control: &Control) {
    put_with(out, SEQUENCE, |out| {
        put(out, OCTETS, control.oid.as_bytes());
        if control.critical {
            put_boolean(out, true);
        }
        if let Some(value) = &control.value {
            put(out, OCTETS, value);
        }
    });
}

/// A search request.
pub(crate) fn search(id: i32, search: &Search<'_>) -> Vec<u8> {
    message(id, search.controls, |out| {
        put_with(out, 0x63, |out| {
            put(out, OCTETS, search.base.as_bytes());
            put_integer(out, ENUMERATED, search.depth as i64);
            // Aliases are not followed: an entry is found where it is.
            put_integer(out, ENUMERATED, 0);
            // No limits of our own; the server's are enough, and a limit makes every answer doubtful.
            put_integer(out, INTEGER, 0);
            put_integer(out, INTEGER, 0);
            put_boolean(out, search.types_only);
            out.extend_from_slice(search.filter.as_bytes());
            put_with(out, SEQUENCE, |out| {
                search.attributes.iter().for_each(|name| put(out, OCTETS, name.as_bytes()));
            });
        });
    })
}

/// A bind request.
pub(crate) fn bind(id: i32, credentials: &Credentials<'_>) -> Vec<u8> {
    message(id, &[], |out| {
        put_with(out, 0x60, |out| {
            put_integer(out, INTEGER, 3);
            match credentials {
                Credentials::Simple { user, password } => {
                    put(out, OCTETS, user.as_bytes());
                    put(out, 0x80, password.as_bytes());
                }
                Credentials::Sasl { mechanism, token } => {
                    put(out, OCTETS, b"");
                    put_with(out, 0xa3, |out| {
                        put(out, OCTETS, mechanism.as_bytes());
                        if let Some(token) = token {
                            put(out, OCTETS, token);
                        }
                    });
                }
            }
        });
    })
}

/// An extended request without a value.
pub(crate) fn extended(id: i32, oid: &str) -> Vec<u8> {
    message(id, &[], |out| put_with(out, 0x77, |out| put(out, 0x80, oid.as_bytes())))
}

/// The request that ends a connection.
pub(crate) fn unbind(id: i32) -> Vec<u8> {
    message(id, &[], |out| put(out, 0x42, &[]))
}
