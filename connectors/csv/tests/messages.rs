//! What a user reads: a folder of broken files (and some good ones), one snapshot each; wrong paths; wrong settings.

use std::fs;
use std::path::Path;

use peoplesync_csv::Csv;
use peoplesync_source::{Context, Query, Source};
use peoplesync_testkit::{read_all, source};
use tempfile::TempDir;

/// What a check says, and what a pass gives, with the folder's own path left out.
fn check(base: &Path, settings: &str, fields: &[&str]) -> String {
    let context = Context::for_tests(base);
    let source = match source::<Csv>(settings) {
        Ok(source) => source,
        Err(error) => return error,
    };
    let checked = checked(&*source, &context);
    let pass = read_all(&*source, &context, &Query::fields(fields.iter().copied()));
    format!("{checked}{pass}").replace(&base.display().to_string(), "[folder]")
}

/// The notes of a check. Its error is that of the pass, which may also ask for more.
fn checked(source: &dyn Source, context: &Context) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    match runtime.block_on(source.check(context)) {
        Ok(checked) => checked.notes.iter().map(|note| format!("check: {note}\n")).collect(),
        Err(_) => String::new(),
    }
}

#[test]
fn every_file_says_what_is_wrong_with_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    insta::glob!("broken/*.{csv,gz}", |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let more = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap_or_default();
        let settings = format!("path = {name:?}\nkey = \"id\"\n{more}");
        insta::assert_snapshot!(check(&folder, &settings, &["name", "mail"]));
    });
}

#[test]
fn paths_that_lead_nowhere_say_where_they_were_looked_for() {
    let base = TempDir::new().unwrap();
    fs::create_dir(base.path().join("exports")).unwrap();
    fs::write(base.path().join("people.csv"), "id\n7\n").unwrap();
    let paths = [
        "\"poeple.csv\"",
        "\"staff.csv\"",
        "\"exports/people.csv\"",
        "\"staff-*.csv\"",
        "\"exports\"",
        "\"[people.csv\"",
        "[\"people.csv\", \"*.csv\"]",
        "[\"people.csv\", \"more.csv\"]",
    ];
    let shown = paths.map(|path| {
        let settings = format!("path = {path}\nkey = \"id\"");
        format!("path = {path}\n{}\n", check(base.path(), &settings, &["id"]))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let given = "path = \"people.csv\"\nkey = \"id\"\n";
    let shown = [
        "path = \"people.csv\"".to_owned(),
        "path = 7\nkey = \"id\"".to_owned(),
        "path = []\nkey = \"id\"".to_owned(),
        "path = \"people.csv\"\nkey = \" \"".to_owned(),
        format!("{given}delimeter = \",\""),
        format!("{given}delimiter = \"||\""),
        format!("{given}delimiter = \"§\""),
        format!("{given}quote = \"\""),
        format!("{given}encoding = \"utf8x\""),
        format!("{given}delimiter = \"'\"\nquote = \"'\""),
        format!("{given}comment = '\"'"),
        format!("{given}multi_valued = {{ phones = \"\" }}"),
    ]
    .map(|settings| {
        let refused = source::<Csv>(&settings).unwrap_err();
        format!(
            "{}\n  {}\n",
            settings.replace('\n', "; "),
            refused.trim_end().replace('\n', "\n  ")
        )
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn files_of_one_source_must_agree() {
    let base = TempDir::new().unwrap();
    fs::write(base.path().join("1.csv"), "id,name\n7,Zoë\n").unwrap();
    fs::write(base.path().join("2.csv"), "name,id\nAda,8\nZoë,7\n").unwrap();
    let of = || check(base.path(), "path = \"?.csv\"\nkey = \"id\"", &["name"]);
    let two = of();
    fs::write(base.path().join("3.csv"), "id,full_name\n9,Joan\n").unwrap();
    insta::assert_snapshot!(format!("{two}\n\n{}", of()));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_never_complete() {
    use std::io::Write as _;

    use peoplesync_source::{Coverage, Step};

    let base = TempDir::new().unwrap();
    let path = base.path().join("people.csv");
    let rows: String = (0..50_000).map(|n| format!("{n},Person {n}\n")).collect();
    fs::write(&path, format!("id,name\n{rows}")).unwrap();
    let source = source::<Csv>("path = \"people.csv\"\nkey = \"id\"").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = runtime.block_on(async {
        let context = Context::for_tests(base.path());
        let mut records = source.open(&context, &Query::default()).await.unwrap();
        records.next().await.unwrap();
        // The reader is at most a few batches ahead, so it has not reached the end.
        writeln!(fs::OpenOptions::new().append(true).open(&path).unwrap(), "x,y").unwrap();
        loop {
            if let Step::End(end) = records.next().await.unwrap() {
                return end;
            }
        }
    });
    let reason = "people.csv changed while it was read".to_owned();
    assert_eq!(end.coverage, Coverage::Partial { reason });
}
