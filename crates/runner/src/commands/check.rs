//! `check`: everything that can be tested without writing, a line each, all errors at once.

mod target;

use std::path::Path;

use peoplesync_mapping::DigestKey;
use peoplesync_source::Query;

use super::print;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::notify;
use crate::pipeline::{self, Groups, Origin, Session};
use crate::report::{Output, Paint, line};

/// What was found so far: lines to print, and the exit code of the worst.
struct Report {
    paint: Paint,
    text: String,
    exit: Exit,
}

impl Report {
    fn good(&mut self, what: &str, found: &str) {
        let mark = self.paint.green("✓");
        line!(self.text, "{mark} {} {found}", self.paint.bold(&format!("{what}:")));
    }

    fn note(&mut self, found: &str) {
        line!(self.text, "    {}", self.paint.dim(found));
    }

    fn bad(&mut self, what: &str, failure: &Failure) {
        let mark = self.paint.red("✗");
        let line = failure.line();
        let mut lines = line.lines();
        let first = lines.next().unwrap_or_default();
        line!(self.text, "{mark} {} {first}", self.paint.bold(&format!("{what}:")));
        for line in lines {
            line!(self.text, "  {line}");
        }
        if let Some(hint) = failure.hint() {
            line!(self.text, "    hint: {hint}");
        }
        if self.exit == Exit::Done {
            self.exit = failure.exit();
        }
    }
}

pub(super) async fn run(path: &Path, write: bool, output: Output) -> Outcome<Exit> {
    let mut report = Report { paint: output.paint, text: String::new(), exit: Exit::Done };
    match pipeline::load(path).and_then(|loaded| Session::new(loaded, &crate::clock::system())) {
        Err(errors) => report.bad("config", &Failure::from(errors)),
        Ok(session) => {
            let attributes = session.mapping.attributes().len();
            let fields = session.mapping.fields().len();
            report.good(
                "config",
                &format!("{} maps {fields} fields to {attributes} attributes", path.display()),
            );
            if let Some(schedule) = &session.loaded.config.schedule {
                for time in schedule.incremental.iter().chain(&schedule.full) {
                    report.note(&format!(
                        "`peoplesync run` runs at `{time}`, {}",
                        schedule.time_zone
                    ));
                }
            }
            source(&session, &mut report).await;
            groups(&session, &mut report).await;
            state(&session, &mut report);
            notifications(&session, &mut report);
            match session.client(Vec::new()) {
                Ok(client) => target::check(&session, &client, write, &mut report).await,
                Err(failure) => report.bad("target", &failure),
            }
        }
    }
    print(output, &report.text)?;
    Ok(report.exit)
}

async fn source(session: &Session, report: &mut Report) {
    let (mut known, mut used) = (Some(Vec::new()), Some(Vec::new()));
    for named in session.sources.iter() {
        let checked = match named.source.check(&session.cx).await {
            Ok(checked) => checked,
            Err(error) => {
                let what = named.name.as_ref().map(|name| format!("source {name}"));
                let what = what.as_deref().unwrap_or("source");
                report.bad(what, &Failure::from(error));
                (known, used) = (None, None);
                continue;
            }
        };
        report.good("source", &format!("{} can be read", named.title));
        for note in &checked.notes {
            report.note(note);
        }
        let add = |all: Option<Vec<String>>, fields: Option<Vec<String>>| {
            let (mut all, fields) = all.zip(fields)?;
            all.extend(named.qualified(&fields));
            all.extend(fields);
            Some(all)
        };
        (known, used) = (add(known, checked.fields), add(used, checked.used));
    }
    if let Err(errors) = session.unknown_fields(known.as_deref()) {
        report.bad("mapping", &Failure::from(errors));
    } else if report.exit == Exit::Done {
        // A source that does not list its fields says when it is opened that it does not have one, and only then what they hold.
        let query = Query::fields(session.mapping.fields().iter().cloned());
        if let Err(failure) = pipeline::begin(session, &query).await {
            report.bad("mapping", &failure);
        }
    }
    if let Some(used) = used {
        let has = |name: &&String| used.iter().any(|field| field.eq_ignore_ascii_case(name));
        let unused: Vec<&str> =
            session.mapping.fields().iter().filter(|name| !has(name)).map(String::as_str).collect();
        if !unused.is_empty() {
            report.note(&format!("no record has a value in {}", unused.join(", ")));
        }
    }
}

/// The source of groups, and whether expressions over people ask about groups that there are.
async fn groups(session: &Session, report: &mut Report) {
    if let Some(groups) = &session.groups
        && let Origin::Source(source, name, _) = &groups.origin
    {
        match source.check(&session.cx).await {
            Ok(checked) => {
                report.good("groups", &format!("{name} can be read"));
                checked.notes.iter().for_each(|note| report.note(note));
                if let Err(errors) = session.unknown_group_fields(checked.fields.as_deref()) {
                    return report.bad("groups", &Failure::from(errors));
                }
                let opened = source.open(&session.cx, &Query::fields(groups.fields())).await;
                let typed = opened.map_err(Failure::from).and_then(|records| {
                    session.mistyped_groups(records.types()).map_err(Failure::from)
                });
                if let Err(failure) = typed {
                    return report.bad("groups", &failure);
                }
            }
            Err(error) => return report.bad("groups", &Failure::from(error)),
        }
    }
    // The same for every state: nothing of it is kept.
    match Groups::read(session, &DigestKey::new([0; 32]), session.clock.now()).await {
        Ok(None) => {}
        Ok(Some(groups)) => report.good("memberships", &groups.summary()),
        Err(failure) => report.bad("memberships", &failure),
    }
}

/// Who would be told, as far as that can be known without telling anybody.
fn notifications(session: &Session, report: &mut Report) {
    for (name, found) in notify::ready(&session.loaded) {
        let what = format!("notification {name}");
        match found {
            Ok(place) => report.good(&what, &format!("goes to {place}; nothing was sent")),
            Err(error) => report.bad(&what, &Failure::usage(error)),
        }
    }
}

fn state(session: &Session, report: &mut Report) {
    let url = &session.loaded.config.state.url;
    let opened = pipeline::open_state(session, pipeline::Access::Plan);
    let counted = opened
        .and_then(|state| Ok((state.count(session.managed.resource())?, state.unsettled()?.len())));
    match counted {
        Ok((0, 0)) => report.good("state", &format!("{url}: nobody is linked yet")),
        Ok((links, open)) => {
            let people =
                if links == 1 { "1 person is".to_owned() } else { format!("{links} people are") };
            report.good("state", &format!("{url}: {people} linked"));
            if open > 0 {
                report.note(&format!(
                    "an apply was interrupted; the next run looks up {open} changes"
                ));
            }
        }
        Err(failure) => report.bad("state", &failure),
    }
}
