//! A POST to a web address: everything as JSON, or what a template makes of it.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use minijinja::Environment;
use minijinja::value::Serde;
use peoplesync_source::Context;
use serde_json::json;
use sha2::Sha256;

use super::{Event, FIELDS, Message, reveal, template_mistake};
use crate::config::model::Webhook;

/// The body as it is, without a template.
const EVERYTHING: &str = "json";

/// The templates of config/webhooks.
const FORMATS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/webhooks.rs"));

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn send(
    cx: &Context,
    hook: &Webhook,
    event: &Event,
    message: &Message,
) -> Result<(), String> {
    let url = reveal(cx, &hook.url)?;
    let body = body(hook, event, message)?;
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        // What is sent is for the address that the config names.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.without_url().to_string())?;
    let mut request = client.post(&url).header("Content-Type", "application/json");
    if let Some(key) = &hook.key {
        let signature = signature(&reveal(cx, key)?, body.as_bytes());
        request = request.header("X-Peoplesync-Signature", signature);
    }
    // The address is a secret, so that no error may show it.
    let answer =
        request.body(body).send().await.map_err(|error| error.without_url().to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the address answered {status}")),
    }
}

/// `sha256=` and the HMAC of the body in hexadecimal digits.
pub(super) fn signature(key: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    let digits: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// What is wrong with the table, if anything is.
pub(super) fn mistake(hook: &Webhook) -> Option<String> {
    let template = match (&hook.body, hook.format.as_str()) {
        (Some(body), _) => body.as_str(),
        (None, EVERYTHING) => return None,
        (None, format) => match embedded(format) {
            Some(template) => template,
            None => {
                let known: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
                return Some(format!(
                    "there is no format \"{format}\"; known are {EVERYTHING}, {}",
                    known.join(", ")
                ));
            }
        },
    };
    let names = [&FIELDS[..], &["subject"]].concat();
    Some(format!("the body: {}", template_mistake(template, &names)?))
}

/// Where a message would go.
pub(super) fn ready(cx: &Context, hook: &Webhook) -> Result<String, String> {
    if let Some(key) = &hook.key {
        reveal(cx, key)?;
    }
    let url = reqwest::Url::parse(&reveal(cx, &hook.url)?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    // The rest of the address is a secret.
    let host = url.as_ref().and_then(reqwest::Url::host_str);
    let host = host.ok_or("the address of the webhook is no URL of http or https")?;
    Ok(format!("a webhook at {host}"))
}

fn embedded(format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(name, _)| *name == format).map(|(_, template)| *template)
}

fn body(hook: &Webhook, event: &Event, message: &Message) -> Result<String, String> {
    let mut all = serde_json::to_value(event).unwrap_or_default();
    all["subject"] = json!(message.subject);
    all["text"] = json!(message.text);
    let template = hook.body.as_deref().or_else(|| embedded(&hook.format));
    match template {
        Some(template) => Environment::new()
            .render_str(template, Serde(&all))
            .map_err(|error| format!("the template of the body: {error}")),
        None => Ok(all.to_string()),
    }
}
