//! The rules C1 to C15, and how each situation looks in a static source.

use peoplesync_source::Context;
use peoplesync_static::Static;
use peoplesync_testkit::{Datum, Harness, Scene, Situation, Stage, Table};

peoplesync_testkit::conformance!(Static, StaticHarness);

#[derive(Debug)]
struct StaticHarness;

impl Harness for StaticHarness {
    fn stage(&self, situation: &Situation) -> Stage {
        match situation {
            Situation::Rows(table)
            | Situation::Texts(table)
            | Situation::Lists(table)
            | Situation::Typed(table)
            | Situation::Empty(table)
            | Situation::UnknownField(table)
            | Situation::RepeatedKey { table, .. }
            | Situation::EmptyKey { table, .. } => scene("id", table, None).into(),
            Situation::BadRow { table, bad } => scene("id", table, Some(*bad))
                .key_lost("a bad record is one without its key")
                .into(),
            Situation::WrongStructure(table) => scene("employee_id", table, None).into(),
            Situation::Times(_) => Stage::cannot("dates of TOML are not taken, only text"),
            Situation::Bytes(_) => Stage::cannot("TOML has no bytes"),
            Situation::Missing | Situation::Denied => {
                Stage::cannot("the config was read before the source exists")
            }
            Situation::Cut(_) => Stage::cannot("a cut config is no config"),
            Situation::Large(_) | Situation::Hostile => {
                Stage::cannot("the records are the config, which is in memory anyway")
            }
            Situation::Secret => Stage::cannot("there are no credentials"),
        }
    }
}

/// The table as records of the config; one of them without its key.
fn scene(key: &str, table: &Table, without_key: Option<usize>) -> Scene {
    let records = table.rows.iter().enumerate().map(|(index, row)| {
        let key = if without_key == Some(index) { Vec::new() } else { vec![quoted(&row.key)] };
        let key = key.into_iter().map(|key| format!("id = {key}"));
        let fields = table.fields.iter().zip(&row.values).map(|(name, values)| {
            let values: Vec<_> = values.iter().map(datum).collect();
            format!("{name} = [{}]", values.join(", "))
        });
        format!("{{ {} }}", key.chain(fields).collect::<Vec<_>>().join(", "))
    });
    let records: Vec<_> = records.collect();
    let settings = format!("key = \"{key}\"\nrecords = [{}]", records.join(", "));
    Scene::new(settings, Context::for_tests("."))
}

fn datum(value: &Datum) -> String {
    match value {
        Datum::Text(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n").replace('\t', "\\t"))
}
