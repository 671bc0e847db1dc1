//! Every profile of config/profiles, by the same suite: the simulator behaves as the profile says, and 2,000 people are loaded,
//! changed, emptied, renamed, taken out of use, brought back and deleted, and groups are made, filled, renamed, emptied and
//! deleted. After each apply a plan is empty, a full one as well.
//! The table of it stands in docs/profiles.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use peoplesync_scim::profile::{Delete, Inactive};
use peoplesync_scim::{Path, Profile, Resource, resource};
use serde_json::{Value as Json, json};

use super::harness::{Bed, here, profile};

/// How many are loaded, and how many lead a life.
const MANY: usize = 2_000;
const FEW: usize = 40;

const CONFIG: &str = r#"
[source]
kind = "csv"
[source.settings]
path = "people.csv"
key = "id"

[target]
name = "Test"
profile = "PROFILE"
overrides.rates = []
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }

[people]
match = ["userName"]

[people.attributes]
externalId = "id"
userName = "mail"
displayName = 'Join(" ", [first], [last])'
"name.givenName" = "first"
"name.familyName" = "last"
title = { value = "title", on_empty = "clear" }
active = 'status = "active"'
'emails[type eq "work"].value' = "mail"
'phoneNumbers[type eq "work"].value' = "phone"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "department"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" = { reference = "manager" }

[leavers]
action = "ACTION"
"#;

/// What follows where the service has groups.
const GROUPS: &str = r#"
[groups]
source = { kind = "csv", settings = { path = "groups.csv", key = "id", multi_valued = { members = ";" } } }
members = "members"
on_absent = "delete"
attributes = { displayName = "name" }
match = ["displayName"]
"#;

/// One row of the file.
#[derive(Clone)]
struct Person {
    first: String,
    title: &'static str,
    mail: String,
    active: bool,
}

/// A profile under test.
struct Suite {
    name: String,
    profile: Profile,
    bed: Bed,
    people: BTreeMap<usize, Person>,
    /// Groups by their key: name and members.
    groups: BTreeMap<&'static str, (&'static str, Vec<usize>)>,
    ids: BTreeMap<usize, String>,
    received: u64,
    row: Vec<String>,
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(here().join("../config/profiles")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".toml").map(str::to_owned)).collect();
    names.sort();
    names
}

impl Suite {
    fn new(name: &str, people: usize) -> Self {
        let profile = profile(name);
        let bed = Bed::with_profile(&profile);
        let people = (1..=people).map(|n| {
            let person = Person {
                first: format!("First{n}"),
                title: "Engineer",
                mail: format!("user{n}@example.com"),
                active: true,
            };
            (n, person)
        });
        let (name, people) = (name.to_owned(), people.collect());
        let (groups, ids) = (BTreeMap::new(), BTreeMap::new());
        Self { name, profile, bed, people, groups, ids, received: 0, row: Vec::new() }
    }

    fn write(&self, action: &str) {
        let mut config = CONFIG.replace("PROFILE", &self.name).replace("ACTION", action);
        if self.has_groups() {
            config.push_str(GROUPS);
            let mut text = "id,name,members\n".to_owned();
            for (key, (name, members)) in &self.groups {
                let members: Vec<String> = members.iter().map(ToString::to_string).collect();
                writeln!(text, "{key},{name},{}", members.join(";")).unwrap();
            }
            self.bed.write("groups.csv", text);
        }
        self.bed.write("peoplesync.toml", config);
        let mut text = "id,first,last,title,status,mail,phone,department,manager\n".to_owned();
        for (n, Person { first, title, mail, active }) in &self.people {
            let status = if *active { "active" } else { "left" };
            // In a crowd, few have a manager: each costs a second request, and the table is about people.
            let has_manager = *n > 1 && (self.people.len() <= FEW || n % 10 == 0);
            let manager = if has_manager { (n / 2).to_string() } else { String::new() };
            writeln!(
                text,
                "{n},{first},Last{n},{title},{status},{mail},+44 {n},Dept{},{manager}",
                n % 7
            )
            .unwrap();
        }
        self.bed.write("people.csv", text);
    }

