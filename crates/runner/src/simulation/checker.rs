//! What must hold, whatever happens: a model of its own, which sees the people as they are, what the source gave, and each write
//! that reaches the target. It shares no code with the planner, and knows the config as facts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::settings::{Action, PROTECTED, Settings};
use super::world::{Person, Status};

const DAY: i64 = 86_400_000;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A rule that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) rule: &'static str,
    pub(super) how: String,
}

/// What a read proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Proof {
    #[default]
    Partial,
    Complete,
    Changes,
}

/// A read that came to its end, with the truth at that moment.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) proof: Proof,
    pub(super) truth: BTreeMap<String, Person>,
    /// Whose good record was given.
    pub(super) delivered: BTreeSet<String>,
    /// Whose record was given, and was no good.
    pub(super) pinned: BTreeSet<String>,
    pub(super) removed: BTreeSet<String>,
    /// Whether something was rejected that could be anybody.
    pub(super) nameless: bool,
}

/// A write as the target saw it.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) method: &'a str,
    pub(super) id: &'a str,
    pub(super) before: Option<Json>,
    pub(super) after: Option<Json>,
    /// Everybody at the target after it.
    pub(super) all: Vec<Json>,
}

/// What a plan may do.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// The keys of those who get an account.
    pub(super) creates: BTreeSet<String>,
    /// The accounts that are changed or deleted.
    pub(super) ids: BTreeSet<String>,
    /// The accounts that are protected when it is made.
    pub(super) protected: BTreeSet<String>,
    /// How many may leave; none where somebody let it pass.
    pub(super) most_leavers: Option<usize>,
}

/// The model.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// The accounts that were created or adopted, and for whom.
    pub(super) owned: BTreeMap<String, String>,
    /// Those that ever were, whether they are there or not.
    ever: BTreeMap<String, String>,
    /// Since when somebody is known to be absent, at the earliest.
    since: BTreeMap<String, i64>,
    read: Option<Read>,
    /// None before there is a plan that may be applied.
    planned: Option<Planned>,
    leavers: BTreeSet<String>,
    pub(super) broken: Vec<Broken>,
    pub(super) writes: u64,
}

impl Checker {
    /// A run begins: nothing was read, nothing is planned.
    pub(super) fn begin(&mut self) {
        self.read = None;
        self.planned = None;
        self.leavers.clear();
    }

    pub(super) fn read(&mut self, read: Read) {
        self.read = Some(read);
    }

    pub(super) fn plan(&mut self, planned: Planned) {
        self.planned = Some(planned);
    }

    /// As if a plan wrote this account; for mistakes on purpose.
    pub(super) fn is_planned(&mut self, id: &str) {
        self.planned.as_mut().unwrap().ids.insert(id.to_owned());
    }

    /// Another account that the plan writes and that is somebody's.
    pub(super) fn planned_but(&self, id: &str) -> Option<String> {
        let mut ids = self.planned.as_ref()?.ids.iter();
        ids.find(|other| *other != id && self.owned.contains_key(*other)).cloned()
    }

    pub(super) fn breaks(&mut self, rule: &'static str, how: String) {
        self.broken.push(Broken { rule, how });
    }

    /// A run goes on to apply, at this time: whoever is lacking is known to be from now on.
    pub(super) fn applies(&mut self, settings: &Settings, now: i64) {
        let Some(read) = &self.read else { return };
        for key in self.owned.values() {
            if may_leave(read, settings, key).is_ok() {
                // A clock that was set back: what it had said was wrong.
                let since = self.since.entry(key.clone()).or_insert(now);
                *since = (*since).min(now);
            }
        }
    }

    /// A run came to its end: whoever was seen is known not to be absent.
    pub(super) fn applied(&mut self, settings: &Settings) {
        let Some(read) = &self.read else { return };
        let is_here = |key: &String| {
            read.delivered.contains(key)
                && read.truth.get(key).is_some_and(|person| settings.in_scope(person))
        };
        self.since.retain(|key, _| !is_here(key));
    }

    /// An account is somebody's from now on.
    pub(super) fn owns(&mut self, id: &str, key: &str) {
        note_owner([&mut self.owned, &mut self.ever], id, key);
    }

    /// All links are gone, or this one.
    pub(super) fn forgets(&mut self, id: Option<&str>) {
        match id {
            Some(id) => drop(self.owned.remove(id)),
            None => self.owned.clear(),
        }
    }

