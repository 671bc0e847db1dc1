//! Times. All are in UTC; what a function gives is written as Entra writes it, `M/d/yyyy h:mm:ss tt`, where text is needed.

use jiff::Span;
use jiff::civil::Date;
use peoplesync_source::Timestamp;

use super::{Accepts, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::time::{self, Culture};
use crate::expr::{Type, Value};

/// The intervals of `DateAdd` and `DateDiff`.
const INTERVALS: &[&str] = &["yyyy", "m", "d", "ww", "h", "n", "s"];

/// From 1601-01-01, where Active Directory's times begin, to 1970-01-01, in milliseconds.
const AD_EPOCH: i64 = 11_644_473_600_000;
/// Active Directory counts 100 nanoseconds.
const AD_TICKS: i64 = 10_000;

// The positions of the arguments of `FormatDateTime`.
const SOURCE: usize = 0;
const STYLES: usize = 1;
const INPUT: usize = 2;
const OUTPUT: usize = 3;
const CULTURE: usize = 4;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("CDate", Type::Timestamp, cdate)
        .takes(&[needed("value", Accepts::Time)])
        .says("The time that a text means: ISO 8601, and the forms of the invariant culture, month before day.")
        .examples(&[
            (r#"CDate("2020-03-16-07:00")"#, "3/16/2020 7:00:00 AM"),
            (r#"CDate("2021-06-30+08:00")"#, "6/29/2021 4:00:00 PM"),
            (r#"CDate("2009-06-15T01:45:30-07:00")"#, "6/15/2009 8:45:30 AM"),
            (r#"CDate(null)"#, "null"),
        ]),
    Function::new("DateAdd", Type::Timestamp, date_add)
        .takes(&[
            needed("interval", Accepts::Word(INTERVALS)),
            needed("value", Accepts::Integer),
            needed("dateTime", Accepts::Time),
        ])
        .says("The time so many years (yyyy), months (m), weeks (ww), days (d), hours (h), minutes (n) or seconds (s) later.")
        .examples(&[
            (r#"DateAdd("d", 7, CDate("2012-03-16-07:00"))"#, "3/23/2012 7:00:00 AM"),
            (r#"DateAdd("d", -10, CDate("2012-03-16-07:00"))"#, "3/6/2012 7:00:00 AM"),
            (r#"DateAdd("m", 10, CDate("2012-03-16-07:00"))"#, "1/16/2013 7:00:00 AM"),
            (r#"DateAdd(m, 1, "2024-01-31")"#, "2/29/2024 12:00:00 AM"),
            (r#"DateAdd("d", 7, null)"#, "null"),
        ]),
    Function::new("DateDiff", Type::Integer, date_diff)
        .takes(&[
            needed("interval", Accepts::Word(INTERVALS)),
            needed("date1", Accepts::Time),
            needed("date2", Accepts::Time),
        ])
        .says("How many intervals lie between two times, below 0 if the second is earlier.")
        .examples(&[
            (r#"DateDiff("d", CDate("2021-08-18+08:00"), CDate("2021-08-31+08:00"))"#, "13"),
            (r#"DateDiff("ww", "8/25/2021 5:41:18 PM", "2012-03-16-07:00")"#, "-493"),
            (r#"DateDiff("yyyy", "2025-12-31", "2026-01-01")"#, "1"),
            (r#"DateDiff("d", Now(), null)"#, "null"),
        ]),
    Function::new("DateFromNum", Type::Timestamp, date_from_num)
        .takes(&[needed("value", Accepts::Integer)])
        .says("The time that a number of Active Directory means; null for 0 and the largest, which mean never.")
        .examples(&[
            ("DateFromNum(129699324000000000)", "1/1/2012 11:00:00 PM"),
            ("DateFromNum(9223372036854775807)", "null"),
            ("DateFromNum(null)", "null"),
        ]),
    Function::new("EpochSeconds", Type::Integer, epoch_seconds)
        .takes(&[needed("value", Accepts::Time)])
        .says("Seconds since 1970-01-01, in UTC.")
        .examples(&[
            (r#"EpochSeconds("2025-01-01")"#, "1735689600"),
            (r#"EpochSeconds("1969-12-31T23:59:59.5Z")"#, "-1"),
            ("EpochSeconds(null)", "null"),
        ]),
    Function::new("FormatDateTime", Type::Text, format_date_time)
        .takes(&[
            needed("source", Accepts::Text),
            optional("dateTimeStyles", Accepts::TimeStyles),
            optional("inputFormat", Accepts::TimeForm),
            optional("outputFormat", Accepts::TimeForm),
            optional("culture", Accepts::Culture),
        ])
        .says("A time from one form to another, in the letters of .NET; what is a time already needs no input form.")
        .examples(&[
            (
                r#"FormatDateTime("20150123105347.1Z", , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
                r#""2015-01-23""#,
            ),
            (r#"FormatDateTime("31.01.2026", , "dd.MM.yyyy", "M/d/yyyy")"#, r#""1/31/2026""#),
            (r#"FormatDateTime(Now(), , , "d. MMMM yyyy", "de-DE")"#, r#""31. Januar 2026""#),
            (r#"FormatDateTime(null, , "yyyy", "yy")"#, "null"),
        ]),
    Function::new("IsoDate", Type::Text, iso_date)
        .takes(&[needed("value", Accepts::Time)])
        .says("The date of a time in UTC, as ISO 8601 writes it.")
        .examples(&[
            (r#"IsoDate("3/16/2020 7:00:00 AM")"#, r#""2020-03-16""#),
            ("IsoDate(Now())", r#""2026-01-31""#),
            ("IsoDate(null)", "null"),
        ]),
    Function::new("NumFromDate", Type::Integer, num_from_date)
        .takes(&[needed("value", Accepts::Time)])
        .says("The number that Active Directory has for a time.")
        .examples(&[
            (
                r#"NumFromDate(Join("", FormatDateTime("2020-12-31-08:00", , "yyyy-MM-ddzzz", "yyyy-MM-dd"), " 23:59:59-08:00"))"#,
                "132539615990000000",
            ),
            (r#"DateFromNum(NumFromDate("2026-01-31")) = "2026-01-31""#, "true"),
            ("NumFromDate(null)", "null"),
        ]),
];

fn cdate<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(arguments.time(0)?.map_or(Value::Null, Value::Moment))
}

fn date_add<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let interval = arguments.text(0)?.unwrap_or_default();
    let (Some(count), Some(time)) = (arguments.integer(1)?, arguments.time(2)?) else {
        return Ok(Value::Null);
    };
    let span = match &*interval {
        "yyyy" => Span::new().try_years(count),
        "m" => Span::new().try_months(count),
        "ww" => Span::new().try_weeks(count),
        "d" => Span::new().try_days(count),
        "h" => Span::new().try_hours(count),
        "n" => Span::new().try_minutes(count),
        _ => Span::new().try_seconds(count),
    };
    let later = span.and_then(|span| time::civil(time).checked_add(span));
    match later.ok().filter(|later| later.year() >= 1).and_then(time::utc) {
        Some(later) => Ok(Value::Moment(later)),
        None => Err(arguments.unknown("no year from 1 to 9999 has that time")),
    }
}

/// As Visual Basic counts: years, months and weeks by their numbers, weeks from Sunday; the others by the time that passed.
fn date_diff<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    const SECOND: i64 = 1000;
    let interval = arguments.text(0)?.unwrap_or_default();
    let (Some(one), Some(other)) = (arguments.time(1)?, arguments.time(2)?) else {
        return Ok(Value::Null);
    };
    let passed = other.0.saturating_sub(one.0);
    let (from, to) = (time::civil(one).date(), time::civil(other).date());
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    let in_week = |date: Date| i64::from(date.weekday().to_sunday_zero_offset());
    Ok(Value::Integer(match &*interval {
        "yyyy" => i64::from(to.year()) - i64::from(from.year()),
        "m" => months(to) - months(from),
        "ww" => {
            let days = (in_week(from) - in_week(to)) * 86_400 * SECOND;
            passed.saturating_add(days) / (7 * 86_400 * SECOND)
        }
        "d" => passed / (86_400 * SECOND),
        "h" => passed / (3_600 * SECOND),
        "n" => passed / (60 * SECOND),
        _ => passed / SECOND,
    }))
}

fn date_from_num<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(match arguments.integer(0)? {
        None | Some(0 | i64::MAX) => Value::Null,
        Some(ticks) => Value::Moment(Timestamp(ticks.div_euclid(AD_TICKS) - AD_EPOCH)),
    })
}

fn num_from_date<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(time) = arguments.time(0)? else { return Ok(Value::Null) };
    let ticks = time.0.checked_add(AD_EPOCH).and_then(|time| time.checked_mul(AD_TICKS));
    match ticks.filter(|ticks| *ticks >= 0) {
        Some(ticks) => Ok(Value::Integer(ticks)),
        None => Err(arguments.fault(0, "a time before 1601")),
    }
}

fn epoch_seconds<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    Ok(arguments.time(0)?.map_or(Value::Null, |time| Value::Integer(time.seconds())))
}

fn iso_date<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let date = arguments.time(0)?.map(|time| time::civil(time).date());
    Ok(date.map_or(Value::Null, |date| Value::owned(date.to_string())))
}

fn format_date_time<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let culture = arguments.culture(CULTURE).unwrap_or(Culture::invariant());
    let value = arguments.value(SOURCE)?;
    let time = match (value.time(), arguments.form(INPUT)) {
        (Some(time), _) => Some(time),
        (None, None) => arguments.time(SOURCE)?,
        (None, Some(form)) => {
            let Some(text) = arguments.text(SOURCE)?.filter(|text| !text.is_empty()) else {
                return Ok(Value::Null);
            };
            let read = form.read(&text, culture, arguments.spaces(STYLES));
            let wrong = || arguments.fault(SOURCE, "text that has not the form of `inputFormat`");
            Some(read.ok_or_else(wrong)?)
        }
    };
    let Some(time) = time else { return Ok(Value::Null) };
    Ok(Value::owned(match arguments.form(OUTPUT) {
        Some(form) => form.write(time, culture),
        None => time::write(time),
    }))
}
