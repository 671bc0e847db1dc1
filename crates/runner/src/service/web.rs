//! A page, `/health` and `/metrics` on loopback. It shows numbers and no people, and takes no orders.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use peoplesync_state::Health;
use serde_json::json;

use super::cycle::Report;
use super::schedule::Due;
use crate::clock::{readable, rfc3339};
use crate::config::model::Schedule;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::report::{line, put};

/// What is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Board(Arc<Mutex<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    next: Option<Due>,
    last: Option<Report>,
    last_good: Option<i64>,
    /// How the job is: as the state has it, and as runs leave it.
    health: Health,
    /// Runs by exit code, and what was done in them.
    runs: std::collections::BTreeMap<u8, u64>,
    done: u64,
    failed: u64,
}

impl Board {
    fn with<T>(&self, look: impl FnOnce(&mut Shown) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn next(&self, due: Due) {
        self.with(|shown| shown.next = Some(due));
    }

    /// How the job was when the service was started.
    pub(super) fn knows(&self, health: Health) {
        self.with(|shown| shown.health = health);
    }

    pub(super) fn ran(&self, report: Report) {
        self.with(|shown| {
            *shown.runs.entry(report.exit as u8).or_default() += 1;
            let count =
                |name: &str| report.outcomes.get(name).and_then(|n| n.as_u64()).unwrap_or(0);
            shown.done += count("done");
            shown.failed += count("failed");
            if report.error.is_none() && report.exit != Exit::Refused {
                shown.last_good = Some(report.ended);
            }
            shown.health = report.health.clone();
            shown.last = Some(report);
        });
    }
}

/// Why the address cannot be listened on, if that can be told.
pub(super) fn mistake(table: &Schedule) -> Option<String> {
    let listen = table.listen.as_ref()?;
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => None,
        Ok(_) => Some(format!(
            "\"{listen}\" is not on loopback; put a proxy that asks for a password in front of it"
        )),
        Err(_) => {
            Some(format!("\"{listen}\" is not an address and a port, such as 127.0.0.1:9464"))
        }
    }
}

/// Starts to listen.
pub(super) async fn serve(listen: &str, board: Board) -> Outcome<SocketAddr> {
    let fail = |error: std::io::Error| {
        Failure::unexpected(format!("cannot listen on {listen}"), &error)
            .with_hint("is it taken by another service? `schedule.listen` says which address")
    };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let router = Router::new()
        .route("/", get(page))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(board);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = %error, "the page is gone");
        }
    });
    Ok(address)
}

async fn health(State(board): State<Board>) -> Response {
    board.with(|shown| {
        let last = shown.last.as_ref();
        let Health { quarantine, error, .. } = shown.health.clone();
        let is_well = quarantine.is_none() && error.is_none();
        let document = json!({
            "status": if is_well { "ok" } else { "failing" },
            "quarantine": quarantine.map(|(since, reason)| json!({ "since": rfc3339(since), "reason": reason })),
            "error": error,
            "last_run": last.map(|last| rfc3339(last.ended)),
            "next_run": shown.next.map(|next| rfc3339(next.at)),
        });
        let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, axum::Json(document)).into_response()
    })
}

async fn metrics(State(board): State<Board>) -> Response {
    let text = board.with(|shown| {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, lines: &[(String, f64)]| {
            line!(text, "# HELP peoplesync_{name} {help}");
            line!(text, "# TYPE peoplesync_{name} {kind}");
            for (labels, value) in lines {
                line!(text, "peoplesync_{name}{labels} {value}");
            }
        };
        let one = |value: f64| vec![(String::new(), value)];
        let seconds = |millis: Option<i64>| millis.map_or(0.0, |millis| millis as f64 / 1000.0);
        let runs: Vec<(String, f64)> = shown
            .runs
            .iter()
            .map(|(exit, count)| (format!("{{exit=\"{exit}\"}}"), *count as f64))
            .collect();
        metric("runs_total", "counter", "Runs since the start, by exit code.", &runs);
        metric(
            "changes_done_total",
            "counter",
            "Changes that were written.",
            &one(shown.done as f64),
        );
        metric(
            "changes_failed_total",
            "counter",
            "Changes that failed.",
            &one(shown.failed as f64),
        );
        let last = shown.last.as_ref();
        let took = last.map_or(0.0, |last| (last.ended - last.started) as f64 / 1000.0);
        metric("last_run_seconds", "gauge", "How long the last run took.", &one(took));
        let at = seconds(last.map(|last| last.ended));
        metric("last_run_timestamp_seconds", "gauge", "When the last run ended.", &one(at));
        let good = one(seconds(shown.last_good));
        metric("last_success_timestamp_seconds", "gauge", "When a run last went well.", &good);
        let is_ill = shown.health.quarantine.is_some();
        metric(
            "quarantine",
            "gauge",
            "1 while the job is in quarantine.",
            &one(f64::from(u8::from(is_ill))),
        );
        let kinds = [
            "create",
            "adopt",
            "update",
            "reactivate",
            "deactivate",
            "delete",
            "unlink",
            "unchanged",
            "rejected",
        ];
        let planned: Vec<(String, f64)> = kinds
            .iter()
            .filter_map(|kind| {
                let count = last?.summary.get(*kind)?.as_f64()?;
                Some((format!("{{kind=\"{kind}\"}}"), count))
            })
            .collect();
        metric("last_plan", "gauge", "What the last plan had, by kind.", &planned);
        text
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn page(State(board): State<Board>) -> Html<String> {
    let lines = board.with(|shown| {
        let mut lines = String::new();
        if let Some(next) = shown.next {
            put!(lines, "<p>Next run: {}</p>", readable(next.at));
        }
        if let Some(last) = &shown.last {
            put!(lines, "<p>Last run, {}: {}</p>", readable(last.ended), escaped(&last.line));
        }
        if let Some((since, reason)) = &shown.health.quarantine {
            let (since, reason) = (readable(*since), escaped(reason));
            put!(lines, "<p><b>In quarantine</b> since {since}: {reason}</p>");
        }
        lines
    });
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>peoplesync</title><h1>peoplesync</h1>{lines}<p><a href=\"/health\">health</a> <a href=\"/metrics\">metrics</a></p></html>"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
