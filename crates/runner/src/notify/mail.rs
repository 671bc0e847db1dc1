//! A mail by SMTP.

use std::net::IpAddr;
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use peoplesync_source::Context;

use super::{Message, reveal};
use crate::config::model::{Encryption, Smtp};

const PATIENCE: Duration = Duration::from_secs(20);

/// What is wrong with the table, if anything is.
pub(super) fn mistake(smtp: &Smtp) -> Option<String> {
    let wrong = |address: &&String| address.parse::<Mailbox>().is_err();
    if let Some(address) = [&smtp.from].into_iter().chain(&smtp.to).find(wrong) {
        return Some(format!("\"{address}\" is not a mail address"));
    }
    if smtp.to.is_empty() {
        return Some("`to` names nobody".to_owned());
    }
    let is_loopback = smtp.host == "localhost"
        || smtp.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if smtp.encryption == Encryption::None && !is_loopback {
        return Some("encryption = \"none\" is for loopback only".to_owned());
    }
    None
}

/// Where a mail would go.
pub(super) fn ready(cx: &Context, smtp: &Smtp) -> Result<String, String> {
    if let Some(password) = &smtp.password {
        reveal(cx, password)?;
    }
    Ok(format!("mail to {} by {}", smtp.to.join(", "), smtp.host))
}

pub(super) async fn send(cx: &Context, smtp: &Smtp, message: &Message) -> Result<(), String> {
    let address = |text: &String| text.parse::<Mailbox>().map_err(|error| error.to_string());
    let mut mail = lettre::Message::builder()
        .from(address(&smtp.from)?)
        .subject(&message.subject)
        .header(ContentType::TEXT_PLAIN);
    for to in &smtp.to {
        mail = mail.to(address(to)?);
    }
    let mail = mail.body(message.text.clone()).map_err(|error| error.to_string())?;
    let host = smtp.host.as_str();
    let parameters = || TlsParameters::new(host.to_owned()).map_err(|error| error.to_string());
    let (tls, port) = match smtp.encryption {
        Encryption::Tls => (Tls::Wrapper(parameters()?), 465),
        Encryption::Starttls => (Tls::Required(parameters()?), 587),
        Encryption::None => (Tls::None, 25),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .tls(tls)
        .port(smtp.port.unwrap_or(port))
        .timeout(Some(PATIENCE));
    if let (Some(user), Some(password)) = (&smtp.user, &smtp.password) {
        transport = transport.credentials(Credentials::new(user.clone(), reveal(cx, password)?));
    }
    transport.build().send(mail).await.map(|_| ()).map_err(|error| error.to_string())
}
