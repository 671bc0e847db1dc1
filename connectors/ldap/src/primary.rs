//! Who is in a group because it is their primary one. Active Directory does not list them in `member` (MS-ADTS, section 3.1.1.4.5.13):
//! "Domain Users" looks empty. A group whose members were taken from its list alone would lose them.

use std::collections::{BTreeMap, BTreeSet};

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

/// What a person has of it.
const NUMBER: &str = "primaryGroupID";

/// So many groups are asked for at a time.
const GROUPS: usize = 250;

/// People by the number of their primary group: their DNs, with their keys if they have one.
pub(crate) type People = BTreeMap<u32, Vec<(String, Option<Box<str>>)>>;

/// Asks for the people whose primary group has one of these numbers, in one search for many groups. Whatever is left out is an error,
/// as who is missing would be taken out of the group.
pub(crate) async fn people(
    cx: &Context,
    connection: &mut Connection,
    context: &str,
    numbers: &BTreeSet<u32>,
    (key, form): (&str, Form),
    page_size: Option<u32>,
) -> Result<People, Error> {
    let mut found = People::new();
    let numbers: Vec<u32> = numbers.iter().copied().collect();
    for numbers in numbers.chunks(GROUPS) {
        some(cx, connection, context, numbers, (key, form), page_size, &mut found).await?;
    }
    Ok(found)
}

async fn some(
    cx: &Context,
    connection: &mut Connection,
    context: &str,
    numbers: &[u32],
    (key, form): (&str, Form),
    page_size: Option<u32>,
    found: &mut People,
) -> Result<(), Error> {
    let one = |number: &u32| Filter::equal(NUMBER, number.to_string().as_bytes());
    let numbers: Vec<Filter> = numbers.iter().map(one).collect();
    // Computers have primary groups as well.
    let filter = Filter::all([&Filter::equal("objectCategory", b"person"), &Filter::any(&numbers)]);
    let task = Task {
        base: context.to_owned(),
        depth: Depth::Subtree,
        filter,
        attributes: vec![key.to_owned(), NUMBER.to_owned()],
        types_only: false,
        controls: Vec::new(),
    };
    let mut pages = Pages::start(connection, task, page_size).await?;
    loop {
        cx.go_on()?;
        let progress = pages.step(connection, |entry| {
            let number = value(entry, NUMBER, |text| std::str::from_utf8(text).ok()?.parse().ok())?;
            let key = value(entry, key, |bytes| form.key(bytes))?.map(String::into_boxed_str);
            // Whoever was found by a number that is not to be seen is in a group that is not known.
            let number = number.ok_or_else(|| {
                Error::malformed(format!(
                    "{} was found by a {NUMBER} that it does not have",
                    entry.dn()
                ))
            })?;
            found.entry(number).or_default().push((entry.dn().into_owned(), key));
            Ok(())
        });
        match progress.await? {
            // Other partitions of the domain, where nobody is.
            Progress::Going | Progress::Reference(_) => {}
            Progress::Over(Over::Whole) => return Ok(()),
            Progress::Over(Over::NoBase(error)) => return Err(error),
            Progress::Over(Over::Cut(why)) => return Err(Error::unavailable(why)),
            Progress::Over(Over::Elsewhere(urls)) => {
                let message = format!("{context} is on {}", urls.join(", "));
                return Err(Error::unavailable(message));
            }
        }
    }
}

/// What is made of the first value of an attribute.
fn value<T>(
    entry: &Entry<'_>,
    wanted: &str,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, Error> {
    for attribute in entry.attributes() {
        let (name, mut values) = attribute.map_err(broken)?;
        if name.eq_ignore_ascii_case(wanted.as_bytes()) && !values.is_empty() {
            return Ok(read(values.take(OCTETS).map_err(broken)?));
        }
    }
    Ok(None)
}
