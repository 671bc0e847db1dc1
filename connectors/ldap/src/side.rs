//! Questions beside a pass: the keys of people who are referred to by DN, and the rest of long lists. They have a connection of
//! their own, as a server may tie a paged search to its connection, and they are asked many at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use peoplesync_source::{Context, Error};

use crate::columns::{Columns, Part, Supplement, Wants};
use crate::connection::{Connection, INVALID_DN, NO_SUCH_OBJECT, REFERRAL, SUCCESS, refused};
use crate::directory::Directory;
use crate::dn;
use crate::form::Form;
use crate::primary::{self, People};
use crate::source::Shared;
use crate::wire::controls::PAGED;
use crate::wire::{Answer, Depth, Filter, Search};

/// So many questions are under way at a time.
const WINDOW: usize = 64;

/// So many keys are remembered; then it begins anew.
const REMEMBERED: usize = 200_000;

/// What is known of others than the entry at hand.
#[derive(Debug)]
pub(crate) struct Side {
    cx: Context,
    shared: Arc<Shared>,
    connection: Option<Connection>,
    key_form: Form,
    /// By DN in its normal writing; `None` for one that is nobody.
    keys: HashMap<String, Option<Box<str>>>,
    /// The rest of the lists of the entry at hand.
    rest: Vec<(String, Vec<Vec<u8>>)>,
    /// By naming context, those whose primary group one of the entries under way is; and the DNs of those of the entry at hand.
    people: BTreeMap<String, People>,
    primary: Vec<Vec<u8>>,
    page_size: Option<u32>,
}

impl Side {
    pub(crate) fn new(cx: Context, shared: Arc<Shared>, directory: &Directory) -> Self {
        let config = &shared.config;
        let key = config.reference_key.as_ref().unwrap_or(&config.key);
        let key_form = Form::of(key, &directory.schema, &[], &[]);
        let page_size = directory.may_have(PAGED).then_some(config.page_size);
        Self {
            cx,
            shared,
            connection: None,
            key_form,
            keys: HashMap::new(),
            rest: Vec::new(),
            people: BTreeMap::new(),
            primary: Vec::new(),
            page_size,
        }
    }

    async fn connection(&mut self) -> Result<&mut Connection, Error> {
        if self.connection.is_none() {
            self.connection = Some(self.shared.connect(&self.cx).await?);
        }
        self.connection
            .as_mut()
            .ok_or_else(|| Error::new(peoplesync_source::ErrorKind::Internal, "no connection"))
    }

    /// Fetches the keys of these people.
    pub(crate) async fn resolve(&mut self, dns: BTreeSet<String>) -> Result<(), Error> {
        if self.keys.len() > REMEMBERED {
            self.keys.clear();
        }
        let mut asked: Vec<_> =
            dns.into_iter().filter(|name| !self.keys.contains_key(&dn::normal(name))).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let config = &self.shared.config;
        let key = config.reference_key.as_ref().unwrap_or(&config.key).clone();
        let form = self.key_form;
        let attributes = [key.clone()];
        let anything = Filter::present("objectClass");
        let mut found = Vec::new();
        let cx = self.cx.clone();
        let connection = self.connection().await?;
        let mut under_way: HashMap<i64, String> = HashMap::new();
        while !asked.is_empty() || !under_way.is_empty() {
            cx.go_on()?;
            while under_way.len() < WINDOW
                && let Some(name) = asked.pop()
            {
                let search = Search {
                    base: &name,
                    depth: Depth::Base,
                    filter: &anything,
                    attributes: &attributes,
                    types_only: false,
                    controls: &[],
                };
                let id = connection.start(&search).await?;
                under_way.insert(id.into(), name);
            }
            let server = connection.server.clone();
            let message = connection.any_answer().await?;
            let id = message.id;
            match message.answer {
                Answer::Entry(entry) => {
                    let value =
                        entry.attributes().filter_map(Result::ok).find_map(|(name, mut values)| {
                            let is_key = name.eq_ignore_ascii_case(key.as_bytes());
                            is_key.then(|| values.take(crate::wire::ber::OCTETS).ok()).flatten()
                        });
                    let value = value.and_then(|bytes| form.key(bytes));
                    if let Some(name) = under_way.get(&id) {
                        found.push((dn::normal(name), value.map(String::into_boxed_str)));
                    }
                }
                Answer::Done(outcome) => {
                    let Some(name) = under_way.remove(&id) else { continue };
                    match outcome.code {
                        SUCCESS => {}
                        // Nobody, elsewhere, or no DN at all.
                        NO_SUCH_OBJECT | REFERRAL | INVALID_DN => {
                            found.push((dn::normal(&name), None))
                        }
                        _ => return Err(refused(&server, "to look up a reference", &outcome)),
                    }
                }
                _ => {}
            }
        }
        self.keys.extend(found);
        Ok(())
    }

