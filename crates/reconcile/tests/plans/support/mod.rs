//! A world in memory: a source, the links, and a target that keeps to the RFCs. Plans are made from it and applied to it.

pub(crate) mod apply;
pub(crate) mod case;
pub(crate) mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use peoplesync_reconcile::{
    Approvals, Before, Candidate, Coverage, Digest, Edited, Finding, Fingerprint, Guards, Intake,
    Kept, LeaverAction, Leavers, Limits, Link, LinkIndex, Links, LintContext, Managed,
    ManagedAttribute, Observation, OnDrift, Part, Plan, Policy, Rejection, Search, Seen, Standing,
    Survey, Tried, Wanted, WantedValue, Written, lint, plan, plan_part,
};
use peoplesync_scim::path::Path;
use peoplesync_scim::schema::{Resource, SchemaSet};
use peoplesync_scim::{Filter, desired};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

pub(crate) const DAY: i64 = 86_400_000;

/// What the source says of one record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    /// In scope; an attribute that is missing here is to be left alone.
    Wants(BTreeMap<Path, Json>),
    OutOfScope,
    Removed,
    Rejected {
        reason: String,
        pins: Vec<String>,
        identified: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) key: String,
    pub(crate) origin: String,
    pub(crate) word: Word,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) managed: Arc<Managed>,
    pub(crate) policy: Policy,
    pub(crate) coverage: Coverage,
    pub(crate) records: Vec<Record>,
    pub(crate) links: BTreeMap<String, Link>,
    pub(crate) accounts: BTreeMap<String, Json>,
    /// Ids that the target fails to answer for.
    pub(crate) unreachable: BTreeSet<String>,
    /// Why searches fail, if they do.
    pub(crate) no_search: Option<String>,
    /// The whole target is listed first.
    pub(crate) list: bool,
    /// Everybody is compared, whatever the digests say.
    pub(crate) full: bool,
    /// The links of all who are not seen in scope are handed over, asked for or not.
    pub(crate) all_links: bool,
    /// How many different fingerprints there are; `None` for as many as there are numbers.
    pub(crate) fingerprints: Option<i64>,
    /// What the config of the last run makes of the records, where it was another.
    pub(crate) before: BTreeMap<String, Word>,
    /// What is picked of each plan.
    pub(crate) part: Option<Part>,
    pub(crate) next_id: u64,
}

/// One plan with everything that it came from.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) plan: Plan,
    pub(crate) links: Links,
    pub(crate) observation: Observation,
    pub(crate) asked: Vec<String>,
}

impl World {
    pub(crate) fn new(managed: Managed) -> Self {
        Self {
            managed: Arc::new(managed),
            policy: Policy {
                adopt: true,
                leavers: Leavers {
                    action: LeaverAction::Deactivate,
                    out_of_scope: LeaverAction::Deactivate,
                    grace_days: 0,
                    delete_after_days: 0,
                },
                guards: Guards::NONE,
                approval: Approvals::NONE,
                first_load: false,
                full: false,
                edited: Edited::Nothing,
                hides_inactive: false,
                now: 100 * DAY,
                source: "people.csv".to_owned(),
                tried: std::collections::BTreeMap::new(),
            },
            coverage: Coverage::Complete,
            records: Vec::new(),
            links: BTreeMap::new(),
            accounts: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            no_search: None,
            list: false,
            full: false,
            all_links: false,
            fingerprints: None,
            before: BTreeMap::new(),
            part: None,
            next_id: 1,
        }
    }

    pub(crate) fn fingerprint(&self, key: &str) -> Fingerprint {
        let number = hash(key.as_bytes());
        Fingerprint(self.fingerprints.map_or(number, |space| number.rem_euclid(space)))
    }

    /// The digests of what is wanted: when everybody meant has an account, and when not.
    pub(crate) fn digests(&self, wants: &BTreeMap<Path, Json>) -> (Digest, Digest) {
        let always = |path: &Path| {
            let mut attributes = self.managed.attributes().iter();
            attributes.any(|attribute| attribute.path == *path && !attribute.create_only)
        };
        let text: Vec<String> = wants
            .iter()
            .filter(|(path, _)| always(path))
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        let number = hash(text.join("\n").as_bytes());
        (Digest(number | 1), Digest(!number | 1))
    }

