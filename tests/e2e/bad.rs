//! Broken input, and what the administrator reads: `tests/bad/*.txt`. A file is a subject, a case is a few lines:
//!
//! ```text
//! === title of a case             begins with the config and the people of the harness
//! ~ "title" => "titel"            replaces a text in peoplesync.toml; `~[good.plan] old => new` in another file
//! + [leavers]                     a line more at the end of peoplesync.toml
//! --- other.toml                  the lines up to `---` are written to the file
//! = people.csv id,mail\n\xff      the same in one line, with \n, \r, \t, \xNN, \\ and \*1000(text) for repetitions
//! > NAME=value                    a variable of the environment; `> NAME` takes it away
//! @ GET /Users => 200 text/html <html>   what the target answers to such a method and path, in place of the simulator
//! % plan --out good.plan => 10    a command that prepares, and its exit code
//! $ apply good.plan => 2          a command that is shown, and its exit code
//! ```
//!
//! Whatever a case is, nothing panics, the exit code is as it says, and nothing is written to the target.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::canned::{Canned, Rule};
use super::harness::{Bed, CONFIG, HEADER, Ran, here, ran, transcript};

/// How many cases there are at least.
const ENOUGH: usize = 200;

/// One case in the making.
struct Case {
    title: String,
    bed: Bed,
    environment: BTreeMap<String, Option<String>>,
    rules: Vec<Rule>,
    target: Option<Canned>,
    shown: String,
    wrong: Vec<String>,
}

