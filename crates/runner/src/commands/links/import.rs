//! `links import`: people are linked to accounts that exist, by a file of pairs. All of it is checked before anything is written.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::StreamExt as _;
use peoplesync_reconcile::{Digest, Link, Standing, Written};

use crate::commands::confirm::confirm;
use crate::commands::print;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{self, Access, Session};
use crate::report::{Output, human};

/// How many mistakes are shown.
const SHOWN: usize = 10;

/// A pair, and the line it stands in.
struct Pair {
    line: u64,
    key: String,
    id: String,
}

pub(super) async fn run(loaded: Loaded, file: &Path, yes: bool, output: Output) -> Outcome<Exit> {
    let session = Session::new(loaded, &crate::clock::system())?;
    let resource = session.managed.resource();
    let pairs = read(file)?;
    let mut state = pipeline::open_state(&session, Access::Apply)?;
    let key = pipeline::digest_key(&state);
    let mut wrong = twice(&pairs);
    let mut new = Vec::new();
    for pair in pairs {
        let print = pipeline::fingerprint_of(&key, &pair.key);
        let known = state.link(resource, print, &pair.key)?;
        let holder = state.links_by_id(resource, &[pair.id.as_str()])?.pop();
        match (known, holder) {
            (Some(known), _) if known.id == pair.id => {}
            (Some(known), _) => wrong.push((
                pair.line,
                format!("key {} is linked to account {} already", pair.key, known.id),
            )),
            (None, Some(holder)) => wrong.push((
                pair.line,
                format!("account {} is linked to key {} already", pair.id, holder.key),
            )),
            (None, None) => new.push((print, pair)),
        }
    }
    let client = session.client(pipeline::used_limits(&session, &state)?)?;
    let width = session.loaded.config.target.concurrency.max(1);
    let mut looked_up = futures_util::stream::iter(&new)
        .map(|(_, pair)| {
            let client = &client;
            async move { (pair, client.get(resource, &pair.id).await) }
        })
        .buffer_unordered(width);
    while let Some((pair, answer)) = looked_up.next().await {
        if answer?.is_none() {
            wrong.push((pair.line, format!("there is no account {} at the target", pair.id)));
        }
    }
    drop(looked_up);
    if !wrong.is_empty() {
        return Err(refused(file, wrong));
    }
    if new.is_empty() {
        print(output, "all of these are linked already\n")?;
        return Ok(Exit::Done);
    }
    let people = match new.len() {
        1 => "1 person".to_owned(),
        count => format!("{} people", human::number(count)),
    };
    if !yes {
        let question =
            format!("Link {people} to these accounts? The next apply brings the accounts in line.");
        confirm(&question, "nothing was linked", "say --yes", output)?;
    }
    let links: Vec<_> = new
        .into_iter()
        .map(|(print, pair)| {
            let link = Link {
                key: pair.key,
                id: pair.id,
                digest: Digest::UNKNOWN,
                standing: Standing::Active,
                absent_since: None,
                created: false,
                written: Written::default(),
            };
            (print, link)
        })
        .collect();
    state.put_links(resource, &links)?;
    print(output, &format!("linked {people}\n"))?;
    Ok(Exit::Done)
}

fn read(file: &Path) -> Outcome<Vec<Pair>> {
    let fail = |error: csv::Error| {
        let failure = Failure::usage(format!("cannot read {}", file.display()));
        let line = |at: &Option<csv::Position>| at.as_ref().map_or(1, csv::Position::line);
        match error.kind() {
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => failure.about_cause(
                format!("line {}: {len} fields where the header has {expected_len}", line(pos)),
            ),
            csv::ErrorKind::Utf8 { pos, .. } => {
                failure.about_cause(format!("line {}: this is not UTF-8", line(pos)))
            }
            _ => failure.with_cause(&error),
        }
    };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file).map_err(fail)?;
    let head = reader.headers().map_err(fail)?.clone();
    let column = |name: &str| {
        let is_it = |column: &str| column.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
        head.iter().position(is_it).ok_or_else(|| {
            if head.is_empty() {
                return Failure::usage(format!("{} is empty", file.display()))
                    .with_hint("its first line names the columns: key,id");
            }
            let columns: Vec<&str> = head.iter().collect();
            Failure::usage(format!("{} has no column `{name}`", file.display()))
                .with_hint(format!("its columns are {}; key and id are needed", columns.join(", ")))
        })
    };
    let (key, id) = (column("key")?, column("id")?);
    let mut pairs = Vec::new();
    let mut wrong = Vec::new();
    for row in reader.records() {
        let row = row.map_err(fail)?;
        let line = row.position().map_or(0, csv::Position::line);
        let field = |at: usize| row.get(at).unwrap_or_default().to_owned();
        let pair = Pair { line, key: field(key), id: field(id) };
        if pair.key.is_empty() || pair.id.is_empty() {
            wrong.push((line, "key or id is empty".to_owned()));
        } else {
            pairs.push(pair);
        }
    }
    if wrong.is_empty() { Ok(pairs) } else { Err(refused(file, wrong)) }
}

/// A key or an account that the file names twice.
fn twice(pairs: &[Pair]) -> Vec<(u64, String)> {
    let (mut keys, mut ids) = (BTreeMap::new(), BTreeMap::new());
    let mut wrong = Vec::new();
    for pair in pairs {
        if let Some(first) = keys.insert(&pair.key, pair.line) {
            wrong.push((pair.line, format!("key {} stands in line {first} too", pair.key)));
        }
        if let Some(first) = ids.insert(&pair.id, pair.line) {
            wrong.push((pair.line, format!("account {} stands in line {first} too", pair.id)));
        }
    }
    wrong
}

fn refused(file: &Path, mut wrong: Vec<(u64, String)>) -> Failure {
    wrong.sort();
    let more = wrong.len().saturating_sub(SHOWN);
    wrong.truncate(SHOWN);
    let mut failure = Failure::usage(format!("nobody was linked by {}", file.display()));
    for (line, what) in wrong {
        failure = failure.about_cause(format!("line {line}: {what}"));
    }
    if more > 0 {
        failure = failure.about_cause(format!("and {more} more"));
    }
    failure
}
