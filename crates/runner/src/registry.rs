//! The one visible list of connectors. `cargo xtask new-connector` adds a line.

use peoplesync_source::schemars::{self, Schema};
use peoplesync_source::{Connector, Error, Source};
use serde_json::{Map, Value as Json};

use crate::config::model::SourceTable;
use crate::config::{ConfigError, ConfigErrors, Loaded, nearest};
use crate::failure::{Failure, Outcome};

/// Every connector of this program.
pub(crate) const CONNECTORS: &[Entry] = &[
    Entry::of::<peoplesync_csv::Csv>(),
    Entry::of::<peoplesync_static::Static>(),
    Entry::of::<peoplesync_ldap::Ldap>(),
    Entry::of::<peoplesync_excel::Excel>(),
];

/// A connector with its types put away.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: &'static str,
    pub(crate) example: &'static str,
    pub(crate) schema: fn() -> Schema,
    build: Build,
}

/// Makes a source of a settings table; what does not fit the table is one error each.
type Build = fn(&Map<String, Json>) -> Result<Built, Vec<Unfit>>;

/// What a connector made of settings that fit its table.
type Built = Result<Box<dyn Source>, Error>;

/// A setting that does not fit the connector's table.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) key: Vec<String>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Entry {
    const fn of<C: Connector>() -> Self {
        Self {
            kind: C::KIND,
            example: C::EXAMPLE,
            schema: || schemars::schema_for!(C::Config),
            build: |settings| crate::config::decode_table::<C::Config>(settings).map(C::build),
        }
    }
}

/// The connector for a file, by the ending of its name.
pub(crate) fn kind_of_file(path: &std::path::Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => peoplesync_excel::Excel::KIND,
        _ => peoplesync_csv::Csv::KIND,
    }
}

/// A source of settings that stand in no config yet.
pub(crate) fn build(kind: &str, settings: &Map<String, Json>) -> Outcome<Box<dyn Source>> {
    let Some(entry) = CONNECTORS.iter().find(|entry| entry.kind == kind) else {
        let kinds: Vec<&str> = CONNECTORS.iter().map(|entry| entry.kind).collect();
        return Err(Failure::usage(format!("there is no connector \"{kind}\""))
            .with_hint(format!("this program has {}", kinds.join(", "))));
    };
    match (entry.build)(settings) {
        Ok(built) => Ok(built?),
        Err(unfit) => {
            let unfit: Vec<String> = unfit
                .iter()
                .map(|unfit| format!("`{}` {}", unfit.key.join("."), unfit.message))
                .collect();
            Err(Failure::usage(format!("a source of kind {kind} needs more: {}", unfit.join(", ")))
                .with_hint("start from one of config/examples"))
        }
    }
}

/// The source that a table of the config describes, which stands at this key.
pub(crate) fn source_at(
    loaded: &Loaded,
    table: &SourceTable,
    place: &[&str],
) -> Result<Box<dyn Source>, ConfigErrors> {
    let kind_key = [place, &["kind"]].concat();
    let settings_key = [place, &["settings"]].concat();
    let Some(entry) = CONNECTORS.iter().find(|entry| entry.kind == table.kind) else {
        let kinds: Vec<&str> = CONNECTORS.iter().map(|entry| entry.kind).collect();
        let mut error =
            loaded.error(&kind_key, format!("there is no connector \"{}\"", table.kind));
        error.hint = Some(match nearest(&table.kind, &kinds) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("this program has {}", kinds.join(", ")),
        });
        return Err(error.into());
    };
    match (entry.build)(&table.settings) {
        Ok(Ok(source)) => Ok(source),
        Ok(Err(error)) => {
            let mut shown = loaded.error(&settings_key, error.to_string());
            shown.hint = error.hint().map(str::to_owned);
            Err(shown.into())
        }
        Err(unfit) => Err(ConfigErrors::new(
            unfit
                .into_iter()
                .map(|unfit| {
                    let inner = unfit.key.iter().map(String::as_str);
                    let key: Vec<&str> = settings_key.iter().copied().chain(inner).collect();
                    ConfigError { hint: unfit.hint, ..loaded.error(&key, unfit.message) }
                })
                .collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_unique_and_their_examples_build() {
        for (index, entry) in CONNECTORS.iter().enumerate() {
            let others = CONNECTORS.iter().skip(index + 1);
            assert!(
                others.into_iter().all(|other| other.kind != entry.kind),
                "{} twice",
                entry.kind
            );
            let settings: Map<String, Json> = toml::from_str(entry.example).unwrap();
            match (entry.build)(&settings) {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => panic!("{}: {error}", entry.kind),
                Err(unfit) => panic!("{}: {unfit:?}", entry.kind),
            }
        }
    }
}
