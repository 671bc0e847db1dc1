//! A folder, a simulator, and the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peoplesync_scim::Profile;
use peoplesync_scim::profile::layered;
use peoplesync_simulator::{Behaviour, Builder, Fault, Request, Running, Simulator};
use tokio::runtime::Runtime;

/// What a command printed and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Ran {
    /// The document that `--json` printed.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}\n{}", self.stdout, self.stderr))
    }

    /// Ends the test, with everything that was printed, if the exit code is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A folder with a config, and a simulator as its target.
pub(crate) struct Bed {
    folder: tempfile::TempDir,
    runtime: Runtime,
    simulator: Option<Running>,
}

impl Bed {
    /// An empty folder and an empty simulator.
    pub(crate) fn new() -> Self {
        Self::with_faults(|_| None)
    }

    /// The same, with things that go wrong at the target.
    pub(crate) fn with_faults(
        faults: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::with(Behaviour::default(), faults)
    }

    /// The same, with habits of its own.
    pub(crate) fn with(
        mut behaviour: Behaviour,
        faults: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let runtime = runtime();
        behaviour.bearer = Some("secret".to_owned());
        Self::started(runtime, Simulator::builder().behaviour(behaviour).faults(faults))
    }

    /// An empty folder, and an empty simulator of the services of a profile. What it is asked is not kept, only counted.
    pub(crate) fn with_profile(profile: &Profile) -> Self {
        let behaviour = Behaviour { bearer: Some("secret".to_owned()), ..Behaviour::default() };
        let builder = Simulator::builder().behaviour(behaviour).profile(profile).unwrap();
        Self::started(runtime(), builder)
    }

    /// The same, and the rates of the profile hold.
    pub(crate) fn with_limits(profile: &Profile) -> Self {
        let behaviour = Behaviour { bearer: Some("secret".to_owned()), ..Behaviour::default() };
        let builder = Simulator::builder().behaviour(behaviour).profile(profile).unwrap();
        let began = std::time::Instant::now();
        let now = move || i64::try_from(began.elapsed().as_millis()).unwrap();
        Self::started(runtime(), builder.limited(true).clock(now))
    }

    fn started(runtime: Runtime, builder: Builder) -> Self {
        let simulator = runtime.block_on(builder.start()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), runtime, simulator: Some(simulator) }
    }

    pub(crate) fn simulator(&self) -> &Running {
        self.simulator.as_ref().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A command in the folder, with the simulator as target unless `arguments` or files say otherwise.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peoplesync"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("SCIM_TOKEN", "secret")
            .env("USER", "admin")
            .stdin(Stdio::null());
        if let Some(simulator) = &self.simulator {
            command.env("PEOPLESYNC_TARGET__URL", simulator.url());
        }
        command
    }

    /// Runs the binary in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// Runs the binary with words as a shell would split them; quotes are not known.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// The target goes away; its address stays in the environment of what runs next.
    pub(crate) fn stop_target(&mut self) -> String {
        let simulator = self.simulator.take().unwrap();
        let url = simulator.url().to_owned();
        self.runtime.block_on(simulator.shutdown()).unwrap();
        url
    }

    /// What changes from run to run, taken out: ports, ids, hashes, times, folders.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.replace(&self.folder.path().display().to_string(), "[folder]");
        if let Some(simulator) = &self.simulator {
            text = text.replace(simulator.url(), "[target]");
        }
        redact(&text)
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        code: output.status.code().unwrap_or(-1),
    }
}

/// Replaces ids, hashes and times. The same id gets the same name, so that references stay readable.
pub(crate) fn redact(text: &str) -> String {
    let patterns: &[(&str, &str)] = &[
        (r"sha256:[0-9a-f]{64}", "[hash]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "[time]"),
        (r"127\.0\.0\.1:\d+", "[address]"),
        (r"process \d+", "process [n]"),
        (r"\d+\.\d s\b", "[n] s"),
        // An id in a history, masked: which one it is depends on who was created first.
        (r"\b[0-9a-f]…\(36\)", "[masked id]"),
    ];
    let mut text = text.to_owned();
    for (pattern, name) in patterns {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned();
    }
    let uuid = regex::Regex::new(
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b1\d{14}\b",
    )
    .unwrap();
    let mut seen: Vec<String> = Vec::new();
    uuid.replace_all(&text, |found: &regex::Captures<'_>| {
        let id = found[0].to_owned();
        let index = seen.iter().position(|known| *known == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        });
        format!("[id {}]", index + 1)
    })
    .into_owned()
}

/// A command and what came of it, as it stands in snapshots.
pub(crate) fn transcript(bed: &Bed, line: &str, ran: &Ran) -> String {
    let mut text = format!("$ peoplesync {line}\n");
    for (stream, mark) in [(&ran.stdout, ""), (&ran.stderr, "2> ")] {
        for line in bed.redact(stream).lines() {
            writeln!(text, "{}", format!("{mark}{line}").trim_end()).unwrap();
        }
    }
    writeln!(text, "[exit {}]", ran.code).unwrap();
    text
}

/// The profile of a file in config/profiles.
pub(crate) fn profile(name: &str) -> Profile {
    let read = |name: &str| {
        let path = here().join(format!("../config/profiles/{name}.toml"));
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    layered(name, None, read).unwrap()
}

/// The folder of the tests in the tree.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

/// The config of most tests: eight columns, a manager, a scope.
pub(crate) const CONFIG: &str = r#"
[source]
kind = "csv"
[source.settings]
path = "people.csv"
key = "id"

[target]
name = "Test"
url = "http://127.0.0.1:1/"
auth = { bearer = { env = "SCIM_TOKEN" } }

[people]
scope = 'status <> "external"'

[people.attributes]
externalId = "id"
userName = "mail"
"name.givenName" = "first"
"name.familyName" = "last"
title = { value = "title", on_empty = "clear" }
active = 'status = "active"'
'emails[type eq "work"].value' = "mail"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" = { reference = "manager" }
"#;

/// [`CONFIG`] where names are chosen among proposals that many people share, and nothing else finds an account.
pub(crate) fn chosen_names() -> String {
    let rule =
        "{ value = 'SelectUniqueValue(\"u\" & Left(id, 1), \"u-\" & id)', when = \"create\" }";
    CONFIG
        .replace("externalId = \"id\"\n", "")
        .replace("userName = \"mail\"", &format!("userName = {rule}"))
}

/// The header that goes with [`CONFIG`].
pub(crate) const HEADER: &str = "id,first,last,mail,title,status,manager\n";

/// What [`CONFIG`] is followed by where a test is about anything but the guards.
pub(crate) const NO_GUARDS: &str = r#"
[guards]
max_leavers = 1000000
max_changes = 1000000
max_creates = 1000000
max_renames = 1000000
max_clears = 1000000
max_rejected = 1000000
max_members_removed = 1000000
max_memberships_removed = 1000000
"#;

/// Runs a check on each file of a folder of tests, with a snapshot of its own, and tells all that failed. What tests beside
/// this one find does not count, as it does with `insta::glob!`.
#[track_caller]
pub(crate) fn each_file(folder: &str, extension: &str, check: impl Fn(&Path)) {
    let folder = here().join(folder).canonicalize().unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let mut failed = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_suffix => &name, input_file => file }, {
            let check = std::panic::AssertUnwindSafe(|| check(file));
            if std::panic::catch_unwind(check).is_err() {
                failed.push(name);
            }
        });
    }
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}
