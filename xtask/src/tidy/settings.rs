//! `xtask/tidy.toml`: exceptions with their reasons, and the words that are providers.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Finding, Rule, SETTINGS};
use crate::shell::Result;

/// What `xtask/tidy.toml` says.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) providers: Vec<String>,
    excuses: Vec<Excuse>,
}

#[derive(Debug)]
struct Excuse {
    rule: String,
    path: String,
    /// The word that is excused; empty for rules that are not about words.
    what: String,
    reason: String,
}

impl Settings {
    /// Reads the file.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let table: Table = text.parse().map_err(|error| format!("{SETTINGS}: {error}"))?;
        let mut settings = Self::default();
        for (key, value) in &table {
            let entries =
                value.as_array().ok_or_else(|| format!("{SETTINGS}: `{key}` is no list"))?;
            match key.as_str() {
                "providers" => {
                    settings.providers =
                        entries.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                }
                "excuse" => {
                    settings.excuses = entries.iter().map(excuse).collect::<Result<_>>()?;
                }
                _ => return Err(format!("{SETTINGS}: unknown key `{key}`")),
            }
        }
        Ok(settings)
    }

    /// The numbers of the excuses for a finding of a rule.
    pub(crate) fn excuses(&self, rule: &str, finding: &Finding) -> Vec<usize> {
        let fits = |excuse: &Excuse| {
            excuse.rule == rule && excuse.path == finding.path && excuse.what == finding.what
        };
        let all = self.excuses.iter().enumerate();
        all.filter(|(_, excuse)| fits(excuse)).map(|(index, _)| index).collect()
    }

    /// The excuses that nothing needs, or that excuse what cannot be excused, or have no reason.
    pub(crate) fn stale(&self, used: &BTreeSet<usize>, rules: &[Rule]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, excuse) in self.excuses.iter().enumerate() {
            let known = rules.iter().any(|rule| rule.name == excuse.rule && rule.excusable);
            let mut of = format!("the excuse of `{}` for `{}`", excuse.rule, excuse.path);
            if !excuse.what.is_empty() {
                of = format!("{of}, `{}`,", excuse.what);
            }
            let fault = if !known {
                "is for a rule that allows none"
            } else if !used.contains(&index) {
                "is not needed any more; remove it"
            } else if excuse.reason.trim().is_empty() {
                "has no reason"
            } else {
                continue;
            };
            findings.push(Finding::file(SETTINGS, format!("{of} {fault}")));
        }
        findings
    }
}

fn excuse(value: &Value) -> Result<Excuse> {
    let table = value.as_table().ok_or_else(|| format!("{SETTINGS}: an excuse is a table"))?;
    if let Some(key) =
        table.keys().find(|key| !["rule", "path", "what", "reason"].contains(&key.as_str()))
    {
        return Err(format!("{SETTINGS}: unknown key `{key}` in an excuse"));
    }
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Excuse {
        rule: text("rule"),
        path: text("path"),
        what: text("what"),
        reason: text("reason"),
    })
}