    fn requests(&mut self) -> u64 {
        let now = self.bed.simulator().received();
        now - std::mem::replace(&mut self.received, now)
    }

    /// Applies; then nothing is left to do, whether the target is asked about everybody or not.
    #[track_caller]
    fn converge(&mut self, changes: usize, action: &str) -> (u64, u64) {
        self.write(action);
        self.requests();
        let applied = self.bed.run(&["apply", "--yes", "--json"]);
        let applied = applied.expect(0).json();
        let found = applied["changes"].as_array().unwrap();
        assert_eq!(found.len(), changes, "{}: {found:#?}", self.name);
        let writes = self.requests();
        let plan = self.bed.run(&["plan", "--json"]).expect(0).json();
        assert_eq!(plan["changes"], json!([]), "{}", self.name);
        self.requests();
        let full = self.bed.run(&["plan", "--full", "--json"]);
        let shown: String = full.stdout.chars().take(3000).collect();
        assert_eq!(full.code, 0, "{} --full after {action}: {shown}{}", self.name, full.stderr);
        (writes, self.requests())
    }

    /// The account to which somebody is or was linked.
    fn account(&self, n: usize) -> Option<Json> {
        let id = self.ids.get(&n)?;
        self.bed.simulator().get(Resource::User, id)
    }

    /// Notes who has which account.
    fn note_ids(&mut self) {
        let links = self.bed.run(&["links", "export", "--json"]).expect(0).json();
        for link in links.as_array().unwrap() {
            let key: usize = link["key"].as_str().unwrap().parse().unwrap();
            self.ids.insert(key, link["id"].as_str().unwrap().to_owned());
        }
    }

    /// Whether the target keeps an attribute as it was sent.
    fn keeps(&self, path: &str) -> bool {
        let path = Path::parse(path).unwrap();
        let quirks = &self.profile.simulate.get("quirks").cloned().unwrap_or_default();
        let dropped = quirks["drops"].as_array().cloned().unwrap_or_default();
        let dropped = dropped.iter().filter_map(|text| text.as_str().map(str::to_owned));
        let mut lost = dropped.chain(self.profile.write.ignored.clone());
        let rewritten = quirks["rewrites"].get(path.to_string()).is_some();
        !rewritten
            && !lost.any(|lost| {
                Path::parse(&lost).is_ok_and(|lost| lost == path || lost == path.root())
            })
    }

    #[track_caller]
    fn has(&self, n: usize, path: &str, value: &Json) {
        if !self.keeps(path) {
            return;
        }
        let account = self.account(n).unwrap_or_else(|| panic!("{}: {n} is not there", self.name));
        let found =
            resource::get(&account, &Path::parse(path).unwrap()).cloned().unwrap_or_default();
        assert_eq!(&found, value, "{}: {path} of {n}: {account:#}", self.name);
    }

    /// Everybody, with a manager who may come later.
    fn load(&mut self) -> (u64, u64) {
        let requests = self.converge(self.people.len(), "deactivate");
        self.note_ids();
        self.has(7, "displayName", &json!("First7 Last7"));
        self.has(7, "emails.value", &json!("user7@example.com"));
        requests
    }

    fn has_groups(&self) -> bool {
        !self.profile.endpoint(Resource::Group).is_empty()
    }

    /// The groups at the target by their names, with the keys of their members.
    fn groups_at_target(&self) -> BTreeMap<String, Vec<usize>> {
        let keys: BTreeMap<&str, usize> =
            self.ids.iter().map(|(key, id)| (id.as_str(), *key)).collect();
        let id_of = |member: &Json| match &member["value"] {
            Json::String(id) => keys[id.as_str()],
            other => keys[other.to_string().as_str()],
        };
        let groups = self.bed.simulator().resources(Resource::Group);
        let groups = groups.iter().map(|group| {
            let mut members: Vec<usize> =
                group["members"].as_array().into_iter().flatten().map(id_of).collect();
            members.sort_unstable();
            (group["displayName"].as_str().unwrap().to_owned(), members)
        });
        groups.collect()
    }

