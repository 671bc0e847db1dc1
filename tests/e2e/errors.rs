//! Wrong input on purpose: what the administrator reads. Each message names the place, and nothing is half-written.

use super::harness::{Bed, CONFIG, HEADER, transcript};

fn check(name: &str, config: &str, people: &str, line: &str) {
    let bed = Bed::new();
    bed.write("peoplesync.toml", config);
    bed.write("people.csv", people);
    let ran = bed.shell(line);
    insta::assert_snapshot!(name, transcript(&bed, line, &ran));
    assert!(bed.simulator().users().is_empty(), "something was written");
}

fn people() -> String {
    format!("{HEADER}7,Zoë,Ng,zoe@example.com,Engineer,active,\n")
}

#[test]
fn settings_of_a_kind_that_stand_beside_it() {
    let config = CONFIG.replace("[source.settings]\n", "");
    assert_ne!(config, CONFIG);
    check("config_settings_beside_kind", &config, &people(), "plan");
}

#[test]
fn all_errors_of_a_config_at_once() {
    let config = CONFIG
        .replace("kind = \"csv\"", "kind = \"cvs\"")
        .replace("[target]", "[target]\ncolour = \"blue\"\ntimeout_secs = \"soon\"")
        .replace("title = {", "titel = {")
        .replace("on_empty = \"clear\"", "on_empty = \"clean\"")
        .replace("active = 'status = \"active\"'", "active = 'status = \"active'")
        + "\n[leavers]\naction = \"fire\"\n\n[guards]\nmax_leavers = \"110%\"\nprotect = ['userName == \"a\"']\n\n[groups]\nmember = \"dept\"\n";
    check("config_all_errors", &config, &people(), "plan");
}

#[test]
fn errors_of_meaning_come_together_as_well() {
    let config = CONFIG
        .replace("kind = \"csv\"", "kind = \"cvs\"")
        .replace("title = {", "titel = {")
        .replace("userName = \"mail\"", "userName = 'Coalesc([mail], upn'")
        .replace("active = 'status = \"active\"'", "active = 'ToLowr(status) = \"active\"'")
        .replace("[target]", "[target]\nprofile = \"generik\"");
    check("config_meaning", &config, &people(), "plan");
}

#[test]
fn a_connectors_settings_are_checked_like_the_rest() {
    let config = CONFIG.replace("key = \"id\"", "keyy = \"id\"\ndelimiter = 7");
    check("config_connector", &config, &people(), "check");
}

#[test]
fn a_config_that_is_no_toml() {
    check("config_syntax", "[source\nkind = \"csv\"", &people(), "plan");
}

#[test]
fn unknown_columns_are_all_named_with_their_places() {
    let config = CONFIG
        .replace("\"title\"", "\"job_title\"")
        .replace("userName = \"mail\"", "userName = 'Coalesce([e-mail], [mail])'")
        .replace(
            "active = 'status = \"active\"'",
            "active = \"stat = \\\"active\\\" and cost_centre <> null\"",
        );
    check("unknown_column", &config, &people(), "plan");
    check("unknown_column_check", &config, &people(), "check");
}

#[test]
fn lists_of_values_are_checked_part_by_part() {
    let shapes = CONFIG.replace(
        "[people.attributes]",
        "[people.attributes]\nemails = [{ value = \"mail\", typ = \"work\" }, { value = 7 }]\n\
         roles = { values = \"title\", value = \"mail\" }\naddresses = [{ type = \"work\" }]\nims = []\n\
         photos = { reference = \"id\", type = \"photo\" }",
    );
    check("config_lists", &shapes, &people(), "check");
    let meanings = CONFIG.replace(
        "[people.attributes]",
        "[people.attributes]\nemails = [\n  { value = \"mail\", type = \"work\", primary = true },\n  \
         { values = 'Splitt(titel, \"|\")', primary = true, country = \"status\" },\n]\n\
         roles = { values = \"rolls\", display = 'Coalesce(\"a\", titel)' }",
    );
    check("config_lists_meaning", &meanings, &people(), "check");
    let fields = meanings
        .replace("'emails[type eq \"work\"].value' = \"mail\"\n", "")
        .replace("Splitt", "Split")
        .replace("primary = true, country = \"status\"", "type = \"home\"");
    check("config_lists_fields", &fields, &people(), "plan");
}

