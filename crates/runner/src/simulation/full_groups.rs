//! A target that lets so many members join a group in an hour, in hours that pass at once: what is sent when, in one run, from one run
//! to the next, and by somebody who does not know of it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use http::{Request, Response};
use peoplesync_scim::Resource;
use peoplesync_scim::client::{Carried, Wire};
use peoplesync_simulator::{Behaviour, Provider, Simulator};
use peoplesync_source::{Clock, Timestamp};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::run::quiet;
use crate::commands::execute;
use crate::config;
use crate::execute::Sent;
use crate::pipeline::{Access, Session, Wired, prepare_of};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

/// A clock that stands between runs, and goes with the time of a run within it.
#[derive(Debug, Default)]
struct Hours(Mutex<(i64, Option<Instant>)>);

impl Hours {
    fn millis(&self) -> i64 {
        let (base, began) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = began.map_or(0, |began| began.elapsed().as_millis());
        START + base + i64::try_from(passed).unwrap()
    }

    /// Begins to go with the time of a runtime, or stands still again.
    fn go(&self, go: bool) {
        let base = self.millis() - START;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (base, go.then(Instant::now));
    }

    fn pass(&self, minutes: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += minutes * MINUTE;
    }
}

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis())
    }
}

/// The target, and what came to it: groups, and who is taken out of use.
#[derive(Debug)]
struct Site {
    hours: Arc<Hours>,
    target: Provider,
    seen: Mutex<String>,
}

impl Wire for Site {
    fn carry(&self, mut request: Request<Vec<u8>>) -> Carried<'_> {
        Box::pin(async move {
            // As the HTTP client adds it, which is not asked here.
            request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("peoplesync"));
            tokio::time::sleep(Duration::from_millis(40)).await;
            let body: Json = serde_json::from_slice(request.body()).unwrap_or_default();
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let reply: Response<Vec<u8>> = self.target.answer(request);
            let status = reply.status().as_u16();
            let minute = (self.hours.millis() - START) / MINUTE;
            let mut seen = self.seen.lock().unwrap();
            if method != "GET" && path.contains("/Groups") {
                writeln!(seen, "{minute:>3} min  {method} of a group{}: {status}", joins(&body))
                    .unwrap();
            } else if method != "POST" && method != "GET" {
                writeln!(seen, "{minute:>3} min  {method} of a person: {status}").unwrap();
            }
            Ok(reply)
        })
    }
}

/// How many members a request adds, and how many it removes.
fn joins(body: &Json) -> String {
    let count = |members: &Json| members.as_array().map_or(0, Vec::len);
    let operations = body["Operations"].as_array().cloned().unwrap_or_default();
    let adds = operations.iter().filter(|operation| operation["op"] == "add");
    let added =
        count(&body["members"]) + adds.map(|operation| count(&operation["value"])).sum::<usize>();
    let removed = operations.iter().filter(|operation| operation["op"] == "remove").count();
    match removed {
        0 => format!(" +{added}"),
        _ => format!(" +{added} -{removed}"),
    }
}

struct Place {
    folder: tempfile::TempDir,
    site: Arc<Site>,
}

impl Place {
    /// A target of the profile that has the limit, but for ten an hour.
    fn new() -> Self {
        let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/profiles");
        let mut habits = crate::profile::named("github-enterprise", &profiles).unwrap();
        assert_eq!(habits.groups.joins_per_hour, 1000);
        habits.groups.joins_per_hour = 10;
        let hours = Arc::new(Hours::default());
        let clock = Arc::clone(&hours);
        let target = Simulator::builder()
            .behaviour(Behaviour { bearer: None, ..Behaviour::default() })
            .profile(&habits)
            .unwrap()
            .limited(true)
            .clock(move || clock.millis())
            .without_network()
            .unwrap();
        let site = Arc::new(Site { hours, target, seen: Mutex::default() });
        Self { folder: tempfile::tempdir().unwrap(), site }
    }

    fn session(&self, joins: u32, people: &str, groups: &str) -> Session {
        let toml = format!(
            r#"
[source]
kind = "static"
[source.settings]
key = "id"
records = [{people}]
[target]
name = "Simulated"
url = "http://127.0.0.1/scim/v2"
profile = "github-enterprise"
concurrency = 2
overrides.groups.joins_per_hour = {joins}
[people.attributes]
externalId = "id"
userName = "id"
displayName = "id"
"name.givenName" = "id"
"name.familyName" = "id"
'emails[type eq "work"].value' = 'id & "@example.com"'
[groups]
source = {{ kind = "static", settings = {{ key = "id", records = [{groups}] }} }}
members = "members"
[groups.attributes]
displayName = "id"
[guards]
max_leavers = 100
max_changes = 100
max_members_removed = 100
max_config_changes = 100
[state]
url = "sqlite:state.db"
"#
        );
        let loaded =
            config::parse(Path::new("peoplesync.toml"), &toml, self.folder.path()).unwrap();
        let clock: Arc<dyn Clock> = Arc::clone(&self.site.hours) as _;
        let mut session = Session::new(loaded, &clock).unwrap();
        session.wired = Some(Wired { wire: Arc::clone(&self.site) as _, seed: 1 });
        session
    }

