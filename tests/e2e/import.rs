//! Exports of other programs: the config that comes of each, what is said of it, and that it passes `check`.

use std::path::Path;

use super::harness::{Bed, each_file, here, transcript};

fn check(path: &Path) {
    let bed = Bed::new();
    let name = path.file_name().unwrap().to_str().unwrap();
    bed.write(name, std::fs::read(path).unwrap());
    let line = format!("import entra {name}");
    let shown = bed.shell(&line);
    insta::assert_snapshot!(transcript(&bed, &line, &shown));
    bed.shell(&format!("{line} --out peoplesync.toml")).expect(0);
    assert_eq!(std::fs::read_to_string(bed.path("peoplesync.toml")).unwrap(), shown.stdout);
    // The source that the config names, with a column for each field.
    bed.write("people.csv", std::fs::read(path.with_extension("csv")).unwrap());
    if let Ok(groups) = std::fs::read(path.with_extension("groups.csv")) {
        bed.write("groups.csv", groups);
    }
    let mut check = bed.command(&["check"]);
    let checked = super::harness::ran(check.env("PEOPLESYNC_TARGET__AUTH__BEARER", "secret"));
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn configs_from_exports_pass_check() {
    each_file("import", "json", check);
}

#[test]
fn what_is_no_export_is_said_and_a_file_is_never_overwritten() {
    let bed = Bed::new();
    bed.write("text.json", "hello");
    bed.write("plan.json", r#"{"changes": []}"#);
    bed.write("groups.json", r#"{"synchronizationRules": [{"objectMappings": []}]}"#);
    bed.write("mine.toml", "# mine");
    let good = here().join("import/odd.json");
    bed.write("good.json", std::fs::read(good).unwrap());
    let lines = [
        "import entra missing.json",
        "import entra text.json",
        "import entra plan.json",
        "import entra groups.json",
        "import entra good.json --out mine.toml --quiet",
        "import okta good.json",
    ];
    let shown = lines.map(|line| transcript(&bed, line, &bed.shell(line)));
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(std::fs::read_to_string(bed.path("mine.toml")).unwrap(), "# mine");
}
