//! Which attributes are asked for, and into which fields their values go.

use std::collections::BTreeSet;

use peoplesync_source::{Batch, Error, FieldType, FieldTypes, Fields, Origin, Rejected, Timestamp};

use crate::config::LdapConfig;
use crate::directory::Directory;
use crate::dn;
use crate::form::{DERIVED, Form};
use crate::primary;
use crate::schema::Schema;
use crate::wire::ber::OCTETS;
use crate::wire::{Broken, Entry};

/// The field that holds the DN.
const DN: &str = "dn";

/// A batch must stay small, so a person is not larger than this.
const LARGEST: usize = 4 << 20;

/// From fields to attributes and back.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) fields: Fields,
    columns: Vec<Column>,
    dn: Option<usize>,
    key: String,
    key_form: Form,
    /// The column of members to which those belong whose primary group an entry is.
    members: Option<usize>,
}

#[derive(Debug)]
struct Column {
    /// The description without `;binary`, in lower case.
    name: String,
    /// As the config writes it.
    asked: String,
    targets: Vec<(usize, Form)>,
}

/// What an entry lacks that takes a question of its own.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    /// The DNs of people whose keys are wanted.
    pub(crate) references: BTreeSet<String>,
    /// Attributes of which only the first values came, and how many.
    pub(crate) ranges: Vec<(String, usize)>,
    /// The number by which people have this entry as their primary group.
    pub(crate) primary: Option<u32>,
}

/// What was fetched for an entry beside the entry itself.
pub(crate) trait Supplement {
    /// The key of the person with this DN.
    fn key_of(&self, dn: &str) -> Option<&str>;
    /// The values of an attribute that did not come with the entry.
    fn more(&self, attribute: &str) -> &[Vec<u8>];
    /// The DNs of the people whose primary group the entry is.
    fn primary(&self) -> &[Vec<u8>];
}

/// Nothing.
pub(crate) struct Nothing;

impl Supplement for Nothing {
    fn key_of(&self, _: &str) -> Option<&str> {
        None
    }

    fn more(&self, _: &str) -> &[Vec<u8>] {
        &[]
    }

    fn primary(&self) -> &[Vec<u8>] {
        &[]
    }
}

/// The key of an entry, as far as it has one.
pub(crate) enum KeyOf {
    One(String),
    None,
    Many(Vec<String>),
}

impl Columns {
    /// The columns for these fields. A field that the server's schema does not have is an error.
    pub(crate) fn new(
        config: &LdapConfig,
        directory: &Directory,
        names: &[String],
    ) -> Result<Self, Error> {
        let schema = &directory.schema;
        let form = |name: &str| Form::of(name, schema, &config.bytes, &config.references);
        let mut columns = Self {
            fields: Fields::new(names.iter().map(String::as_str)),
            columns: Vec::new(),
            dn: None,
            key: config.key.clone(),
            // A key is text even where `bytes` or `references` names it.
            key_form: Form::of(&config.key, schema, &[], &[]),
            members: None,
        };
        for name in names.iter().chain([&config.key]) {
            let is_known = schema.is_empty()
                || schema.has(name)
                || name.eq_ignore_ascii_case(DN)
                || DERIVED.iter().any(|(field, attribute, _)| {
                    field.eq_ignore_ascii_case(name) && schema.has(attribute)
                });
            if !is_known {
                return Err(unknown(name, directory));
            }
        }
        for (field, name) in names.iter().enumerate() {
            let derived = DERIVED.iter().find(|(field, ..)| field.eq_ignore_ascii_case(name));
            match derived {
                _ if name.eq_ignore_ascii_case(DN) => columns.dn = Some(field),
                Some((_, attribute, form)) if !schema.has(name) => {
                    columns.add(attribute, field, *form);
                }
                _ => columns.add(name, field, form(name)),
            }
        }
        if directory.is_active_directory && schema.has(primary::TOKEN) {
            let is_list =
                |column: &Column| column.name == primary::MEMBERS && column.is_reference();
            columns.members = columns.columns.iter().position(is_list);
        }
        Ok(columns)
    }

    fn add(&mut self, attribute: &str, field: usize, form: Form) {
        let name = plain(&attribute.to_lowercase()).to_owned();
        let known = self.columns.iter().position(|column| column.name == name);
        let at = known.unwrap_or_else(|| {
            let asked = attribute.to_owned();
            self.columns.push(Column { name, asked, targets: Vec::new() });
            self.columns.len() - 1
        });
        self.columns[at].targets.push((field, form));
    }

