//! Forms of .NET, written and read.

use super::{Culture, Form, Spaces, parse, read, write};

fn written(form: &str, culture: &str, time: &str) -> String {
    let culture = Culture::parse(culture).expect("a culture");
    match Form::parse(form) {
        Ok(form) => form.write(parse(time).expect("a time"), &culture),
        Err(why) => why,
    }
}

fn parsed(form: &str, culture: &str, text: &str) -> String {
    let culture = Culture::parse(culture).expect("a culture");
    let form = Form::parse(form).expect("a form");
    form.read(text, &culture, Spaces::AROUND).map_or("none".to_owned(), super::format)
}

#[test]
fn every_letter_is_written_as_dotnet_writes_it() {
    let time = "2009-06-05T01:04:09.0617Z";
    let cases = [
        ("d dd ddd dddd", "5 05 Fri Friday"),
        ("M MM MMM MMMM", "6 06 Jun June"),
        ("%y yy yyy yyyy yyyyy", "9 09 2009 2009 02009"),
        ("h hh H HH m mm s ss", "1 01 1 01 4 04 9 09"),
        ("s.f s.ff s.fff s.ffff", "9.0 9.06 9.061 9.0610"),
        ("s.F s.FF s.FFF s.FFFFFFF", "9 9.06 9.061 9.061"),
        ("t tt g", "A AM A.D."),
        ("z zz zzz K", "+0 +00 +00:00 Z"),
        ("%d", "5"),
        ("yyyy'y'MM\"MM\"\\d", "2009y06MMd"),
        ("o", "2009-06-05T01:04:09.0610000Z"),
        ("r", "Fri, 05 Jun 2009 01:04:09 GMT"),
        ("u", "2009-06-05 01:04:09Z"),
        ("s", "2009-06-05T01:04:09"),
        ("D", "Friday, 05 June 2009"),
        ("q", "`q` alone is no form"),
        ("yyyy 'T", "a ' is never closed"),
        ("ffffffff", "a fraction has at most 7 digits, not 8"),
        ("", "it is empty"),
    ];
    for (form, expected) in cases {
        assert_eq!(written(form, "", time), expected, "{form}");
    }
    assert_eq!(written("h:mm tt", "", "2009-06-05T12:00:00Z"), "12:00 PM");
    assert_eq!(written("h:mm tt", "", "2009-06-05T00:30:00Z"), "12:30 AM");
}

#[test]
fn months_and_days_have_the_names_of_the_culture() {
    let cases = [
        ("de-DE", "Donnerstag, 5. März 2026"),
        ("fr-FR", "jeudi, 5. mars 2026"),
        ("es", "jueves, 5. marzo 2026"),
        ("pl-PL", "czwartek, 5. marca 2026"),
        ("ru-RU", "Четверг, 5. марта 2026"),
        ("tr", "Perşembe, 5. Mart 2026"),
        ("sv-SE", "torsdag, 5. mars 2026"),
        ("ja", "木曜日, 5. 3月 2026"),
        ("el-GR", "Πέμπτη, 5. Μαρτίου 2026"),
        ("en-GB", "Thursday, 5. March 2026"),
        ("", "Thursday, 5. March 2026"),
    ];
    for (culture, expected) in cases {
        let form = "dddd, d. MMMM yyyy";
        assert_eq!(written(form, culture, "2026-03-05"), expected, "{culture}");
        assert_eq!(parsed(form, culture, expected), "2026-03-05T00:00:00Z", "{culture}");
    }
    assert_eq!(Culture::parse("xx-YY"), None);
    assert_eq!(Culture::parse("not a culture"), None);
}

#[test]
fn a_text_is_read_only_if_it_has_the_form() {
    let cases = [
        ("yyyyMMddHHmmss.fZ", "20150123105347.1Z", "2015-01-23T10:53:47.1Z"),
        ("yyyy-MM-ddzzz", "2020-12-31-08:00", "2020-12-31T08:00:00Z"),
        ("M/d/yyyy hh:mm:ss tt", "3/16/2020 07:05:00 pm", "2020-03-16T19:05:00Z"),
        ("M/d/yyyy hh:mm:ss tt", "3/16/2020 13:05:00 PM", "none"),
        ("M/d/yyyy", "13/1/2020", "none"),
        ("dd.MM.yy", " 01.02.49 ", "2049-02-01T00:00:00Z"),
        ("dd.MM.yy", "01.02.50", "1950-02-01T00:00:00Z"),
        ("dd.MM.yyyy", "1.2.2020", "none"),
        ("yyyy-MM-ddTHH:mm:ss.FFFK", "2020-01-02T03:04:05+05:30", "2020-01-01T21:34:05Z"),
        ("yyyy-MM-ddTHH:mm:ss.FFFK", "2020-01-02T03:04:05.25Z", "2020-01-02T03:04:05.25Z"),
        ("dd/MM", "29/02", "2000-02-29T00:00:00Z"),
        ("yyyy-MM-dd", "2023-02-29", "none"),
        ("HH:mm", "24:00", "none"),
        ("d MMM yyyy", "5 mar 2026", "2026-03-05T00:00:00Z"),
        ("d MMM yyyy", "5 Mär 2026", "none"),
    ];
    for (form, text, expected) in cases {
        assert_eq!(parsed(form, "", text), expected, "{form} {text}");
    }
}

#[test]
fn what_needs_no_telling_is_read() {
    let cases = [
        ("2020-03-16-07:00", "3/16/2020 7:00:00 AM"),
        ("2021-06-30+08:00", "6/29/2021 4:00:00 PM"),
        ("2009-06-15T01:45:30-07:00", "6/15/2009 8:45:30 AM"),
        ("2020-12-31 23:59:59-08:00", "1/1/2021 7:59:59 AM"),
        ("8/25/2021 5:41:18 PM", "8/25/2021 5:41:18 PM"),
        ("Mon, 15 Jun 2009 20:45:30 GMT", "6/15/2009 8:45:30 PM"),
        ("June 15, 2009", "6/15/2009 12:00:00 AM"),
        ("20150123105347.0Z", "1/23/2015 10:53:47 AM"),
        ("16.03.2020", "none"),
        ("20200316", "none"),
        ("Zoë", "none"),
        ("", "none"),
        ("2020-13-01", "none"),
        ("2020-01-01+99:00", "none"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).map_or("none".to_owned(), write), expected, "{text}");
    }
}