    /// What a link remembers after this was written.
    pub(crate) fn written(&self, wants: &BTreeMap<Path, Json>) -> Written {
        let always = self.managed.attributes().iter().filter(|attribute| !attribute.create_only);
        let wanted =
            always.filter_map(|attribute| Some((&attribute.path, wants.get(&attribute.path)?)));
        let marks = wanted.map(|(path, value)| {
            let Digest(number) = mark(path, Some(value).filter(|value| !value.is_null()));
            let [.., a, b, c, d] = number.to_be_bytes();
            u32::from_be_bytes([a, b, c, d])
        });
        Written::new(marks.collect())
    }

    pub(crate) fn wanted(&self, wants: &BTreeMap<Path, Json>) -> Vec<Wanted> {
        let attributes = (0u16..).zip(self.managed.attributes());
        let wanted = attributes.filter_map(|(slot, attribute)| {
            let value = match wants.get(&attribute.path)? {
                Json::Null => WantedValue::Clear,
                value if attribute.reference => {
                    WantedValue::Reference(value.as_str().unwrap_or_default().to_owned())
                }
                value => match value.get("choice").and_then(Json::as_array) {
                    Some(proposals) => WantedValue::Choice(proposals.clone()),
                    None => WantedValue::Set(value.clone()),
                },
            };
            Some(Wanted { slot, value })
        });
        wanted.collect()
    }

    /// Reads the records in their order.
    pub(crate) fn survey(&self) -> Survey {
        let mut index = LinkIndex::with_capacity(self.links.len());
        for link in self.links.values() {
            let fingerprint = self.fingerprint(&link.key);
            index.push(fingerprint, link.digest, &link.standing, link.absent_since.is_some());
        }
        let mut intake = Intake::new(index, Arc::clone(&self.managed));
        for record in &self.records {
            self.read(record, &mut intake);
            intake.read(1);
        }
        intake.finish(self.coverage.clone())
    }

    fn read(&self, record: &Record, intake: &mut Intake) {
        let fingerprint = self.fingerprint(&record.key);
        match &record.word {
            Word::OutOfScope => {
                if let Some(before) = self.before(&record.key) {
                    intake.before(&record.key, before);
                }
                intake.out_of_scope(fingerprint, &record.key);
            }
            Word::Removed => intake.removed(fingerprint, &record.key),
            Word::Rejected { reason, pins, identified } => {
                let rejection = Rejection {
                    origin: record.origin.clone(),
                    key: identified.then(|| record.key.clone()),
                    field: None,
                    reason: reason.clone(),
                    resource: self.managed.resource(),
                };
                let pins: Vec<_> =
                    pins.iter().map(|key| (self.fingerprint(key), key.clone())).collect();
                intake.reject(rejection, &pins, *identified);
            }
            Word::Wants(wants) => {
                let (digest, digest_unresolved) = self.digests(wants);
                let wanted = self.wanted(wants);
                let resolved = wanted.iter().all(|wanted| match &wanted.value {
                    WantedValue::Reference(key) => intake.is_linked(self.fingerprint(key)),
                    _ => true,
                });
                let seen = match (self.full, resolved) {
                    (true, _) => intake.seen(fingerprint, Digest::UNKNOWN),
                    (false, true) => intake.seen(fingerprint, digest),
                    (false, false) => intake.seen_unresolved(fingerprint, digest_unresolved),
                };
                if seen == Seen::Unchanged {
                    return;
                }
                if let Some(before) = self.before(&record.key) {
                    intake.before(&record.key, before);
                }
                let user_name = wants.iter().find(|(path, _)| path.to_string() == "userName");
                let name = user_name.and_then(|(_, value)| value.as_str());
                intake.candidate(Candidate {
                    key: record.key.clone(),
                    fingerprint,
                    digest,
                    digest_unresolved,
                    origin: record.origin.clone(),
                    name: name.unwrap_or(&record.key).to_owned(),
                    wanted,
                });
            }
        }
    }