    /// Groups come with members, change them, get another name, are emptied and go.
    fn live_in_groups(&mut self) -> String {
        if !self.has_groups() {
            return "no groups".to_owned();
        }
        self.groups.insert("a", ("Alpha", (1..=25).collect()));
        self.groups.insert("b", ("Beta", vec![1, 2, 3]));
        self.groups.insert("c", ("Gamma", Vec::new()));
        let (made, _) = self.converge(3, "deactivate");
        let wanted = |groups: &[(&str, Vec<usize>)]| -> BTreeMap<String, Vec<usize>> {
            groups.iter().map(|(name, members)| ((*name).to_owned(), members.clone())).collect()
        };
        let all = [("Alpha", (1..=25).collect()), ("Beta", vec![1, 2, 3]), ("Gamma", vec![])];
        assert_eq!(self.groups_at_target(), wanted(&all), "{}", self.name);

        // Three leave and two join, one group gets another name, and one its first member.
        self.groups.insert("a", ("Alpha", (4..=27).collect()));
        self.groups.insert("b", ("Better", vec![1, 2, 3]));
        self.groups.insert("c", ("Gamma", vec![7]));
        let is_fixed = self.profile.groups.fixed.iter().any(|name| name == "displayName");
        let (changed, _) = self.converge(if is_fixed { 2 } else { 3 }, "deactivate");
        let beta = if is_fixed { "Beta" } else { "Better" };
        let all = [("Alpha", (4..=27).collect()), (beta, vec![1, 2, 3]), ("Gamma", vec![7])];
        assert_eq!(self.groups_at_target(), wanted(&all), "{}", self.name);

        // One is emptied, and one is gone.
        self.groups.insert("b", ("Better", Vec::new()));
        self.groups.remove("c");
        let (ended, _) = self.converge(2, "deactivate");
        let all = [("Alpha", (4..=27).collect()), (beta, vec![])];
        assert_eq!(self.groups_at_target(), wanted(&all), "{}", self.name);
        format!("{made} / {changed} / {ended}")
    }

    fn live(mut self) -> Vec<String> {
        self.load();

        // A promotion, a title taken away, a marriage.
        self.people.get_mut(&10).unwrap().title = "Lead";
        self.people.get_mut(&11).unwrap().title = "";
        let person = self.people.get_mut(&12).unwrap();
        person.first = "Renamed".to_owned();
        person.mail = "renamed@example.com".to_owned();
        // What the target ignores is no reason to write.
        let ignored = |path: &str| self.profile.write.ignored.iter().any(|known| known == path);
        // And a title that was not kept need not be taken away.
        let changes = match (ignored("title"), self.keeps("title")) {
            (true, _) => 1,
            (false, false) => 2,
            (false, true) => 3,
        };
        let (writes, _) = self.converge(changes, "deactivate");
        self.has(10, "title", &json!("Lead"));
        self.has(11, "title", &Json::Null);
        self.has(12, "userName", &json!("renamed@example.com"));
        self.has(12, "name.givenName", &json!("Renamed"));
        self.has(13, "title", &json!("Engineer"));
        self.row.push(writes.to_string());

        // One who is no longer active, and one who is no longer there; both come back.
        self.people.get_mut(&20).unwrap().active = false;
        let leaver = self.people.remove(&21).unwrap();
        let (out, _) = self.converge(2, "deactivate");
        self.has(20, "active", &json!(false));
        self.has(21, "active", &json!(false));
        self.people.get_mut(&20).unwrap().active = true;
        self.people.insert(21, leaver);
        let (back, _) = self.converge(2, "deactivate");
        self.note_ids();
        self.has(20, "active", &json!(true));
        self.has(21, "active", &json!(true));
        self.row.push(format!("{out} / {back}"));
        let groups = self.live_in_groups();
        self.row.push(groups);
        let deletion = self.deletion();
        self.row.push(deletion);
        self.row
    }

