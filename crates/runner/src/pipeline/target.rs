//! A state belongs to one target: the ids in its links mean nothing, or somebody else, anywhere else.

use peoplesync_scim::client;
use peoplesync_state::State;

use crate::config::Loaded;
use crate::failure::{Failure, Outcome};

/// The target of a config, in one spelling of its URL. It says nothing of tokens: those may change.
pub(crate) fn identity(loaded: &Loaded) -> Outcome<String> {
    client::identity(&loaded.config.target.url).map_err(Failure::from)
}

/// Refuses a state whose links are to accounts of another target. Asked there, nobody would be found, which reads as "gone".
pub(crate) fn check(loaded: &Loaded, state: &State) -> Outcome<()> {
    let target = identity(loaded)?;
    let Some(bound) = state.target().filter(|bound| *bound != target) else { return Ok(()) };
    if state.is_empty()? {
        return Ok(());
    }
    let url = &loaded.config.state.url;
    let message =
        format!("the links in {url} are to accounts at {bound}, and target.url is {target}");
    Err(Failure::usage(message).with_hint(
        "each target needs a state of its own: give another state.url; if the same accounts have moved to the new address, \
         `peoplesync links retarget` says so",
    ))
}

/// Keeps the target in a state that is about to be written for it.
pub(super) fn bind(loaded: &Loaded, state: &mut State) -> Outcome<()> {
    let target = identity(loaded)?;
    if state.target() != Some(&target) {
        state.bind(&target)?;
    }
    Ok(())
}
