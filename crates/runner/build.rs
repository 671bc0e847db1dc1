//! Embeds every file of config/profiles and config/webhooks, so that no provider is named in code.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    embed("profiles", ".toml");
    embed("webhooks", ".json");
}

fn embed(folder: &str, ending: &str) {
    // Not `env!`: another copy of the tree may have built this program into the same folder.
    let here = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&here).join("../../config").join(folder);
    println!("cargo::rerun-if-changed={}", root.display());
    let mut names: Vec<String> = fs::read_dir(&root)
        .expect("the folder is part of the tree")
        .map(|entry| entry.expect("the folder can be listed").file_name())
        .filter_map(|name| {
            name.to_str().and_then(|name| name.strip_suffix(ending)).map(str::to_owned)
        })
        .collect();
    names.sort();
    let mut code = String::from("&[\n");
    for name in names {
        let path = root.join(format!("{name}{ending}"));
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(code, "    ({name:?}, include_str!({path:?})),").expect("a string takes it");
    }
    code.push(']');
    let out =
        Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join(format!("{folder}.rs"));
    fs::write(out, code).expect("the build folder can be written");
}
