//! What of the config is another than in the last run, and the mapping of before, by which each record tells what comes from that.

use std::sync::Arc;

use peoplesync_mapping::{Mapping, Spec};
use peoplesync_reconcile::Edited;
use peoplesync_scim::schema::Resource;
use peoplesync_state::State;
use serde::Deserialize as _;

use super::parts::Parts;
use super::session::{leavers_of, spec_of};
use super::{Session, lookups};
use crate::config::model::{LeaversTable, People};
use crate::failure::Outcome;

/// What of the config is another than in the last run.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) edited: Edited,
    /// The mapping of the last run, if people are mapped by another one now.
    pub(super) before: Option<Arc<Mapping>>,
}

/// Compares the config with that of the last run. `fields`: those of the source, if it says which it has.
pub(super) fn difference(
    session: &Session,
    state: &State,
    parts: &Parts,
    fields: Option<&[String]>,
) -> Outcome<Difference> {
    let unchanged = Difference { edited: Edited::Nothing, before: None };
    let everything = Difference { edited: Edited::Everything, before: None };
    let Some((_, text)) = state.last_config()? else { return Ok(unchanged) };
    let Ok(last) = serde_json::from_str::<Parts>(&text) else { return Ok(unchanged) };
    if last == *parts {
        return Ok(unchanged);
    }
    // What an older program wrote may be no config of today.
    let (Ok(people), Ok(leavers)) =
        (People::deserialize(&last.people), LeaversTable::deserialize(&last.leavers))
    else {
        return Ok(everything);
    };
    // The tables of the last run are not kept; those of the config are part of its rest, those of files are like a source.
    let lookups = lookups::load(&session.loaded)?;
    let before = Spec { lookups, ..spec_of(&people) };
    let Ok(mapping) = Mapping::compile(&before, Resource::User, &session.schemas) else {
        return Ok(everything);
    };
    let now = &session.loaded.config.people;
    let is_readable = fields.is_none_or(|fields| mapping.unknown_fields(fields).is_empty());
    // What is known of managers and groups is what the mapping of today asks.
    let (asked, asks) = (mapping.asks(), session.mapping.asks());
    let is_answered = !asked.managers()
        || people.manager == now.manager
            && (asks.chain || !asked.chain)
            && asked.manager_fields.iter().all(|field| asks.manager_fields.contains(field));
    let is_answered = is_answered && asks.groups.covers(&asked.groups);
    if last.rest != parts.rest || !is_readable || !is_answered {
        return Ok(everything);
    }
    Ok(Difference {
        edited: Edited::Rules {
            leavers: leavers_of(&leavers),
            matching: people.match_by != now.match_by || people.adopt != now.adopt,
        },
        before: (last.people != parts.people).then(|| Arc::new(mapping)),
    })
}
