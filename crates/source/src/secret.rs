//! Credentials that cannot print themselves.

use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A credential in a config: written out, or named by where it is kept. Reveal it with
/// [`Context::reveal`](crate::Context::reveal) at the moment of use.
///
/// In a config it is a string, `{ env = "NAME" }`, `{ file = "PATH" }`, `{ command = ["prog", "arg"] }`,
/// `{ credential = "NAME" }` or `{ vault = "PATH#FIELD" }`. It has no `Display` and no `Serialize`, and `Debug` shows where it
/// is kept, never what it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Written in the config itself.
    Plain(Revealed),
    /// In an environment variable.
    Env(String),
    /// In a file, relative to the config; one line end is dropped.
    File(PathBuf),
    /// Printed by a program; one line end is dropped.
    Command(Vec<String>),
    /// A credential that systemd hands to a service (`LoadCredential=`, `SetCredentialEncrypted=`), by its name.
    Credential(String),
    /// A field of a secret in a HashiCorp Vault's key-value store: `secret/data/scim#token`.
    Vault(String),
}

/// A credential in the clear. `Debug` does not show it; [`expose`](Self::expose) is the one way to it, easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed(String);

impl Revealed {
    /// Wraps a credential.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The credential itself. Whoever calls this keeps it out of logs, errors and plans.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("[secret]"),
            Self::Env(name) => write!(f, "[secret in ${name}]"),
            Self::File(path) => write!(f, "[secret in {}]", path.display()),
            Self::Credential(name) => write!(f, "[secret in the credential {name}]"),
            Self::Vault(place) => write!(f, "[secret in the vault at {place}]"),
            // Arguments of the program might be secrets themselves.
            Self::Command(command) => {
                write!(f, "[secret from {}]", command.first().map_or("a command", String::as_str))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

const FORMS: &[&str] = &["env", "file", "command", "credential", "vault"];

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a string, { env = \"NAME\" }, { file = \"PATH\" }, { command = [\"prog\", \"arg\"] }, \
             { credential = \"NAME\" } or { vault = \"PATH#FIELD\" }",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Plain(Revealed::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let Some(form) = map.next_key::<String>()? else {
            return Err(de::Error::custom(
                "it is not said where the secret is kept, such as { env = \"NAME\" } or { file = \"PATH\" }",
            ));
        };
        let secret = match form.as_str() {
            "env" => Secret::Env(map.next_value()?),
            "file" => Secret::File(map.next_value()?),
            "command" => {
                let command: Vec<String> = map.next_value()?;
                if command.is_empty() {
                    return Err(de::Error::custom("the command of a secret is empty"));
                }
                Secret::Command(command)
            }
            "credential" => {
                let name: String = map.next_value()?;
                // It becomes part of a path below the folder of credentials.
                if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                    return Err(de::Error::custom("a credential has a name, not a path"));
                }
                Secret::Credential(name)
            }
            "vault" => {
                let place: String = map.next_value()?;
                match place.split_once('#') {
                    Some((path, field)) if !path.is_empty() && !field.is_empty() => {
                        Secret::Vault(place)
                    }
                    _ => {
                        return Err(de::Error::custom(
                            "expected the path of a secret, `#`, and its field, such as \"secret/data/scim#token\"",
                        ));
                    }
                }
            }
            other => return Err(de::Error::unknown_field(other, FORMS)),
        };
        match map.next_key::<String>()? {
            None => Ok(secret),
            Some(_) => Err(de::Error::custom("a secret is kept in one place only")),
        }
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |name: &str, schema: Schema| {
            json_schema!({
                "type": "object",
                "properties": { name: schema },
                "required": [name],
                "additionalProperties": false
            })
        };
        json_schema!({
            "description": "A credential: the text itself, or where it is kept.",
            "oneOf": [
                { "type": "string" },
                one("env", json_schema!({ "type": "string" })),
                one("file", json_schema!({ "type": "string" })),
                one("command", json_schema!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })),
                one("credential", json_schema!({ "type": "string" })),
                one("vault", json_schema!({ "type": "string", "pattern": "^[^#]+#.+$" })),
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> String {
        match serde_json::from_str::<Secret>(json) {
            Ok(secret) => format!("{secret:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn secrets_parse_from_their_forms_and_never_show_themselves() {
        assert_eq!(check(r#""hunter2""#), "[secret]");
        assert_eq!(check(r#"{"env":"TOKEN"}"#), "[secret in $TOKEN]");
        assert_eq!(check(r#"{"file":"token.txt"}"#), "[secret in token.txt]");
        assert_eq!(check(r#"{"command":["pass","show","hunter2"]}"#), "[secret from pass]");
        assert_eq!(check(r#"{"credential":"scim"}"#), "[secret in the credential scim]");
        assert_eq!(
            check(r#"{"vault":"kv/data/scim#t"}"#),
            "[secret in the vault at kv/data/scim#t]"
        );
        assert_eq!(format!("{:?}", Revealed::new("hunter2")), "[secret]");
    }

    #[test]
    fn wrong_forms_are_refused_by_name() {
        assert_eq!(
            check(r#"{"envv":"TOKEN"}"#),
            "unknown field `envv`, expected one of `env`, `file`, `command`, `credential`, `vault` at line 1 column 7"
        );
        assert!(check(r#"{"env":"A","file":"B"}"#).starts_with("a secret is kept in one place"));
        assert!(check(r#"{"command":[]}"#).starts_with("the command of a secret is empty"));
        assert!(check(r#"{"credential":"../etc/shadow"}"#).starts_with("a credential has a name"));
        assert!(check(r#"{"vault":"kv/data/scim"}"#).starts_with("expected the path of a secret"));
        assert!(check("7").starts_with("invalid type: integer `7`, expected a string, { env"));
    }
}