    /// One run, which dies after so many minutes if it is not over by then. What it warned of, and what came of each change.
    fn apply(&self, session: Session, dies_after: u64) -> Option<(Vec<String>, Vec<Sent>)> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        let lived = runtime.block_on(async {
            self.site.hours.go(true);
            let run = async {
                let prepared =
                    prepare_of(session, false, None, Access::Apply, None, quiet()).await.unwrap();
                let warnings = prepared.plan.warnings.iter();
                let warnings = warnings.map(|warning| warning.message.clone()).collect();
                let applied = execute(prepared, None, Arc::default(), quiet()).await.unwrap();
                (warnings, applied.sent)
            };
            let lived = tokio::time::timeout(Duration::from_secs(60 * dies_after), run).await;
            self.site.hours.go(false);
            lived.ok()
        });
        drop(runtime);
        lived
    }

    fn members(&self, group: &str) -> usize {
        let groups = self.site.target.resources(Resource::Group);
        let found = groups.iter().find(|found| found["displayName"] == group).unwrap();
        found["members"].as_array().map_or(0, Vec::len)
    }

    fn seen(&self) -> String {
        std::mem::take(&mut self.site.seen.lock().unwrap())
    }
}

fn people(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|n| format!("{{ id = \"p{n}\" }}, ")).collect()
}

fn group(name: &str, numbers: impl IntoIterator<Item = u32>) -> String {
    let members: Vec<String> = numbers.into_iter().map(|n| format!("\"p{n}\"")).collect();
    format!("{{ id = \"{name}\", members = [{}] }}, ", members.join(", "))
}

#[test]
fn members_whom_a_full_group_cannot_take_join_last_and_nobody_is_refused() {
    let place = Place::new();
    let groups = group("Everybody", 0..25) + &group("Few", 0..3);
    let session = place.session(10, &people(0..40), &groups);
    let (warnings, sent) = place.apply(session, 600).unwrap();
    assert_eq!(
        warnings,
        [
            "the target lets 10 members join a group in an hour: the last of 25 for `Everybody` join after 2 hours"
        ]
    );
    assert!(sent.iter().all(Sent::is_whole), "{sent:?}");
    // Who leaves is not kept in use until the group has room, and neither do other groups wait.
    let groups = group("Few", 0..4) + &group("Everybody", 2..33);
    place.site.hours.pass(30);
    let (_, sent) = place.apply(place.session(10, &people(0..33), &groups), 600).unwrap();
    assert!(sent.iter().all(Sent::is_whole), "{sent:?}");
    assert_eq!((place.members("Everybody"), place.members("Few")), (31, 4));
    insta::assert_snapshot!(place.seen());
}

#[test]
fn a_run_that_dies_while_it_waits_leaves_the_limit_to_the_next() {
    let place = Place::new();
    let groups = group("Everybody", 0..25);
    let session = || place.session(10, &people(0..25), &groups);
    assert!(place.apply(session(), 75).is_none());
    assert_eq!(place.members("Everybody"), 20);
    place.site.hours.pass(10);
    let (_, sent) = place.apply(session(), 600).unwrap();
    assert!(sent.iter().all(Sent::is_whole), "{sent:?}");
    assert_eq!(place.members("Everybody"), 25);
    insta::assert_snapshot!(place.seen());
}

#[test]
fn who_does_not_know_of_the_limit_is_refused() {
    let place = Place::new();
    let session = place.session(0, &people(0..25), &group("Everybody", 0..25));
    let (_, sent) = place.apply(session, 600).unwrap();
    let failed: Vec<_> = sent.iter().filter(|sent| !sent.is_whole()).collect();
    assert!(matches!(failed[..], [Sent { status: Some(429), .. }]), "{failed:?}");
    assert!(place.seen().contains("+25: 429"));
}

/// Several groups wait side by side, and each for itself.
#[test]
fn groups_wait_for_themselves() {
    let place = Place::new();
    let groups = group("Everybody", 0..25) + &group("Many", 0..12) + &group("Most", 0..21);
    let (warnings, sent) = place.apply(place.session(10, &people(0..25), &groups), 130).unwrap();
    assert!(warnings[0].ends_with("`Everybody` join after 2 hours (and so on for 2 more)"));
    assert!(sent.iter().all(Sent::is_whole), "{sent:?}");
    assert_eq!(["Everybody", "Many", "Most"].map(|name| place.members(name)), [25, 12, 21]);
    assert!(!place.seen().contains("429"));
}
