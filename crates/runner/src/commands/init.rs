//! `init`: looks at a source, proposes a mapping by the names of its fields, and writes a commented config that `check` accepts.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use peoplesync_source::{Context, ErrorKind, FixedClock, Timestamp};
use serde_json::{Map, json};

use super::print;
use crate::cli::InitArgs;
use crate::config::{self, Keeper};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::registry;
use crate::report::{Output, line};

/// What a field is taken for, by names that exports often have; the first field that is found counts. Compared without letter
/// case and anything but letters and digits.
const PROPOSALS: &[(&str, &[&str])] = &[
    ("externalId", &["*key"]),
    (
        "userName",
        &[
            "userprincipalname",
            "upn",
            "mail",
            "email",
            "emailaddress",
            "workemail",
            "epost",
            "username",
            "login",
            "samaccountname",
            "uid",
        ],
    ),
    (
        "name.givenName",
        &["givenname", "firstname", "first", "forename", "vorname", "prenom", "fornavn", "nombre"],
    ),
    (
        "name.familyName",
        &[
            "familyname",
            "lastname",
            "last",
            "surname",
            "sn",
            "nachname",
            "nom",
            "etternavn",
            "apellido",
        ],
    ),
    ("displayName", &["displayname", "fullname", "cn", "name"]),
    ("title", &["title", "jobtitle", "position", "role"]),
    ("emails[type eq \"work\"].value", &["mail", "email", "emailaddress", "workemail", "epost"]),
    ("phoneNumbers[type eq \"work\"].value", &["telephonenumber", "phone", "workphone", "telefon"]),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        &["department", "dept", "avdeling", "abteilung"],
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
        &["employeenumber", "personnelnumber", "personalnummer", "ansattnummer"],
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
        &["costcenter", "costcentre", "kostenstelle", "kostnadssted"],
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
        &["organization", "organisation", "company", "firma", "selskap"],
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
        &["division", "businessunit"],
    ),
    ("phoneNumbers[type eq \"mobile\"].value", &["mobile", "mobilephone", "cell", "mobil"]),
    (
        "addresses[type eq \"work\"].streetAddress",
        &["streetaddress", "street", "strasse", "gate", "adresse"],
    ),
    ("addresses[type eq \"work\"].locality", &["city", "locality", "town", "ort", "sted", "ville"]),
    (
        "addresses[type eq \"work\"].postalCode",
        &["postalcode", "zip", "zipcode", "postcode", "plz", "postnummer"],
    ),
    ("addresses[type eq \"work\"].country", &["country", "countrycode", "land", "pays"]),
    ("preferredLanguage", &["preferredlanguage", "language", "sprache", "spraak"]),
];

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

/// Fields that hold the key of somebody's manager. One that is only called "manager" may as well hold a name.
const MANAGERS: &[&str] = &[
    "managerid",
    "manageremployeeid",
    "manageremployeenumber",
    "managerkey",
    "supervisorid",
    "reportstoid",
    "managernumber",
];

/// Fields that usually are the key: what never changes for a person. The first that the source has counts.
const KEYS: &[&str] = &[
    "employee_id",
    "EmployeeID",
    "employeeId",
    "Employee ID",
    "employee_number",
    "employeeNumber",
    "EmployeeNumber",
    "person_id",
    "personnel_number",
    "staff_id",
    "objectGUID",
    "entryUUID",
    "id",
    "ID",
    "Id",
    "uid",
    "key",
];

/// Fields that say whether somebody works here, and words for yes.
const ACTIVE: &[&str] = &["status", "active", "enabled", "isactive"];

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(super) async fn run(path: &Path, args: &InitArgs, output: Output) -> Outcome<Exit> {
    if path.exists() && !args.force {
        return Err(Failure::usage(format!("{} exists already", path.display()))
            .with_hint("say --force to write over it, or --config FILE for another"));
    }
    let source = answer(
        args.source.as_deref(),
        "Where are the people? (a CSV file or a spreadsheet)",
        "--source",
    )?;
    let kind = match &args.kind {
        Some(kind) => kind.clone(),
        None => registry::kind_of_file(Path::new(&source)).to_owned(),
    };
    let (key, fields) = fields(path, &kind, &source, args.key.as_deref()).await?;
    let url = answer(args.url.as_deref(), "The base URL of the SCIM service?", "--url")?;
    let text = text(&kind, &source, &key, &url, &args.profile, &fields);
    // What is written is read first: a config that does not load helps nobody.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let loaded = config::parse(path, &text, folder.unwrap_or(Path::new(".")))?;
    crate::pipeline::Session::new(loaded, &crate::clock::system())?;
    std::fs::write(path, &text)
        .map_err(|error| Failure::unexpected(format!("cannot write {}", path.display()), &error))?;
    let config = match path.to_str() {
        Some("peoplesync.toml") => String::new(),
        _ => format!(" --config {}", path.display()),
    };
    let next = format!(
        "wrote {}: look at it, set SCIM_TOKEN, then\n  peoplesync check{config}\n  peoplesync plan{config}\n",
        path.display()
    );
    print(output, &next)?;
    Ok(Exit::Done)
}

