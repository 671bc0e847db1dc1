//! The tables of `Lookup`: pairs of the config, or two columns of a file.

use std::collections::BTreeMap;
use std::fs::File;

use csv::{ReaderBuilder, StringRecord};
use peoplesync_mapping::{Lookups, Table};

use crate::config::model::LookupTable;
use crate::config::{ConfigError, ConfigErrors, Loaded, nearest};

/// All tables of the config; all errors of all tables at once.
pub(crate) fn load(loaded: &Loaded) -> Result<Lookups, ConfigErrors> {
    let mut lookups = Lookups::new();
    let mut errors = Vec::new();
    for (name, table) in &loaded.config.lookups {
        match read(loaded, name, table) {
            Ok(pairs) => {
                lookups.insert(name.clone(), pairs.into_iter().collect::<Table>());
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(lookups) } else { Err(ConfigErrors::new(errors)) }
}

fn read(
    loaded: &Loaded,
    name: &str,
    table: &LookupTable,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let fail = |key: &[&str], message: String| {
        let key: Vec<&str> = ["lookups", name].into_iter().chain(key.iter().copied()).collect();
        loaded.error(&key, message)
    };
    let Some(file) = &table.file else {
        return match &table.values {
            Some(values) => Ok(values.clone()),
            None => Err(fail(&[], "expected `values` or `file`, found neither".to_owned())),
        };
    };
    if table.values.is_some() {
        return Err(fail(&[], "expected either `values` or `file`, found both".to_owned()));
    }
    let delimiter = match table.delimiter.as_deref().map(str::as_bytes) {
        None => b',',
        Some([delimiter]) => *delimiter,
        Some(_) => return Err(fail(&["delimiter"], "expected one ASCII character".to_owned())),
    };
    let opened = File::open(loaded.base.join(file));
    let opened =
        opened.map_err(|error| fail(&["file"], format!("{file} cannot be read: {error}")))?;
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(opened);
    let broken = |error: csv::Error| fail(&["file"], format!("{file} cannot be read: {error}"));
    let header = reader.headers().map_err(broken)?.clone();
    let column = |key: &str, wanted: Option<&str>, otherwise: usize| match wanted {
        Some(wanted) => header.iter().position(|known| known == wanted).ok_or_else(|| {
            let error = fail(&[key], format!("{file} has no column `{wanted}`"));
            let hint = nearest(wanted, &header.iter().collect::<Vec<_>>())
                .map(|near| format!("did you mean `{near}`?"));
            ConfigError { hint, ..error }
        }),
        None if otherwise < header.len() => Ok(otherwise),
        None => Err(fail(&["file"], format!("{file} has fewer than two columns"))),
    };
    let key = column("key", table.key.as_deref(), 0)?;
    let value = column("value", table.value.as_deref(), 1)?;
    let mut pairs = BTreeMap::new();
    for row in reader.records() {
        let row: StringRecord = row.map_err(broken)?;
        let cell = |column: usize| row.get(column).unwrap_or_default().to_owned();
        let (known, meant) = (cell(key), cell(value));
        if let Some(other) = pairs.get(&known)
            && *other != meant
        {
            let line = row.position().map_or(0, csv::Position::line);
            let message = format!("{file} has another value for `{known}` on line {line}");
            return Err(fail(&["file"], message));
        }
        pairs.insert(known, meant);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    /// What becomes of a table of the config beside a file `offices.csv`.
    fn check(table: &str, file: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("offices.csv"), file).unwrap();
        let text = format!(
            "[source]\nkind = \"static\"\n[target]\nurl = \"http://127.0.0.1:1\"\n\
             [people.attributes]\nuserName = \"Lookup(offices, code)\"\n[lookups.offices]\n{table}\n"
        );
        let loaded = config::parse(Path::new("test.toml"), &text, folder.path()).unwrap();
        match load(&loaded) {
            Ok(lookups) => format!("{:?}", lookups["offices"].iter().collect::<Vec<_>>()),
            Err(errors) => errors.to_string(),
        }
    }

    #[test]
    fn a_table_stands_in_the_config_or_in_a_file() {
        let file = "code,name,place\nLDZ,Łódź,Poland\nLON,London,UK\nLON,London,UK\n";
        insta::assert_snapshot!(check("values = { LDZ = \"Łódź\", \"\" = \"nowhere\" }", file));
        insta::assert_snapshot!(check("file = \"offices.csv\"", file));
        insta::assert_snapshot!(check(
            "file = \"offices.csv\"\nkey = \"code\"\nvalue = \"place\"",
            file
        ));
        let semicolons = file.replace(',', ";");
        insta::assert_snapshot!(check("file = \"offices.csv\"\ndelimiter = \";\"", &semicolons));
    }

    #[test]
    fn what_is_wrong_with_a_table_has_a_place() {
        let file = "code,name\nLDZ,Łódź\n";
        insta::assert_snapshot!(check("", file));
        insta::assert_snapshot!(check("file = \"offices.csv\"\nvalues = {}", file));
        insta::assert_snapshot!(check("file = \"offices.csv\"\nkey = \"kode\"", file));
        insta::assert_snapshot!(check("file = \"offices.csv\"", "code;name\nLDZ;Łódź\n"));
        insta::assert_snapshot!(check("file = \"offices.csv\"", "code,name\nLDZ,Łódź\nLDZ,Lodz\n"));
        insta::assert_snapshot!(check("file = \"offices.csv\"", "code,name\nLDZ\n"));
        insta::assert_snapshot!(check("file = \"elsewhere.csv\"", file));
    }
}
