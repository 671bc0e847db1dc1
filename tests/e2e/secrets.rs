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