    /// Fetches what an entry lacks, which is in this naming context.
    pub(crate) async fn complete(
        &mut self,
        dn: &str,
        context: Option<&str>,
        wants: Wants,
    ) -> Result<(), Error> {
        self.rest.clear();
        self.primary.clear();
        let Wants { ranges, mut references, primary } = wants;
        for (attribute, from) in ranges {
            let values = self.rest_of(dn, &attribute, from).await?;
            if self
                .shared
                .config
                .references
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&attribute))
            {
                let names = values.iter().filter_map(|value| std::str::from_utf8(value).ok());
                references.extend(names.map(|name| dn::without_uid(name).to_owned()));
            }
            self.rest.push((attribute, values));
        }
        self.resolve(references).await?;
        let people = context.and_then(|context| self.people.get(context));
        let people = primary.and_then(|number| people?.get(&number));
        for (dn, key) in people.into_iter().flatten() {
            self.keys.insert(dn::normal(dn), key.clone());
            self.primary.push(dn.clone().into_bytes());
        }
        Ok(())
    }

    /// Fetches the people whose primary group one of these entries is, by naming context and number.
    pub(crate) async fn people_of(
        &mut self,
        groups: BTreeMap<String, BTreeSet<u32>>,
    ) -> Result<(), Error> {
        self.people.clear();
        let (cx, shared) = (self.cx.clone(), Arc::clone(&self.shared));
        let key = shared.config.reference_key.as_ref().unwrap_or(&shared.config.key);
        let (form, page_size) = (self.key_form, self.page_size);
        for (context, numbers) in groups {
            let connection = self.connection().await?;
            let people =
                primary::people(&cx, connection, &context, &numbers, (key, form), page_size)
                    .await?;
            self.people.insert(context, people);
        }
        Ok(())
    }

    /// The values of an attribute from the one of this number on (MS-ADTS, section 3.1.1.3.1.3.3).
    pub(crate) async fn rest_of(
        &mut self,
        dn: &str,
        attribute: &str,
        from: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut next = from;
        let mut all = Vec::new();
        loop {
            self.cx.go_on()?;
            let asked = format!("{attribute};range={next}-*");
            let connection = self.connection().await?;
            let entry = connection.entry(dn, &[&asked]).await?;
            let part = entry.and_then(|entry| {
                entry.attributes.into_iter().find_map(|(name, values)| match Part::split(&name) {
                    (found, Some(part)) if found.eq_ignore_ascii_case(attribute) => {
                        Some((part, values))
                    }
                    _ => None,
                })
            });
            let Some((part, values)) = part else {
                return Err(Error::unavailable(format!(
                    "the list {attribute} of {dn} changed while it was read: nothing came from value {next} on"
                )));
            };
            all.extend(values);
            match part.end {
                None => return Ok(all),
                Some(end) if end >= next => next = end + 1,
                Some(end) => {
                    return Err(Error::malformed(format!(
                        "the list {attribute} of {dn} goes back from value {next} to {end}"
                    )));
                }
            }
        }
    }

    /// What the columns want of an entry.
    pub(crate) fn wants(columns: &Columns, entry: &crate::wire::Entry<'_>) -> Result<Wants, Error> {
        columns.wants(entry).map_err(crate::source::broken)
    }
}

impl Supplement for Side {
    fn key_of(&self, name: &str) -> Option<&str> {
        self.keys.get(&dn::normal(dn::without_uid(name))).and_then(Option::as_deref)
    }

    fn more(&self, attribute: &str) -> &[Vec<u8>] {
        let found = self.rest.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        found.map_or(&[], |(_, values)| values.as_slice())
    }

    fn primary(&self) -> &[Vec<u8>] {
        &self.primary
    }
}