    /// The changes of a person failed in an earlier run; they are left out, if they have to wait.
    pub(crate) fn tried(&mut self, plan: &Plan, key: &str, waits: bool) {
        for change in plan.changes.iter().filter(|change| change.key == key) {
            let waits = waits.then(|| format!("{key} waits"));
            let tried = Tried { digest: change.digest, waits };
            self.policy.tried.insert((change.resource, key.to_owned()), tried);
        }
    }

    /// What the config of the last run says of a person.
    fn before(&self, key: &str) -> Option<Before> {
        Some(match self.before.get(key)? {
            Word::Wants(wants) => {
                let (digest, digest_unresolved) = self.digests(wants);
                Before::InScope { digest, digest_unresolved }
            }
            Word::OutOfScope => Before::OutOfScope,
            Word::Removed | Word::Rejected { .. } => Before::Rejected,
        })
    }

    /// Reads, asks, and plans. A question that comes twice is a bug.
    pub(crate) fn plan(&self) -> Made {
        let survey = self.survey();
        let policy = &Policy { full: self.full, ..self.policy.clone() };
        let needs = survey.needs(policy);
        let mut links = Links::new();
        links.extend(needs.keys.iter().filter_map(|key| self.links.get(key)).cloned());
        let is_in_scope = |key: &str| {
            let mut records = self.records.iter();
            records.any(|record| record.key == key && matches!(record.word, Word::Wants(_)))
        };
        for link in self.links.values() {
            let is_asked = needs.fingerprints.contains(&self.fingerprint(&link.key));
            if is_asked || self.all_links && !is_in_scope(&link.key) {
                links.add_missing(link.clone());
            }
        }
        let mut observation = Observation::new().with_kept(Kept::new(Arc::new(mark)));
        if self.list {
            for account in self.accounts.values() {
                observation.found(self.managed.observe(account).unwrap());
            }
            observation.listed();
        }
        let mut asked: Vec<String> = Vec::new();
        loop {
            let lookups = survey.lookups(&links, &observation, policy);
            if lookups.is_empty() {
                break;
            }
            let questions: Vec<String> = (lookups.accounts.iter().cloned())
                .chain(lookups.searches.iter().map(|search| search.filter().to_string()))
                .collect();
            for question in questions {
                assert!(!asked.contains(&question), "asked twice: {question}");
                asked.push(question);
            }
            lookups.accounts.iter().for_each(|id| self.look_up(id, &mut observation));
            lookups.searches.iter().for_each(|search| self.search(search, &mut observation));
        }
        for id in survey.owners(&links, &observation) {
            links.extend(self.links.values().filter(|link| link.id == id).cloned());
        }
        let plan = match &self.part {
            Some(part) => plan_part(&survey, &links, &observation, policy, part),
            None => plan(&survey, &links, &observation, policy),
        };
        Made { plan, links, observation, asked }
    }

    fn look_up(&self, id: &str, observation: &mut Observation) {
        match self.accounts.get(id) {
            _ if self.unreachable.contains(id) => {
                observation.failed(id, "500 Internal Server Error")
            }
            Some(account) => observation.found(self.managed.observe(account).unwrap()),
            None => observation.gone(id),
        }
    }

    fn search(&self, search: &Search, observation: &mut Observation) {
        if let Some(reason) = &self.no_search {
            observation.search_failed(search, reason);
            return;
        }
        let filter = search.filter();
        // What is sent must be understood.
        assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        let hits = self.accounts.values().filter(|a| filter.matches(a, self.managed.schemas()));
        let hits: Vec<&Json> = hits.collect();
        if hits.iter().any(|account| self.unreachable.iter().any(|id| account["id"] == **id)) {
            observation.search_failed(search, "500 Internal Server Error");
            return;
        }
        let hits: Vec<_> =
            hits.into_iter().map(|account| self.managed.observe(account).unwrap()).collect();
        observation.searched(search, hits);
    }

