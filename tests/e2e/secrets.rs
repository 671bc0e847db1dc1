//! Where a token is kept: each place as the binary reads it, and what is said where it is not there.

use std::fmt::Write as _;

use super::harness::{Bed, CONFIG, HEADER, ran};

#[test]
fn a_token_is_found_in_each_place_and_missed_by_its_name() {
    let mut said = String::new();
    for place in [
        r#"{ env = "OTHER_TOKEN" }"#,
        r#"{ file = "token.txt" }"#,
        r#"{ command = ["cat", "token.txt"] }"#,
        r#"{ credential = "scim-token" }"#,
    ] {
        let config = CONFIG.replace(r#"{ env = "SCIM_TOKEN" }"#, place);
        assert_ne!(config, CONFIG);
        for is_there in [true, false] {
            let bed = Bed::new();
            bed.write("peoplesync.toml", &config);
            bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,Engineer,active,\n"));
            let mut command = bed.command(&["plan", "--quiet"]);
            command.env_remove("SCIM_TOKEN").env("PATH", "/usr/bin:/bin");
            command.env("CREDENTIALS_DIRECTORY", bed.path("credentials"));
            if is_there {
                // The end of the line is none of the token's.
                bed.write("token.txt", "secret\n");
                bed.write("credentials/scim-token", "secret");
                command.env("OTHER_TOKEN", "secret");
            }
            let ran = ran(&mut command);
            writeln!(said, "{place}: {is_there} => exit {}", ran.code).unwrap();
            said += &bed.redact(&ran.stderr);
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_key_in_the_url_of_the_target_is_shown_and_kept_nowhere() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG.replace("name = \"Test\"\n", ""));
    bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,Engineer,active,\n"));
    let url = bed.simulator().url().to_owned();
    let run = |line: &str, url: &str, code: i32| {
        let mut command = bed.command(&line.split(' ').collect::<Vec<_>>());
        let ran = ran(command.env("PEOPLESYNC_TARGET__URL", url)).expect(code);
        let shown = ran.stdout + &ran.stderr;
        assert!(!shown.contains("hidden"), "{shown}");
    };
    let with_key = format!("{url}?key=hidden");
    run("plan --out saved.plan", &with_key, 10);
    run("apply --yes", &with_key, 0);
    let state = || std::fs::read(bed.path("peoplesync.db")).unwrap();
    let has_key = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"hidden");
    assert!(!has_key(&state()));
    assert!(!has_key(&std::fs::read(bed.path("saved.plan")).unwrap()));
    // Another tenant is another target.
    for other in [&format!("{url}?key=hidden2"), &url] {
        run("plan", other, 2);
    }
    run("links retarget --yes", &format!("{url}?key=hidden2"), 0);
    run("plan", &format!("{url}?key=hidden2"), 0);
    // Where there is no path, it follows the host.
    let (root, _) = url.rsplit_once("/scim").unwrap_or((&url, ""));
    run("check", &format!("{root}?key=hidden"), 4);

    // An earlier version has kept it as it is.
    let access = peoplesync_state::Access::Write { who: "a test".to_owned(), now: 0 };
    let mut old =
        peoplesync_state::State::open(&bed.path("peoplesync.db"), access, || [0; 32]).unwrap();
    let path = url.splitn(4, '/').nth(3).unwrap();
    old.bind(&format!("http://localhost/{path}?key=hidden")).unwrap();
    drop(old);
    run("apply --yes", &with_key, 0);
    assert!(!has_key(&state()));
}
