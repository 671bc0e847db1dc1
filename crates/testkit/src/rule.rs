//! The rules by name, and what runs them.

use std::fmt;
use std::io::Write as _;

use peoplesync_source::{Connector, Query, Source};

use crate::pass::{self, Pass};
use crate::{Harness, Scene, Situation, Stage, alone, rules};

/// A conformance rule; the table is in the crate docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the rules are one table, in the crate docs and in `says`")]
pub enum Rule {
    C1,
    C2,
    C3,
    C4,
    C5,
    C6,
    C7,
    C8,
    C9,
    C10,
    C11,
    C12,
    C13,
    C14,
    C15,
}

/// Where the connector lives, for C1.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// The name of its package.
    pub package: &'static str,
    /// Its folder.
    pub folder: &'static str,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which one.
    pub rule: Rule,
    /// The situation and the form of it, if one is to blame.
    pub scene: String,
    /// What was found and what was expected.
    pub message: String,
}

/// A situation that the harness declared impossible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The rule that would have used it.
    pub rule: Rule,
    /// The situation.
    pub situation: &'static str,
    /// Why.
    pub reason: String,
}

/// Checks one rule. Gives what could not be checked, with reasons.
///
/// C12 and C14 count what the whole process holds: call them inside of [`alone`].
///
/// # Errors
/// The rule does not hold.
pub fn check<C: Connector>(
    rule: Rule,
    home: &Home,
    harness: &dyn Harness,
) -> Result<Vec<Exception>, Failure> {
    let mut trial = Trial::new(rule, home, harness);
    let verdict = match rule {
        Rule::C1 => rules::face::c1::<C>(&trial),
        Rule::C2 => rules::face::c2::<C>(),
        Rule::C3 => rules::face::c3::<C>(&mut trial),
        Rule::C4 => rules::content::c4::<C>(&mut trial),
        Rule::C5 => rules::content::c5::<C>(&mut trial),
        Rule::C6 => rules::content::c6::<C>(&mut trial),
        Rule::C7 => rules::trouble::c7::<C>(&mut trial),
        Rule::C8 => rules::trouble::c8::<C>(&mut trial),
        Rule::C9 => rules::trouble::c9::<C>(&mut trial),
        Rule::C10 => rules::trouble::c10::<C>(&mut trial),
        Rule::C11 => rules::trouble::c11::<C>(&mut trial),
        Rule::C12 => rules::load::c12::<C>(&mut trial),
        Rule::C13 => rules::content::c13::<C>(&mut trial),
        Rule::C14 => rules::load::c14::<C>(&mut trial),
        Rule::C15 => rules::load::c15::<C>(&mut trial),
    };
    match verdict {
        Ok(()) => Ok(trial.exceptions),
        Err((scene, message)) => Err(Failure { rule, scene, message }),
    }
}

/// Runs one rule as the body of a test: what [`conformance!`](crate::conformance) expands to.
///
/// # Panics
/// The rule does not hold.
pub fn run<C: Connector, H: Harness>(rule: Rule, home: &Home, harness: impl FnOnce() -> H) {
    let body = || match check::<C>(rule, home, &harness()) {
        Err(failure) => assert!(failure.message.is_empty(), "{failure}"),
        Ok(exceptions) => exceptions.iter().for_each(|exception| {
            // Not by `eprintln!`: the test runner would swallow it.
            drop(writeln!(std::io::stderr(), "{} {exception}", C::KIND));
        }),
    };
    if matches!(rule, Rule::C12 | Rule::C14) { alone(body) } else { body() }
}

/// What a rule answers: the scene and the message of a failure.
pub(crate) type Verdict = Result<(), (String, String)>;

/// One rule being tried on one connector.
pub(crate) struct Trial<'a> {
    rule: Rule,
    pub(crate) home: &'a Home,
    harness: &'a dyn Harness,
    exceptions: Vec<Exception>,
}

/// A scene that is ready to be read.
pub(crate) struct Act {
    pub(crate) label: String,
    pub(crate) scene: Scene,
    pub(crate) source: Box<dyn Source>,
}

