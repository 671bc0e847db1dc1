//! A state belongs to one target: the ids in its links mean nothing, or somebody else, anywhere else.

use peoplesync_scim::client;
use peoplesync_state::State;
use sha2::{Digest as _, Sha256};

use crate::config::Loaded;
use crate::failure::{Failure, Outcome};

/// What stands in an identity before the hash of a query.
const HASHED: &str = "?sha256:";

/// The target of a config, in one spelling of its URL. It says nothing of tokens: those may change. A query may tell tenants apart and
/// may hold a key, so it is a hash here.
pub(crate) fn identity(loaded: &Loaded) -> Outcome<String> {
    client::identity(&loaded.config.target.url).map(hashed).map_err(Failure::from)
}

/// The target that a state is bound to.
pub(crate) fn bound(state: &State) -> Option<String> {
    // Earlier versions have kept queries as they are.
    state.target().map(|target| hashed(target.to_owned()))
}

fn hashed(identity: String) -> String {
    match identity.split_once('?') {
        Some((url, query)) if !identity.contains(HASHED) => {
            let hash = Sha256::digest(query);
            let digits: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("{url}{HASHED}{digits}")
        }
        _ => identity,
    }
}

/// Refuses a state whose links are to accounts of another target. Asked there, nobody would be found, which reads as "gone".
pub(crate) fn check(loaded: &Loaded, state: &State) -> Outcome<()> {
    let target = identity(loaded)?;
    let Some(bound) = bound(state).filter(|bound| *bound != target) else { return Ok(()) };
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
