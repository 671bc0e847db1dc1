//! 5,000 people as they really are, into the simulator and into an independent server.

use std::fmt::Write as _;

use super::harness::{Bed, CONFIG, HEADER, ran};
use super::servers::Server;

const PEOPLE: usize = 5_000;

/// Keys that stand in the file twice.
const TWICE: [usize; 3] = [100, 200, 300];

/// International names, quotes and line ends in fields, missing mails, repeated keys; `clean` leaves out the rows that are
/// rejected. Gives the text, how many people it holds, and how many rows are rejected.
fn people(title_of_42: &str, clean: bool) -> (String, usize, usize) {
    let first = [
        "Zoë",
        "Jürgen",
        "محمد",
        "小龍",
        "Олга",
        "Ngozi",
        "Þórdís",
        "D’Angelo",
        "Anne-Marie",
        "🙂 Emoji",
    ];
    let last = [
        "Ng",
        "Groß \"\"JG\"\" von Łódź",
        "العلي",
        "李",
        "Иванова",
        "O'Brien",
        "de la Cruz,\nPeña",
        "Ström",
    ];
    let mut text = HEADER.to_owned();
    let (mut good, mut bad) = (0, 0);
    for n in 0..PEOPLE {
        let title = if n == 42 { title_of_42 } else { "Engineer" };
        let missing = n % 97 == 13;
        if clean && (missing || TWICE.contains(&n)) {
            continue;
        }
        let mail = if missing { String::new() } else { format!("user{n}@example.com") };
        let manager = (n + 7) * 31 % PEOPLE;
        writeln!(
            text,
            "{n},{},\"{}\",{mail},\"{title}\",active,{manager}",
            first[n % first.len()],
            last[n % last.len()]
        )
        .unwrap();
        if missing { bad += 1 } else { good += 1 }
    }
    for n in TWICE.into_iter().filter(|_| !clean) {
        writeln!(text, "{n},Twice,Twice,twice{n}@example.com,Engineer,active,").unwrap();
        // The first of the two is taken back as well: nobody knows which is right.
        good -= 1;
        bad += 1;
    }
    (text, good, bad)
}

/// Loads everybody, plans again, changes one title, and loads nobody twice.
fn check(
    bed: &Bed,
    environment: &[(&str, &str)],
    writes: &dyn Fn() -> Option<Vec<serde_json::Value>>,
) {
    let run = |line: &[&str]| ran(bed.command(line).envs(environment.iter().copied()));
    let (text, good, bad) = people("Engineer", false);
    bed.write("peoplesync.toml", CONFIG);
    bed.write("people.csv", text);
    let applied = run(&["apply", "--yes", "--json"]).expect(5).json();
    assert_eq!(applied["summary"]["create"], good);
    assert_eq!(applied["summary"]["rejected"], bad);
    assert_eq!(applied["outcomes"]["done"], good);
    assert_eq!(applied["outcomes"]["failed"], 0, "{applied}");

    for line in [&["plan", "--json"][..], &["plan", "--json", "--full"]] {
        let plan = run(line).expect(5).json();
        assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{line:?}: {plan}");
        assert_eq!(plan["summary"]["unchanged"], good);
    }

    let before = writes().map(|writes| writes.len());
    bed.write("people.csv", people("Lead, \"\"Ops\"\"", false).0);
    let changed = run(&["apply", "--yes", "--json"]).expect(5).json();
    let changes = changed["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0]["attributes"].as_array().unwrap().len(), 1);
    if let (Some(before), Some(after)) = (before, writes()) {
        assert_eq!(after.len(), before + 1, "one changed title is one request");
        let operations = after[before]["Operations"].as_array().unwrap().clone();
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0]["path"], "title");
    }

    // Without the rows that were rejected, nothing is left to say: 0.
    bed.write("people.csv", people("Lead, \"\"Ops\"\"", true).0);
    run(&["plan"]).expect(0);
    run(&["plan", "--full"]).expect(0);

    // Nearly everybody is missing in the file: refused.
    let one = HEADER.to_owned() + "1,A,B,user1@example.com,Engineer,active,\n";
    bed.write("people.csv", one);
    run(&["plan"]).expect(6);
}

#[test]
fn five_thousand_people_into_the_simulator() {
    let bed = Bed::new();
    check(&bed, &[], &|| {
        let requests = bed.simulator().requests();
        let writes = requests.iter().filter(|request| request.method != "GET");
        Some(writes.filter_map(|request| request.body()).collect())
    });
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that was left out says so")]
fn five_thousand_people_into_scim2_server() {
    let Some(server) = Server::scim2() else {
        eprintln!("LEFT OUT: scim2-server is not here; `cargo xtask test` installs it");
        return;
    };
    check(&Bed::new(), &[("PEOPLESYNC_TARGET__URL", &server.url)], &|| None);
}