    /// What becomes of somebody who is to be deleted.
    fn deletion(&mut self) -> String {
        self.people.remove(&30);
        if self.profile.lifecycle.delete == Delete::None {
            self.write("delete");
            let refused = self.bed.run(&["plan"]).expect(2);
            assert!(refused.stderr.contains("cannot delete accounts"), "{}", refused.stderr);
            return "refused before anything is sent".to_owned();
        }
        let before = self.bed.simulator().count(Resource::User);
        self.converge(1, "delete");
        let after = self.bed.simulator().count(Resource::User);
        let word = match self.profile.lifecycle.delete {
            Delete::Deactivates => {
                assert_eq!((before, after), (FEW, FEW));
                self.has(30, "active", &json!(false));
                "deactivates"
            }
            _ => {
                assert_eq!((before, after), (FEW, FEW - 1));
                "deletes"
            }
        };
        if self.profile.lifecycle.inactive == Inactive::Gone {
            assert_eq!(word, "deactivates");
        }
        if self.profile.lifecycle.delete != Delete::Unclaimed {
            return word.to_owned();
        }
        // Somebody who has claimed the account stays, and the administrator is told why.
        let claimed = Path::parse(&self.profile.invitations.claimed).unwrap();
        let id = self.account(31).unwrap()["id"].as_str().unwrap().to_owned();
        let edit = |user: &mut Json| assert!(resource::set(user, &claimed, json!(true)));
        assert!(self.bed.simulator().edit(Resource::User, &id, edit).unwrap());
        self.people.remove(&31);
        self.write("delete");
        let refused = self.bed.run(&["apply", "--yes"]).expect(5);
        assert!(refused.stdout.contains("take it out of use instead"), "{}", refused.stdout);
        "deletes; refused and explained once claimed".to_owned()
    }
}

/// Prints a line of the table, which must stand in docs/profiles.md. With UPDATE_DOCS set, it is put there.
#[allow(clippy::print_stdout, reason = "the table is what this test is for")]
fn documented(row: &[String]) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let line = format!("| {} |", row.join(" | "));
    println!("{line}");
    let path = here().join("../docs/profiles.md");
    let text = std::fs::read_to_string(&path).unwrap();
    if text.lines().any(|known| known == line) {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/profiles.md is stale, its line is\n{line}"
    );
    let start = format!("| {} |", row[0]);
    let mut lines: Vec<String> =
        text.lines().filter(|known| !known.starts_with(&start)).map(str::to_owned).collect();
    let rows = lines.iter().position(|line| line.starts_with("| ---")).unwrap() + 1;
    let end = lines.iter().rposition(|line| line.starts_with('|')).unwrap() + 1;
    lines.insert(end, line);
    lines[rows..=end].sort();
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn check(name: &str) {
    let (creates, full) = Suite::new(name, MANY).load();
    let mut row = vec![
        format!("[{name}](../config/profiles/{name}.toml)"),
        creates.to_string(),
        full.to_string(),
    ];
    row.extend(Suite::new(name, FEW).live());
    documented(&row);
}

macro_rules! profiles {
    ($($name:ident: $profile:literal,)+) => {
        $(#[test] fn $name() { check($profile); })+
        const TESTED: &[&str] = &[$($profile),+];
    };
}

profiles! {
    profile_generic: "generic",
    profile_generic_scim1: "generic-scim1",
    profile_workplace: "workplace",
    profile_meta_admin_center: "meta-admin-center",
    profile_workvivo: "workvivo",
    profile_slack: "slack",
    profile_github_enterprise: "github-enterprise",
    profile_aws_identity_center: "aws-identity-center",
    profile_atlassian: "atlassian",
    profile_zoom: "zoom",
    profile_entra_id: "entra-id",
    profile_databricks: "databricks",
    profile_gitlab: "gitlab",
    profile_keycloak: "keycloak",
    profile_scim_for_keycloak: "scim-for-keycloak",
    profile_authentik: "authentik",
}

/// The list of files, of tests and of documented profiles are one.
#[test]
fn every_profile_is_tested() {
    let mut tested = TESTED.to_vec();
    tested.sort_unstable();
    assert_eq!(tested, names());
    let text = std::fs::read_to_string(here().join("../docs/profiles.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| [")).count();
    assert_eq!(rows, tested.len(), "docs/profiles.md");
}
