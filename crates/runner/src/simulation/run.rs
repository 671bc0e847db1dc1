//! One run of the program: the steps of its commands, in a process that may die at any of them.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use clap::ColorChoice;
use peoplesync_reconcile::{Action, Plan};
use peoplesync_scim::Resource;
use peoplesync_state::Approval;

use super::checker::Planned;
use super::settings::PROTECTED;
use super::{Death, Sabotage, Shared, locked};
use crate::commands::execute;
use crate::execute::Ended as Sent;
use crate::failure::{Failure, Outcome};
use crate::pipeline::saved::{self, Saved};
use crate::pipeline::{Access, Session, prepare_of};
use crate::report::Output;

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ended {
    Died,
    /// It could not read, or could not go on.
    Failed {
        #[expect(dead_code, reason = "it is printed")]
        why: String,
    },
    /// A guard refused the plan, and nobody let it pass.
    Refused,
    /// The plan that was saved does not fit any more.
    Moved,
    /// This is what it would do.
    Planned(Box<Plan>),
    /// It came to its end; whether everything was done.
    Applied {
        #[expect(dead_code, reason = "it is printed")]
        all: bool,
    },
}

pub(super) fn quiet() -> Output {
    Output::new(ColorChoice::Never, true, true)
}

/// Lives through a run, or dies in it: then everything that was under way is gone.
pub(super) fn live(sim: &Shared, run: impl Future<Output = Outcome<Ended>>) -> Ended {
    locked(sim).dead = false;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    let lived = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut run = pin!(run);
            poll_fn(|context| {
                if locked(sim).dead {
                    return Poll::Ready(None);
                }
                locked(sim).undertaker = Some(context.waker().clone());
                let polled = run.as_mut().poll(context);
                if locked(sim).dead { Poll::Ready(None) } else { polled.map(Some) }
            })
            .await
        })
    }));
    drop(runtime);
    match lived {
        Ok(None) => Ended::Died,
        Ok(Some(Ok(ended))) => ended,
        Ok(Some(Err(failure))) => Ended::Failed { why: failure.line() },
        Err(panic) if panic.is::<Death>() => Ended::Died,
        Err(panic) => resume_unwind(panic),
    }
}

/// `plan`, and `plan --out`.
pub(super) async fn plan(
    sim: Shared,
    session: Session,
    full: bool,
    out: Option<&std::path::Path>,
) -> Outcome<Ended> {
    let prepared = prepare_of(session, full, None, Access::Plan, None, quiet()).await?;
    if let Some(out) = out {
        saved::save(out, &prepared.plan, &prepared.basis)?;
    }
    let plan = prepared.plan.clone();
    if locked(&sim).sabotage == Sabotage::WritesInPlan && plan.refused.is_empty() {
        let prepared = prepare_of(prepared.session, full, None, Access::Apply, None, quiet());
        execute(prepared.await?, None, Arc::default(), quiet()).await?;
    }
    Ok(Ended::Planned(Box::new(plan)))
}

/// `apply`, and `apply PLAN`; `approved`: a refused plan is let pass.
pub(super) async fn apply(
    sim: Shared,
    session: Session,
    full: bool,
    saved: Option<Saved>,
    approved: bool,
) -> Outcome<Ended> {
    let full = saved.as_ref().map_or(full, |saved| saved.basis.full);
    let moment = saved.as_ref().and_then(|saved| saved.basis.moment());
    let mut prepared = prepare_of(session, full, moment, Access::Apply, None, quiet()).await?;
    if let Some(saved) = &saved
        && saved::still_fits(saved, &prepared).is_err()
    {
        return Ok(Ended::Moved);
    }
    let plan = saved.as_ref().map_or(&prepared.plan, |saved| &saved.plan).clone();
    let mut approval = None;
    if !plan.refused.is_empty() {
        if !approved {
            return Ok(Ended::Refused);
        }
        let now = prepared.session.clock.now().0;
        prepared.state.approve(&Approval {
            plan: plan.plan.clone(),
            given: now,
            who: "somebody".to_owned(),
            reason: "it is right".to_owned(),
            signature: None,
        })?;
        approval = prepared.state.approvals_of(&plan.plan)?.into_iter().next();
    }
    {
        let linked = usize::try_from(prepared.state.count(Resource::User)?).unwrap();
        let mut sim = locked(&sim);
        let (creates, others): (Vec<_>, Vec<_>) =
            plan.changes.iter().partition(|change| change.action == Action::Create);
        let users = sim.target.users();
        let protected = users.iter().filter(|user| user["userName"] == PROTECTED);
        let planned = Planned {
            creates: creates.iter().map(|change| change.key.clone()).collect(),
            ids: others.iter().filter_map(|change| change.id.clone()).collect(),
            protected: protected.filter_map(|user| Some(user["id"].as_str()?.to_owned())).collect(),
            most_leavers: approval.is_none().then(|| linked.div_ceil(10).max(5)),
        };
        sim.note(&format!("applies {:?}", plan.summary));
        sim.checker.plan(planned);
        let (settings, now) = (sim.believed(), sim.now);
        sim.checker.applies(&settings, now);
    }
    let applied = execute(prepared, approval.as_ref(), Arc::default(), quiet()).await?;
    if let Some(stopped) = applied.stopped {
        return Err(Failure::unexpected(stopped.line(), &std::fmt::Error));
    }
    let all = applied.sent.iter().all(|sent| sent.ended == Sent::Done);
    if all {
        let mut sim = locked(&sim);
        let settings = sim.believed();
        sim.checker.applied(&settings);
    }
    Ok(Ended::Applied { all })
}
