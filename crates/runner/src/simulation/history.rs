//! One history from its first load to the day on which nothing goes wrong any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use peoplesync_scim::Resource;
use peoplesync_simulator::{Behaviour, Simulator};
use peoplesync_source::{Clock, Context, NoSecrets};
use peoplesync_state::{Access, State};
use serde_json::{Value as Json, json};

use super::bulk::Offer;
use super::checker::{Checker, differences};
use super::dice::Dice;
use super::run::{Ended, apply, live, plan};
use super::settings::{Action, PROTECTED, Settings};
use super::source::SimulatedSource;
use super::wire::SimulatedWire;
use super::world::World;
use super::{Moment, Sabotage, Shared, Sim, SimulatedClock, locked};
use crate::config;
use crate::pipeline::{Session, Wired, saved};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

/// How often everything is applied in the end before it must have come to rest.
const ROUNDS: u32 = 6;

/// What happened in some histories.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) runs: u64,
    pub(super) deaths: u64,
    pub(super) refused: u64,
    pub(super) writes: u64,
    pub(super) reads_failed: u64,
    pub(super) bulks: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.deaths += other.deaths;
        self.refused += other.refused;
        self.writes += other.writes;
        self.reads_failed += other.reads_failed;
        self.bulks += other.bulks;
    }
}

pub(super) struct History {
    sim: Shared,
    folder: PathBuf,
    tally: Tally,
    /// The links as they were after the last run.
    links: BTreeMap<String, String>,
    /// Accounts that others took into use again.
    meddled: Vec<String>,
}

impl History {
    pub(super) fn new(seed: u64, sabotage: Sabotage, folder: &Path, traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let bulk = Offer::of(seed);
        let behaviour = Behaviour {
            patch: !dice.one_in(4),
            patch_without_body: dice.one_in(3),
            etag: dice.one_in(2),
            max_page: 1 + dice.index(12),
            bulk: bulk.as_ref().map(Offer::limits),
            ..Behaviour::default()
        };
        let target = Simulator::builder().behaviour(behaviour).record(false);
        let settings = Settings::new(&mut dice);
        let sim = Sim {
            target: target.without_network().unwrap(),
            bulk,
            settings,
            world: World::default(),
            checker: Checker::default(),
            sabotage,
            now: START,
            incremental: dice.one_in(2),
            stormy: false,
            fate: None,
            dead: false,
            undertaker: None,
            trace: traced.then(String::new),
            dice,
        };
        new_state(folder);
        Self {
            sim: Arc::new(Mutex::new(sim)),
            folder: folder.to_owned(),
            tally: Tally::default(),
            links: BTreeMap::new(),
            meddled: Vec::new(),
        }
    }

    /// One history, told.
    pub(super) fn of_one(seed: u64) -> String {
        let folder = super::folder();
        let mut history = Self::new(seed, Sabotage::Nothing, folder.path(), true);
        let ended = history.run();
        format!("{}\nseed {seed}: {ended:?}", history.trace())
    }

    pub(super) fn trace(&self) -> String {
        locked(&self.sim).trace.clone().unwrap_or_default()
    }

    /// Lives through it. The first rule that was broken, and with a trace everything up to there.
    pub(super) fn run(&mut self) -> Result<Tally, String> {
        let told = |history: &Self| {
            let sim = locked(&history.sim);
            let first = sim.checker.broken.first();
            first.map(|broken| match &sim.trace {
                Some(trace) => format!("{trace}[{}] {}", broken.rule, broken.how),
                None => format!("[{}] {}", broken.rule, broken.how),
            })
        };
        self.begin();
        let runs = 3 + locked(&self.sim).dice.below(5);
        for _ in 0..runs {
            self.time_passes();
            self.one_run();
            if let Some(found) = told(self) {
                return Err(found);
            }
        }
        self.comes_to_rest();
        match told(self) {
            Some(found) => Err(found),
            None => {
                let sim = locked(&self.sim);
                self.tally.writes = sim.checker.writes;
                self.tally.bulks = sim.bulk.as_ref().map_or(0, |offer| offer.count);
                Ok(self.tally)
            }
        }
    }