    /// What to ask the server for.
    pub(crate) fn attributes(&self) -> Vec<String> {
        let mut asked: Vec<_> = self.columns.iter().map(|column| column.asked.clone()).collect();
        if !self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&self.key)) {
            asked.push(self.key.clone());
        }
        asked.extend(self.members.map(|_| primary::TOKEN.to_owned()));
        asked
    }

    /// What the fields hold, as far as the schema says it or this connector makes it so. Which attributes have several values a
    /// schema does not say: nearly every one may.
    pub(crate) fn types(&self, schema: &Schema) -> FieldTypes {
        let of = |column: &Column, form: &Form| match form {
            // What no schema knows is text unless it is none.
            Form::Text => schema.syntax(&column.name).map(|_| FieldType::Text),
            Form::Guid | Form::Sid | Form::Reference => Some(FieldType::Text),
            Form::Bytes => Some(FieldType::Bytes),
            Form::Integer => Some(FieldType::Integer),
            Form::Time | Form::FileTime => Some(FieldType::Timestamp),
            Form::Boolean | Form::Flag(_) | Form::IsPast | Form::IsZero => Some(FieldType::Boolean),
        };
        let targets = self.columns.iter().flat_map(|column| {
            let name = |field: usize| self.fields.iter().nth(field).map(str::to_owned);
            let targets = column.targets.iter();
            targets.filter_map(move |(field, form)| Some((name(*field)?, of(column, form)?)))
        });
        targets.collect()
    }

    /// The column of a description as the server writes it, and the range that it says it is.
    #[inline]
    fn find(&self, description: &[u8], next: usize) -> Option<(usize, Option<Part>)> {
        let is = |column: &Column, name: &[u8]| column.name.as_bytes().eq_ignore_ascii_case(name);
        // Entries of one kind have their attributes in one order.
        if let Some(column) = self.columns.get(next)
            && is(column, description)
        {
            return Some((next, None));
        }
        let at = |name: &[u8]| self.columns.iter().position(|column| is(column, name));
        if let Some(at) = at(description) {
            return Some((at, None));
        }
        let text = std::str::from_utf8(description).ok()?;
        let (name, part) = Part::split(plain(text));
        at(name.as_bytes()).map(|at| (at, part))
    }

    /// What the entry lacks, if anything.
    pub(crate) fn wants(&self, entry: &Entry<'_>) -> Result<Wants, Broken> {
        let mut wants = Wants::default();
        let mut next = 0;
        for attribute in entry.attributes() {
            let (description, mut values) = attribute?;
            if self.members.is_some()
                && description.eq_ignore_ascii_case(primary::TOKEN.as_bytes())
                && !values.is_empty()
            {
                let number = std::str::from_utf8(values.take(OCTETS)?).ok();
                wants.primary = number.and_then(|number| number.parse().ok());
                continue;
            }
            let Some((at, part)) = self.find(description, next) else { continue };
            next = at + 1;
            let column = &self.columns[at];
            if let Some(Part { end: Some(end), .. }) = part {
                wants.ranges.push((column.asked.clone(), end + 1));
            }
            if column.is_reference() {
                while !values.is_empty() {
                    if let Ok(dn) = std::str::from_utf8(values.take(OCTETS)?) {
                        wants.references.insert(dn::without_uid(dn).to_owned());
                    }
                }
            }
        }
        Ok(wants)
    }

    /// Whether entries may lack something, so that it has to be looked for.
    pub(crate) fn may_want(&self) -> bool {
        self.columns.iter().any(Column::is_reference)
    }

    /// Whether the entry has only a part of an attribute's values.
    pub(crate) fn is_part(&self, entry: &Entry<'_>) -> Result<bool, Broken> {
        for attribute in entry.attributes() {
            let (description, _) = attribute?;
            // Longer than any range can be shown is most of them, so this is cheap.
            if description.contains(&b'=')
                && let Some((_, Some(Part { end: Some(_), .. }))) = self.find(description, 0)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The key of an entry.
    pub(crate) fn key(&self, entry: &Entry<'_>) -> Result<KeyOf, Broken> {
        let mut keys = Vec::new();
        let mut is_broken = false;
        for attribute in entry.attributes() {
            let (description, mut values) = attribute?;
            if !self.key.as_bytes().eq_ignore_ascii_case(description) {
                continue;
            }
            while !values.is_empty() {
                match self.key_form.key(values.take(OCTETS)?) {
                    Some(key) => keys.push(key),
                    None => is_broken = true,
                }
            }
        }
        Ok(match (keys.len(), is_broken) {
            (1, false) => KeyOf::One(keys.swap_remove(0)),
            (0, _) => KeyOf::None,
            _ => KeyOf::Many(keys),
        })
    }

    /// The rejection of an entry whose key is not exactly one text.
    pub(crate) fn without_key(&self, origin: Origin, key: &KeyOf) -> Rejected {
        let (reason, might_be) = match key {
            KeyOf::Many(keys) => {
                (format!("the key `{}` has {} values", self.key, keys.len()), keys.as_slice())
            }
            _ => (format!("the key `{}` has no value that is text", self.key), &[][..]),
        };
        let rejected = Rejected::new(origin, reason).with_field(self.key.clone());
        rejected.with_might_be(might_be.iter().map(String::as_str))
    }

    /// Adds an entry whose key is known to a batch, or the reason why not.
    pub(crate) fn add_record(
        &self,
        batch: &mut Batch,
        entry: &Entry<'_>,
        key: &str,
        now: Timestamp,
        supplement: &impl Supplement,
    ) -> Result<(), Broken> {
        let dn = entry.dn();
        if entry.raw().len() > LARGEST {
            let mib = LARGEST >> 20;
            let reason = format!("what was asked of the entry has more than {mib} MiB");
            batch.reject(Rejected::new(Origin::entry(dn), reason).with_key(key));
            return Ok(());
        }
        let Some(mut writer) = batch.record(key, Origin::entry(dn.clone())) else { return Ok(()) };
        if let Some(field) = self.dn {
            writer.push(field, peoplesync_source::Value::Text(&dn));
        }
        let mut next = 0;
        for attribute in entry.attributes() {
            let (description, mut values) = attribute?;
            let Some((at, part)) = self.find(description, next) else { continue };
            next = at + 1;
            let column = &self.columns[at];
            let mut put = |bytes: &[u8]| {
                for (field, form) in &column.targets {
                    form.push(&mut writer, *field, bytes, now, |dn| supplement.key_of(dn));
                }
            };
            while !values.is_empty() {
                put(values.take(OCTETS)?);
            }
            if matches!(part, Some(Part { end: Some(_), .. })) {
                supplement.more(&column.asked).iter().for_each(|bytes| put(bytes));
            }
        }
        if let Some(column) = self.members.and_then(|at| self.columns.get(at)) {
            for bytes in supplement.primary() {
                for (field, form) in &column.targets {
                    form.push(&mut writer, *field, bytes, now, |dn| supplement.key_of(dn));
                }
            }
        }
        Ok(())
    }
}

impl Column {
    fn is_reference(&self) -> bool {
        self.targets.iter().any(|(_, form)| *form == Form::Reference)
    }
}

/// The option `range=0-1499` of a description; the last part ends with `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) end: Option<usize>,
}

