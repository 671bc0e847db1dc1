//! What the target says of itself, kept in the state: asked by the first apply, and again once that may no longer hold.

use std::sync::Arc;

use peoplesync_scim::Profile;
use peoplesync_scim::client::Client;
use peoplesync_scim::profile::Discovery;
use peoplesync_state::State;
use serde_json::json;

use super::{Access, Session, open_state, target};
use crate::failure::{Failure, Outcome};

const DAY: i64 = 24 * 3_600_000;

/// The client with a profile that leaves nothing open: what it does not say, the service says of itself. It is asked by the first
/// apply, by each with `--full`, and once its word is a day old or did not hold.
pub(crate) async fn complete(
    session: &Session,
    client: Client,
    state: &mut State,
    full: bool,
) -> Outcome<Client> {
    if !client.profile().is_open() {
        return Ok(client);
    }
    let asked = question(session, &client)?;
    let now = session.clock.now().0;
    let is_fresh = |at: &i64| (0..DAY).contains(&now.saturating_sub(*at));
    let kept = state.discovery(&asked)?.filter(|(at, _)| !full && is_fresh(at));
    let kept = kept.and_then(|(_, said)| serde_json::from_str(&said).ok());
    let found: Discovery = match kept {
        Some(found) => found,
        None => {
            let found = client.discover(false).await?;
            state.keep_discovery(&asked, now, &json!(found).to_string())?;
            found
        }
    };
    let profile = Profile::clone(client.profile());
    Ok(client.with_profile(Arc::new(profile.with_discovery(&found))))
}

/// Asks anew where an answer is kept that the next apply would go by, for a plan that is to see everything anew.
pub(crate) async fn ask_anew(session: &Session, client: &Client, state: &State) -> Outcome<()> {
    if !client.profile().is_open() || state.discovery(&question(session, client)?)?.is_none() {
        return Ok(());
    }
    renew(session, client, &client.discover(false).await?)
}

/// Puts an answer in the place of the one that is kept. Where none is, the next apply asks by itself: a state is neither made for
/// this nor brought up to date, which would keep an older version of this program from reading it.
pub(crate) fn renew(session: &Session, client: &Client, found: &Discovery) -> Outcome<()> {
    let asked = question(session, client)?;
    if client.profile().is_open() && open_state(session, Access::Plan)?.discovery(&asked)?.is_some()
    {
        let mut state = open_state(session, Access::Apply)?;
        state.keep_discovery(&asked, session.clock.now().0, &json!(found).to_string())?;
    }
    Ok(())
}

/// What is said where an answer could not be renewed; nothing is wrong because of that.
pub(crate) fn is_older(failure: &Failure) -> String {
    format!(
        "what the target said earlier of itself stays what the next apply goes by: {}",
        failure.line()
    )
}

/// Another address, another profile or another version of this program: that is another question.
fn question(session: &Session, client: &Client) -> Outcome<String> {
    let target = target::identity(&session.loaded)?;
    Ok(format!("{target} {} {}", env!("CARGO_PKG_VERSION"), json!(**client.profile())))
}
