//! The examples of Microsoft's public reference of functions (docs/identity/app-provisioning/functions-for-customizing-
//! application-data.md in MicrosoftDocs/entra-docs, `ms.date` 08/06/2024, commit dda85497): all its expressions stand here in
//! the order of the page, and each gives the value that the page states. Where it does not, the reason stands beside it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;

use peoplesync_mapping::functions::all;
use peoplesync_mapping::{Around, AttributeSpec, DigestKey, Mapping, SlotValue, Spec, When};
use peoplesync_scim::{Resource, SchemaSet};
use peoplesync_source::{Batch, Fields, Origin, Timestamp, Value};
use serde_json::Value as Json;

type Example = (&'static str, &'static [(&'static str, &'static str)], &'static str);

/// How many expressions the page has as examples: those of its sections "Syntax overview", "List of functions" and "Examples".
/// `DateFromNum([lastLogonTimestamp])` is not counted, as the page states no value of it.
const ON_PAGE: usize = 80;

/// Stands for the time of the run, in milliseconds since 1970.
const NOW: &str = "Now()";

/// Expression, fields of the record, and the value on the page; text without quotes, a list as JSON, null as nothing.
const EXAMPLES: &[Example] = &[
    (r#""Company name: \"Contoso\"""#, &[], r#"Company name: "Contoso""#),
    (
        r#"Append([userPrincipalName], ".test")"#,
        &[("userPrincipalName", "John.Doe@contoso.com")],
        "John.Doe@contoso.com.test",
    ),
    ("BitAnd(&HF, &HF7)", &[], "7"),
    ("CBool([attribute1] = [attribute2])", &[("attribute1", "a"), ("attribute2", "a")], "true"),
    ("CBool([attribute1] = [attribute2])", &[("attribute1", "a"), ("attribute2", "b")], "false"),
    ("CDate([StatusHireDate])", &[("StatusHireDate", "2020-03-16-07:00")], "3/16/2020 7:00:00 AM"),
    (r#"CDate("2021-06-30+08:00")"#, &[], "6/29/2021 4:00:00 PM"),
    (r#"CDate("2009-06-15T01:45:30-07:00")"#, &[], "6/15/2009 8:45:30 AM"),
    (
        "Coalesce([mail],[userPrincipalName])",
        &[("userPrincipalName", "John.Doe@contoso.com")],
        "John.Doe@contoso.com",
    ),
    (r#"ConvertToBase64("Hello world!")"#, &[], "SABlAGwAbABvACAAdwBvAHIAbABkACEA"),
    (r#"ConvertToUTF8Hex("Hello world!")"#, &[], "48656C6C6F20776F726C6421"),
    ("CStr([dn])", &[("dn", "cn=Joe,dc=contoso,dc=com")], "cn=Joe,dc=contoso,dc=com"),
    (r#"DateAdd("d", 7, CDate([StatusHireDate]))"#, HIRED, "3/23/2012 7:00:00 AM"),
    (r#"DateAdd("d", -10, CDate([StatusHireDate]))"#, HIRED, "3/6/2012 7:00:00 AM"),
    (r#"DateAdd("ww", 2, CDate([StatusHireDate]))"#, HIRED, "3/30/2012 7:00:00 AM"),
    (r#"DateAdd("m", 10, CDate([StatusHireDate]))"#, HIRED, "1/16/2013 7:00:00 AM"),
    (r#"DateAdd("yyyy", 2, CDate([StatusHireDate]))"#, HIRED, "3/16/2014 7:00:00 AM"),
    (r#"DateDiff("d", CDate("2021-08-18+08:00"), CDate("2021-08-31+08:00"))"#, &[], "13"),
    (r#"DateDiff("d", Now(), CDate([StatusHireDate]))"#, NOW_AND_HIRED, "-3449"),
    (r#"DateDiff("ww", Now(), CDate([StatusHireDate]))"#, NOW_AND_HIRED, "-493"),
    (r#"DateDiff("m", Now(), CDate([StatusHireDate]))"#, NOW_AND_HIRED, "-113"),
    (r#"DateDiff("yyyy", Now(), CDate([StatusHireDate]))"#, NOW_AND_HIRED, "-9"),
    (r#"DateDiff("d", CDate("2021-08-31+08:00"), CDate("2021-08-31+08:00"))"#, &[], "0"),
    (r#"DateDiff("h", CDate("2021-08-24"), CDate("2021-08-25"))"#, &[], "24"),
    (r#"DateDiff("n", CDate("2021-08-24"), CDate("2021-08-25"))"#, &[], "1440"),
    (r#"DateDiff("s", CDate("2021-08-24"), CDate("2021-08-25"))"#, &[], "86400"),
    (STARTS_SOON, &[("Active", "1"), ("StatusHireDate", "2026-02-03")], "True"),
    (STARTS_SOON, &[("Active", "1"), ("StatusHireDate", "2026-03-03")], "False"),
    (STARTS_SOON, &[("Active", "0"), ("StatusHireDate", "2026-02-03")], "False"),
    ("DateFromNum(129699324000000000)", &[], "1/1/2012 11:00:00 PM"),
    (
        r#"FormatDateTime([extensionAttribute1], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
        &[("extensionAttribute1", "20150123105347.1Z")],
        "2015-01-23",
    ),
    ("IgnoreFlowIfNullOrEmpty([department])", &[], ""),
    (
        r#"IgnoreFlowIfNullOrEmpty(Switch([prefix], "", "3443", "Dr.", "3444", "Prof.", "3445", "Prof. Dr."))"#,
        &[("prefix", "3446")],
        "",
    ),
    (
        r#"IIF([country]="USA",[country],[department])"#,
        &[("country", "USA"), ("department", "Sales")],
        "USA",
    ),
    (
        r#"IIF([country]="USA",[country],[department])"#,
        &[("country", "UK"), ("department", "Sales")],
        "Sales",
    ),
    (
        r#"IIF([country]="USA",IIF([state]="CA","True","False"),"False")"#,
        &[("country", "USA"), ("state", "CA")],
        "True",
    ),
    (
        r#"IIF([country]="USA","True",IIF([state]="CA","True","False"))"#,
        &[("country", "UK"), ("state", "NY")],
        "False",
    ),
    (r#"Switch([country],[country],"","Other")"#, &[], "Other"),
    (r#"Switch([country],[country],"","Other")"#, &[("country", "UK")], "UK"),
    // The three that the page calls unsupported give here what their words say.
    (r#"IIF([country]="","Other",[country])"#, &[], "Other"),
    (r#"IIF(IsNullOrEmpty([country]),"Other",[country])"#, &[], "Other"),
    (r#"IIF(IsPresent([country]),[country],"Other")"#, &[("country", "UK")], "UK"),
    (r#"InStr("The quick brown fox","quick")"#, &[], "5"),
    (r#"InStr("repEated","e",3,vbBinaryCompare)"#, &[], "7"),
    ("IsNull([displayName])", &[], "true"),
    ("IsNullOrEmpty([displayName])", &[], "true"),
    ("IsNullOrEmpty([displayName])", &[("displayName", "")], "true"),
    ("Item([proxyAddresses], 1)", &[("proxyAddresses", "a"), ("proxyAddresses", "b")], "a"),
    (r#"Left("John Doe", 3)"#, &[], "Joh"),
    ("NormalizeDiacritics([givenName])", &[("givenName", "Zoë")], "Zoe"),
    ("Now()", &[(NOW, "1625240018000")], "7/2/2021 3:33:38 PM"),
    (
        r#"NumFromDate(Join("", FormatDateTime([ContractEndDate], ,"yyyy-MM-ddzzz", "yyyy-MM-dd"), " 23:59:59-08:00"))"#,
        &[("ContractEndDate", "2020-12-31-08:00")],
        "132539615990000000",
    ),
    (
        r#"NumFromDate(Join("",FormatDateTime([endDate], ,"M/d/yyyy hh:mm:ss tt","yyyy-MM-dd")," 23:59:59-08:00"))"#,
        &[("endDate", "12/31/2020 08:00:00 AM")],
        "132539615990000000",
    ),
    (
        "PCase([firstName])",
        &[("firstName", "PABLO GONSALVES (SECOND)")],
        "Pablo Gonsalves (Second)",
    ),
    (r#"PCase([lastName]," '-")"#, &[("lastName", "PINTO-DE'SILVA")], "Pinto-De'Silva"),
    (
        r#"PCase(Join(" ",[firstName],[lastName]))"#,
        &[("firstName", "GREGORY"), ("lastName", "JAMES")],
        "Gregory James",
    ),
    ("Redact([userPrincipalName])", &[("userPrincipalName", "a@contoso.com")], "a@contoso.com"),
    (r#"Redact("StringToBeRedacted")"#, &[], "StringToBeRedacted"),
    (
        "RemoveDuplicates([proxyAddresses])",
        &[("proxyAddresses", "a"), ("proxyAddresses", "b"), ("proxyAddresses", "a")],
        r#"["a","b"]"#,
    ),
    (
        r#"Replace([BusinessTitle],"Product Developer", , , "Software Engineer", , )"#,
        &[("BusinessTitle", "Product Developer")],
        "Software Engineer",
    ),
    (
        r#"Replace([UserID],"<username>", , , , , "<username>@contoso.com")"#,
        &[("UserID", "jsmith")],
        "jsmith@contoso.com",
    ),
    (
        r#"Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", , "${phoneNumber}", , )"#,
        &[("telephoneNumber", "+91 9998887777")],
        "9998887777",
    ),
    (
        r#"Replace([AddressLineData], ,"(?<streetNumber>^\\d*)","streetNumber", "888", , )"#,
        &[("AddressLineData", "545 Tremont Street")],
        "888 Tremont Street",
    ),
    (
        r#"Replace([userPrincipalName], , "(?<Suffix>@(.)*)", "Suffix", "", , )"#,
        &[("userPrincipalName", "jsmith@contoso.com")],
        "jsmith",
    ),
    (
        r#"Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber" , , [mobile], )"#,
        &[("telephoneNumber", ""), ("mobile", "+91 8887779999")],
        "8887779999",
    ),
    (
        r#"Replace([mailNickname], , "[a-zA-Z_]*", , "", , )"#,
        &[("mailNickname", "john_doe72")],
        "72",
    ),
    (UNIQUE, JOHN, "John.Smith@contoso.com"),
    (
        r#"Split([extensionAttribute5], ",")"#,
        &[("extensionAttribute5", "PermissionSetOne, PermissionSetTwo")],
        r#"["PermissionSetOne","PermissionSetTwo"]"#,
    ),
    (
        r#"Switch(ToLower([statusFlag]), "0", "true", "1", "false", "0")"#,
        &[("statusFlag", "TRUE")],
        "1",
    ),
    (r#"Switch([statusFlag], "Default Value", "true", "1", "", "0")"#, &[], "0"),
    (
        r#"Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney","QLD", "Australia/Brisbane", "SA", "Australia/Adelaide")"#,
        &[("state", "QLD")],
        "Australia/Brisbane",
    ),
    (
        r#"Switch([companyName], "External", "Company A", "A", "Company B", "B")"#,
        &[("companyName", "Company B")],
        "B",
    ),
    (
        r#"IIF([companyName] = "Company A", "A", IIF([companyName] = "Company B", "B", "External"))"#,
        &[],
        "External",
    ),
    (
        r#"ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".",  [PreferredFirstName], [PreferredLastName]))), "contoso.com"))"#,
        JOHN,
        "john.smith@contoso.com",
    ),
    (r#"Word("The quick brown fox",3," ")"#, &[], "brown"),
    (r#"Word("This,string!has&many separators",3,",!&#")"#, &[], "has"),
    (
        r#"Replace([mail], "@contoso.com", , ,"", ,)"#,
        &[("mail", "john.doe@contoso.com")],
        "john.doe",
    ),
    (
        "Append(Mid([givenName], 1, 3), Mid([surname], 1, 5))",
        &[("givenName", "John"), ("surname", "Doe")],
        "JohDoe",
    ),
    (
        r#"Join(", ", "", [surname], [givenName])"#,
        &[("givenName", "John"), ("surname", "Doe")],
        "Doe, John",
    ),
];

/// Random ones, and what the page says of them: patterns that all match.
const RANDOM: &[(&str, &[&str])] = &[
    ("Guid()", &["^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"]),
    ("RandomString(6,3,0,0,3)", SIX),
    (
        r#"RandomString(10,2,2,2,1,"?,")"#,
        &["^[^?,]{10}$", "[0-9].*[0-9]", "[^A-Za-z0-9].*[^A-Za-z0-9]", "[A-Z].*[A-Z]", "[a-z]"],
    ),
    ("Redact(RandomString(6,3,0,0,3))", SIX),
];
const SIX: &[&str] = &["^[a-z0-9]{6}$", "^([^0-9]*[0-9]){3}[^0-9]*$"];

const HIRED: &[(&str, &str)] = &[("StatusHireDate", "2012-03-16-07:00")];
/// The first is 8/25/2021 5:41:18 PM.
const NOW_AND_HIRED: &[(&str, &str)] =
    &[(NOW, "1629913278000"), ("StatusHireDate", "2012-03-16-07:00")];
const JOHN: &[(&str, &str)] = &[("PreferredFirstName", "John"), ("PreferredLastName", "Smith")];
const STARTS_SOON: &str = r#"Switch([Active], ,
  "1", IIF(DateDiff("d", Now(), CDate([StatusHireDate])) > 5, "False", "True"),
  "0", "False")"#;
const UNIQUE: &str = r#"SelectUniqueValue(
    Join("@", NormalizeDiacritics(StripSpaces(Join(".",  [PreferredFirstName], [PreferredLastName]))), "contoso.com"),
    Join("@", NormalizeDiacritics(StripSpaces(Join(".",  Mid([PreferredFirstName], 1, 1), [PreferredLastName]))), "contoso.com"),
    Join("@", NormalizeDiacritics(StripSpaces(Join(".",  Mid([PreferredFirstName], 1, 2), [PreferredLastName]))), "contoso.com")
)"#;

/// Expression, fields, the value on the page, the value here, and why.
const EXCEPTIONS: &[(Example, &str, &str)] = &[
    (
        (
            r#"Replace([mobile], , "[()\\s-]+", , "", , )"#,
            &[("mobile", "+1 (999) 888-7777")],
            "19998887777",
        ),
        "+19998887777",
        "the pattern of the page does not match the plus sign, so it stays",
    ),
    (
        (
            r#"Join("", 1000, Replace(ConvertToUTF8Hex([objectId]), , "[a-zA-Z_]*", , "", , ))"#,
            &[("objectId", "00aa00aa-bb11-cc22-dd33-44ee44ee44ee")],
            "100064303565343762312333930392343435612626135652636136306362633065346234",
        ),
        "100030306161303061612626231312636332322646433332343465653434656534346565",
        "the page's input was made anonymous, its output is of another identifier",
    ),
    (
        (
            "Switch(IsPresent([directManager]),[directManager], IsPresent([skiplevelManager]),[skiplevelManager], IsPresent([director]),[director])",
            &[("director", "Zoe")],
            "Zoe",
        ),
        "",
        "no key equals the source (false), except the one of skiplevelManager, which has no value; the page itself warns of \
         `IsPresent` as a source of `Switch`, and `Coalesce` says what is meant",
    ),
];

#[test]
fn every_example_of_the_page_gives_the_value_that_it_states() {
    let wrong: Vec<_> = EXAMPLES
        .iter()
        .map(|(text, fields, expected)| (*text, value(text, fields), *expected))
        .filter(|(_, found, expected)| found != expected)
        .map(|(text, found, expected)| format!("{text}\n  gives {found}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn random_ones_are_as_the_page_says() {
    for (text, patterns) in RANDOM {
        for pattern in *patterns {
            assert_eq!(
                value(&format!("{text} matches \"{pattern}\""), &[]),
                "true",
                "{text} {pattern}"
            );
        }
    }
}

#[test]
fn no_example_of_the_page_is_left_out() {
    let given = EXAMPLES.iter().chain(EXCEPTIONS.iter().map(|(example, ..)| example));
    let given = given.map(|(text, ..)| *text).chain(RANDOM.iter().map(|(text, _)| *text));
    let distinct: BTreeSet<&str> = given.collect();
    assert_eq!(distinct.len(), ON_PAGE, "{distinct:#?}");
}

#[test]
fn proposals_come_in_the_order_of_the_page() {
    let page = ["John.Smith@contoso.com", "J.Smith@contoso.com", "Jo.Smith@contoso.com"];
    assert_eq!(proposals(UNIQUE, JOHN), page);
}

/// What the page says of arguments at the edges, in words.
#[test]
fn edges_are_as_the_page_says() {
    for (text, expected) in [
        (r#"Left("John Doe", 0)"#, ""),
        (r#"Left("John Doe", -1)"#, "John Doe"),
        (r#"Left("John Doe", 99)"#, "John Doe"),
        (r#"Left([none], 3)"#, ""),
        (r#"Mid("John Doe", 6, 99)"#, "Doe"),
        (r#"Word("one two", 0, " ")"#, ""),
        (r#"Word("one two", 3, " ")"#, ""),
        (r#"Word([none], 1, " ")"#, ""),
        (r#"Not("True")"#, "false"),
        (r#"Not("False")"#, "true"),
        (r#"Switch("a", "", "A", "b")"#, ""),
        (r#"Coalesce([none], [none])"#, ""),
        (r#"StripSpaces(" a b ")"#, "ab"),
        (r#"Replace("a.A", "a", , , "b", , )"#, "b.A"),
    ] {
        assert_eq!(value(text, &[]), expected, "{text}");
    }
}

#[test]
fn exceptions_are_what_is_said_of_them() {
    for ((text, fields, page), here, why) in EXCEPTIONS {
        let found = value(text, fields);
        assert_eq!(found, *here, "{text}: {why}");
        assert_ne!(found, *page, "{text} is no exception any more");
    }
}

#[test]
fn every_letter_of_the_page_loses_its_accent() {
    for (letters, expected) in [
        ("ä à â ã å á ą ă ā ā́ ā̀ ā̂ ā̃ ǟ ā̈ ǡ a̱ å̄", "a"),
        ("Ä À Â Ã Å Á Ą Ă Ā Ā́ Ā̀ Ā̂ Ā̃ Ǟ Ā̈ Ǡ A̱ Å̄", "A"),
        ("æ ǣ", "ae"),
        ("Æ Ǣ", "AE"),
        ("ç č ć c̄ c̱", "c"),
        ("Ç Č Ć C̄ C̱", "C"),
        ("ď d̄ ḏ", "d"),
        ("Ď D̄ Ḏ", "D"),
        ("ë è é ê ę ě ė ē ḗ ḕ ē̂ ē̃ ê̄ e̱ ë̄ e̊̄", "e"),
        ("Ë È É Ê Ę Ě Ė Ē Ḗ Ḕ Ē̂ Ē̃ Ê̄ E̱ Ë̄ E̊̄", "E"),
        ("ğ ḡ g̱", "g"),
        ("Ğ Ḡ G̱", "G"),
        ("ï î ì í ı ī ī́ ī̀ ī̂ ī̃ i̱", "i"),
        ("Ï Î Ì Í İ Ī Ī́ Ī̀ Ī̂ Ī̃ I̱", "I"),
        ("ľ ł l̄ ḹ ḻ", "l"),
        ("Ł Ľ L̄ Ḹ Ḻ", "L"),
        ("ñ ń ň n̄ ṉ", "n"),
        ("Ñ Ń Ň N̄ Ṉ", "N"),
        ("ö ò ő õ ô ó ō ṓ ṑ ō̂ ō̃ ȫ ō̈ ǭ ȭ ȱ o̱", "o"),
        ("Ö Ò Ő Õ Ô Ó Ō Ṓ Ṑ Ō̂ Ō̃ Ȫ Ō̈ Ǭ Ȭ Ȱ O̱", "O"),
        ("ø ø̄ œ̄", "oe"),
        ("Ø Ø̄ Œ̄", "OE"),
        ("ř r̄ ṟ ṝ", "r"),
        ("Ř R̄ Ṟ Ṝ", "R"),
        ("ß", "ss"),
        ("š ś ș ş s̄ s̱", "s"),
        ("Š Ś Ș Ş S̄ S̱", "S"),
        ("ť ț t̄ ṯ", "t"),
        ("Ť Ț T̄ Ṯ", "T"),
        ("ü ù û ú ů ű ū ū́ ū̀ ū̂ ū̃ u̇̄ ǖ ṻ ṳ̄ u̱", "u"),
        ("Ü Ù Û Ú Ů Ű Ū Ū́ Ū̀ Ū̂ Ū̃ U̇̄ Ǖ Ṻ Ṳ̄ U̱", "U"),
        ("ÿ ý ȳ ȳ́ ȳ̀ ȳ̃ y̱", "y"),
        ("ź ž ż z̄ ẕ", "z"),
        ("Ź Ž Ż Z̄ Ẕ", "Z"),
        ("Ÿ Ý Ȳ Ȳ́ Ȳ̀ Ȳ̃ Y̱", "Y"),
    ] {
        for letter in letters.split(' ') {
            let text = format!("NormalizeDiacritics(\"{letter}\")");
            assert_eq!(value(&text, &[]), expected, "{letter}");
        }
    }
}

#[test]
fn every_function_of_the_page_is_in_the_table() {
    let page = "Append AppRoleAssignmentsComplex AssertiveAppRoleAssignmentsComplex BitAnd CBool CDate Coalesce \
                ConvertToBase64 ConvertToUTF8Hex Count CStr DateAdd DateDiff DateFromNum FormatDateTime Guid \
                IgnoreFlowIfNullOrEmpty IIF InStr IsNull IsNullOrEmpty IsPresent IsString Item Join Left Mid \
                NormalizeDiacritics Not Now NumFromDate PCase RandomString Redact RemoveDuplicates Replace \
                SelectUniqueValue SingleAppRoleAssignment Split StripSpaces Switch ToLower ToUpper Word";
    let missing: Vec<_> = page
        .split_whitespace()
        .filter(|name| !all().iter().any(|function| function.name == *name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The value of an expression for a record with these fields; as text, a list as JSON.
fn value(text: &str, fields: &[(&str, &str)]) -> String {
    match slot(text, fields) {
        None => String::new(),
        Some(SlotValue::Set(Json::String(text))) => text,
        Some(SlotValue::Set(other)) => other.to_string(),
        // Nobody else is on the page, so that the first proposal is free.
        Some(SlotValue::Choice(proposals)) => {
            proposals.first().and_then(|first| first.as_str()).unwrap_or_default().to_owned()
        }
        Some(other) => panic!("{other:?}"),
    }
}

fn proposals(text: &str, fields: &[(&str, &str)]) -> Vec<Json> {
    match slot(text, fields) {
        Some(SlotValue::Choice(proposals)) => proposals,
        other => panic!("{other:?}"),
    }
}

fn slot(text: &str, fields: &[(&str, &str)]) -> Option<SlotValue> {
    let mut attribute = AttributeSpec::value("urn:example:any:2.0:User:any", text);
    attribute.when = When::Create;
    let spec = Spec { attributes: vec![attribute], ..Spec::default() };
    let mapping = Mapping::compile(&spec, Resource::User, &SchemaSet::standard())
        .unwrap_or_else(|errors| panic!("{}", errors[0].render()));
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    names.dedup();
    let mut batch = Batch::new(Fields::new(names.iter().copied()));
    let mut record = batch.record("7", Origin::row("page", 1)).unwrap();
    for (name, value) in fields {
        let position = names.iter().position(|known| known == name).unwrap();
        record.push(position, Value::Text(value));
    }
    let (binding, record) = (mapping.bind(batch.fields()), batch.get(0).unwrap());
    let seed = DigestKey::new([7; 32]);
    let clock = fields.iter().find(|(name, _)| *name == NOW).map(|(_, time)| time.parse().unwrap());
    let now = Some(Timestamp(clock.unwrap_or(1_769_848_200_000)));
    let around = Around { now, seed: Some(&seed), ..Around::default() };
    let step = mapping.explain_in(&around, &binding, &record).attributes.pop().unwrap();
    step.value.unwrap_or_else(|error| panic!("{text}: {error}"))
}
