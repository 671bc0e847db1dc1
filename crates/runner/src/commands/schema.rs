//! `schema`: the JSON Schema of the config, with each connector's own table under its kind.

use peoplesync_source::schemars;
use serde_json::{Value as Json, json};

use crate::config::Config;
use crate::registry::CONNECTORS;
use crate::report::json::text as document;

pub(super) fn text() -> String {
    let mut schema = schemars::schema_for!(Config).to_value();
    schema["title"] = json!("peoplesync config");
    // What default.toml gives need not stand in a file.
    schema["required"] = json!(["source", "target", "people"]);
    for (table, required) in [
        ("Target", json!(["url"])),
        ("People", json!(["attributes"])),
        ("LeaversTable", json!([])),
        ("GuardsTable", json!([])),
        ("StateTable", json!([])),
        ("HistoryTable", json!([])),
    ] {
        schema["$defs"][table]["required"] = required;
    }
    let mut kinds = Vec::new();
    for entry in CONNECTORS {
        let mut settings = (entry.schema)().to_value();
        if let Ok(example) = toml::from_str::<Json>(entry.example) {
            settings["examples"] = json!([example]);
        }
        let inner = settings.as_object_mut().and_then(|schema| schema.remove("$defs"));
        if let (Some(Json::Object(inner)), Some(all)) = (inner, schema["$defs"].as_object_mut()) {
            all.extend(inner);
        }
        kinds.push(json!({
            "properties": { "kind": { "const": entry.kind }, "settings": settings },
            "required": ["kind"],
        }));
    }
    schema["$defs"]["SourceTable"]["oneOf"] = Json::Array(kinds);
    document(&schema)
}