/// What a flag says, or whoever sits at the terminal.
fn answer(flag: Option<&str>, question: &str, name: &str) -> Outcome<String> {
    if let Some(said) = flag {
        return Ok(said.to_owned());
    }
    let missing = || {
        Failure::usage(format!("there is nobody to ask: {question}"))
            .with_hint(format!("say {name}; `peoplesync init --help` has an example"))
    };
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(missing());
    }
    let fail = |error: std::io::Error| Failure::unexpected("cannot ask", &error);
    write!(std::io::stderr(), "{question} ").map_err(fail)?;
    let mut said = String::new();
    stdin.lock().read_line(&mut said).map_err(fail)?;
    let said = said.trim();
    if said.is_empty() { Err(missing()) } else { Ok(said.to_owned()) }
}

/// The key, and the fields that the source has.
async fn fields(
    path: &Path,
    kind: &str,
    source: &str,
    key: Option<&str>,
) -> Outcome<(String, Vec<String>)> {
    let base = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let base = base.unwrap_or(Path::new(".")).to_owned();
    let keeper = std::sync::Arc::new(Keeper { base: base.clone() });
    let cx = Context::new(std::sync::Arc::new(FixedClock(Timestamp(0))), keeper, base);
    let mut failure = Failure::usage("no key was tried");
    // A source without its key is an error, so any that may be one is tried.
    for key in key.into_iter().chain(KEYS.iter().copied().filter(|_| key.is_none())) {
        let mut settings = Map::new();
        settings.insert("path".to_owned(), json!(source));
        settings.insert("key".to_owned(), json!(key));
        let built = registry::build(kind, &settings)?;
        match built.fields(&cx).await {
            Ok(Some(fields)) => return Ok((key.to_owned(), fields)),
            Ok(None) => {
                return Err(Failure::usage(format!(
                    "a source of kind {kind} does not say which fields it has"
                ))
                .with_hint(
                    "start from config/examples, and let `peoplesync check` say what is missing",
                ));
            }
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Denied) => {
                return Err(error.into());
            }
            Err(error) => failure = Failure::from(error),
        }
    }
    if key.is_some() {
        return Err(failure);
    }
    let found = failure.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
    Err(Failure::usage("no column looks like a key").with_hint(format!(
        "{found}say --key COLUMN: what never changes for a person, such as an employee number"
    )))
}

/// A field in an expression: bare where it can be, in brackets otherwise.
fn reference(field: &str) -> String {
    let mut letters = field.chars();
    let is_bare = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["and", "or", "not", "in", "matches", "true", "false", "null"]
            .contains(&field.to_ascii_lowercase().as_str());
    if is_bare { field.to_owned() } else { format!("[{field}]") }
}

/// The first field that has one of these names, in their order.
fn field_named<'a>(fields: &'a [String], names: &[&str]) -> Option<&'a str> {
    let found = names.iter().find_map(|name| fields.iter().find(|field| plain(field) == *name));
    found.map(String::as_str)
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn text(
    kind: &str,
    source: &str,
    key: &str,
    url: &str,
    profile: &str,
    fields: &[String],
) -> String {
    let mut text = String::new();
    line!(
        text,
        "# Written by `peoplesync init`. What it proposed is a guess by the names of the fields: look at each line."
    );
    line!(
        text,
        "# All settings: config/default.toml in the source of peoplesync, and `peoplesync schema`.\n"
    );
    line!(text, "[source]\nkind = {}\n", quoted(kind));
    line!(text, "[source.settings]\npath = {}   # relative to this file", quoted(source));
    line!(text, "key  = {}   # never changes for a person, and is nobody else's\n", quoted(key));
    line!(text, "[target]\nprofile = {}   # docs/profiles.md has the others", quoted(profile));
    line!(text, "url     = {}", quoted(url));
    line!(text, "auth    = {{ bearer = {{ env = \"SCIM_TOKEN\" }} }}\n");
    line!(text, "[people]\n# scope = '…'   # who gets an account; without it everybody\n");
    line!(text, "[people.attributes]");
    let mut used = vec![key];
    for (attribute, names) in PROPOSALS {
        let found = match names {
            ["*key"] => Some(key),
            names => field_named(fields, names),
        };
        match found {
            Some(field) => {
                used.push(field);
                line!(text, "{} = {}", quoted(attribute), quoted(&reference(field)));
            }
            None if *attribute == "userName" => {
                // Without a user name there is no account, so the key stands in until somebody looks.
                line!(
                    text,
                    "\"userName\" = {}   # no field looked like one",
                    quoted(&reference(key))
                );
            }
            None => {}
        }
    }
    if let Some(manager) = field_named(fields, MANAGERS) {
        used.push(manager);
        let path = quoted(MANAGER);
        line!(
            text,
            "{path} = {{ reference = {} }}   # the key of another person",
            quoted(&reference(manager))
        );
    }
    let active = field_named(fields, ACTIVE);
    if let Some(active) = active {
        used.push(active);
        let rule = format!("{} = \"active\"", reference(active));
        line!(text, "# active = {}   # which value says that somebody works here?", quoted(&rule));
    }
    let unused: Vec<&str> =
        fields.iter().map(String::as_str).filter(|field| !used.contains(field)).collect();
    if !unused.is_empty() {
        line!(text, "\n# Not used: {}", unused.join(", ").replace(['\n', '\r'], " "));
    }
    text
}
