//! `approve`: somebody lets a refused plan pass, once, and says why.

use std::path::Path;

use peoplesync_state::Approval;

use super::print;
use crate::approval::by_another;
use crate::cli::ApproveArgs;
use crate::clock::{self, SystemClock};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::{Access, open_store, saved};
use crate::report::{Output, human, line};

pub(super) fn run(loaded: &Loaded, args: &ApproveArgs, output: Output) -> Outcome<Exit> {
    let table = &loaded.config.approval;
    let file = Path::new(&args.plan);
    if !table.keys.is_empty() {
        return Err(Failure::usage("this config wants approvals that are signed").with_hint(
            "sign the saved plan with a key of approval.keys: minisign -S -m FILE -t \"why\"",
        ));
    }
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("an approval needs a reason").with_hint("--reason \"why\""));
    }
    let who = args.who.clone().unwrap_or_else(clock::user);
    let mut shown = String::new();
    let plan = if is_hash(&args.plan) {
        args.plan.to_ascii_lowercase()
    } else if args.plan.starts_with("sha256:") {
        return Err(Failure::usage(format!("{} is not a whole hash", args.plan))
            .with_hint("sha256: and 64 digits, as a refused plan names itself"));
    } else {
        let saved = saved::open(file).map_err(|failure| match file.exists() {
            true => failure,
            false => failure.with_hint(
                "name a file that `plan --out` saved, or a whole hash: sha256: and 64 digits",
            ),
        })?;
        if saved.plan.refused.is_empty() {
            return Err(Failure::usage(format!("{} needs no approval", args.plan))
                .with_hint(format!("`peoplesync apply {}` applies it", args.plan)));
        }
        by_another(table, &saved.basis.by, &who)?;
        line!(shown, "{}", human::totals(&saved.plan.summary, output.paint));
        human::refusals(&mut shown, &saved.plan, output.paint);
        saved.plan.plan
    };
    let now = peoplesync_source::Clock::now(&SystemClock).0;
    let mut state = open_store(loaded, Access::Apply, now)?;
    state.approve(&Approval {
        plan: plan.clone(),
        given: now,
        who: who.clone(),
        reason: reason.to_owned(),
        signature: None,
    })?;
    line!(shown, "{who} approves {plan}, once: {reason}");
    print(output, &shown)?;
    Ok(Exit::Done)
}

fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