    /// The first people, and accounts that were there before.
    fn begin(&self) {
        let mut sim = locked(&self.sim);
        for _ in 0..4 + sim.dice.below(20) {
            let Sim { world, dice, .. } = &mut *sim;
            let _said = world.join(dice);
        }
        let some = sim.dice.below(4);
        let accounts = (0..some).map(|n| {
            let mut account = json!({
                "userName": format!("other{n}@example.com"),
                "name": { "familyName": "Other", "givenName": "An" },
                "nickName": format!("nick{n}"),
                "phoneNumbers": [{ "type": "work", "value": "+47 1" }],
                "emails": [{ "type": "home", "value": "home@example.com" }],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "D" },
            });
            match sim.dice.below(4) {
                0 => account["externalId"] = format!("k{}", 1 + sim.dice.below(8)).into(),
                1 => account["userName"] = format!("k{}@example.com", 1 + sim.dice.below(8)).into(),
                2 => account["userName"] = PROTECTED.into(),
                _ => {}
            }
            account
        });
        for account in accounts.collect::<Vec<_>>() {
            // Some would have the same name.
            let _taken = sim.target.seed(Resource::User, [account]);
        }
        if sim.dice.one_in(6)
            && let Some(person) = sim.world.people.values_mut().next()
        {
            person.mail = PROTECTED.to_owned();
        }
    }

    /// What happens between two runs.
    fn time_passes(&mut self) {
        let mut sim = locked(&self.sim);
        sim.now += match sim.dice.below(10) {
            // Somebody sets the clock back.
            0 => -HOUR * i64::from(1 + sim.dice.below(30)),
            1..4 => DAY * i64::from(1 + sim.dice.below(3)),
            _ => HOUR * i64::from(sim.dice.below(20)) + 60_000,
        };
        let mass = sim.dice.one_in(8);
        for _ in 0..if mass { 12 } else { sim.dice.below(5) } {
            let Sim { world, dice, .. } = &mut *sim;
            let said = world.happen(dice);
            sim.note(&said);
        }
        if mass && sim.dice.one_in(2) {
            let gone: Vec<String> = sim.world.people.keys().take(8).cloned().collect();
            sim.note(&format!("{gone:?} leave"));
            for key in gone {
                sim.world.people.remove(&key);
                sim.world.log.push(key);
            }
        }
        if sim.dice.one_in(5) {
            let Sim { settings, dice, .. } = &mut *sim;
            settings.edit(dice);
            let said = format!("{settings:?}");
            sim.note(&said);
        }
        if sim.dice.one_in(4) {
            let meddled = others(&mut sim);
            self.meddled.extend(meddled);
        }
        if sim.settings.adopt && sim.dice.one_in(20) {
            sim.note("the state is lost");
            sim.checker.forgets(None);
            new_state(&self.folder);
            self.links.clear();
        }
        sim.stormy = sim.dice.one_in(2);
        sim.fate = if sim.dice.one_in(3) {
            let moment = match sim.dice.below(8) {
                0 => Moment::Read,
                1 | 2 => Moment::Clock,
                3 | 4 => Moment::Request,
                _ => Moment::Reply,
            };
            let most = if moment == Moment::Read { 4 } else { 24 };
            Some((moment, sim.dice.below(most)))
        } else {
            None
        };
        let said = format!("--- {}: stormy {}, fate {:?}", sim.now, sim.stormy, sim.fate);
        sim.note(&said);
    }

    /// One command, or `plan --out` and then `apply` of it.
    fn one_run(&mut self) {
        let (kind, full, approved, between) = {
            let dice = &mut locked(&self.sim).dice;
            (dice.below(6), dice.one_in(4), dice.one_in(2), dice.below(3))
        };
        let out = self.folder.join("saved.plan");
        match kind {
            0 => drop(self.live(|sim, session| plan(sim, session, full, None))),
            1 => {
                let planned = self.live(|sim, session| plan(sim, session, full, Some(&out)));
                if !matches!(planned, Ended::Planned(_)) {
                    return;
                }
                {
                    let mut sim = locked(&self.sim);
                    let Sim { world, dice, now, .. } = &mut *sim;
                    *now += HOUR;
                    let said: Vec<String> = (0..between / 2).map(|_| world.happen(dice)).collect();
                    sim.note(&format!("meanwhile {said:?}"));
                }
                let saved = saved::open(&out).unwrap();
                self.live(|sim, session| apply(sim, session, full, Some(saved), approved));
            }
            _ => drop(self.live(|sim, session| apply(sim, session, full, None, approved))),
        }
    }

    /// Runs the program, and looks at what it left behind.
    fn live<F>(&mut self, run: impl FnOnce(Shared, Session) -> F) -> Ended
    where
        F: Future<Output = crate::failure::Outcome<Ended>>,
    {
        locked(&self.sim).checker.begin();
        let session = self.session();
        let ended = live(&self.sim, run(Arc::clone(&self.sim), session));
        self.tally.runs += 1;
        match &ended {
            Ended::Died => self.tally.deaths += 1,
            Ended::Refused => self.tally.refused += 1,
            Ended::Failed { .. } => self.tally.reads_failed += 1,
            _ => {}
        }
        locked(&self.sim).note(&match &ended {
            Ended::Planned(plan) => format!("planned {:?}", plan.summary),
            ended => format!("{ended:?}"),
        });
        self.look(&ended);
        ended
    }

    fn session(&self) -> Session {
        let toml = self.toml();
        let path = Path::new("peoplesync.toml");
        let loaded = config::parse(path, &toml, &self.folder)
            .unwrap_or_else(|errors| panic!("{errors}\n{toml}"));
        let clock: Arc<dyn Clock> = Arc::new(SimulatedClock(Arc::clone(&self.sim)));
        let mut session =
            Session::new(loaded, &clock).unwrap_or_else(|errors| panic!("{errors}\n{toml}"));
        session.sources.read_from(Box::new(SimulatedSource(Arc::clone(&self.sim))));
        session.cx = Context::new(clock.clone(), Arc::new(NoSecrets), &self.folder);
        let seed = locked(&self.sim).dice.seed();
        session.wired = Some(Wired { wire: Arc::new(SimulatedWire(Arc::clone(&self.sim))), seed });
        session
    }

    /// The config; a mistake on purpose may make it another than the checker knows.
    fn toml(&self) -> String {
        let sim = locked(&self.sim);
        let mut settings = sim.settings.clone();
        match sim.sabotage {
            Sabotage::NoGrace => settings.grace_days = 0,
            Sabotage::Deletes if settings.action == Action::Deactivate => {
                settings.action = Action::Delete;
            }
            _ => {}
        }
        let toml = settings.toml() + sim.bulk.as_ref().map_or("", Offer::toml);
        match sim.sabotage {
            Sabotage::NoGuards => toml.replace("[guards]", "[guards]\nmax_leavers = 1000"),
            _ => toml,
        }
    }

    /// What must be true of the state after a run.
    fn look(&mut self, ended: &Ended) {
        let state = State::open(&self.state(), Access::Read, || [0; 32]).unwrap();
        let open = state.unsettled().unwrap().len();
        let mut links = BTreeMap::new();
        let mut twice = Vec::new();
        let each = |link: peoplesync_reconcile::Link| {
            if links.insert(link.key.clone(), link.id).is_some() {
                twice.push(link.key);
            }
        };
        state.each_link(Resource::User, each).unwrap();
        drop(state);
        let mut sim = locked(&self.sim);
        if open > 0 && matches!(ended, Ended::Applied { .. }) {
            sim.checker.breaks("journal", format!("{open} intents are left open"));
        }
        let mut ids: Vec<&String> = links.values().collect();
        ids.sort();
        if !twice.is_empty() || ids.windows(2).any(|pair| pair[0] == pair[1]) {
            sim.checker.breaks("links", format!("two links of one: {links:?}"));
        }
        for (key, id) in &self.links {
            let exists = sim.target.get(Resource::User, id).is_some();
            if links.get(key) == Some(id) {
                continue;
            }
            if exists && sim.settings.action != Action::Unlink {
                let how = format!("the link of {key} to {id} is lost");
                sim.checker.breaks("links", how);
            }
            sim.checker.forgets(Some(id));
        }
        for (key, id) in &links {
            let Some(account) = sim.target.get(Resource::User, id) else { continue };
            match sim.checker.owned.get(id) {
                Some(owner) if owner == key => {}
                None if is_match(&sim, key, &account) => {
                    sim.checker.owns(id, key);
                }
                owner => {
                    let how = format!("{key} has a link to {id} of {owner:?}");
                    sim.checker.breaks("links", how);
                }
            }
        }
        self.links = links;
    }

    /// Nothing goes wrong any more: after a while there is nothing left to do, and everybody is as they should be.
    fn comes_to_rest(&mut self) {
        let wait = {
            let mut sim = locked(&self.sim);
            sim.note("=== nothing goes wrong any more");
            sim.stormy = false;
            sim.fate = None;
            sim.world.mend();
            let Settings { grace_days, delete_after_days, .. } = sim.settings;
            DAY * i64::from(1 + grace_days.max(delete_after_days))
        };
        let mut left = String::new();
        for round in 0..ROUNDS {
            self.live(|sim, session| apply(sim, session, round % 2 == 0, None, true));
            locked(&self.sim).now += wait;
            if round < 2 {
                continue;
            }
            left.clear();
            for full in [false, true] {
                match self.live(|sim, session| plan(sim, session, full, None)) {
                    Ended::Planned(plan) if plan.changes.is_empty() => {}
                    Ended::Planned(plan) => {
                        left = serde_json::to_string(&plan.changes).unwrap();
                    }
                    other => left = format!("{other:?}"),
                }
            }
            if left.is_empty() {
                break;
            }
        }
        let mut sim = locked(&self.sim);
        if !left.is_empty() {
            sim.checker.breaks("converge", format!("still to do: {left}"));
            return;
        }
        let accounts = sim.target.users();
        let mut found = differences(&sim.settings, &sim.world.people, &self.links, &accounts);
        found.extend(self.leavers(&sim, &accounts));
        for id in self.links.values() {
            let Some(own) = accounts.iter().find(|account| account["id"] == **id) else { continue };
            let same = accounts.iter().filter(|other| other["externalId"] == own["externalId"]);
            if same.count() > 1 && own["externalId"].is_string() {
                found.push(format!("{} has two accounts", own["externalId"]));
            }
        }
        for how in found {
            sim.checker.breaks("expected", how);
        }
    }

    /// Whoever left, and is not as the config says.
    fn leavers(&self, sim: &Sim, accounts: &[Json]) -> Vec<String> {
        let mut found = Vec::new();
        for (key, id) in &self.links {
            if sim.world.people.get(key).is_some_and(|person| sim.settings.in_scope(person)) {
                continue;
            }
            let Some(account) = accounts.iter().find(|account| account["id"] == **id) else {
                continue;
            };
            // Somebody who is here may be the same under another key: that is told, and not decided.
            let is_in_question =
                sim.world.people.values().any(|person| account["userName"] == *person.mail);
            if account["userName"] == PROTECTED || is_in_question {
                continue;
            }
            let is_active = account["active"] != Json::Bool(false);
            // What somebody took into use again is told, and not deleted.
            if sim.settings.action == Action::Delete && is_active && self.meddled.contains(id) {
                continue;
            }
            match sim.settings.action {
                Action::Ignore => {}
                Action::Deactivate if !is_active && sim.settings.delete_after_days == 0 => {}
                action => found.push(format!("{key} left, is linked and {action:?} is not done")),
            }
        }
        found
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state.db")
    }
}

