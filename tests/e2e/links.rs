//! Links from a file of pairs.

use super::harness::{Bed, CONFIG, HEADER};

const PEOPLE: &str = "1,Ada,Lovelace,ada@example.com,Countess,active,\n2,Grace,Hopper,grace@example.com,Admiral,active,1\n";

/// A config that finds nobody by itself.
fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG.replace("[people]", "[people]\nadopt = false"));
    bed.write("people.csv", format!("{HEADER}{PEOPLE}"));
    bed
}

#[test]
fn a_lost_state_is_rebuilt_from_an_export() {
    let bed = bed();
    bed.run(&["apply", "--yes"]).expect(0);
    let pairs = bed.run(&["links", "export"]).expect(0).stdout;
    assert_eq!(pairs.lines().count(), 3);
    for file in ["peoplesync.db", "peoplesync.db-wal", "peoplesync.db-shm"] {
        // Not each is there.
        let _gone = std::fs::remove_file(bed.path(file));
    }
    // Without the links both accounts are somebody's whom nobody may take over.
    bed.run(&["plan"]).expect(5);
    bed.write("pairs.csv", &pairs);
    let ran = bed.run(&["links", "import", "pairs.csv"]).expect(2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    let ran = bed.run(&["links", "import", "pairs.csv", "--yes"]).expect(0);
    assert_eq!(ran.stdout, "linked 2 people\n");
    let ran = bed.run(&["links", "import", "pairs.csv", "--yes"]).expect(0);
    assert_eq!(ran.stdout, "all of these are linked already\n");
    drop(bed.simulator().take_requests());
    bed.run(&["plan", "--full"]).expect(0);
    bed.run(&["apply", "--yes"]).expect(0);
    let wrote = bed.simulator().take_requests().iter().any(|request| request.method != "GET");
    assert!(!wrote, "the accounts were as wanted");
    bed.run(&["links", "doctor"]).expect(0);
}

#[test]
fn what_is_linked_already_is_not_linked_anew() {
    let bed = bed();
    bed.run(&["apply", "--yes"]).expect(0);
    let pairs = bed.run(&["links", "export"]).expect(0).stdout;
    let ids: Vec<&str> =
        pairs.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    bed.write("pairs.csv", format!("key,id\n1,{}\n3,{}\n", ids[1], ids[0]));
    let ran = bed.run(&["links", "import", "pairs.csv", "--yes"]).expect(2);
    for line in ["line 2: key 1 is linked to account", "line 3: account"] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
    assert_eq!(bed.run(&["links", "export"]).stdout, pairs);
}
