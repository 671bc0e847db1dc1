//! Where the state is, and how it is opened: to be read, or by the one who writes.

use std::path::PathBuf;

use peoplesync_state::State;

use super::Access;
use crate::config::{ConfigErrors, Loaded};
use crate::failure::{Failure, Outcome};

/// The state that the config names.
pub(crate) fn open(loaded: &Loaded, access: Access, now: i64) -> Outcome<State> {
    let access = match access {
        Access::Plan => peoplesync_state::Access::Read,
        Access::Apply => {
            peoplesync_state::Access::Write { who: format!("process {}", std::process::id()), now }
        }
    };
    let seed = crate::clock::random_key()
        .map_err(|error| Failure::unexpected("the system gives no random numbers", &error))?;
    State::open(&path(loaded)?, access, || seed).map_err(Failure::from)
}

/// The path of the state's file.
pub(crate) fn path(loaded: &Loaded) -> Outcome<PathBuf> {
    let url = loaded.config.state.url.as_str();
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => {
            Ok(loaded.base.join(path.strip_prefix("//").unwrap_or(path)))
        }
        _ => {
            let mut error =
                loaded.error(&["state", "url"], format!("\"{url}\" is not the URL of a state"));
            error.hint =
                Some("write `sqlite:` and a path, such as \"sqlite:peoplesync.db\"".to_owned());
            Err(ConfigErrors::from(error).into())
        }
    }
}