    /// What the independent checker says, with and without the observation.
    pub(crate) fn lint(&self, made: &Made) -> Vec<Finding> {
        let Made { plan, links, observation, .. } = made;
        let managed = &*self.managed;
        let limits = Some(Limits { policy: &self.policy, linked: self.links.len() as u64 });
        let context = LintContext { managed, links, observation: None, limits };
        let mut findings = lint(plan, context);
        findings.extend(lint(plan, LintContext { observation: Some(observation), ..context }));
        findings.sort();
        findings.dedup();
        findings
    }

    /// What an account still lacks, found by other code than the planner's.
    pub(crate) fn lacks(
        &self,
        wants: &BTreeMap<Path, Json>,
        account: &Json,
    ) -> Vec<desired::Difference> {
        let mut desired = desired::Desired::new();
        for attribute in self.managed.attributes() {
            let Some(value) = wants.get(&attribute.path) else { continue };
            let assignment = match value {
                _ if attribute.create_only => continue,
                Json::Null => desired::Assignment::Clear,
                Json::String(key) if attribute.reference => match self.links.get(key) {
                    Some(link) if self.accounts.contains_key(&link.id) => {
                        desired::Assignment::Set(Json::from(link.id.as_str()))
                    }
                    _ => continue,
                },
                value => desired::Assignment::Set(value.clone()),
            };
            desired.insert(attribute.path.clone(), assignment);
        }
        desired.difference(account, self.managed.resource(), self.managed.schemas())
    }
}

fn mark(path: &Path, value: Option<&Json>) -> Digest {
    Digest(hash(format!("{path} {value:?}").as_bytes()))
}

pub(crate) fn link(key: &str, id: &str, digest: Digest) -> Link {
    Link {
        key: key.to_owned(),
        id: id.to_owned(),
        digest,
        standing: Standing::Active,
        absent_since: None,
        created: true,
        written: Written::default(),
    }
}

/// `path`, with `create`, `reference`, `report` or `leave` behind it; in any order.
pub(crate) fn managed(
    lines: &[&str],
    match_by: &[&str],
    protect: &[&str],
    administrators: &[&str],
    kept: &[&str],
) -> Managed {
    let mut attributes: Vec<ManagedAttribute> = lines
        .iter()
        .map(|line| {
            let line = line.trim_end_matches(" report").trim_end_matches(" leave");
            let (path, kind) = match line.rsplit_once(' ') {
                Some((path, kind @ ("create" | "reference"))) => (path, kind),
                _ => (line, ""),
            };
            let path = Path::parse(path).unwrap();
            ManagedAttribute { path, create_only: kind == "create", reference: kind == "reference" }
        })
        .collect();
    attributes.sort_by(|a, b| a.path.cmp(&b.path));
    let on_drift = attributes.iter().map(|attribute| {
        let ends = |word: &str| {
            let mut lines = lines.iter().filter_map(|line| line.strip_suffix(word));
            lines.any(|path| Path::parse(path).is_ok_and(|path| path == attribute.path))
        };
        match (ends(" report"), ends(" leave")) {
            (true, _) => OnDrift::Report,
            (_, true) => OnDrift::Leave,
            _ => OnDrift::Correct,
        }
    });
    let on_drift = on_drift.collect();
    let match_by: Vec<Path> = match_by.iter().map(|path| Path::parse(path).unwrap()).collect();
    let filters = |texts: &[&str]| texts.iter().map(|text| Filter::parse(text).unwrap()).collect();
    let schemas = Arc::new(SchemaSet::standard());
    Managed::new(Resource::User, attributes, &match_by, filters(protect), schemas)
        .unwrap()
        .with_administrators(filters(administrators))
        .with_kept(filters(kept))
        .with_on_drift(on_drift, OnDrift::Correct)
}

fn hash(bytes: &[u8]) -> i64 {
    let hash = Sha256::digest(bytes);
    i64::from_be_bytes(hash[..8].try_into().unwrap())
}
