//! What a server's schema says of attributes: which there are, and what kind of value they hold (RFC 4512, section 4.1.2).

use std::collections::BTreeMap;

/// What kind of value an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Text,
    Bytes,
    Integer,
    Boolean,
    Time,
}

/// The attributes of a server, by their names in lower case.
#[derive(Debug, Default)]
pub(crate) struct Schema(BTreeMap<String, Attribute>);

#[derive(Debug)]
struct Attribute {
    /// As the server writes it.
    name: String,
    syntax: Option<Syntax>,
    above: Option<String>,
}

impl Schema {
    /// The schema in these definitions. One that cannot be read is left out.
    pub(crate) fn new<'a>(definitions: impl Iterator<Item = &'a str>) -> Self {
        let mut schema = Self::default();
        for definition in definitions {
            schema.add(definition);
        }
        schema
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is such an attribute.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(&bare(name))
    }

    /// What it holds, as far as that is known.
    pub(crate) fn syntax(&self, name: &str) -> Option<Syntax> {
        let mut name = bare(name);
        // An attribute has the syntax of the one that it is a kind of. The chain is short; a broken schema may have a circle.
        for _ in 0..16 {
            let attribute = self.0.get(&name)?;
            match (attribute.syntax, &attribute.above) {
                (Some(syntax), _) => return Some(syntax),
                (None, Some(above)) => name.clone_from(above),
                (None, None) => return None,
            }
        }
        None
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|attribute| attribute.name.as_str())
    }

    fn add(&mut self, definition: &str) {
        let words = words(definition);
        let mut names = Vec::new();
        let (mut syntax, mut above) = (None, None);
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            match *word {
                "NAME" if words.get(at) == Some(&"(") => {
                    let list = words.iter().skip(at + 1).take_while(|word| **word != ")");
                    names.extend(list.copied());
                    at += names.len() + 2;
                }
                "NAME" => {
                    names.extend(words.get(at).copied());
                    at += 1;
                }
                // What people wrote is not looked at.
                "DESC" => at += 1,
                "SUP" => {
                    above = words.get(at).map(|name| name.to_lowercase());
                    at += 1;
                }
                "SYNTAX" => {
                    syntax = words.get(at).map(|oid| of_oid(oid));
                    at += 1;
                }
                _ => {}
            }
        }
        for name in names {
            let attribute = Attribute { name: name.to_owned(), syntax, above: above.clone() };
            self.0.insert(name.to_lowercase(), attribute);
        }
    }
}

/// The name without options, in lower case.
fn bare(name: &str) -> String {
    name.split(';').next().unwrap_or_default().to_lowercase()
}

fn of_oid(oid: &str) -> Syntax {
    let oid = oid.split('{').next().unwrap_or_default();
    match oid.strip_prefix("1.3.6.1.4.1.1466.115.121.1.") {
        Some("27") => Syntax::Integer,
        Some("7") => Syntax::Boolean,
        Some("24") => Syntax::Time,
        // Binary, certificates and lists of them, faxes, JPEG, octet strings.
        Some("4" | "5" | "8" | "9" | "10" | "23" | "28" | "40" | "49") => Syntax::Bytes,
        _ if oid == "1.2.840.113556.1.4.906" => Syntax::Integer,
        _ => Syntax::Text,
    }
}

/// The words of a definition: parentheses, names, and what is between quotes.
fn words(definition: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = definition.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '(' | ')' => rest.split_at(1),
            '\'' => {
                let inner = rest.strip_prefix('\'').unwrap_or_default();
                inner.split_once('\'').unwrap_or((inner, ""))
            }
            _ => {
                let end = rest.find([' ', '(', ')', '\'', '\t', '\n']).unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_both_worlds_are_understood() {
        let schema = Schema::new(
            [
                "( 2.5.4.41 NAME 'name' DESC 'it''s (a) name' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )",
                "( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'NAME ( x )' SUP name )",
                "( 1.3.6.1.1.1.1.0 NAME 'uidNumber' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
                "( 1.2.840.113556.1.4.159 NAME 'accountExpires' SYNTAX '1.2.840.113556.1.4.906' SINGLE-VALUE )",
                "( 2.5.18.1 NAME 'createTimestamp' SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 )",
                "( 1.2.3 NAME 'a' SUP b )",
                "( 1.2.4 NAME 'b' SUP a )",
                "( 1.2.5",
                "",
            ]
            .into_iter(),
        );
        let shown: Vec<_> = [
            "CN",
            "commonname;lang-de",
            "uidNumber",
            "accountExpires",
            "createTimestamp",
            "a",
            "mail",
        ]
        .map(|name| format!("{name} {} {:?}", schema.has(name), schema.syntax(name)))
        .into();
        insta::assert_snapshot!(shown.join("\n"), @r"
        CN true Some(Text)
        commonname;lang-de true Some(Text)
        uidNumber true Some(Integer)
        accountExpires true Some(Integer)
        createTimestamp true Some(Time)
        a true None
        mail false None
        ");
    }
}
