//! What expressions may ask about other people: who stands above somebody, and what a field of the manager holds. It is read
//! before anybody is mapped, and only if an expression asks: a pair of fingerprints a person, and the fields of managers.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use peoplesync_mapping::expr::Value;
use peoplesync_mapping::{Around, Binding, DigestKey, Mapping, Unknown, fingerprint};
use peoplesync_source::{Coverage, Query, Record, Step, Timestamp, Value as Raw};

use super::Session;
use super::read::{self, open};
use crate::failure::Outcome;

/// A key, as it is remembered.
type Print = [u8; 12];

/// Nobody: the manager of who has none.
const NOBODY: Print = [0; 12];

/// Everybody's manager, and what was asked of managers.
#[derive(Debug)]
pub(crate) struct Managers {
    key: DigestKey,
    /// Each person who was read with their manager, sorted.
    above: Vec<(Print, Print)>,
    /// The keys of those whose record was rejected, or whose manager cannot be told.
    unknown: BTreeSet<Print>,
    /// The keys that damaged records may have. Who was read is known all the same.
    doubtful: BTreeSet<Print>,
    /// Whether somebody who was not read may be there all the same.
    is_open: bool,
    /// The names of the fields that are asked for.
    fields: Vec<String>,
    /// What managers have in them.
    values: BTreeMap<Print, Box<[Value<'static>]>>,
}

impl Managers {
    /// Reads what the mapping asks for; `None` if it asks for nothing.
    pub(crate) async fn read(
        session: &Session,
        key: &DigestKey,
        now: Timestamp,
    ) -> Outcome<Option<Self>> {
        let asks = session.mapping.asks();
        if !asks.managers() {
            return Ok(None);
        }
        let mut managers = Self::new(key.clone(), asks.manager_fields.clone());
        let around = Around { now: Some(now), seed: Some(key), people: None };
        managers
            .pass(session, |managers, record, mapping, binding| {
                let manager = mapping.manager_of(&around, binding, record);
                managers.person(record.key(), manager.ok());
            })
            .await?;
        managers.sort();
        if !managers.fields.is_empty() {
            let wanted: BTreeSet<Print> = managers.above.iter().map(|(_, above)| *above).collect();
            managers
                .pass(session, |managers, record, _, _| {
                    let print = fingerprint(&managers.key, record.key());
                    if wanted.contains(&print) {
                        managers.note(print, record);
                    }
                })
                .await?;
        }
        Ok(Some(managers))
    }

    fn new(key: DigestKey, fields: Vec<String>) -> Self {
        Self {
            key,
            above: Vec::new(),
            unknown: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            is_open: false,
            fields,
            values: BTreeMap::new(),
        }
    }

    /// Reads the source once.
    async fn pass(
        &mut self,
        session: &Session,
        mut take: impl FnMut(&mut Self, &Record<'_>, &Mapping, &Binding),
    ) -> Outcome<()> {
        let query = Query::fields(session.mapping.fields().iter().cloned());
        let mut records = open(session, &query).await?;
        loop {
            match read::next(&mut *records).await? {
                Step::Batch(batch) => {
                    let binding = session.mapping.bind(batch.fields());
                    for record in batch.records() {
                        take(self, &record, &session.mapping, &binding);
                    }
                    for rejected in batch.rejected() {
                        let keys = rejected.key.iter().chain(&rejected.might_be);
                        let prints = keys.map(|key| fingerprint(&self.key, key.as_str()));
                        // What else a damaged record holds may be anybody's key.
                        match rejected.might_be.is_empty() {
                            true => self.unknown.extend(prints),
                            false => self.doubtful.extend(prints),
                        }
                        self.is_open |= rejected.key.is_none();
                    }
                }
                Step::End(end) => {
                    self.is_open |= end.coverage != Coverage::Complete;
                    return Ok(());
                }
            }
        }
    }

    /// Notes a person; `None` for a manager that cannot be told.
    fn person(&mut self, key: &str, manager: Option<Option<Cow<'_, str>>>) {
        let person = fingerprint(&self.key, key);
        match manager {
            Some(manager) => {
                let above = manager.map_or(NOBODY, |manager| fingerprint(&self.key, &manager));
                self.above.push((person, above));
            }
            None => {
                self.unknown.insert(person);
            }
        }
    }

    fn sort(&mut self) {
        self.above.sort_unstable();
        self.above.dedup();
        // A key that stands twice with two managers has none that can be told.
        let pairs = self.above.windows(2).filter_map(|pair| match pair {
            [(one, _), (other, _)] if one == other => Some(*one),
            _ => None,
        });
        self.unknown.extend(pairs);
    }

    fn note(&mut self, print: Print, record: &Record<'_>) {
        let values = self.fields.iter().map(|field| {
            let position = record.fields().position(field).unwrap_or(usize::MAX);
            let mut values: Vec<Value<'static>> =
                record.values(position).filter_map(owned).collect();
            match values.len() {
                0 => Value::Null,
                1 => values.remove(0),
                _ => Value::List(values),
            }
        });
        self.values.insert(print, values.collect());
    }

    /// Who stands right above somebody; `NOBODY` if nobody does.
    fn above(&self, person: Print) -> Result<Print, Unknown> {
        let found = self.above.binary_search_by(|(known, _)| known.cmp(&person)).ok();
        match found.and_then(|at| self.above.get(at)) {
            _ if self.unknown.contains(&person) => Err(rejected()),
            Some((_, above)) => Ok(*above),
            None if self.doubtful.contains(&person) => Err(rejected()),
            None if self.is_open => Err(not_read()),
            // A complete read does not have the person: there is nobody further up.
            None => Ok(NOBODY),
        }
    }
}

impl Managers {
    /// What a field of the manager holds.
    pub(super) fn manager_field<'a>(
        &'a self,
        person: &Record<'_>,
        field: &str,
    ) -> Result<Value<'a>, Unknown> {
        let above = self.above(fingerprint(&self.key, person.key()))?;
        if above == NOBODY {
            return Ok(Value::Null);
        }
        let at = self.fields.iter().position(|known| known == field);
        match (self.values.get(&above), at) {
            (Some(values), Some(at)) => Ok(values.get(at).map_or(Value::Null, Value::borrow)),
            _ if self.unknown.contains(&above) || self.doubtful.contains(&above) => Err(rejected()),
            _ if self.is_open => Err(not_read()),
            _ => Ok(Value::Null),
        }
    }

