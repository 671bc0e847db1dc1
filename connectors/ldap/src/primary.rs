//! Who is in a group because it is their primary one. Active Directory does not list them in `member` (MS-ADTS, section 3.1.1.4.5.13):
//! "Domain Users" looks empty. A group whose members were taken from its list alone would lose them.

use peoplesync_source::{Context, Error};

use crate::connection::Connection;
use crate::form::Form;
use crate::pages::{Over, Pages, Progress, Task};
use crate::source::broken;
use crate::wire::ber::OCTETS;
use crate::wire::{Depth, Entry, Filter};

/// The number by which `primaryGroupID` names a group; the server makes it up when it is asked for.
pub(crate) const TOKEN: &str = "primaryGroupToken";

/// The list to which they belong, in lower case.
pub(crate) const MEMBERS: &str = "member";

/// Asks for the people whose primary group has this number: their DNs, with their keys if they have one. Whatever is left out is an
/// error, as who is missing would be taken out of the group.
pub(crate) async fn people(
    cx: &Context,
    connection: &mut Connection,
    context: &str,
    number: u32,
    (key, form): (&str, Form),
    page_size: Option<u32>,
) -> Result<Vec<(String, Option<String>)>, Error> {
    let number = number.to_string();
    // Computers have primary groups as well.
    let filter = Filter::all([
        &Filter::equal("objectCategory", b"person"),
        &Filter::equal("primaryGroupID", number.as_bytes()),
    ]);
    let task = Task {
        base: context.to_owned(),
        depth: Depth::Subtree,
        filter,
        attributes: vec![key.to_owned()],
        types_only: false,
        controls: Vec::new(),
    };
    let mut found = Vec::new();
    let mut pages = Pages::start(connection, task, page_size).await?;
    loop {
        cx.go_on()?;
        let progress = pages.step(connection, |entry| {
            found.push((entry.dn().into_owned(), key_of(entry, key, form)?));
            Ok(())
        });
        match progress.await? {
            // Other partitions of the domain, where nobody is.
            Progress::Going | Progress::Reference(_) => {}
            Progress::Over(Over::Whole) => return Ok(found),
            Progress::Over(Over::NoBase(error)) => return Err(error),
            Progress::Over(Over::Cut(why)) => return Err(Error::unavailable(why)),
            Progress::Over(Over::Elsewhere(urls)) => {
                let message = format!("{context} is on {}", urls.join(", "));
                return Err(Error::unavailable(message));
            }
        }
    }
}

fn key_of(entry: &Entry<'_>, key: &str, form: Form) -> Result<Option<String>, Error> {
    for attribute in entry.attributes() {
        let (name, mut values) = attribute.map_err(broken)?;
        if name.eq_ignore_ascii_case(key.as_bytes()) && !values.is_empty() {
            return Ok(form.key(values.take(OCTETS).map_err(broken)?));
        }
    }
    Ok(None)
}