impl Case {
    fn new(title: &str) -> Self {
        let bed = Bed::new();
        bed.write("peoplesync.toml", CONFIG);
        bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,Engineer,active,\n"));
        // Nobody waits here until a target has recovered.
        let environment = [("PEOPLESYNC_TARGET__RETRIES".to_owned(), Some("0".to_owned()))];
        Self {
            title: title.to_owned(),
            bed,
            environment: environment.into(),
            rules: Vec::new(),
            target: None,
            shown: format!("=== {title}\n"),
            wrong: Vec::new(),
        }
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.bed.path(name)).unwrap()
    }

    /// What a line of a case says; a block of a file is written by the caller.
    fn line(&mut self, line: &str) {
        let (mark, rest) = line.split_once([' ', '[']).unwrap_or((line, ""));
        match mark {
            "~" => {
                let (name, change) = match line.strip_prefix("~[") {
                    Some(rest) => rest.split_once("] ").unwrap(),
                    None => ("peoplesync.toml", rest),
                };
                let (old, new) = change.split_once(" => ").unwrap_or((change, ""));
                let [old, new] = [old, new.trim_start_matches("=> ")].map(unescaped);
                let text = self.read(name);
                let at = text.windows(old.len()).position(|window| window == old);
                let at = at.unwrap_or_else(|| panic!("{}: nothing to replace: {line}", self.title));
                let changed = [&text[..at], &new, &text[at + old.len()..]].concat();
                self.bed.write(name, changed);
            }
            "+" => {
                let text = self.read("peoplesync.toml");
                self.bed.write("peoplesync.toml", [&text, rest.as_bytes(), b"\n"].concat());
            }
            "=" => {
                let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
                self.bed.write(name, unescaped(text));
            }
            ">" => {
                let (name, value) = match rest.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (rest, None),
                };
                self.environment.insert(name.to_owned(), value);
            }
            "@" => self.rules.push(rule(rest)),
            "%" | "$" => self.run(mark == "$", rest),
            _ => panic!("{}: what is `{line}`?", self.title),
        }
    }

    fn run(&mut self, is_shown: bool, rest: &str) {
        let (line, code) = rest.rsplit_once(" => ").unwrap();
        let ran = ran(&mut self.command(line));
        let shown = format!("{}\n{}\n{}", self.title, ran.stdout, ran.stderr);
        if ran.code.to_string() != code {
            self.wrong.push(format!("exit code {}, not {code}: {shown}", ran.code));
        }
        if is_shown {
            self.judge(&ran, &shown);
            let mut text = transcript(&self.bed, line, &ran);
            if let Some(target) = &self.target {
                text = text.replace(target.url(), "[target]");
            }
            self.shown += &text;
        }
    }

    fn judge(&mut self, ran: &Ran, shown: &str) {
        if ran.stderr.contains("panicked") || ran.code == 70 {
            self.wrong.push(format!("a panic: {shown}"));
        }
        if [1, 2, 3, 4].contains(&ran.code) && !shown.contains("error") && !shown.contains("✗") {
            self.wrong.push(format!("no error is named: {shown}"));
        }
        let mut requests = self.bed.simulator().take_requests().into_iter();
        if requests.any(|request| request.method != "GET") {
            self.wrong.push(format!("something was written: {shown}"));
        }
    }

    fn command(&mut self, line: &str) -> Command {
        if !self.rules.is_empty() && self.target.is_none() {
            self.target = Some(Canned::start(std::mem::take(&mut self.rules)));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.bed.command(&words);
        if let Some(target) = &self.target {
            command.env("PEOPLESYNC_TARGET__URL", target.url());
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// `GET /Users => 200 text/html <html>`, or a status alone.
fn rule(text: &str) -> Rule {
    let (request, answer) = text.split_once(" => ").unwrap();
    let (method, path) = request.split_once(' ').unwrap();
    let mut parts = answer.splitn(3, ' ');
    Rule {
        method: method.to_owned(),
        path: path.to_owned(),
        status: parts.next().unwrap().to_owned(),
        media_type: parts.next().unwrap_or_default().to_owned(),
        body: unescaped(parts.next().unwrap_or_default()),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (escape, after) = after.split_at(1);
        rest = after;
        match escape {
            "n" => bytes.push(b'\n'),
            "r" => bytes.push(b'\r'),
            "t" => bytes.push(b'\t'),
            "x" => {
                let (digits, after) = rest.split_at(2);
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            "*" => {
                let (count, after) = rest.split_once('(').unwrap();
                let (repeated, after) = after.split_once(')').unwrap();
                bytes.extend(unescaped(repeated).repeat(count.parse().unwrap()));
                rest = after;
            }
            other => bytes.extend_from_slice(other.as_bytes()),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// All cases of a file, as one snapshot.
fn check(subject: &str) {
    let text = std::fs::read_to_string(folder().join(format!("{subject}.txt"))).unwrap();
    let (mut shown, mut wrong) = (String::new(), Vec::new());
    // What stands before the first case is about the file.
    for text in text.split("\n=== ").skip(1) {
        let (title, text) = text.split_once('\n').unwrap();
        let case = played(title, text);
        writeln!(shown, "{}", case.shown).unwrap();
        wrong.extend(case.wrong);
    }
    insta::assert_snapshot!(subject, shown);
    assert!(wrong.is_empty(), "{} of {subject}:\n{}", wrong.len(), wrong.join("\n---\n"));
}

fn played(title: &str, text: &str) -> Case {
    let mut case = Case::new(title);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("--- ") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "---").collect();
            case.bed.write(name, body.join("\n") + "\n");
        } else if !line.is_empty() && !line.starts_with('#') {
            case.line(line);
        }
    }
    case
}

fn folder() -> PathBuf {
    here().join("bad")
}

const SUBJECTS: &[&str] = &[
    "answers",
    "config_form",
    "config_keys",
    "config_meaning",
    "files",
    "plans",
    "sources",
    "spreadsheets",
];

#[test]
fn answers() {
    check("answers");
}

#[test]
fn config_form() {
    check("config_form");
}

#[test]
fn config_keys() {
    check("config_keys");
}

#[test]
fn config_meaning() {
    check("config_meaning");
}

#[test]
fn files() {
    check("files");
}

#[test]
fn plans() {
    check("plans");
}

#[test]
fn sources() {
    check("sources");
}

#[test]
fn spreadsheets() {
    check("spreadsheets");
}

/// Each subject has its test, and all of them together are many.
#[test]
fn there_are_enough_cases() {
    let mut subjects = Vec::new();
    let mut titles = std::collections::BTreeSet::new();
    let mut count = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        subjects.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        for title in text.lines().filter_map(|line| line.strip_prefix("=== ")) {
            assert!(
                titles.insert((path.clone(), title.to_owned())),
                "two cases are called {title}"
            );
            count += 1;
        }
    }
    subjects.sort();
    assert_eq!(subjects, SUBJECTS);
    assert!(count >= ENOUGH, "{count}");
}
