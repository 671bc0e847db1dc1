//! Groups in a plan as people read it: who joins and who leaves.

use std::sync::Arc;

use peoplesync_reconcile::{GroupSummary, Member, MemberChanges};

use super::human::{listed, number};
use super::{Paint, line};

/// So many members are named; the rest is a number.
const NAMED: usize = 5;

/// Who becomes a member, and who no longer is one: `members  +3 −1`, and below it a line each.
pub(crate) fn members(text: &mut String, members: &MemberChanges, paint: Paint) {
    if members.is_empty() {
        return;
    }
    let added = paint.green(&format!("+{}", number(members.add.len())));
    let removed = paint.red(&format!("−{}", number(members.remove.len())));
    let counts = match (members.add.len(), members.remove.len()) {
        (_, 0) => added,
        (0, _) => removed,
        _ => format!("{added} {removed}"),
    };
    line!(text, "        members  {counts}");
    if !members.add.is_empty() {
        line!(text, "          {} {}", paint.green("+"), names(&members.add));
    }
    if !members.remove.is_empty() {
        line!(text, "          {} {}", paint.red("−"), names(&members.remove));
    }
}

fn names(members: &[Arc<Member>]) -> String {
    let name = |member: &Member| match (&member.name, &member.key) {
        (Some(name), Some(key)) => format!("{name} (key {key})"),
        (None, Some(key)) => format!("key {key}"),
        (Some(name), None) => format!("{name} (account {})", member.id.as_deref().unwrap_or("?")),
        (None, None) => format!("account {}", member.id.as_deref().unwrap_or("?")),
    };
    let mut shown: Vec<String> = members.iter().take(NAMED).map(|member| name(member)).collect();
    if members.len() > NAMED {
        shown.push(format!("and {} more", number(members.len() - NAMED)));
    }
    shown.join(", ")
}

/// ` Groups: 1 to create; 12 unchanged.`, if there are groups at all.
pub(crate) fn totals(groups: &GroupSummary, paint: Paint) -> String {
    if *groups == GroupSummary::default() {
        return String::new();
    }
    let to_do = [
        (groups.create, "create"),
        (groups.adopt, "adopt"),
        (groups.update, "update"),
        (groups.delete, "delete"),
        (groups.unlink, "unlink"),
    ];
    let rest = [
        (groups.unchanged, "unchanged"),
        (groups.out_of_scope, "out of scope"),
        (groups.rejected, "rejected"),
    ];
    format!("\n{} {}", paint.bold("Groups:"), listed(&to_do, &rest))
}
