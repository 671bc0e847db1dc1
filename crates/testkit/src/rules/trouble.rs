//! C7 to C11: what happens when something is wrong with the source.

use peoplesync_source::{Connector, Error, ErrorKind, Query, Retry};

use super::{expect_rows, others};
use crate::pass::{patient, shown, with_runtime};
use crate::rule::{Act, Trial, Verdict};
use crate::{Large, Row, Situation, Table, read_all};

pub(crate) fn c7<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let spoiled = Situation::bad_row();
    for act in trial.acts::<C>(&spoiled)? {
        let Situation::BadRow { table, bad } = &spoiled else { continue };
        let pass = act.read();
        expect_rows(&act, &pass, table, &others(table, &[*bad]))?;
        act.expect(pass.rejected.len() == 1, || format!("one rejection was expected\n{pass}"))?;
        act.expect(pass.is_complete(), || {
            format!("a rejection is offered too: the end is complete\n{pass}")
        })?;
        let key = &table.rows[*bad].key;
        let pinned = pass.rejected.iter().any(|rejected| {
            rejected.key.iter().chain(&rejected.might_be).any(|pinned| pinned.as_str() == key)
        });
        match act.scene.key_lost {
            Some(reason) => trial.except("the key of a bad row", reason),
            None => act.expect(pinned, || {
                format!("key {key} is in the bad row, but its rejection does not pin it\n{pass}")
            })?,
        }
    }
    for act in trial.acts::<C>(&Situation::WrongStructure(Table::people()))? {
        let pass = act.read();
        let kind = pass.end.as_ref().err().map(Error::kind);
        act.expect(matches!(kind, Some(ErrorKind::Malformed | ErrorKind::Config)), || {
            format!("an error of kind Malformed or Config was expected\n{pass}")
        })?;
        act.expect(pass.records.is_empty(), || format!("records came before the error\n{pass}"))?;
    }
    for act in trial.acts::<C>(&Situation::UnknownField(Table::people()))? {
        let query = Query::fields([Large::UNKNOWN_FIELD]);
        let pass = read_all(&*act.source, &act.scene.context, &query);
        let named = pass
            .end
            .as_ref()
            .err()
            .is_some_and(|error| shown(error).contains(Large::UNKNOWN_FIELD));
        act.expect(named, || {
            format!(
                "the field {} is not there: an error naming it was expected\n{pass}",
                Large::UNKNOWN_FIELD
            )
        })?;
    }
    // What was asked for comes under its own name, also when not all is asked for.
    let table = Table::people();
    for act in trial.acts::<C>(&Situation::Rows(table.clone()))? {
        let (first, last) = (&table.fields[0], &table.fields[2]);
        let query = Query::fields([last.as_str(), first.as_str()]);
        let pass = read_all(&*act.source, &act.scene.context, &query);
        let asked = Table {
            fields: vec![first.clone(), last.clone()],
            rows: table.rows.iter().map(without_middle).collect(),
        };
        expect_rows(&act, &pass, &asked, &others(&asked, &[]))?;
    }
    Ok(())
}

pub(crate) fn c8<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    for act in trial.acts::<C>(&Situation::Cut(Table::people()))? {
        let pass = act.read();
        act.expect(!pass.is_complete(), || {
            format!("the source was cut, and its pass says that everything was offered\n{pass}")
        })?;
    }
    for act in trial.acts::<C>(&Situation::Rows(Table::people()))? {
        let pass = act.read();
        act.expect(pass.is_complete(), || format!("a complete end was expected\n{pass}"))?;
    }
    Ok(())
}

pub(crate) fn c9<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    let table = Table { rows: Vec::new(), ..Table::people() };
    for act in trial.acts::<C>(&Situation::Empty(table))? {
        let pass = act.read();
        let nobody = pass.records.is_empty() && pass.rejected.is_empty();
        act.expect(nobody && pass.is_complete(), || {
            format!("a complete end without records was expected\n{pass}")
        })?;
    }
    Ok(())
}

pub(crate) fn c10<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    for act in trial.acts::<C>(&Situation::Missing)? {
        refused(&act, ErrorKind::Unavailable, |retry| matches!(retry, Retry::Later(_)))?;
    }
    for act in trial.acts::<C>(&Situation::Denied)? {
        refused(&act, ErrorKind::Denied, |retry| retry == Retry::Never)?;
    }
    Ok(())
}

pub(crate) fn c11<C: Connector>(trial: &mut Trial<'_>) -> Verdict {
    for situation in Situation::all() {
        if matches!(situation, Situation::Large(_) | Situation::Hostile) {
            continue;
        }
        for act in trial.acts::<C>(&situation)? {
            let (opened, checked) = with_runtime(|runtime| {
                runtime.block_on(async {
                    let (cx, source) = (&act.scene.context, &act.source);
                    // Fewer fields may ask for less than all of them.
                    let everything = patient(source.open(cx, &Query::default())).await;
                    let few = patient(source.open(cx, &Query::fields(["name"]))).await;
                    // Their right to be open beside the check is part of the question.
                    (everything.is_ok() || few.is_ok(), patient(source.check(cx)).await)
                })
            });
            act.expect(!opened || checked.is_ok(), || {
                let error = checked.as_ref().err().map(shown).unwrap_or_default();
                format!("the source can be opened, but its check fails: {error}")
            })?;
        }
    }
    Ok(())
}

/// The row with its first and last field only.
fn without_middle(row: &Row) -> Row {
    let values = row.values.first().into_iter().chain(row.values.last()).cloned().collect();
    Row { key: row.key.clone(), values }
}

/// That both the check and the pass fail in this way.
fn refused(act: &Act, kind: ErrorKind, retry: impl Fn(Retry) -> bool) -> Verdict {
    let context = &act.scene.context;
    let checked =
        with_runtime(|runtime| runtime.block_on(patient(act.source.check(context)))).err();
    let pass = act.read();
    for (what, error) in [("check", checked.as_ref()), ("pass", pass.end.as_ref().err())] {
        act.expect(error.is_some(), || format!("the {what} was to fail"))?;
        let Some(error) = error else { continue };
        act.expect(error.kind() == kind && retry(error.retry()), || {
            format!(
                "the {what} fails as {:?}, {:?} instead of {kind:?}: {}",
                error.kind(),
                error.retry(),
                shown(error)
            )
        })?;
    }
    Ok(())
}
