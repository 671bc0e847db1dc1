//! A disk that fills up while the state or a plan is written. It is a file system of a few hundred kilobytes in a mount namespace of
//! the test's own, which needs Linux and no rights.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::harness::{Bed, CONFIG, HEADER, NO_GUARDS, ran};

const PEOPLE: usize = 1_500;

/// Runs a script in the folder, where `small` is a file system of this size. None where this machine does not allow that.
#[allow(clippy::print_stderr, reason = "a test that was left out says so")]
fn in_small(bed: &Bed, size: &str, script: &str) -> Option<String> {
    std::fs::create_dir_all(bed.path("small")).unwrap();
    let whole = format!("mount -t tmpfs -o size={size} tmpfs small\n{script}");
    let program = bed.command(&[]).get_program().to_owned();
    let mut command = std::process::Command::new("unshare");
    command.args(["-Urm", "sh", "-c", &whole]).current_dir(bed.path("")).env("P", program);
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    command.env("SCIM_TOKEN", "secret").env("PATH", path);
    command.env("PEOPLESYNC_TARGET__URL", bed.simulator().url());
    let may_mount = std::process::Command::new("unshare")
        .args(["-Urm", "mount", "-t", "tmpfs", "tmpfs", "small"])
        .current_dir(bed.path(""))
        .output();
    match may_mount {
        Ok(done) if done.status.success() => {}
        refused => {
            eprintln!(
                "LEFT OUT: this machine does not let a test mount a file system: {refused:?}"
            );
            return None;
        }
    }
    let done = ran(&mut command);
    Some(format!("{}{}", done.stdout, done.stderr))
}

fn bed(state: &str) -> Bed {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}{NO_GUARDS}\n[state]\nurl = \"{state}\"\n"));
    let mut people = HEADER.to_owned();
    for n in 0..PEOPLE {
        writeln!(people, "{n},First{n},Last{n},u{n}@example.com,Engineer,active,").unwrap();
    }
    bed.write("people.csv", people);
    bed
}

#[test]
fn a_full_disk_stops_an_apply_and_nothing_is_lost() {
    let bed = bed("sqlite:small/peoplesync.db");
    let script = "
        $P apply --yes --quiet >/dev/null 2>small.err; echo full $?
        mount -o remount,size=64m small
        $P apply --yes --quiet >/dev/null 2>later.err; echo later $?
        $P plan --full --quiet >/dev/null; echo plan $?";
    let Some(said) = in_small(&bed, "600k", script) else { return };
    let read = |name: &str| std::fs::read_to_string(bed.path(name)).unwrap();
    let error = read("small.err");
    assert!(said.contains("full 1\nlater 0\nplan 0\n"), "{said}\n{error}\n{}", read("later.err"));
    assert!(error.contains("disk is full"), "{error}");
    let users = bed.simulator().users();
    let names: BTreeSet<&str> = users.iter().filter_map(|user| user["userName"].as_str()).collect();
    assert_eq!((users.len(), names.len()), (PEOPLE, PEOPLE));
}

#[test]
fn a_full_disk_leaves_the_plan_that_was_saved_before() {
    let bed = bed("sqlite:peoplesync.db");
    let script = "
        echo earlier > small/monday.plan
        $P plan --quiet --out small/monday.plan >/dev/null 2>small.err; echo full $?
        cat small/monday.plan; ls -A small";
    let Some(said) = in_small(&bed, "100k", script) else { return };
    let error = std::fs::read_to_string(bed.path("small.err")).unwrap();
    assert!(said.contains("full 1\nearlier\nmonday.plan\n"), "{said}\n{error}");
    assert!(error.contains("cannot save the plan"), "{error}");
    assert!(error.contains("No space left on device"), "{error}");
}