/// Whether the config lets somebody take an account over by its key or its name.
fn is_match(sim: &Sim, key: &str, account: &Json) -> bool {
    let person = sim.world.people.get(key);
    let has_name = person.is_some_and(|person| account["userName"] == *person.mail);
    sim.settings.adopt && (account["externalId"] == *key || has_name)
}

/// What others do at the target. The accounts that are in use again by their doing.
fn others(sim: &mut Sim) -> Vec<String> {
    let users = sim.target.users();
    if users.is_empty() {
        return Vec::new();
    }
    let user = &users[sim.dice.index(users.len())];
    let id = user["id"].as_str().unwrap().to_owned();
    let what = sim.dice.below(6);
    sim.note(&format!("others do {what} to {id}"));
    let edit = |change: &dyn Fn(&mut Json)| {
        sim.target.edit(Resource::User, &id, |account| change(account)).unwrap();
    };
    match what {
        0 => edit(&|account| account["nickName"] = "changed".into()),
        1 => edit(&|account| account["title"] = "changed".into()),
        2 => {
            sim.target.remove(Resource::User, &id).unwrap();
            sim.checker.forgets(Some(&id));
        }
        3 => {
            edit(&|account| account["active"] = true.into());
            return vec![id];
        }
        4 => edit(&|account| account["active"] = false.into()),
        _ => {
            let person = sim.world.somebody(&mut sim.dice);
            if let Some(person) = person.and_then(|key| sim.world.people.get(&key)) {
                // Where somebody has the name already, nothing happens.
                let _taken = sim.target.seed(Resource::User, [json!({ "userName": person.mail })]);
            }
        }
    }
    Vec::new()
}

/// An empty state in the folder, in place of the one that was there.
fn new_state(folder: &Path) {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    let path = folder.join("state.db");
    for ending in ["", "-wal", "-shm", ".lock"] {
        let _missing = std::fs::remove_file(folder.join(format!("state.db{ending}")));
    }
    let empty = EMPTY.get_or_init(|| {
        let path = folder.join("empty.db");
        let access = Access::Write { who: "the simulation".to_owned(), now: START };
        drop(State::open(&path, access, || [7; 32]).unwrap());
        std::fs::read(path).unwrap()
    });
    std::fs::write(path, empty).unwrap();
}
