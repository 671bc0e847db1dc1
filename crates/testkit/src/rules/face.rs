//! C1 to C3: what a connector says of itself, before it reads anything.

use peoplesync_source::{Connector, Query, schemars};
use serde_json::{Map, Value};

use crate::pass::{patient, source, with_runtime};
use crate::rule::{Trial, Verdict, label};
use crate::{SECRET, Situation};

const UNKNOWN_KEY: &str = "no_such_setting";

pub(crate) fn c1<C: Connector>(trial: &Trial<'_>) -> Verdict {
    let kind = C::KIND;
    let fail = |message: String| Err((String::new(), message));
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let kebab = kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind.bytes().all(letters)
        && !kind.ends_with('-')
        && !kind.contains("--");
    if !kebab {
        return fail(format!("kind {kind:?} is not lower-case kebab"));
    }
    let package = trial.home.package;
    if package != kind && !package.ends_with(&format!("-{kind}")) {
        return fail(format!("the package {package} does not end with the kind, -{kind}"));
    }
    let folder = trial.home.folder.rsplit(['/', '\\']).next().unwrap_or_default();
    if folder != kind && folder != package {
        return fail(format!("the folder {folder} is neither the kind {kind} nor the package"));
    }
    Ok(())
}

pub(crate) fn c2<C: Connector>() -> Verdict {
    let fail = |message: String| (String::new(), message);
    source::<C>(C::EXAMPLE).map_err(|error| fail(format!("the example is refused: {error}")))?;

    let schema = schema::<C>();
    let undocumented = undocumented("", &schema);
    if !undocumented.is_empty() {
        let list = undocumented.join(", ");
        return Err(fail(format!("settings without a description: {list}")));
    }
    let lenient = lenient("", &schema);
    if !lenient.is_empty() {
        let list = lenient.join(", ");
        return Err(fail(format!("unknown keys are not refused (deny_unknown_fields) in {list}")));
    }
    let missing: Vec<_> =
        settings(&schema).filter(|name| !is_in_example(C::EXAMPLE, name)).collect();
    if !missing.is_empty() {
        let list = missing.join(", ");
        return Err(fail(format!(
            "settings that are not in the example, not even as a comment: {list}"
        )));
    }

    let mut table: toml::Table = C::EXAMPLE
        .parse()
        .map_err(|error| fail(format!("the example is no TOML table: {error}")))?;
    table.insert(UNKNOWN_KEY.into(), true.into());
    match table.try_into::<C::Config>() {
        Ok(_) => Err(fail(format!("the unknown setting {UNKNOWN_KEY} is accepted"))),
        Err(error) if !error.to_string().contains(UNKNOWN_KEY) => {
            Err(fail(format!("an unknown setting is refused without its name: {error}")))
        }
        Err(_) => Ok(()),
    }
}

pub(crate) fn c3<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let takes_secrets = schema::<C>().get("$defs").is_some_and(|defs| defs.get("Secret").is_some());
    for situation in Situation::all() {
        // The others say nothing about secrets, and take their time.
        if matches!(situation, Situation::Large(_) | Situation::Hostile) {
            continue;
        }
        let is_secret = situation == Situation::Secret;
        let scenes = trial.stage(&situation);
        if is_secret && takes_secrets && scenes.is_empty() {
            let message = "the settings take a Secret, so the harness must plant one";
            return Err((situation.name().into(), message.into()));
        }
        for scene in scenes {
            let label = label(&situation, &scene);
            let fail = |message: String| Err((label.clone(), message));
            if is_secret && !scene.settings.contains(SECRET) {
                return fail("the harness did not put the secret into the settings".into());
            }
            let config = match toml::from_str::<C::Config>(&scene.settings) {
                Ok(config) => config,
                Err(error) => return fail(format!("the settings are refused: {error}")),
            };
            let mut shown = vec![("the config", format!("{config:?}"))];
            // Whatever is missing or denied shows later: building touches nothing.
            let source = match C::build(config) {
                Ok(source) => source,
                Err(error) => return fail(format!("the source was not built: {error}")),
            };
            shown.push(("the source", format!("{source:?}")));
            let (checked, opened) = with_runtime(|runtime| {
                runtime.block_on(async {
                    let checked = patient(source.check(&scene.context)).await;
                    (checked, patient(source.open(&scene.context, &Query::default())).await.err())
                })
            });
            for error in checked.iter().flat_map(|checked| &checked.notes) {
                shown.push(("a note of the check", error.clone()));
            }
            for error in checked.err().iter().chain(&opened) {
                let text = format!("{error:?} {} {:?}", crate::pass::shown(error), error.context());
                shown.push(("an error", text));
            }
            if let Some((what, _)) = shown.iter().find(|(_, text)| text.contains(SECRET)) {
                return fail(format!("{what} shows the secret"));
            }
        }
    }
    Ok(())
}

fn schema<C: Connector>() -> Value {
    schemars::schema_for!(C::Config).to_value()
}

/// The names of the top-level settings.
fn settings(schema: &Value) -> impl Iterator<Item = &str> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
}

/// Whether a line of the example sets the key, or shows how to in a comment.
fn is_in_example(example: &str, key: &str) -> bool {
    example.lines().any(|line| {
        let line = line.trim_start_matches([' ', '\t', '#', '[']);
        let rest = line.strip_prefix(key).or_else(|| {
            line.strip_prefix('"').and_then(|line| line.strip_prefix(key)?.strip_prefix('"'))
        });
        rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
    })
}

/// The paths of properties that have no description, at any depth.
fn undocumented(path: &str, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(path, schema, &mut |path, schema| {
        for (name, property) in properties(schema) {
            let description = property.get("description").and_then(Value::as_str);
            if description.is_none_or(str::is_empty) && property.get("$ref").is_none() {
                found.push(format!("{path}{name}"));
            }
        }
    });
    found
}

/// The paths of objects with named properties that accept further ones.
fn lenient(path: &str, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(path, schema, &mut |path, schema| {
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        if properties(schema).next().is_some() && !closed {
            found.push(if path.is_empty() { "the settings".into() } else { path.to_owned() });
        }
    });
    found
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Visits each schema inside of a schema, with the path of names that leads there. The credential type of the contract is its own.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match schema {
        Value::Object(object) => {
            visit(path, schema);
            for (name, inner) in object {
                match (name.as_str(), inner) {
                    ("$defs", Value::Object(defs)) => {
                        for (name, schema) in defs.iter().filter(|(name, _)| *name != "Secret") {
                            walk(&format!("{name}."), schema, visit);
                        }
                    }
                    ("properties", Value::Object(properties)) => {
                        for (name, schema) in properties {
                            walk(&format!("{path}{name}."), schema, visit);
                        }
                    }
                    ("default" | "examples" | "enum" | "const", _) => {}
                    _ => walk(path, inner, visit),
                }
            }
        }
        Value::Array(array) => array.iter().for_each(|schema| walk(path, schema, visit)),
        _ => {}
    }
}
