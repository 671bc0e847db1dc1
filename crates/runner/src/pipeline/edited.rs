//! What of the config is another than in the last run, and the mapping of before, by which each record tells what comes from that.

use std::sync::Arc;

use peoplesync_mapping::{Binding, Mapping, Spec};
use peoplesync_reconcile::Edited;
use peoplesync_scim::schema::Resource;
use peoplesync_source::{FieldTypes, Fields};
use peoplesync_state::State;
use serde::Deserialize as _;
use serde_json::Value as Json;

use super::parts::Parts;
use super::session::{leavers_of, spec_of};
use super::{Origin, Session, groups, lookups};
use crate::config::groups::GroupsTable;
use crate::config::model::{LeaversTable, People};
use crate::failure::Outcome;

/// What of the config is another than in the last run.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) edited: Edited,
    /// The mapping of the last run, if people are mapped by another one now.
    pub(super) before: Option<Arc<Mapping>>,
    /// The same for groups.
    pub(super) groups: Edits,
}

/// What of the config of groups is another, or of that of people, who are in them.
#[derive(Debug)]
pub(in crate::pipeline) struct Edits {
    pub(super) edited: Edited,
    before: Option<Mapping>,
}

impl Edits {
    const NOTHING: Self = Self { edited: Edited::Nothing, before: None };
    const EVERYTHING: Self = Self { edited: Edited::Everything, before: None };

    /// Whether it can be told what the config of before says of a group.
    pub(super) fn has_rules(&self) -> bool {
        matches!(self.edited, Edited::Rules { .. })
    }

    /// The same where the source of groups may not have any more what the mapping of the last run reads.
    pub(super) async fn known_to(self, session: &Session) -> Self {
        let source = session.groups.as_ref().map(|groups| &groups.origin);
        let (Some(mapping), Some(Origin::Source(source, ..))) = (&self.before, source) else {
            return self;
        };
        // A source that cannot be asked is an error when it is read.
        let fields = source.fields(&session.cx).await.ok().flatten();
        match fields.is_none_or(|fields| mapping.unknown_fields(&fields).is_empty()) {
            true => self,
            false => Self::EVERYTHING,
        }
    }

    /// The fields that the mapping of the last run reads.
    pub(super) fn fields(&self) -> impl Iterator<Item = &String> {
        self.before.iter().flat_map(Mapping::fields)
    }

    /// The mapping of the last run, if groups are mapped by another one now.
    pub(super) fn bound(&self, fields: &Fields) -> Option<(&Mapping, Binding)> {
        self.before.as_ref().map(|mapping| (mapping, mapping.bind(fields)))
    }
}

/// Compares the config with that of the last run. `fields`: those of the source, if it says which it has.
pub(super) fn difference(
    session: &Session,
    state: &State,
    parts: &Parts,
    fields: Option<&[String]>,
) -> Outcome<Difference> {
    let unchanged = Difference { edited: Edited::Nothing, before: None, groups: Edits::NOTHING };
    let Some((_, text)) = state.last_config()? else { return Ok(unchanged) };
    let Ok(last) = serde_json::from_str::<Parts>(&text) else { return Ok(unchanged) };
    if last == *parts {
        return Ok(unchanged);
    }
    let (edited, before) = of_people(session, &last, parts, fields)?;
    let groups = of_groups(session, &last, parts, edited);
    Ok(Difference { edited, before, groups })
}

fn of_people(
    session: &Session,
    last: &Parts,
    parts: &Parts,
    fields: Option<&[String]>,
) -> Outcome<(Edited, Option<Arc<Mapping>>)> {
    let everything = (Edited::Everything, None);
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
    // Groups are nothing to people, unless a rule asks who is in which. Earlier versions did not tell them apart.
    let asks_for_groups = session.asked_groups.is_some();
    let is_same = match (&last.sides, &parts.sides) {
        (Some(last), Some(now)) if !asks_for_groups => last == now,
        _ => last.rest == parts.rest,
    };
    if !is_same || !is_readable || !is_answered {
        return Ok(everything);
    }
    let (people_differ, leavers) = (last.people != parts.people, leavers_of(&leavers));
    if !people_differ && last.leavers == parts.leavers {
        return Ok((Edited::Nothing, None));
    }
    let matching = people.match_by != now.match_by || people.adopt != now.adopt;
    Ok((Edited::Rules { leavers, matching }, people_differ.then(|| Arc::new(mapping))))
}

/// The keys of the table of groups of which it can be told what they would have done.
const RULES: [&str; 6] = ["scope", "attributes", "match", "adopt", "on_absent", "on_drift"];

fn of_groups(session: &Session, last: &Parts, parts: &Parts, people: Edited) -> Edits {
    let table = session.loaded.config.groups.as_ref().filter(|_| session.groups.is_some());
    let Some(table) = table else { return Edits::NOTHING };
    let Some(before) = &last.groups else {
        // There were none; or the program was an earlier one, which did not say.
        let is_new = last.rest != parts.rest;
        return if is_new { Edits::EVERYTHING } else { Edits::NOTHING };
    };
    let now = parts.groups.as_ref().unwrap_or(&Json::Null);
    if before == now && people == Edited::Nothing {
        return Edits::NOTHING;
    }
    if people == Edited::Everything || others(before) != others(now) {
        return Edits::EVERYTHING;
    }
    let mut known = before.clone();
    known.as_object_mut().and_then(|known| known.remove("source"));
    let Ok(known) = GroupsTable::deserialize(known) else { return Edits::EVERYTHING };
    let is_mapped = ["scope", "attributes"].iter().all(|key| before.get(key) == now.get(key));
    let mapping = match is_mapped {
        true => None,
        false => {
            let types = FieldTypes::new();
            match groups::mapping(&session.loaded, &known, &session.schemas, types) {
                Ok(mapping) => Some(mapping),
                Err(_) => return Edits::EVERYTHING,
            }
        }
    };
    let leavers = groups::leavers_of(known.on_absent);
    let matching = known.match_by != table.match_by || known.adopt != table.adopt;
    Edits { edited: Edited::Rules { leavers, matching }, before: mapping }
}

/// The rest of a table of groups.
fn others(table: &Json) -> Vec<(&String, &Json)> {
    let keys = table.as_object().into_iter().flatten();
    keys.filter(|(key, _)| !RULES.contains(&key.as_str())).collect()
}
