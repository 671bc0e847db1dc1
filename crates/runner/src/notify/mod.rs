//! Who is told what happened: webhooks and mail, by templates. That somebody could not be told is logged, and stops nothing.

mod mail;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use minijinja::Environment;
use minijinja::value::Serde;
use peoplesync_source::Context;
use serde::Serialize;
use serde_json::Value as Json;

use crate::clock::SystemClock;
use crate::config::model::{EventKind, Notification};
use crate::config::{ConfigError, Keeper, Loaded};

/// Tried again after so long, each longer than the one before.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// The names in templates: the fields of an [`Event`].
const FIELDS: [&str; 8] =
    ["event", "time", "target", "title", "text", "plan", "summary", "outcomes"];

const SUBJECT: &str = "peoplesync {{ target }}: {{ title }}";
const TEXT: &str = "{{ text }}";

/// Something that happened. Its fields are the names in templates, and the JSON of a webhook.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Event {
    pub(crate) event: EventKind,
    /// When, as RFC 3339.
    pub(crate) time: String,
    /// What the config calls the target.
    pub(crate) target: String,
    /// One line.
    pub(crate) title: String,
    /// All there is to say.
    pub(crate) text: String,
    /// The hash of the plan, if one was made.
    pub(crate) plan: Option<String>,
    /// The summary of the plan, and how many changes were done, failed and left out.
    pub(crate) summary: Json,
    pub(crate) outcomes: Json,
}

/// A message, ready to be sent.
struct Message {
    subject: String,
    text: String,
}

/// What can be told of the table without telling anybody.
pub(crate) fn mistakes(loaded: &Loaded) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    for (name, notification) in &loaded.config.notifications {
        let key = |last| ["notifications", name, last];
        for (last, text) in [("subject", &notification.subject), ("text", &notification.text)] {
            let wrong = text.as_deref().and_then(|text| template_mistake(text, &FIELDS));
            errors.extend(wrong.map(|message| loaded.error(&key(last), message)));
        }
        if notification.webhook.is_none() && notification.smtp.is_none() {
            let place = ["notifications", name.as_str()];
            let mut error = loaded.error(&place, "nobody is told");
            error.hint = Some("write webhook = { url = … } or smtp = { … }".to_owned());
            errors.push(error);
        }
        if let Some(hook) = &notification.webhook {
            let wrong = webhook::mistake(hook);
            errors.extend(wrong.map(|message| loaded.error(&key("webhook"), message)));
        }
        if let Some(smtp) = &notification.smtp {
            errors.extend(mail::mistake(smtp).map(|message| loaded.error(&key("smtp"), message)));
        }
    }
    errors
}

/// What is wrong with a template that may use these names, if anything is. A name that does not exist would come out empty.
fn template_mistake(text: &str, names: &[&str]) -> Option<String> {
    let environment = Environment::new();
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => return Some(format!("the template is wrong: {error}")),
    };
    let functions: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
    let used = template.undeclared_variables(false);
    let is_known = |name: &str| names.contains(&name) || functions.contains(&name);
    let unknown = used.iter().filter(|name| !is_known(name)).min()?;
    Some(format!("the template names \"{unknown}\"; known are {}", names.join(", ")))
}

fn context(loaded: &Loaded) -> Context {
    let keeper = Arc::new(Keeper { base: loaded.base.clone() });
    Context::new(Arc::new(SystemClock), keeper, loaded.base.clone())
}

/// Looks at what is needed to tell somebody, and tells nobody: each notification with where it goes, or what is missing.
pub(crate) fn ready(loaded: &Loaded) -> Vec<(&str, Result<String, String>)> {
    let cx = context(loaded);
    let mut all = Vec::new();
    for (name, notification) in &loaded.config.notifications {
        let hook = notification.webhook.as_ref().map(|hook| webhook::ready(&cx, hook));
        let smtp = notification.smtp.as_ref().map(|smtp| mail::ready(&cx, smtp));
        all.extend(hook.into_iter().chain(smtp).map(|found| (name.as_str(), found)));
    }
    all
}

/// Tells everybody who wants to know. Errors are logged, a line each.
pub(crate) async fn tell(loaded: &Loaded, event: &Event) {
    let cx = context(loaded);
    for (name, notification) in &loaded.config.notifications {
        if !notification.on.contains(&event.event) {
            continue;
        }
        let message = match message(notification, event) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(notification = %name, error = %error, "the template failed");
                continue;
            }
        };
        if let Some(hook) = &notification.webhook {
            let sent = again(async || webhook::send(&cx, hook, event, &message).await).await;
            said(name, "webhook", sent);
        }
        if let Some(smtp) = &notification.smtp {
            let sent = again(async || mail::send(&cx, smtp, &message).await).await;
            said(name, "smtp", sent);
        }
    }
}

fn said(name: &str, how: &str, sent: Result<(), String>) {
    match sent {
        Ok(()) => tracing::info!(notification = %name, how, "told"),
        Err(error) => tracing::error!(notification = %name, how, error = %error, "nobody was told"),
    }
}

async fn again(send: impl AsyncFn() -> Result<(), String>) -> Result<(), String> {
    for pause in PAUSES {
        if send().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
    }
    send().await
}

fn message(notification: &Notification, event: &Event) -> Result<Message, minijinja::Error> {
    let render = |text: Option<&str>, default| {
        Environment::new().render_str(text.unwrap_or(default), Serde(event))
    };
    Ok(Message {
        // A subject is one line, whatever a template makes of it.
        subject: render(notification.subject.as_deref(), SUBJECT)?
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        text: render(notification.text.as_deref(), TEXT)?,
    })
}

/// Reveals a credential.
fn reveal(cx: &Context, secret: &peoplesync_source::Secret) -> Result<String, String> {
    cx.reveal(secret)
        .map(|revealed| revealed.expose().to_owned())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