    /// Whether somebody with this key stands above the person.
    pub(super) fn reports_to(&self, person: &Record<'_>, key: &str) -> Result<bool, Unknown> {
        let wanted = fingerprint(&self.key, key.trim());
        let mut at = fingerprint(&self.key, person.key());
        // People who stand above themselves are found by comparing with one of before, which moves on in growing steps.
        let (mut before, mut steps, mut limit) = (at, 0_u64, 1_u64);
        loop {
            at = self.above(at)?;
            if at == wanted {
                return Ok(true);
            }
            if at == NOBODY || at == before {
                return Ok(false);
            }
            steps += 1;
            if steps == limit {
                (before, steps, limit) = (at, 0, limit.saturating_mul(2));
            }
        }
    }
}

fn rejected() -> Unknown {
    Unknown("the record of somebody further up was rejected".into())
}

fn not_read() -> Unknown {
    Unknown("somebody further up may be among the records that could not be read".into())
}

fn owned(raw: Raw<'_>) -> Option<Value<'static>> {
    Some(match raw {
        Raw::Text(text) => Value::Text(Cow::Owned(text.to_owned())),
        Raw::Integer(number) => Value::Integer(number),
        Raw::Decimal(number) => Value::Decimal(number),
        Raw::Boolean(value) => Value::Boolean(value),
        Raw::Timestamp(time) => Value::Timestamp(time),
        Raw::Bytes(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use peoplesync_source::{Batch, Fields, Origin};

    use super::*;

    fn company(people: &[(&str, Option<&str>)]) -> Managers {
        let mut managers = Managers::new(DigestKey::new([7; 32]), Vec::new());
        for (key, manager) in people {
            managers.person(key, Some(manager.map(Cow::Borrowed)));
        }
        managers.sort();
        managers
    }

    /// Who of these stands above this person.
    fn check(managers: &Managers, person: &str, keys: &[&str]) -> String {
        let mut batch = Batch::new(Fields::new::<_, &str>([]));
        batch.record(person, Origin::row("test", 1)).unwrap();
        let record = batch.get(0).unwrap();
        let answers = keys.iter().map(|key| match managers.reports_to(&record, key) {
            Ok(reports) => format!("{key}:{}", if reports { "yes" } else { "no" }),
            Err(unknown) => format!("{key}:{unknown}"),
        });
        answers.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn chains_end_cycles_as_well() {
        let company = company(&[
            ("1", None),
            ("2", Some("1")),
            ("3", Some("2")),
            ("4", Some("gone")),
            ("a", Some("b")),
            ("b", Some("c")),
            ("c", Some("a")),
            ("d", Some("a")),
            ("self", Some("self")),
        ]);
        assert_eq!(check(&company, "3", &["1", "2", "3", "4"]), "1:yes 2:yes 3:no 4:no");
        assert_eq!(check(&company, "1", &["1", "2"]), "1:no 2:no");
        assert_eq!(check(&company, "4", &["gone", "1"]), "gone:yes 1:no");
        assert_eq!(check(&company, "d", &["a", "b", "c", "d", "1"]), "a:yes b:yes c:yes d:no 1:no");
        assert_eq!(check(&company, "b", &["b", "1"]), "b:yes 1:no");
        assert_eq!(check(&company, "self", &["self", "1"]), "self:yes 1:no");
    }

    #[test]
    fn who_was_rejected_is_not_guessed_about() {
        let mut managers = company(&[("2", Some("1")), ("3", Some("2")), ("4", None)]);
        managers.unknown.insert(fingerprint(&managers.key, "1"));
        let rejected = "the record of somebody further up was rejected";
        assert_eq!(check(&managers, "3", &["2", "1", "0"]), format!("2:yes 1:yes 0:{rejected}"));
        assert_eq!(check(&managers, "4", &["0"]), "0:no");
        managers.unknown.clear();
        managers
            .doubtful
            .extend([fingerprint(&managers.key, "4"), fingerprint(&managers.key, "1")]);
        assert_eq!(check(&managers, "3", &["0"]), format!("0:{rejected}"));
        assert_eq!(check(&managers, "4", &["0"]), "0:no", "who was read is known");
        managers.doubtful.clear();
        managers.is_open = true;
        let open = "somebody further up may be among the records that could not be read";
        assert_eq!(check(&managers, "3", &["1", "0"]), format!("1:yes 0:{open}"));
        assert_eq!(check(&managers, "4", &["0"]), "0:no");
    }
}