impl<'a> Trial<'a> {
    fn new(rule: Rule, home: &'a Home, harness: &'a dyn Harness) -> Self {
        Self { rule, home, harness, exceptions: Vec::new() }
    }

    /// The scenes of a situation; none if it was declared impossible.
    pub(crate) fn stage(&mut self, situation: &Situation) -> Vec<Scene> {
        match self.harness.stage(situation) {
            Stage::Ready(scenes) => scenes,
            Stage::Cannot(reason) => {
                self.except(situation.name(), reason);
                Vec::new()
            }
        }
    }

    /// The same, and their sources.
    pub(crate) fn acts<C: Connector>(
        &mut self,
        situation: &Situation,
    ) -> Result<Vec<Act>, (String, String)> {
        let scenes = self.stage(situation);
        if matches!(situation, Situation::Rows(_)) && scenes.is_empty() {
            return Err((situation.name().into(), "every harness must stage plain rows".into()));
        }
        let act = |scene: Scene| {
            let label = label(situation, &scene);
            match pass::source::<C>(&scene.settings) {
                Ok(source) => Ok(Act { label, scene, source }),
                Err(error) => Err((label, format!("the source was not built: {error}"))),
            }
        };
        scenes.into_iter().map(act).collect()
    }

    /// Notes something that this rule could not check, once.
    pub(crate) fn except(&mut self, what: &'static str, reason: impl Into<String>) {
        let exception = Exception { rule: self.rule, situation: what, reason: reason.into() };
        // These two go through all situations; what is impossible is declared where it matters.
        let sweeps = match self.rule {
            Rule::C3 => what != Situation::Secret.name(),
            rule => rule == Rule::C11,
        };
        if !sweeps && !self.exceptions.contains(&exception) {
            self.exceptions.push(exception);
        }
    }
}

impl Act {
    pub(crate) fn read(&self) -> Pass {
        pass::read_all(&*self.source, &self.scene.context, &Query::default())
    }

    /// A failure of this scene, unless the condition holds.
    pub(crate) fn expect(&self, holds: bool, message: impl FnOnce() -> String) -> Verdict {
        if holds { Ok(()) } else { Err((self.label.clone(), message())) }
    }
}

/// The situation and the form of it.
pub(crate) fn label(situation: &Situation, scene: &Scene) -> String {
    match scene.name.as_str() {
        "" => situation.name().into(),
        form => format!("{}, {form}", situation.name()),
    }
}

impl Rule {
    /// All rules in order.
    pub const ALL: [Self; 15] = [
        Self::C1,
        Self::C2,
        Self::C3,
        Self::C4,
        Self::C5,
        Self::C6,
        Self::C7,
        Self::C8,
        Self::C9,
        Self::C10,
        Self::C11,
        Self::C12,
        Self::C13,
        Self::C14,
        Self::C15,
    ];

    /// The rule in a sentence.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::C1 => "the kind is lower-case kebab and names the crate and its folder",
            Self::C2 => "each setting is documented and in the example, an unknown one is refused",
            Self::C3 => "building does no I/O, and nothing shows a secret",
            Self::C4 => "two passes over the same data give the same",
            Self::C5 => "keys are unique in a pass, a repeated one is rejected with both places",
            Self::C6 => "each record and each rejection has a place that a person can find",
            Self::C7 => "a bad entry is rejected, a wrong structure is an error",
            Self::C8 => "a cut source never ends complete",
            Self::C9 => "an empty but valid source ends complete with zero records",
            Self::C10 => "unreachable can be retried, denied cannot",
            Self::C11 => "a check succeeds whenever an open would",
            Self::C12 => "a dropped pass leaves no thread, task or open file behind",
            Self::C13 => "text, bytes and lists survive",
            Self::C14 => "memory stays bounded on large and hostile input",
            Self::C15 => "cancelling ends the pass soon, and never as complete",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold ({})", self.rule, self.rule.says())?;
        if !self.scene.is_empty() {
            write!(f, "\n  in {}", self.scene)?;
        }
        write!(f, "\n  {}", self.message)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not tried with {}: {}", self.rule, self.situation, self.reason)
    }
}
