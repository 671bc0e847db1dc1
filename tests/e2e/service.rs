//! The service: it runs by itself, stops in order, reads its config again; whoever the target refuses waits; a job that fails as
//! a whole is in quarantine; and somebody is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peoplesync_simulator::{Fault, Request};

use super::harness::{Bed, CONFIG, HEADER, ran, transcript};

const SCHEDULE: &str = "\n[schedule]\nfull = \"0 0 1 1 *\"\n";

/// Refuses everything about this person while the switch is on.
fn refusing(
    switch: &Arc<AtomicBool>,
) -> impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static {
    let switch = Arc::clone(switch);
    move |request| {
        let is_meant = request.method == "POST"
            && request.body().is_some_and(|body| body["userName"] == "no@example.com");
        (is_meant && switch.load(Ordering::Acquire)).then(|| Fault::status(400))
    }
}

#[test]
fn whom_the_target_refuses_waits_and_is_tried_when_the_record_changes_or_somebody_says_so() {
    let refuses = Arc::new(AtomicBool::new(true));
    let bed = Bed::with_faults(refusing(&refuses));
    bed.write("peoplesync.toml", CONFIG);
    bed.write(
        "people.csv",
        format!("{HEADER}7,Zoë,Ng,zoe@example.com,T,active,\n8,No,One,no@example.com,T,active,\n"),
    );
    let mut shown = String::new();
    let mut step =
        |line: &str| shown.push_str(&format!("{}\n", transcript(&bed, line, &bed.shell(line))));
    step("apply --unattended");
    step("status");
    step("apply --unattended");
    assert_eq!(bed.simulator().users().len(), 1);
    step("resume --person 9");
    step("resume --person 8");
    step("apply --unattended");
    // The record is another: it is tried at once.
    bed.write(
        "people.csv",
        format!("{HEADER}7,Zoë,Ng,zoe@example.com,T,active,\n8,No,Two,no@example.com,T,active,\n"),
    );
    step("apply --unattended");
    refuses.store(false, Ordering::Release);
    step("apply --unattended");
    step("resume");
    step("apply --unattended");
    step("status");
    step("plan");
    insta::assert_snapshot!(shown);
    assert_eq!(bed.simulator().users().len(), 2);
}

/// Takes one POST, and says what it was.
fn told(hook: &TcpListener) -> serde_json::Value {
    let (stream, _) = hook.accept().unwrap();
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    stream
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn quarantine_begins_is_told_once_leaves_runs_out_and_ends_after_a_good_run() {
    let hook = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = hook.local_addr().unwrap();
    let bed = Bed::new();
    let notify = format!("\n[notifications.ops]\nwebhook = {{ url = \"http://{address}/\" }}\n");
    bed.write("peoplesync.toml", format!("{CONFIG}{notify}"));
    bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,T,active,\n"));
    let listening = std::thread::spawn(move || {
        let mut all = Vec::new();
        loop {
            let event = told(&hook);
            let is_last = event["event"] == "recovered";
            all.push(format!("{}: {}", event["event"], event["text"]));
            if is_last {
                return all;
            }
        }
    });
    let wrong = || ran(bed.command(&["apply", "--unattended"]).env("SCIM_TOKEN", "wrong"));
    wrong().expect(4);
    bed.shell("status").expect(5);
    // It is tried again when a day has passed, and not now.
    let asked = bed.simulator().received();
    let left_out = wrong().expect(5);
    assert_eq!(bed.simulator().received(), asked, "nobody was asked");
    assert!(left_out.stderr.contains("quarantine"), "{}", left_out.stderr);
    let every = |line: &str| {
        ran(bed
            .command(&line.split(' ').collect::<Vec<_>>())
            .env("PEOPLESYNC_QUARANTINE__EVERY_HOURS", "0"))
    };
    // Still refused, and nobody is told again; then it goes well.
    ran(bed
        .command(&["apply", "--unattended"])
        .env("SCIM_TOKEN", "wrong")
        .env("PEOPLESYNC_QUARANTINE__EVERY_HOURS", "0"))
    .expect(4);
    every("apply --unattended").expect(0);
    bed.shell("status").expect(0);
    let told = listening.join().unwrap();
    insta::assert_snapshot!(bed.redact(&told.join("\n")));
}

#[test]
fn a_refused_plan_waits_is_told_once_and_goes_when_it_was_approved() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", CONFIG);
    let people = |count: usize| {
        let all = (0..count).map(|n| format!("{n},F,L,u{n}@example.com,T,active,\n"));
        format!("{HEADER}{}", all.collect::<String>())
    };
    bed.write("people.csv", people(40));
    bed.run(&["apply", "--unattended"]).expect(0);
    bed.write("people.csv", people(20));
    bed.run(&["apply", "--unattended"]).expect(6);
    let status = bed.run(&["status", "--json"]).expect(0).json();
    let plan = status["pending"]["plan"].as_str().unwrap().to_owned();
    assert_eq!(status["pending"]["refused"][0]["guard"], "max_leavers");
    assert_eq!(status["pending"]["summary"]["deactivate"], 20);
    let text = bed.run(&["status"]).expect(0).stdout;
    assert!(text.contains(&format!("peoplesync approve {plan}")), "{text}");
    bed.run(&["approve", &plan, "--reason", "the office closes"]).expect(0);
    bed.run(&["apply", "--unattended"]).expect(0);
    let status = bed.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["pending"], serde_json::Value::Null);
    assert_eq!(bed.simulator().users().iter().filter(|user| user["active"] == false).count(), 20);
}

