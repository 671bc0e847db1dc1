//! The numbers at the top of a plan.

use crate::{Action, Cause, Change, Rejection, Summary, Survey};

pub(super) fn count(
    survey: &Survey,
    changes: &[Change],
    rejected: &[Rejection],
    unchanged: u64,
) -> Summary {
    let mut summary = Summary {
        unchanged: survey.unchanged + unchanged,
        out_of_scope: survey.out_of_scope,
        rejected: rejected.len() as u64,
        ..Summary::default()
    };
    for change in changes {
        let number = match change.action {
            Action::Create => &mut summary.create,
            Action::Adopt => &mut summary.adopt,
            Action::Update => &mut summary.update,
            Action::Reactivate => &mut summary.reactivate,
            Action::Deactivate => &mut summary.deactivate,
            Action::Delete => &mut summary.delete,
            Action::Unlink => &mut summary.unlink,
        };
        *number += 1;
        summary.from_config += u64::from(change.cause == Cause::Config);
        summary.from_drift += u64::from(change.undoes_drift());
    }
    summary
}
