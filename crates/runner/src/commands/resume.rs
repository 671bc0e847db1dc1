//! `resume`: whoever waits for another try is tried in the next run, and the quarantine ends.

use super::print;
use crate::cli::ResumeArgs;
use crate::clock::SystemClock;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{Access, open_store};
use crate::report::Output;

pub(super) fn run(loaded: &Loaded, args: &ResumeArgs, output: Output) -> Outcome<Exit> {
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let mut state = open_store(loaded, Access::Apply, now)?;
    let key = args.person.as_deref();
    let count = state.resume(key)?;
    if let Some(key) = key.filter(|_| count == 0) {
        return Err(Failure::usage(format!("the key {key} does not wait for another try"))
            .with_hint("`peoplesync status` shows who does"));
    }
    let mut health = state.health()?;
    let was_ill = key.is_none() && health.quarantine.take().is_some();
    if was_ill {
        health.source_failures = 0;
        state.keep_health(&health)?;
    }
    let people = match count {
        0 => "nobody waited for another try".to_owned(),
        1 => "1 waits no longer and is tried in the next run".to_owned(),
        count => format!("{count} wait no longer and are tried in the next run"),
    };
    let ended = if was_ill { "; the quarantine has ended" } else { "" };
    print(output, &format!("{people}{ended}\n"))?;
    Ok(Exit::Done)
}
