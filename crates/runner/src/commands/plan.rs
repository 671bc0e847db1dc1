//! `plan`: reads both sides, shows every change, writes nothing to the target.

use super::print;
use crate::approval;
use crate::cli::PlanArgs;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::pipeline::{self, Access, discovery, saved};
use crate::report::{Output, human, json};

pub(super) async fn run(loaded: Loaded, args: &PlanArgs, output: Output) -> Outcome<Exit> {
    let prepared = pipeline::prepare(loaded, args.full, None, Access::Plan, None, output).await?;
    let plan = &prepared.plan;
    if args.full {
        let pipeline::Prepared { session, client, state, .. } = &prepared;
        if let Err(failure) = discovery::ask_anew(session, client, state).await {
            output.note(&discovery::is_older(&failure));
        }
    }
    if args.json {
        print(output, &json::text(&json::plan(plan)))?;
    } else {
        print(output, &human::plan(plan, &prepared.title(), output.paint, args.show))?;
    }
    if let Some(path) = &args.out {
        saved::save(path, plan, &prepared.basis)?;
        output.note(&match plan.refused.is_empty() {
            true => {
                format!("saved to {0}; `peoplesync apply {0}` applies exactly this", path.display())
            }
            false => format!("saved to {}", path.display()),
        });
    }
    if !plan.refused.is_empty() {
        let table = &prepared.session.loaded.config.approval;
        output.note(&approval::advice(table, plan, args.out.as_deref()));
    }
    Ok(if !plan.refused.is_empty() {
        Exit::Refused
    } else if !plan.changes.is_empty() {
        Exit::Changes
    } else if !plan.rejected.is_empty() {
        Exit::Partly
    } else {
        Exit::Done
    })
}