    /// Judges a write.
    pub(super) fn wrote(&mut self, settings: &Settings, now: i64, write: &Write<'_>) {
        self.writes += 1;
        if let Err(broken) = self.judge(settings, now, write) {
            self.broken.push(broken);
        }
    }

    fn judge(&mut self, settings: &Settings, now: i64, write: &Write<'_>) -> Result<(), Broken> {
        let broken =
            |rule, how: &str| Broken { rule, how: format!("{} {}: {how}", write.method, write.id) };
        let Some(Planned { creates, ids, protected, most_leavers }) = &mut self.planned else {
            return Err(broken("dry", "a write without a plan that may be applied"));
        };
        let Some(read) = &self.read else {
            return Err(broken("dry", "a write without a read"));
        };
        let text =
            |account: &Json, name: &str| account[name].as_str().unwrap_or_default().to_owned();
        match (&write.before, &write.after) {
            (None, Some(account)) => {
                let key = text(account, "externalId");
                let person = read.truth.get(&key).filter(|_| !read.pinned.contains(&key));
                if !person.is_some_and(|person| settings.in_scope(person)) {
                    return Err(broken("stranger", &format!("{key} is nobody in scope")));
                }
                let same =
                    write.all.iter().filter(|other| text(other, "externalId") == key).count();
                if same > 1 {
                    return Err(broken("duplicate", &format!("{key} has {same} accounts")));
                }
                if !creates.contains(&key) {
                    return Err(broken("planned", &format!("no plan creates {key}")));
                }
                content(settings, &self.ever, read, &key, write)
                    .map_err(|how| broken("content", &how))?;
                ids.insert(write.id.to_owned());
                note_owner([&mut self.owned, &mut self.ever], write.id, &key);
            }
            (Some(before), after) => {
                let most_leavers = *most_leavers;
                if !ids.contains(write.id) {
                    return Err(broken("planned", "no plan writes this account"));
                }
                if protected.contains(write.id) {
                    return Err(broken("protected", "a protected account"));
                }
                let key = match self.owned.get(write.id) {
                    Some(key) => key.clone(),
                    None => {
                        let key = adopted(settings, read, before, after.as_ref())
                            .map_err(|how| broken("foreign", &how))?;
                        note_owner([&mut self.owned, &mut self.ever], write.id, &key);
                        key
                    }
                };
                if let Some(after) = after {
                    if text(after, "externalId") != key {
                        return Err(broken(
                            "foreign",
                            &format!("the account of {key} is given away"),
                        ));
                    }
                    if unmanaged(settings, before) != unmanaged(settings, after) {
                        let how = format!("{before} became {after}");
                        return Err(broken("unmanaged", &how));
                    }
                    content(settings, &self.ever, read, &key, write)
                        .map_err(|how| broken("content", &how))?;
                }
                let is_active = |account: &Json| account["active"] != Json::Bool(false);
                let is_leaving = match after {
                    None => true,
                    Some(after) => is_active(before) && !is_active(after),
                };
                let is_inactive_person = read.delivered.contains(&key)
                    && read.truth.get(&key).is_some_and(|person| {
                        settings.in_scope(person) && person.status != Status::Active
                    });
                if is_leaving && !(is_inactive_person && after.is_some()) {
                    may_leave(read, settings, &key).map_err(|how| broken("leaver", &how))?;
                    self.in_time(settings, now, &key, before, after.is_none())
                        .map_err(|how| broken("grace", &how))?;
                    self.leavers.insert(key);
                    if most_leavers.is_some_and(|most| self.leavers.len() > most) {
                        let how = format!("{} leavers", self.leavers.len());
                        return Err(broken("guard", &how));
                    }
                }
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// Whether the action against a leaver is the one that was configured, at its time.
    fn in_time(
        &self,
        settings: &Settings,
        now: i64,
        key: &str,
        before: &Json,
        deleted: bool,
    ) -> Result<(), String> {
        let since = self.since.get(key).copied().unwrap_or(now);
        let days = (now - since) / DAY;
        let was_active = before["active"] != Json::Bool(false);
        let by_time =
            settings.action == Action::Deactivate && settings.delete_after_days > 0 && !was_active;
        match (deleted, settings.action) {
            (_, Action::Ignore | Action::Unlink) => {
                Err(format!("{key} is written although leavers are not"))
            }
            (true, Action::Deactivate) if !by_time => Err(format!("{key} is deleted")),
            (true, Action::Deactivate) if days < i64::from(settings.delete_after_days) => {
                Err(format!("{key} is deleted after {days} days"))
            }
            (false, Action::Delete) => Err(format!("{key} is deactivated, to be deleted")),
            _ if was_active && days < i64::from(settings.grace_days) => {
                Err(format!("{key} leaves after {days} days"))
            }
            _ => Ok(()),
        }
    }
}

fn note_owner(owners: [&mut BTreeMap<String, String>; 2], id: &str, key: &str) {
    for owners in owners {
        owners.insert(id.to_owned(), key.to_owned());
    }
}

/// Whether what was read proves that somebody left, and it is true.
fn may_leave(read: &Read, settings: &Settings, key: &str) -> Result<(), String> {
    match read.truth.get(key) {
        _ if read.proof == Proof::Partial => Err(format!("{key} leaves by a partial read")),
        _ if read.pinned.contains(key) => {
            Err(format!("{key} leaves with a record that is no good"))
        }
        Some(person) if settings.in_scope(person) => Err(format!("{key} is in the source")),
        Some(_) if read.delivered.contains(key) => Ok(()),
        Some(_) => Err(format!("{key} was not given")),
        None if read.removed.contains(key) => Ok(()),
        None if read.proof == Proof::Changes => Err(format!("nothing was said of {key}")),
        None if read.nameless => Err(format!("{key} may be the record that nobody can name")),
        None => Ok(()),
    }
}

/// Whose the account may become that was nobody's.
fn adopted(
    settings: &Settings,
    read: &Read,
    before: &Json,
    after: Option<&Json>,
) -> Result<String, String> {
    let key = after.and_then(|after| after["externalId"].as_str()).unwrap_or_default();
    let Some(person) = read.truth.get(key).filter(|_| read.delivered.contains(key)) else {
        return Err("an account of nobody".to_owned());
    };
    let name = before["userName"].as_str().unwrap_or_default();
    let matches = before["externalId"] == key || name.eq_ignore_ascii_case(&person.mail);
    match matches && settings.adopt && settings.in_scope(person) {
        true => Ok(key.to_owned()),
        false => Err(format!("{key} takes over what does not match")),
    }
}

/// Whether each value that a write changed is the one that this person is to have.
fn content(
    settings: &Settings,
    ever: &BTreeMap<String, String>,
    read: &Read,
    key: &str,
    write: &Write<'_>,
) -> Result<(), String> {
    let (before, after) = (write.before.as_ref(), write.after.as_ref());
    let (before, after) = (before.unwrap_or(&Json::Null), after.unwrap_or(&Json::Null));
    let person = read.truth.get(key).filter(|person| settings.in_scope(person));
    let own = |what: Option<Json>| what.map(|value| vec![value]);
    // Whoever left is taken out of use, and nothing else.
    let wanted = |name: &str| match (name, person) {
        (_, Some(_)) if read.pinned.contains(key) => None,
        ("active", None) => own(Some(false.into())),
        (_, None) => None,
        ("active", Some(person)) => own(Some((person.status == Status::Active).into())),
        ("userName" | "mail", Some(person)) => own(Some(person.mail.as_str().into())),
        ("givenName", Some(person)) => own(Some(person.first.as_str().into())),
        ("title", Some(person)) => own(settings.title_of(person).map(Json::from)),
        (_, Some(person)) => {
            let key = person.manager.as_deref().unwrap_or_default();
            let mail = read.truth.get(key).map(|manager| manager.mail.as_str());
            let theirs = write.all.iter().filter(|account| {
                account["externalId"] == key || account["userName"].as_str() == mail
            });
            // An account that others deleted is known to be gone only once it was looked at.
            let former = ever.iter().filter(|(_, owner)| *owner == key);
            let former = former.map(|(id, _)| id.as_str().into());
            let ids = theirs.map(|account| account["id"].clone()).chain(former);
            Some(ids.chain([Json::Null]).collect())
        }
    };
    for name in ["active", "userName", "mail", "givenName", "title", "manager"] {
        let (was, is) = (value_of(before, name), value_of(after, name));
        if was != is && !wanted(name).is_some_and(|wanted| wanted.contains(is)) {
            return Err(format!("{name} of {key} becomes {is}, and was {was}"));
        }
    }
    Ok(())
}

fn value_of<'a>(account: &'a Json, name: &str) -> &'a Json {
    match name {
        "givenName" => &account["name"]["givenName"],
        "manager" => &account[ENTERPRISE]["manager"]["value"],
        "mail" => {
            let mut mails = account["emails"].as_array().into_iter().flatten();
            mails.find(|mail| mail["type"] == "work").map_or(&Json::Null, |mail| &mail["value"])
        }
        name => &account[name],
    }
}

/// An account without what is managed.
pub(super) fn unmanaged(settings: &Settings, account: &Json) -> Json {
    let mut rest = account.clone();
    let Some(members) = rest.as_object_mut() else { return rest };
    for name in ["externalId", "userName", "active", "meta", "schemas"] {
        members.remove(name);
    }
    if settings.title_of(&somebody()).is_some() {
        members.remove("title");
    }
    let mut empty = Vec::new();
    for (name, member) in members.iter_mut() {
        match (name.as_str(), member) {
            ("emails", Json::Array(emails)) => emails.retain(|email| email["type"] != "work"),
            ("name", Json::Object(name)) => drop(name.remove("givenName")),
            (ENTERPRISE, Json::Object(extension)) => drop(extension.remove("manager")),
            _ => {}
        }
    }
    for (name, member) in &*members {
        if member.as_object().is_some_and(serde_json::Map::is_empty)
            || member.as_array().is_some_and(Vec::is_empty)
        {
            empty.push(name.clone());
        }
    }
    for name in empty {
        members.remove(&name);
    }
    rest
}

fn somebody() -> Person {
    Person {
        mail: String::new(),
        first: String::new(),
        title: None,
        manager: None,
        status: Status::Active,
        record: super::world::Record::Good,
    }
}

/// What is not as it should be at the target once nothing goes wrong any more, account by account.
pub(super) fn differences(
    settings: &Settings,
    truth: &BTreeMap<String, Person>,
    links: &BTreeMap<String, String>,
    accounts: &[Json],
) -> Vec<String> {
    let text = |account: &Json, name: &str| account[name].as_str().unwrap_or_default().to_owned();
    let by_id = |id: &str| accounts.iter().find(|account| account["id"] == id);
    let in_scope: BTreeMap<&String, &Person> =
        truth.iter().filter(|(_, person)| settings.in_scope(person)).collect();
    let mut found = Vec::new();
    for (&key, person) in &in_scope {
        let own = links.get(key).and_then(|id| by_id(id));
        let others =
            || accounts.iter().filter(|other| own.is_none_or(|own| own["id"] != other["id"]));
        // Somebody else has the name or the key: that is told, and nobody's guess.
        let is_taken = others().any(|other| {
            text(other, "userName").eq_ignore_ascii_case(&person.mail)
                || (own.is_none() && other["externalId"] == **key)
        });
        let is_protected = own.is_some_and(|own| text(own, "userName") == PROTECTED);
        if is_taken || is_protected || person.mail == PROTECTED {
            continue;
        }
        let Some(own) = own else {
            found.push(format!("{key} has no account"));
            continue;
        };
        let mut expect = |what: &str, is: Json, wanted: Json| {
            if is != wanted {
                found.push(format!("{what} of {key} is {is}, not {wanted}"));
            }
        };
        expect("externalId", own["externalId"].clone(), Json::from(key.as_str()));
        expect("userName", own["userName"].clone(), Json::from(person.mail.as_str()));
        expect("name", own["name"]["givenName"].clone(), Json::from(person.first.as_str()));
        expect("active", own["active"].clone(), Json::from(person.status == Status::Active));
        if let Some(title) = settings.title_of(person) {
            expect("title", own["title"].clone(), Json::from(title));
        }
        expect("mail", value_of(own, "mail").clone(), Json::from(person.mail.as_str()));
        let manager = person.manager.as_ref().filter(|manager| in_scope.contains_key(manager));
        let id = manager.and_then(|manager| links.get(manager));
        if let Some(id) = id.filter(|id| by_id(id).is_some()) {
            expect("manager", value_of(own, "manager").clone(), Json::from(id.as_str()));
        }
    }
    found
}
