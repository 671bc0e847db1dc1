use super::*;

#[test]
fn every_embedded_profile_is_without_mistakes() {
    for (name, _) in EMBEDDED {
        if let Err((message, _)) = named(name, Path::new(".")) {
            panic!("{message}");
        }
    }
}

/// The reference of all keys is what a profile has that says nothing.
#[test]
fn the_generic_profile_names_every_key_with_its_default() {
    let (_, text) = EMBEDDED.iter().find(|(name, _)| *name == "generic").unwrap();
    let written: Json = toml::from_str(text).unwrap();
    let default = serde_json::to_value(Profile::default()).unwrap();
    let mut missing = Vec::new();
    compare("", &default, &written, &mut missing);
    assert_eq!(missing, Vec::<String>::new(), "config/profiles/generic.toml");
}

fn compare(place: &str, default: &Json, written: &Json, missing: &mut Vec<String>) {
    match (default, written) {
        (Json::Object(keys), Json::Object(written)) => {
            for (key, default) in keys {
                let place = format!("{place}.{key}");
                compare(&place, default, written.get(key).unwrap_or(&Json::Null), missing);
            }
        }
        (default, written) if default == written => {}
        (default, written) => missing.push(format!("{place}: {default} is written as {written}")),
    }
}