/// A service, and what it says on stderr.
struct Service {
    child: Child,
    lines: BufReader<std::process::ChildStderr>,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// Reads on until a line has this text.
    fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended without {text}");
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn end(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_service_runs_says_that_it_is_ready_reads_its_config_again_and_stops() {
    let bed = Bed::new();
    let schedule = format!("{SCHEDULE}listen = \"127.0.0.1:0\"\n");
    bed.write("peoplesync.toml", format!("{CONFIG}{schedule}"));
    bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,T,active,\n"));
    let systemd = UnixDatagram::bind(bed.path("notify")).unwrap();
    let said = || {
        let mut buffer = [0; 1000];
        let length = systemd.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let mut command = bed.command(&["run", "--now"]);
    let mut service = Service::start(command.env("NOTIFY_SOCKET", bed.path("notify")));
    let line = service.until("listening on");
    let address = line.trim().rsplit('/').next().unwrap().to_owned();
    assert_eq!(said().trim(), "READY=1");
    assert_eq!(service.until("run:").trim(), "full run: 1 done");
    assert_eq!(bed.simulator().users().len(), 1);

    // A second one is refused, and so is nothing else: the state is free between runs.
    let second = bed.run(&["run"]).expect(1);
    assert!(second.stderr.contains("peoplesync run, process"), "{}", second.stderr);
    bed.run(&["plan"]).expect(0);

    // A config that is wrong changes nothing; one that is right counts.
    bed.write("peoplesync.toml", "this is no config");
    service.signal("HUP");
    service.until("the config of before stays");
    // A socket holds few messages, and who sends one more waits.
    while !said().contains("READY=1") {}
    let unknown = CONFIG.replace("externalId = \"id\"", "externalId = \"nofield\"");
    bed.write("peoplesync.toml", format!("{unknown}{schedule}"));
    service.signal("HUP");
    service.until("nofield");
    service.until("the config of before stays");
    bed.write("peoplesync.toml", format!("{CONFIG}{schedule}time_zone = \"Europe/Oslo\"\n"));
    service.signal("HUP");
    service.until("the config was read again");

    let health = get(&address, "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"status\":\"ok\""), "{health}");
    let metrics = get(&address, "/metrics");
    assert!(metrics.contains("peoplesync_runs_total{exit=\"0\"} 1"), "{metrics}");
    assert!(metrics.contains("peoplesync_changes_done_total 1"), "{metrics}");
    let page = get(&address, "/");
    assert!(page.contains("full run: 1 done") && !page.contains("zoe"), "{page}");

    service.signal("TERM");
    assert_eq!(service.end(), 0);
    let mut last = said();
    while !last.contains("STOPPING") {
        last = said();
    }
}

#[test]
fn a_service_that_was_started_again_knows_that_the_job_is_in_quarantine() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}{SCHEDULE}listen = \"127.0.0.1:0\"\n"));
    bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,T,active,\n"));
    ran(bed.command(&["apply", "--unattended"]).env("SCIM_TOKEN", "wrong")).expect(4);
    let mut service = Service::start(&mut bed.command(&["run"]));
    let line = service.until("listening on");
    let address = line.trim().rsplit('/').next().unwrap().to_owned();
    let health = get(&address, "/health");
    assert!(health.starts_with("HTTP/1.1 503") && health.contains("credentials"), "{health}");
    let metrics = get(&address, "/metrics");
    assert!(metrics.contains("peoplesync_quarantine 1"), "{metrics}");
    service.signal("TERM");
    assert_eq!(service.end(), 0);
}

