//! The rules themselves, grouped by what they look at. Each is a function that finds the first fault.

pub(crate) mod content;
pub(crate) mod face;
pub(crate) mod load;
pub(crate) mod trouble;

use crate::rule::{Act, Verdict};
use crate::{Datum, Entry, Pass, Table};

/// That these rows of a table, and no others, are the records of the pass, with their values.
pub(crate) fn expect_rows(act: &Act, pass: &Pass, table: &Table, wanted: &[usize]) -> Verdict {
    let keys = || pass.records.iter().map(|record| record.key.as_str()).collect::<Vec<_>>();
    act.expect(pass.records.len() == wanted.len(), || {
        format!("{} records were expected, these came: {:?}\n{pass}", wanted.len(), keys())
    })?;
    for &index in wanted {
        let row = &table.rows[index];
        let record = pass.record(&row.key);
        act.expect(record.is_some(), || {
            format!("key {:?} is missing, these came: {:?}\n{pass}", row.key, keys())
        })?;
        let Some(record) = record else { continue };
        for (field, values) in table.fields.iter().zip(&row.values) {
            act.expect(same(record, field, values), || {
                let shown = |values: &[Datum]| {
                    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
                };
                let found = shown(record.values(field));
                format!(
                    "field {field} of key {} is [{found}] instead of [{}]",
                    row.key,
                    shown(values)
                )
            })?;
        }
    }
    Ok(())
}

/// Whether the values are the same and in order. A spreadsheet has one kind of number, so `7` and `7.0` are.
fn same(record: &Entry, field: &str, values: &[Datum]) -> bool {
    let found = record.values(field);
    found.len() == values.len()
        && found.iter().zip(values).all(|pair| match pair {
            (Datum::Integer(integer), Datum::Decimal(decimal))
            | (Datum::Decimal(decimal), Datum::Integer(integer)) => *integer as f64 == *decimal,
            (found, value) => found == value,
        })
}

/// All positions of a table but these.
pub(crate) fn others(table: &Table, without: &[usize]) -> Vec<usize> {
    (0..table.rows.len()).filter(|index| !without.contains(index)).collect()
}
