//! Where a change comes from: the source, the config, or somebody at the target.

use super::Facts;
use super::leavers::{Verdict, verdict_under};
use crate::survey::Evidence;
use crate::{Action, Before, Candidate, Cause, Digest, Edited, Link, Standing};

/// The cause of what a linked account lacks. `digest` is that of what is wanted.
pub(super) fn of_linked(
    facts: &Facts<'_>,
    candidate: &Candidate,
    link: &Link,
    digest: Digest,
) -> Cause {
    if link.standing == Standing::Active && link.digest == digest {
        // Wanted is what was written last, and the account has something else.
        return Cause::Drift;
    }
    let is_by_config = match (facts.policy.edited, facts.survey.before.get(&candidate.key)) {
        (Edited::Everything, _) | (_, Some(Before::OutOfScope | Before::Rejected)) => true,
        (_, Some(Before::InScope { digest, digest_unresolved })) => {
            [*digest, *digest_unresolved].contains(&link.digest)
        }
        (_, None) => false,
    };
    if is_by_config { Cause::Config } else { Cause::Source }
}

/// The cause of somebody getting an account. `gone`: there was one.
pub(super) fn of_new(facts: &Facts<'_>, candidate: &Candidate, gone: bool) -> Cause {
    let before = facts.survey.before.get(&candidate.key);
    let was_out = matches!(before, Some(Before::OutOfScope | Before::Rejected));
    match facts.policy.edited {
        _ if gone => Cause::Drift,
        Edited::Everything | Edited::Rules { matching: true, .. } => Cause::Config,
        _ if was_out => Cause::Config,
        Edited::Nothing | Edited::Rules { .. } => Cause::Source,
    }
}

/// The cause of what happens to a leaver.
pub(super) fn of_leaver(
    facts: &Facts<'_>,
    link: &Link,
    action: Action,
    evidence: Evidence,
) -> Cause {
    let was_in_scope = matches!(facts.survey.before.get(&link.key), Some(Before::InScope { .. }));
    match &facts.policy.edited {
        Edited::Everything => Cause::Config,
        Edited::Rules { .. } if evidence != Evidence::Removed && was_in_scope => Cause::Config,
        Edited::Rules { leavers, .. } => match verdict_under(facts, link, leavers) {
            Verdict::Due(before, _) if before == action => Cause::Source,
            _ => Cause::Config,
        },
        Edited::Nothing => Cause::Source,
    }
}

/// The reason of a change with its cause, where that says more.
pub(super) fn with_cause(reason: String, cause: Cause) -> String {
    match cause {
        Cause::Config => format!("{reason}; the config has changed"),
        Cause::Source | Cause::Drift => reason,
    }
}