#[test]
fn told_to_stop_it_finishes_what_is_under_way_and_the_next_run_does_the_rest() {
    let bed = Bed::new();
    bed.write("peoplesync.toml", format!("{CONFIG}{SCHEDULE}"));
    let all = (0..300).map(|n| format!("{n},F,L,u{n}@example.com,T,active,\n"));
    bed.write("people.csv", format!("{HEADER}{}", all.collect::<String>()));
    let service = Service::start(&mut bed.command(&["run", "--now"]));
    while bed.simulator().users().len() < 20 {
        std::thread::yield_now();
    }
    service.signal("TERM");
    assert_eq!(service.end(), 0);
    let journal = bed.run(&["check"]).expect(0).stdout;
    assert!(!journal.contains("interrupted"), "everything under way was settled: {journal}");
    bed.run(&["apply", "--unattended"]).expect(0);
    assert_eq!(bed.simulator().users().len(), 300);
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn told_to_stop_it_waits_no_longer_than_it_may_and_what_was_under_way_is_looked_up() {
    let is_late = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&is_late);
    // The account is made, and its answer would come when the test is long over.
    let bed = Bed::with_faults(move |request| {
        let is_meant = request.method == "POST" && switch.load(Ordering::Acquire);
        is_meant.then(|| Fault::LateAnswer(Duration::from_secs(3600)))
    });
    bed.write("peoplesync.toml", format!("{CONFIG}{SCHEDULE}stop_secs = 0\n"));
    bed.write("people.csv", format!("{HEADER}7,Zoë,Ng,zoe@example.com,T,active,\n"));
    let systemd = UnixDatagram::bind(bed.path("notify")).unwrap();
    let mut command = bed.command(&["run", "--now"]);
    command.env("NOTIFY_SOCKET", bed.path("notify")).env("WATCHDOG_USEC", "200000");
    let mut service = Service::start(&mut command);
    while bed.simulator().users().is_empty() {
        std::thread::yield_now();
    }
    // The watchdog is told that the service lives, also while it waits for the target.
    let mut lives = 0;
    while lives < 3 {
        let mut buffer = [0; 1000];
        let length = systemd.recv(&mut buffer).unwrap();
        lives += usize::from(buffer[..length].starts_with(b"WATCHDOG=1"));
    }
    service.signal("TERM");
    let line = service.until("stopped");
    assert!(line.contains("within schedule.stop_secs = 0"), "{line}");
    assert_eq!(service.end(), 0);
    is_late.store(false, Ordering::Release);
    drop(bed.simulator().take_requests());
    bed.run(&["apply", "--unattended"]).expect(0);
    let again = bed.simulator().take_requests();
    assert!(again.iter().all(|request| request.method != "POST"), "{again:?}");
    assert_eq!(bed.simulator().users().len(), 1);
    bed.run(&["plan", "--full"]).expect(0);
}

#[test]
fn a_schedule_is_needed_and_is_checked() {
    let bed = Bed::new();
    bed.write("people.csv", HEADER);
    bed.write("peoplesync.toml", CONFIG);
    let mut shown = transcript(&bed, "run", &bed.shell("run"));
    let wrong = "\n[schedule]\nfull = \"at three\"\ntime_zone = \"Oslo\"\nlisten = \"0.0.0.0:80\"\n[retries]\nafter_hours = []\n[notifications.ops]\n";
    bed.write("peoplesync.toml", format!("{CONFIG}{wrong}"));
    shown.push_str(&transcript(&bed, "check", &bed.shell("check")));
    insta::assert_snapshot!(shown);
}
