//! The rules of deny.toml that hold without cargo-deny: licences from a closed list, banned crates, one registry.

use std::collections::BTreeSet;
use std::path::Path;

use cargo_metadata::{CargoOpt, MetadataCommand, Package};
use toml::{Table, Value};

use crate::model;
use crate::shell::Result;

/// What deny.toml says, as far as we check it.
#[derive(Debug)]
struct Rules {
    allowed: BTreeSet<String>,
    banned: Vec<(String, String)>,
}

/// Checks every package of the lock file; says how many there are.
pub(crate) fn check(root: &Path) -> Result<String> {
    let rules = Rules::read(root)?;
    let metadata = model::metadata(root, MetadataCommand::new().features(CargoOpt::AllFeatures))?;
    let ours: BTreeSet<_> = metadata.workspace_members.iter().collect();
    let foreign = metadata.packages.iter().filter(|package| !ours.contains(&package.id));
    let (mut count, mut faults) = (0, Vec::new());
    for package in foreign {
        count += 1;
        faults.extend(rules.faults(package));
    }
    if faults.is_empty() {
        Ok(format!("{count} packages, {} licences allowed", rules.allowed.len()))
    } else {
        Err(faults.join("\n"))
    }
}

impl Rules {
    fn read(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join("deny.toml"))
            .map_err(|error| format!("cannot read deny.toml: {error}"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let table: Table = text.parse().map_err(|error| format!("deny.toml: {error}"))?;
        let list = |section: &str, key: &str| {
            let value = table.get(section).and_then(|section| section.get(key));
            value.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let allowed: BTreeSet<String> =
            list("licenses", "allow").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if allowed.is_empty() {
            return Err("deny.toml: `licenses.allow` is empty".to_owned());
        }
        let text = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let bans = list("bans", "deny");
        let banned = bans.iter().map(|ban| (text(ban, "crate"), text(ban, "reason"))).collect();
        Ok(Self { allowed, banned })
    }

    fn faults(&self, package: &Package) -> Vec<String> {
        let name = format!("{} {}", package.name, package.version);
        let mut faults = Vec::new();
        match &package.license {
            None => faults.push(format!("{name} names no licence in its Cargo.toml")),
            Some(licence) => match allows(licence, &self.allowed) {
                Ok(true) => {}
                Ok(false) => faults
                    .push(format!("{name} is under `{licence}`, which deny.toml does not allow")),
                Err(error) => faults.push(format!("{name} is under `{licence}`: {error}")),
            },
        }
        for (_, reason) in self.banned.iter().filter(|(banned, _)| *banned == *package.name) {
            faults.push(format!("{name} is banned by deny.toml: {reason}"));
        }
        if !package.source.as_ref().is_some_and(cargo_metadata::Source::is_crates_io) {
            faults.push(format!("{name} does not come from the public registry"));
        }
        faults
    }
}

/// Whether an SPDX expression can be met with the allowed licences. The old `A/B` means `A OR B`.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> Result<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Expression { words: &words, at: 0, allowed };
    let met = reader.any()?;
    match reader.peek() {
        None => Ok(met),
        Some(word) => Err(format!("`{word}` is not expected")),
    }
}

/// A reader of `any := all (OR all)*`, `all := one (AND one)*`, `one := ( any ) | name (WITH name)?`.
struct Expression<'a> {
    words: &'a [&'a str],
    at: usize,
    allowed: &'a BTreeSet<String>,
}

impl Expression<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).copied()
    }

    fn skip(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<bool> {
        let mut met = self.all()?;
        while self.skip("OR") {
            met |= self.all()?;
        }
        Ok(met)
    }

    fn all(&mut self) -> Result<bool> {
        let mut met = self.one()?;
        while self.skip("AND") {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool> {
        if self.skip("(") {
            let met = self.any()?;
            return if self.skip(")") { Ok(met) } else { Err("a `)` is missing".to_owned()) };
        }
        let mut name = match self.peek() {
            Some(name) if !matches!(name, ")" | "AND" | "OR" | "WITH") => name.to_owned(),
            _ => return Err("a licence is missing".to_owned()),
        };
        self.at += 1;
        if self.skip("WITH") {
            let exception = self.peek().ok_or("an exception is missing")?;
            name = format!("{name} WITH {exception}");
            self.at += 1;
        }
        Ok(self.allowed.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> Result<bool> {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        allows(expression, &allowed)
    }

    #[test]
    fn one_allowed_licence_of_a_choice_is_enough() {
        assert_eq!(met("MIT"), Ok(true));
        assert_eq!(met("GPL-3.0 OR MIT"), Ok(true));
        assert_eq!(met("GPL-3.0/MIT"), Ok(true));
        assert_eq!(met("(GPL-3.0 OR MIT) AND ISC"), Ok(true));
        assert_eq!(met("Apache-2.0 WITH LLVM-exception OR Apache-2.0"), Ok(true));
    }

    #[test]
    fn all_of_a_sum_must_be_allowed() {
        assert_eq!(met("GPL-3.0"), Ok(false));
        assert_eq!(met("MIT AND GPL-3.0"), Ok(false));
        assert_eq!(met("GPL-3.0 OR MIT AND LGPL-3.0"), Ok(false));
        assert_eq!(met("Apache-2.0"), Ok(false));
        assert_eq!(met("MIT WITH LLVM-exception"), Ok(false));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (expression, error) in [
            ("", "a licence is missing"),
            ("MIT OR", "a licence is missing"),
            ("(MIT", "a `)` is missing"),
            ("MIT ISC", "`ISC` is not expected"),
            ("MIT WITH", "an exception is missing"),
        ] {
            assert_eq!(met(expression), Err(error.to_owned()), "{expression}");
        }
    }

    #[test]
    fn rules_come_from_the_file() {
        let text =
            "[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"a\", reason = \"b\" }]";
        let rules = Rules::parse(text).unwrap();
        assert_eq!(rules.banned, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(Rules::parse("").unwrap_err(), "deny.toml: `licenses.allow` is empty");
    }

    #[test]
    fn the_packages_of_this_repository_are_allowed() {
        check(&model::root()).unwrap();
    }
}
