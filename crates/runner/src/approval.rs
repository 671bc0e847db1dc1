//! Whether a refused plan may be applied all the same: because somebody let it pass, by command or by signature.
//!
//! A signature is one of minisign over the file of a saved plan. It needs no state and no server: whoever approves gets the
//! file, reads it, and sends the signature back.

use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};
use peoplesync_reconcile::Plan;
use peoplesync_state::{Approval, State};

use crate::config::model::ApprovalTable;
use crate::config::{ConfigErrors, Loaded};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::pipeline::saved::Saved;

/// The ending that minisign gives to signatures.
const ENDING: &str = "minisig";

/// Who asks for a plan to be let pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) plan: &'a Plan,
    /// The file that it came from, if it was saved.
    pub(crate) saved: Option<(&'a Path, &'a Saved)>,
    /// The file of the signature; beside the plan's if none is given.
    pub(crate) signature: Option<&'a Path>,
    /// Who runs this command, and made the plan if it was not saved.
    pub(crate) user: &'a str,
    /// The present.
    pub(crate) now: i64,
}

/// The public keys of the config.
pub(crate) fn keys(loaded: &Loaded) -> Result<Vec<(String, PublicKey)>, ConfigErrors> {
    let mut keys = Vec::new();
    let mut errors = Vec::new();
    for (name, text) in &loaded.config.approval.keys {
        match PublicKey::from_base64(text.trim()) {
            Ok(key) => keys.push((name.clone(), key)),
            Err(_) => {
                let mut error = loaded.error(
                    &["approval", "keys", name],
                    format!("\"{text}\" is not a public key of minisign"),
                );
                error.hint = Some(
                    "it is the second line of the .pub file, and begins with RW; `minisign -G` makes a pair".to_owned(),
                );
                errors.push(error);
            }
        }
    }
    if errors.is_empty() { Ok(keys) } else { Err(ConfigErrors::new(errors)) }
}

/// The approval of a plan, if there is one that nobody used yet.
pub(crate) fn find(
    loaded: &Loaded,
    state: &mut State,
    asked: Asked<'_>,
) -> Outcome<Option<Approval>> {
    let keys = keys(loaded)?;
    let given = if keys.is_empty() {
        state.approvals_of(&asked.plan.plan)?
    } else {
        signed(&keys, state, asked)?.into_iter().collect()
    };
    let author = asked.saved.map_or(asked.user, |(_, saved)| saved.basis.by.as_str());
    let mut refused = Ok(None);
    for approval in given {
        match by_another(&loaded.config.approval, author, &approval.who) {
            Ok(()) => return Ok(Some(approval)),
            Err(failure) => refused = Err(failure),
        }
    }
    refused
}

/// Whoever approves must be somebody else than whoever made the plan, if the config says so.
pub(crate) fn by_another(table: &ApprovalTable, author: &str, approver: &str) -> Outcome<()> {
    if !table.by_another || author != approver {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, format!("{approver} made this plan and cannot approve it too"))
        .with_hint("approval.by_another = true wants somebody else to look at it"))
}

/// The approval that the signature of a saved plan is.
fn signed(
    keys: &[(String, PublicKey)],
    state: &mut State,
    asked: Asked<'_>,
) -> Outcome<Option<Approval>> {
    let Some((file, saved)) = asked.saved else { return Ok(None) };
    let path = asked.signature.map_or_else(|| beside(file), Path::to_owned);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && asked.signature.is_none() => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Failure::usage(format!("cannot read the signature {}", path.display()))
                .with_cause(&error));
        }
    };
    let refuse = |why: String| {
        Failure::new(Exit::Refused, format!("{} approves nothing: {why}", path.display()))
    };
    let signature =
        Signature::decode(&text).map_err(|_| refuse("it is not a signature of minisign".into()))?;
    let signer = keys.iter().find(|(_, key)| key.verify(&saved.text, &signature, true).is_ok());
    let Some((name, _)) = signer else {
        let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
        return Err(refuse(format!(
            "it is not by a key of approval.keys ({}), or not of {} as it is now",
            names.join(", "),
            file.display()
        ))
        .with_hint("sign the saved plan itself, and do not change it afterwards"));
    };
    let line = text.lines().nth(1).unwrap_or_default().trim().to_owned();
    state.approve(&Approval {
        plan: saved.plan.plan.clone(),
        given: asked.now,
        who: name.clone(),
        reason: signature.trusted_comment().to_owned(),
        signature: Some(line.clone()),
    })?;
    let mut unused = state.approvals_of(&saved.plan.plan)?.into_iter();
    match unused.find(|approval| approval.signature.as_ref() == Some(&line)) {
        Some(approval) => Ok(Some(approval)),
        None => Err(refuse("it was used up by an earlier apply".to_owned())
            .with_hint("an approval counts once; plan again and have the new plan signed")),
    }
}

/// `monday.plan.minisig`, where minisign puts it.
fn beside(plan: &Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".");
    name.push(ENDING);
    PathBuf::from(name)
}

/// What to do about a refused plan, in words. What a run of the service leaves out, as it waits for another try, `apply` has in its
/// plan: the one that is approved must be the one that comes again.
pub(crate) fn advice(table: &ApprovalTable, plan: &Plan, file: Option<&Path>) -> String {
    let then = match plan.summary.waiting {
        0 => "apply again",
        _ => "the next run of the service, or `peoplesync apply --unattended`, applies it",
    };
    if plan.changes.is_empty() && plan.bookkeeping.is_empty() {
        return "nothing was written".to_owned();
    }
    if table.keys.is_empty() {
        let named = file.map_or_else(|| plan.plan.clone(), |file| file.display().to_string());
        return format!(
            "nothing was written; to let exactly this plan pass once: peoplesync approve {named} --reason \"…\", then {then}"
        );
    }
    let names: Vec<&str> = table.keys.keys().map(String::as_str).collect();
    let names = names.join(" or ");
    match file {
        Some(file) => format!(
            "nothing was written; to let exactly this plan pass once, {names} signs it: minisign -S -m {0} -t \"why\"; then peoplesync apply {0}",
            file.display()
        ),
        None => format!(
            "nothing was written; to let a plan pass once, save it (peoplesync plan --out FILE), and {names} signs that file"
        ),
    }
}