#[test]
fn questions_that_nobody_can_answer_are_errors_of_the_config() {
    let groups = CONFIG
        .replace(
            "scope = 'status <> \"external\"'",
            "scope = 'IsMemberOfGroup(\"Sales\") or status = \"active\"'",
        )
        .replace("\"title\"", "'Join(\", \", Groups())'");
    check("config_groups_unknown", &groups, &people(), "plan");
    let of_people = format!("{groups}\n[groups]\nfrom = \"title\"\n");
    check("config_groups_of_people", &of_people, &people(), "plan");
    let source = "source = { kind = \"csv\", settings = { path = \"g.csv\", key = \"id\" } }";
    let without = format!(
        "{groups}\n[groups]\n{source}\nscope = 'ReportsTo(\"1\")'\nattributes = {{ displayName = 'Join(\" \", Groups())' }}\n"
    );
    check("config_groups_without_members", &without, &people(), "plan");
    let managers = CONFIG
        .replace(
            "scope = 'status <> \"external\"'",
            "scope = \"\"\"\nstatus <> null \\\n  and ReportsTo(manager)\"\"\"",
        )
        .replace("{ reference = \"manager\" }", "\"manager\"")
        .replace(":User:manager", ":User:division");
    check("config_manager_unknown", &managers, &people(), "plan");
}

#[test]
fn check_says_everything_in_a_line_each() {
    check("check_good", CONFIG, &people(), "check");
}

#[test]
fn check_finds_what_is_wrong_on_both_sides() {
    let config =
        CONFIG.replace("{ env = \"SCIM_TOKEN\" }", "\"wrong\"").replace("people.csv", "peple.csv");
    check("check_bad", &config, &people(), "check");
}

#[test]
fn a_file_that_was_cut_inside_a_quote() {
    check("csv_cut", CONFIG, &format!("{}8,\"Max", people()), "plan");
}

#[test]
fn a_file_with_another_header() {
    check("csv_header", CONFIG, "mail;name;active\na@example.com;A;true\n", "plan");
}

#[test]
fn an_empty_file() {
    check("csv_empty", CONFIG, "", "plan");
}

#[test]
fn a_header_and_nobody() {
    check("csv_nobody", CONFIG, HEADER, "apply --yes");
}

#[test]
fn rows_that_cannot_be_read_are_in_the_report() {
    let people = format!(
        "{}9,Short,Row\n,No,Key,no@example.com,T,active,\n7,Zoë,Again,again@example.com,T,active,\n10,No,Mail,,T,active,\n",
        people()
    );
    check("csv_rows", CONFIG, &people, "plan");
}

#[test]
fn a_variable_that_is_not_set() {
    let config = CONFIG.replace("SCIM_TOKEN", "NO_SUCH_TOKEN");
    check("secret_missing", &config, &people(), "plan");
}

#[test]
fn plain_http_beyond_this_machine_is_refused() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG.replace("http://127.0.0.1:1/", "http://scim.example.com/"));
    bed.write("people.csv", people());
    let mut command = bed.command(&["plan"]);
    let ran = super::harness::ran(command.env_remove("PEOPLESYNC_TARGET__URL"));
    insta::assert_snapshot!("plain_http", transcript(&bed, "plan", &ran));
}

#[test]
fn saved_plans_that_are_none() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", people());
    bed.run(&["plan", "--out", "good.plan"]).expect(10);
    let good = std::fs::read_to_string(bed.path("good.plan")).unwrap();
    bed.write("words.plan", "hello");
    bed.write("json.plan", bed.run(&["plan", "--json"]).stdout);
    bed.write("changed.plan", good.replace("zoe@example.com", "eve@example.com"));
    bed.write("newer.plan", good.replace("\"format\": 1", "\"format\": 2"));
    let other = CONFIG.replace("on_empty = \"clear\"", "on_empty = \"leave\"");
    let mut shown = String::new();
    for name in ["words.plan", "json.plan", "changed.plan", "newer.plan", "missing.plan"] {
        let line = format!("apply {name}");
        shown += &transcript(&bed, &line, &bed.shell(&line));
        shown.push('\n');
    }
    bed.write("peoplesync.toml", other);
    shown += &transcript(&bed, "apply good.plan", &bed.shell("apply good.plan"));
    insta::assert_snapshot!("saved_plans", shown);
    assert!(bed.simulator().users().is_empty(), "something was written");
}
