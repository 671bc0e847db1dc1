//! C4, C5, C6, C13: what the records say.

use std::collections::{BTreeMap, BTreeSet};

use peoplesync_source::{Connector, FieldType, Origin};

use super::{expect_rows, others};
use crate::rule::{Act, Trial, Verdict};
use crate::{Datum, Pass, Situation, Table, read_all, source};

pub(crate) fn c4<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    for situation in [Situation::Rows(Table::people()), Situation::repeated_key()] {
        for act in trial.acts::<C>(&situation)? {
            let first = act.read();
            let second = act.read();
            let another =
                source::<C>(&act.scene.settings).map_err(|error| (act.label.clone(), error))?;
            let third = read_all(&*another, &act.scene.context, &Default::default());
            for (name, other) in [("second", &second), ("third", &third)] {
                act.expect(first.to_string() == other.to_string(), || {
                    format!("the {name} pass differs from the first:\n{first}\n---\n{other}")
                })?;
            }
        }
    }
    Ok(())
}

pub(crate) fn c5<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let repeated = Situation::repeated_key();
    for act in trial.acts::<C>(&repeated)? {
        let Situation::RepeatedKey { table, first, second } = &repeated else { continue };
        let pass = act.read();
        unique(&act, &pass)?;
        expect_end(&act, &pass)?;
        // The first may have been delivered before its repetition was found, or both may be rejected.
        let key = &table.rows[*first].key;
        let delivered = pass.record(key).is_some();
        let mut expected = others(table, &[*first, *second]);
        expected.extend(delivered.then_some(*first));
        expect_rows(&act, &pass, table, &expected)?;

        let of_key = |rejected: &&peoplesync_source::Rejected| {
            rejected.key.as_ref().is_some_and(|found| found.as_str() == key)
        };
        let rejected: Vec<_> = pass.rejected.iter().filter(of_key).collect();
        act.expect(!rejected.is_empty(), || {
            format!("the repeated key {key} is not rejected\n{pass}")
        })?;
        if let Some(record) = pass.record(key) {
            let place = record.origin.to_string();
            act.expect(rejected.iter().any(|rejected| rejected.reason.contains(&place)), || {
                format!("the rejection of key {key} does not name the first place, {place}\n{pass}")
            })?;
            act.expect(rejected.iter().all(|rejected| rejected.origin != record.origin), || {
                format!("the rejection of key {key} has the place of the first\n{pass}")
            })?;
        }
    }
    let without = Situation::empty_key();
    for act in trial.acts::<C>(&without)? {
        let Situation::EmptyKey { table, empty } = &without else { continue };
        let pass = act.read();
        unique(&act, &pass)?;
        expect_end(&act, &pass)?;
        expect_rows(&act, &pass, table, &others(table, &[*empty]))?;
        act.expect(pass.rejected.len() == 1, || {
            format!("the entry without a key was to be the only one rejected\n{pass}")
        })?;
    }
    for situation in [Situation::Rows(Table::people()), Situation::Texts(Table::texts())] {
        for act in trial.acts::<C>(&situation)? {
            unique(&act, &act.read())?;
        }
    }
    Ok(())
}

pub(crate) fn c6<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let situations = [
        Situation::Rows(Table::people()),
        Situation::Texts(Table::texts()),
        Situation::bad_row(),
        Situation::repeated_key(),
        Situation::empty_key(),
    ];
    for situation in situations {
        for act in trial.acts::<C>(&situation)? {
            let pass = act.read();
            let records = pass.records.iter().map(|record| &record.origin);
            let mut seen = BTreeSet::new();
            for origin in records.chain(pass.rejected.iter().map(|rejected| &rejected.origin)) {
                let shown = origin.to_string();
                let findable = match origin {
                    Origin::Row { file, row } => !file.is_empty() && *row > 0,
                    Origin::Cell { sheet, row, .. } => !sheet.is_empty() && *row > 0,
                    Origin::Entry(name) => !name.trim().is_empty(),
                };
                act.expect(findable, || format!("nobody can find {shown:?}\n{pass}"))?;
                let base = act.scene.context.resolve("").display().to_string();
                act.expect(base.len() < 2 || !shown.contains(&base), || {
                    format!("{shown} is not as the config names it: relative paths stay relative")
                })?;
                act.expect(seen.insert(shown.clone()), || {
                    format!("{shown} is the place of two\n{pass}")
                })?;
            }
            for rejected in &pass.rejected {
                act.expect(!rejected.reason.trim().is_empty(), || {
                    format!("the rejection at {} has no reason", rejected.origin)
                })?;
            }
        }
    }
    Ok(())
}

pub(crate) fn c13<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let situations = [
        Situation::Rows(Table::people()),
        Situation::Texts(Table::texts()),
        Situation::Lists(Table::lists()),
        Situation::Bytes(Table::bytes()),
        Situation::Typed(Table::typed()),
        Situation::Times(Table::times()),
    ];
    for situation in situations {
        for act in trial.acts::<C>(&situation)? {
            let (Situation::Rows(table)
            | Situation::Texts(table)
            | Situation::Lists(table)
            | Situation::Bytes(table)
            | Situation::Typed(table)
            | Situation::Times(table)) = &situation
            else {
                continue;
            };
            let pass = act.read();
            expect_rows(&act, &pass, table, &others(table, &[]))?;
            typed(&act, &pass)?;
            act.expect(pass.rejected.is_empty() && pass.is_complete(), || {
                format!("a complete pass without rejections was expected\n{pass}")
            })?;
        }
    }
    Ok(())
}

/// That fields hold what the source said of them.
fn typed(act: &Act, pass: &Pass) -> Verdict {
    for record in &pass.records {
        for (name, values) in &record.fields {
            let Some(holds) = pass.types.get(name) else { continue };
            act.expect(values.iter().all(|value| fits(*holds, value)), || {
                format!(
                    "field {name} of key {} is said to hold {holds:?}, and does not",
                    record.key
                )
            })?;
        }
    }
    Ok(())
}

fn fits(holds: FieldType, value: &Datum) -> bool {
    match holds {
        FieldType::Cell | FieldType::Text => matches!(value, Datum::Text(_)),
        FieldType::Bytes => matches!(value, Datum::Bytes(_)),
        FieldType::Integer => matches!(value, Datum::Integer(_)),
        FieldType::Decimal => matches!(value, Datum::Decimal(_)),
        FieldType::Boolean => matches!(value, Datum::Boolean(_)),
        FieldType::Timestamp => matches!(value, Datum::Timestamp(_)),
        FieldType::List => true,
    }
}

/// That no key is empty and none comes twice.
fn unique(act: &Act, pass: &Pass) -> Verdict {
    let mut seen = BTreeMap::new();
    for record in &pass.records {
        act.expect(!record.key.trim().is_empty(), || {
            format!("the key at {} is empty", record.origin)
        })?;
        let before = seen.insert(record.key.as_str(), &record.origin);
        act.expect(before.is_none(), || {
            format!("key {} was delivered twice, the second time at {}", record.key, record.origin)
        })?;
    }
    Ok(())
}

/// That the pass went on to its end.
fn expect_end(act: &Act, pass: &Pass) -> Verdict {
    act.expect(pass.is_complete(), || format!("the pass was to go on and end complete\n{pass}"))
}
