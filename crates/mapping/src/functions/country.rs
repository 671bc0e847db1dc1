//! Countries and telephone numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

use super::{Accepts, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

const ALPHA2: &str = "alpha2";
const ALPHA3: &str = "alpha3";
const NUMERIC: &str = "numeric";
const NAME: &str = "name";

/// What people write, where it is neither a code nor the name of ISO 3166.
const ALIASES: [(&str, &str); 24] = [
    ("brunei", "BN"),
    ("burma", "MM"),
    ("cape verde", "CV"),
    ("czech republic", "CZ"),
    ("england", "GB"),
    ("great britain", "GB"),
    ("holland", "NL"),
    ("ivory coast", "CI"),
    ("laos", "LA"),
    ("macedonia", "MK"),
    ("north korea", "KP"),
    ("northern ireland", "GB"),
    ("palestine", "PS"),
    ("russia", "RU"),
    ("scotland", "GB"),
    ("south korea", "KR"),
    ("swaziland", "SZ"),
    ("syria", "SY"),
    ("turkey", "TR"),
    ("uk", "GB"),
    ("united kingdom", "GB"),
    ("united states", "US"),
    ("vietnam", "VN"),
    ("wales", "GB"),
];

/// ISO 3166-1: code of two letters, of three, number, English name. No crate: those that have it bring all provinces, or names
/// without their accents.
const LIST: &str = include_str!("countries.txt");

#[derive(Debug, Clone, Copy)]
struct Entry {
    alpha2: &'static str,
    alpha3: &'static str,
    numeric: &'static str,
    name: &'static str,
}

/// By code, number and name, folded.
static COUNTRIES: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
    let mut known = BTreeMap::new();
    for line in LIST.lines() {
        let mut columns = line.splitn(4, ' ');
        let mut column = || columns.next().unwrap_or_default();
        let entry = Entry { alpha2: column(), alpha3: column(), numeric: column(), name: column() };
        for text in [entry.alpha2, entry.alpha3, entry.numeric, entry.name] {
            known.insert(folded(text), entry);
        }
        // "Bolivia (Plurinational State of)" is known without what stands in parentheses; which Korea is meant, nobody knows.
        if let Some((short, _)) = entry.name.split_once(" (")
            && short != "Korea"
        {
            known.entry(folded(short)).or_insert(entry);
        }
    }
    known
});

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Country", Type::Text, country)
        .takes(&[
            needed("source", Accepts::Text),
            optional("form", Accepts::Word(&[ALPHA2, ALPHA3, NUMERIC, NAME])),
            optional("defaultValue", Accepts::Text),
        ])
        .says("A country of ISO 3166 as code of two letters, of three, as number or as English name, from any of them. Without a default, what is no country rejects the record.")
        .examples(&[
            (r#"Country("Germany")"#, r#""DE""#),
            (r#"Country("CIV", name)"#, r#""Côte d'Ivoire""#),
            (r#"Country("cote d'ivoire", alpha3)"#, r#""CIV""#),
            (r#"Country(36, "alpha2")"#, r#""AU""#),
            (r#"Country("de", numeric)"#, r#""276""#),
            (r#"Country("Atlantis", alpha2, "XX")"#, r#""XX""#),
            ("Country(null)", "null"),
        ]),
    Function::new("Phone", Type::Text, phone)
        .takes(&[
            needed("source", Accepts::Text),
            optional("country", Accepts::Text),
            optional("defaultValue", Accepts::Text),
        ])
        .says("A telephone number as E.164 writes it; the country is for numbers without one. Without a default, what is no number rejects the record.")
        .examples(&[
            (r#"Phone("+49 (0)30 123456")"#, r#""+4930123456""#),
            (r#"Phone("030 123456", "DE")"#, r#""+4930123456""#),
            (r#"Phone("(212) 555-0123", "United States")"#, r#""+12125550123""#),
            (r#"Phone("none", "DE", "")"#, r#""""#),
            ("Phone(null)", "null"),
        ]),
];

fn country<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = filled(arguments, 0)? else { return Ok(Value::Null) };
    let Some(country) = find(&source) else {
        return otherwise(arguments, "text that is no country of ISO 3166");
    };
    Ok(match arguments.text(1)?.as_deref() {
        Some(ALPHA3) => Value::text(country.alpha3),
        Some(NAME) => Value::text(country.name),
        Some(NUMERIC) => Value::text(country.numeric),
        _ => Value::text(country.alpha2),
    })
}

fn phone<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    /// Longer text is no number, and is not searched for one.
    const LONGEST: usize = 250;
    let Some(source) = filled(arguments, 0)? else { return Ok(Value::Null) };
    let region = match filled(arguments, 1)? {
        None => None,
        Some(country) => match find(&country) {
            Some(country) => country.alpha2.parse::<Region>().ok(),
            None => return Err(arguments.fault(1, "text that is no country of ISO 3166")),
        },
    };
    let read = match source.len() {
        0..=LONGEST => PhoneNumber::parse(&*source, region).ok(),
        _ => None,
    };
    match read.filter(|number| number.is_possible_with_reason().is_ok()) {
        Some(number) => Ok(Value::owned(number.format_as(PhoneNumberFormat::E164).into_owned())),
        None => otherwise(arguments, "text that is no telephone number with its country"),
    }
}

/// The text of an argument, if it has one.
fn filled<'a>(arguments: &Arguments<'_, 'a>, index: usize) -> Eval<Option<Cow<'a, str>>> {
    Ok(arguments.text(index)?.filter(|text| !text.trim().is_empty()))
}

/// The default, which is the third argument, or a fault of the first.
fn otherwise<'a>(arguments: &Arguments<'_, 'a>, what: &str) -> Eval<Value<'a>> {
    if arguments.has(2) { arguments.value(2) } else { Err(arguments.fault(0, what)) }
}

fn find(text: &str) -> Option<Entry> {
    let folded = folded(text);
    if let Ok(number) = folded.parse::<u16>() {
        return COUNTRIES.get(&format!("{number:03}")).copied();
    }
    let alias = ALIASES.iter().find(|(alias, _)| *alias == folded);
    let code = alias.map(|(_, code)| code.to_ascii_lowercase());
    COUNTRIES.get(&code.unwrap_or(folded)).copied()
}

/// Letter case, accents and spaces at the ends do not count.
fn folded(text: &str) -> String {
    any_ascii::any_ascii(text.trim()).to_lowercase()
}
