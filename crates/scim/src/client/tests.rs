//! The client against a server on loopback that misbehaves in every way that has been met.
//! Each rule of survival has a test of its name.

mod auth;
mod bulk;
mod connections;
mod failures;
mod fake;
mod lists;
mod wired;
mod writes;

use std::time::Duration;

use super::*;
use fake::Fake;

/// A config for a fake: real time-outs that never matter, and back-off too short to be felt.
fn config(fake: &Fake) -> ClientConfig {
    ClientConfig {
        retry_base: Duration::from_millis(1),
        retry_cap: Duration::from_millis(2),
        seed: Some(7),
        ..ClientConfig::new(&fake.url)
    }
}

fn client(fake: &Fake) -> Client {
    Client::new(config(fake)).unwrap()
}

/// Error and causes as a user would see them.
fn chain(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!("\n  caused by: {error}"));
        cause = error.source();
    }
    text
}
