//! What a connector's author supplies: how each situation looks in the settings of this kind of source.

use std::any::Any;
use std::fmt;

use peoplesync_source::Context;

use crate::Situation;

/// Shows the rules what a kind of source looks like.
///
/// There is no default: every situation is staged or declared impossible, and a new one does not compile until it is thought about.
pub trait Harness {
    /// Sets a situation up: writes the files, starts the server, prepares the settings.
    fn stage(&self, situation: &Situation) -> Stage;
}

/// A situation that was set up, in one form or several; or why it cannot be.
#[derive(Debug)]
pub enum Stage {
    /// Each form of it.
    Ready(Vec<Scene>),
    /// Why this kind of source cannot have it, as a fragment: "a CSV file has text only". It is printed.
    Cannot(String),
}

impl Stage {
    /// Declares that this kind of source cannot have the situation, with the reason as a fragment.
    pub fn cannot(reason: impl Into<String>) -> Self {
        Self::Cannot(reason.into())
    }
}

impl From<Scene> for Stage {
    fn from(scene: Scene) -> Self {
        Self::Ready(vec![scene])
    }
}

impl From<Vec<Scene>> for Stage {
    fn from(scenes: Vec<Scene>) -> Self {
        Self::Ready(scenes)
    }
}

/// One form of a situation: the settings of a source, and what must live as long as it is read.
pub struct Scene {
    pub(crate) name: String,
    pub(crate) settings: String,
    pub(crate) context: Context,
    pub(crate) key_lost: Option<&'static str>,
    kept: Vec<Box<dyn Any>>,
}

impl Scene {
    /// A scene with the connector's settings as TOML, in this context.
    pub fn new(settings: impl Into<String>, context: Context) -> Self {
        Self {
            name: String::new(),
            settings: settings.into(),
            context,
            key_lost: None,
            kept: Vec::new(),
        }
    }

    /// Names the form, if there are several: "UTF-16 with BOM".
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Keeps something alive as long as the scene: a temporary folder, a server.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any) -> Self {
        self.kept.push(Box::new(kept));
        self
    }

    /// Declares that the key of the spoiled entry cannot be told in this form, with the reason. Otherwise its rejection must
    /// name that key, so that the account is pinned.
    #[must_use]
    pub fn key_lost(mut self, reason: &'static str) -> Self {
        self.key_lost = Some(reason);
        self
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Settings may hold a credential.
        f.debug_struct("Scene").field("name", &self.name).finish_non_exhaustive()
    }
}
