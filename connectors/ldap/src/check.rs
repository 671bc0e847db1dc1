//! What `check` says: the server, its naming contexts and controls, how many entries each base holds, and which attributes none
//! of them has.

use std::collections::BTreeMap;

use peoplesync_source::{Checked, Context, Error};

use crate::changes;
use crate::columns::Part;
use crate::connection::Connection;
use crate::directory::Directory;
use crate::form::DERIVED;
use crate::pages::{Over, Pages, Progress, Task};
use crate::source::{Shared, broken};
use crate::wire::controls::PAGED;

/// The controls that decide how a directory can be read, by the names that people know.
const CONTROLS: [(&str, &str); 4] = [
    (PAGED, "paged results"),
    ("1.3.6.1.4.1.4203.1.9.1.1", "syncrepl"),
    ("1.2.840.113556.1.4.841", "DirSync"),
    ("1.2.840.113556.1.4.417", "deleted entries"),
];

/// Looks at the server and its bases.
pub(crate) async fn check(
    cx: &Context,
    shared: &Shared,
    mut connection: Connection,
    directory: &Directory,
) -> Result<Checked, Error> {
    let key = &shared.config.key;
    let known = CONTROLS.iter().filter(|(oid, _)| directory.has(oid));
    let mut notes = vec![
        format!("{}: {}", connection.server, directory.kind),
        format!("bind: {}", connection.bound),
        format!("naming contexts: {}", list(directory.contexts.iter().map(String::as_str))),
        format!("controls: {}", list(known.map(|(_, name)| *name))),
    ];
    notes.push(match changes::method(&shared.config, directory, &[]) {
        Some(method) => format!("changes since the last run: {}", method.name()),
        None => "changes since the last run: every run reads everything".to_owned(),
    });
    let mut found = Found::default();
    for branch in &shared.checked.branches {
        let task = Task {
            base: branch.dn.clone(),
            depth: branch.depth,
            filter: branch.filter.clone(),
            attributes: ["*", "+"].map(str::to_owned).into(),
            types_only: true,
            controls: Vec::new(),
        };
        let page_size = directory.may_have(PAGED).then_some(shared.config.page_size);
        // What goes wrong here goes wrong for a pass as well, later: it is a note, not an error.
        match found.count(cx, &mut connection, task, page_size).await {
            Ok(note) => notes.push(note),
            Err(error) => {
                notes.push(format!("{}: cannot be read to its end: {error}", branch.dn));
                break;
            }
        }
    }
    connection.close().await;
    let (entries, with_key) = (found.entries, found.attributes.get(&key.to_lowercase()));
    match with_key {
        None if entries > 0 => notes.push(format!("no entry has the key `{key}`")),
        Some((_, count)) if *count < entries => {
            notes.push(format!("{} entries have no `{key}`, which is the key", entries - count));
        }
        _ => {}
    }
    let used = found.used(directory);
    // With nobody there, nothing can be said of what they have.
    Ok(Checked { fields: None, used: (entries > 0).then_some(used), notes })
}

/// What the entries of all bases have.
#[derive(Debug, Default)]
struct Found {
    entries: u64,
    /// By name in lower case: the name, and how many have it.
    attributes: BTreeMap<String, (String, u64)>,
}

impl Found {
    /// Counts the entries of a base, and gives a line about it.
    async fn count(
        &mut self,
        cx: &Context,
        connection: &mut Connection,
        task: Task,
        page_size: Option<u32>,
    ) -> Result<String, Error> {
        let base = task.base.clone();
        let mut pages = Pages::start(connection, task, page_size).await?;
        let mut elsewhere = 0;
        let over = loop {
            cx.go_on()?;
            match pages.step(connection, |entry| self.note(entry)).await? {
                Progress::Going => {}
                Progress::Reference(_) => elsewhere += 1,
                Progress::Over(over) => break over,
            }
        };
        let mut line = format!("{base}: {} entries", pages.entries);
        if pages.page_size != page_size {
            line.push_str(&match pages.page_size {
                Some(size) => format!(", in pages of {size}: larger ones are refused"),
                None => ", without pages: they are refused".to_owned(),
            });
        }
        if elsewhere > 0 {
            line.push_str(&format!(", {elsewhere} referrals"));
        }
        match over {
            Over::Whole => Ok(line),
            Over::Cut(why) => Ok(format!("{line}; {why}")),
            Over::Elsewhere(urls) => Ok(format!("{line}; the base is on {}", urls.join(", "))),
            Over::NoBase(error) => Err(error),
        }
    }

    fn note(&mut self, entry: &crate::wire::Entry<'_>) -> Result<(), Error> {
        self.entries += 1;
        for attribute in entry.attributes() {
            let (description, _) = attribute.map_err(broken)?;
            let text = String::from_utf8_lossy(description);
            let (name, _) = Part::split(&text);
            match self.attributes.get_mut(&name.to_lowercase()) {
                Some((_, count)) => *count += 1,
                None => {
                    self.attributes.insert(name.to_lowercase(), (name.to_owned(), 1));
                }
            }
        }
        Ok(())
    }

    /// What some entry has, and what is made of it.
    fn used(self, directory: &Directory) -> Vec<String> {
        let derived = DERIVED.iter().filter(|(_, attribute, _)| directory.schema.has(attribute));
        let mut fields: Vec<String> = self.attributes.into_values().map(|(name, _)| name).collect();
        fields.push("dn".to_owned());
        fields.extend(derived.map(|(field, ..)| (*field).to_owned()));
        fields
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { "none are shown".to_owned() } else { texts.join(", ") }
}
