//! A POST to a web address: everything as JSON, or a message as Slack or Teams have it.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use peoplesync_source::Context;
use serde_json::{Value as Json, json};
use sha2::Sha256;

use super::{Event, Message, reveal};
use crate::config::model::{Webhook, WebhookFormat};

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn send(
    cx: &Context,
    hook: &Webhook,
    event: &Event,
    message: &Message,
) -> Result<(), String> {
    let url = reveal(cx, &hook.url)?;
    let body = body(hook.format, event, message).to_string();
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

fn body(format: WebhookFormat, event: &Event, message: &Message) -> Json {
    let Message { subject, text } = message;
    match format {
        WebhookFormat::Json => {
            let mut body = serde_json::to_value(event).unwrap_or_default();
            body["subject"] = json!(subject);
            body["text"] = json!(text);
            body
        }
        WebhookFormat::Slack => json!({ "text": format!("*{subject}*\n{text}") }),
        // An adaptive card, as workflows of Teams take it.
        WebhookFormat::Teams => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [
                        { "type": "TextBlock", "text": subject, "weight": "Bolder", "wrap": true },
                        { "type": "TextBlock", "text": text, "wrap": true },
                    ],
                },
            }],
        }),
    }
}