impl Part {
    /// The description without its range, and the range.
    pub(crate) fn split(description: &str) -> (&str, Option<Self>) {
        let Some((name, option)) = description.rsplit_once(';') else { return (description, None) };
        let range = option.split_once('=').filter(|(word, _)| word.eq_ignore_ascii_case("range"));
        let Some((_, range)) = range else { return (description, None) };
        match range.split_once('-') {
            Some((_, "*")) => (name, Some(Self { end: None })),
            Some((_, end)) => match end.parse() {
                Ok(end) => (name, Some(Self { end: Some(end) })),
                Err(_) => (description, None),
            },
            None => (description, None),
        }
    }
}

/// Without the option that only says how a value travels.
fn plain(description: &str) -> &str {
    description.strip_suffix(";binary").unwrap_or(description)
}

fn unknown(name: &str, directory: &Directory) -> Error {
    let error =
        Error::config(format!("the schema of {} has no attribute `{name}`", directory.kind));
    if let Some((_, attribute, _)) =
        DERIVED.iter().find(|(field, ..)| field.eq_ignore_ascii_case(name))
    {
        return error
            .with_hint(format!("it is read off `{attribute}`, which Active Directory has"));
    }
    let wanted = name.to_lowercase();
    let names = directory.schema.names().chain(DERIVED.iter().map(|(field, ..)| *field));
    let nearest = names
        .map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &wanted), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min();
    match nearest {
        Some((_, nearest)) => error.with_hint(format!("did you mean `{nearest}`?")),
        None => error.with_hint("the names are those of the directory's attributes, or `dn`"),
    }
}
