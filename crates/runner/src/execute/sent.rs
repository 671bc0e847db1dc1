//! What came of one change.

use peoplesync_reconcile::{Change, REDACTED};
use peoplesync_scim::client::{self, ClientError};
use serde_json::Value as Json;

use crate::log::masked;

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    Done,
    Failed,
    Skipped,
}

/// What came of one change.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) ended: Ended,
    pub(crate) status: Option<u16>,
    /// What went wrong; also of a change that was done but for a part.
    pub(crate) error: Option<String>,
    /// The account's id, once there is one.
    pub(crate) id: Option<String>,
    /// The number that the target gave to the request.
    pub(crate) request: Option<String>,
}

impl Sent {
    /// Left out because its intent is not on the disk.
    pub(super) fn not_journaled() -> Self {
        let error = Some("not sent: the journal could not be written".to_owned());
        Self { error, ..Self::skipped() }
    }

    pub(super) fn skipped() -> Self {
        Self { ended: Ended::Skipped, status: None, error: None, id: None, request: None }
    }

    pub(super) fn done(id: &str) -> Self {
        Self {
            ended: Ended::Done,
            status: None,
            error: None,
            id: Some(id.to_owned()),
            request: None,
        }
    }

    /// Not done, for a reason of our own.
    pub(super) fn refused(status: Option<u16>, error: impl Into<String>) -> Self {
        Self { ended: Ended::Failed, status, error: Some(error.into()), ..Self::skipped() }
    }

    pub(super) fn failed(error: &ClientError) -> Self {
        let request = error.request_id.clone();
        Self { request, ..Self::refused(error.status, error_line(error)) }
    }

    /// What comes of some requests, with the number that the target gave to the last of them.
    pub(super) async fn numbered(work: impl Future<Output = Self>) -> Self {
        let (sent, number) = client::numbered(work).await;
        Self { request: sent.request.clone().or(number), ..sent }
    }

    /// Without the values that are shown nowhere: a target may repeat what it refuses.
    pub(super) fn redacted(mut self, change: &Change) -> Self {
        let Some(error) = &mut self.error else { return self };
        for attribute in change.attributes.iter().filter(|attribute| attribute.redact) {
            for value in [&attribute.before, &attribute.after].into_iter().flatten() {
                mask(error, value);
            }
        }
        self
    }

    /// The error as the state keeps it: unless in full, without what is known of the person, which a target may repeat.
    pub(crate) fn kept_error(&self, change: &Change, in_full: bool) -> Option<String> {
        let error = self.error.as_ref()?;
        if in_full {
            return Some(error.clone());
        }
        let mut texts = vec![change.name.as_str()];
        for attribute in &change.attributes {
            [&attribute.before, &attribute.after]
                .into_iter()
                .flatten()
                .for_each(|value| texts_of(value, &mut texts));
        }
        let members = change.members.add.iter().chain(&change.members.remove);
        texts.extend(members.filter_map(|member| member.name.as_deref()));
        // A name may be a part of an address.
        texts.sort_by_key(|text| (std::cmp::Reverse(text.len()), *text));
        texts.dedup();
        Some(texts.into_iter().fold(error.clone(), |error, text| without(&error, text)))
    }

    /// Whether all of it was done.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended == Ended::Done && self.error.is_none()
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.ended == Ended::Failed && self.status == Some(409)
    }
}

/// The error and its causes in one line.
pub(super) fn error_line(error: &ClientError) -> String {
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    if let Some(hint) = &error.hint {
        line.push_str("; ");
        line.push_str(hint);
    }
    line
}

fn texts_of<'v>(value: &'v Json, texts: &mut Vec<&'v str>) {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
        Json::String(text) => texts.push(text),
        Json::Array(all) => all.iter().for_each(|one| texts_of(one, texts)),
        Json::Object(all) => all.values().for_each(|one| texts_of(one, texts)),
    }
}

/// A message in which a text is masked where it stands for itself, in letters of either case.
fn without(message: &str, text: &str) -> String {
    // ASCII letters are as long in either case, so places in the one are places in the other.
    let (lower, text) = (message.to_ascii_lowercase(), text.to_ascii_lowercase());
    let part = |from: usize, to: usize| message.get(from..to).unwrap_or_default();
    let mut shown = String::new();
    let mut from = 0;
    for (at, found) in lower.match_indices(text.as_str()).filter(|_| !text.is_empty()) {
        let end = at + found.len();
        let before = part(0, at).chars().next_back();
        let after = part(end, message.len()).chars().next();
        if ![before, after].into_iter().flatten().any(char::is_alphanumeric) {
            shown.push_str(part(from, at));
            shown.push_str(&masked(part(at, end)));
            from = end;
        }
    }
    shown + part(from, message.len())
}

/// Masks a value, and the texts and numbers in it, wherever a message has it.
fn mask(message: &mut String, value: &Json) {
    match value {
        Json::Null | Json::Bool(_) => {}
        Json::String(text) if text.is_empty() => {}
        Json::String(text) => *message = message.replace(text.as_str(), REDACTED),
        Json::Number(number) => *message = message.replace(&number.to_string(), REDACTED),
        Json::Array(all) => all.iter().for_each(|one| mask(message, one)),
        Json::Object(all) => all.values().for_each(|one| mask(message, one)),
    }
}
