//! What a cell says: its value, or why it has none that could be relied on.

use std::borrow::Cow;
use std::fmt::Write as _;

use calamine::ExcelDateTime;
use jiff::civil;
use peoplesync_source::{Timestamp, Value};

use crate::line::{Content, Found, Line};

/// Spreadsheet programs keep 15 digits of a number, and so might have changed any of more.
const MOST: f64 = 1e15;

const UNCALCULATED: &str = "holds a formula that no program has calculated: open the file in a spreadsheet program and save it once";

/// The value of a cell. The buffer takes texts that are made here.
#[inline]
pub(crate) fn value<'b>(
    line: &'b Line<'_>,
    found: &'b Found<'_>,
    buffer: &'b mut String,
) -> Result<Value<'b>, String> {
    Ok(match &found.content {
        Content::Shared(text) => Value::Text(text),
        Content::Own(span) => Value::Text(line.text(*span)),
        Content::Float(number) => float(*number, found.digits, buffer)?,
        Content::Integer(number) => integer(*number, found.digits, buffer)?,
        Content::Boolean(value) => Value::Boolean(*value),
        Content::Serial(serial) => moment(serial, buffer)?,
        Content::Iso(span) => iso(line.text(*span))?,
        Content::Duration(span) => Value::Text(clock(line.text(*span), buffer)?),
        Content::Error(Some(error)) => return Err(format!("holds the error {error}")),
        Content::Error(None) => return Err("holds an error, or something that is not read".into()),
        Content::Uncalculated => return Err(UNCALCULATED.into()),
    })
}

/// The key in a cell. Dates are none: programs make them of texts such as 3-12.
pub(crate) fn key<'b>(value: Value<'b>, buffer: &'b mut String) -> Result<&'b str, String> {
    match value {
        Value::Text(text) => Ok(text.trim()),
        Value::Integer(number) => {
            write(buffer, format_args!("{number}"));
            Ok(buffer)
        }
        Value::Decimal(number) => {
            Err(format!("is {number}, which is not a whole number; a key must be a text or one"))
        }
        Value::Timestamp(_) => {
            Err("is a date; was a text such as 3-12 taken for one? a key must be a text".into())
        }
        Value::Boolean(_) | Value::Bytes(_) => Err("is true or false, which is no key".into()),
    }
}

/// What a person would read in the cell, as far as it may be a name or a key; nothing for errors.
pub(crate) fn shown<'b>(
    line: &'b Line<'_>,
    found: &'b Found<'_>,
    buffer: &'b mut String,
) -> Cow<'b, str> {
    match value(line, found, buffer) {
        Ok(Value::Text(text)) => Cow::Borrowed(text.trim()),
        Ok(Value::Integer(number)) => Cow::Owned(number.to_string()),
        Ok(Value::Decimal(number)) => Cow::Owned(number.to_string()),
        Ok(Value::Boolean(value)) => Cow::Owned(value.to_string()),
        Ok(Value::Timestamp(_) | Value::Bytes(_)) | Err(_) => Cow::Borrowed(""),
    }
}

fn float(number: f64, digits: u8, buffer: &mut String) -> Result<Value<'_>, String> {
    if number.fract() != 0.0 {
        return Ok(Value::Decimal(number));
    }
    if !number.is_finite() || number.abs() >= MOST {
        return Err(too_long(&number));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and has 15 digits at most")]
    let whole = number as i64;
    integer(whole, digits, buffer)
}

fn integer(number: i64, digits: u8, buffer: &mut String) -> Result<Value<'_>, String> {
    if number.unsigned_abs() >= 1_000_000_000_000_000 {
        return Err(too_long(&number));
    }
    if digits == 0 || number < 0 {
        return Ok(Value::Integer(number));
    }
    write(buffer, format_args!("{number:0width$}", width = usize::from(digits)));
    Ok(Value::Text(buffer))
}

/// Puts a text in place of what is in the buffer.
fn write(buffer: &mut String, text: std::fmt::Arguments<'_>) {
    buffer.clear();
    buffer.write_fmt(text).expect("a string takes whatever is written to it");
}

fn too_long(number: &dyn std::fmt::Display) -> String {
    format!(
        "is the number {number}: spreadsheets keep only 15 digits of a number, so an identifier of more must be a text"
    )
}

/// The point in time, the time of day or the duration that a number is shown as. Without a time zone, it is taken for UTC.
fn moment<'b>(serial: &ExcelDateTime, buffer: &'b mut String) -> Result<Value<'b>, String> {
    let days = serial.as_f64();
    let wrong = || format!("is shown as a date, but {days} is none");
    if serial.is_duration() || (0.0..1.0).contains(&days) {
        return Ok(Value::Text(hours(days * 86_400.0, buffer).ok_or_else(wrong)?));
    }
    if !(0.0..2_958_466.0).contains(&days) {
        return Err(wrong());
    }
    let (year, month, day, hour, minute, second, millis) = serial.to_ymd_hms_milli();
    let small = |number: u8| i8::try_from(number).unwrap_or(i8::MAX);
    let date = i16::try_from(year).ok().and_then(|year| {
        // The 29th of February 1900 is a day only in spreadsheets.
        civil::Date::new(year, small(month), small(day)).ok()
    });
    let nanos = i32::from(millis) * 1_000_000;
    let time = civil::Time::new(small(hour), small(minute), small(second), nanos).ok();
    let moment = date.zip(time).map(|(date, time)| date.to_datetime(time)).ok_or_else(wrong)?;
    timestamp(moment).ok_or_else(wrong)
}

/// Hours, minutes and seconds as text: `07:30:00`, `37:30:00`.
fn hours(seconds: f64, buffer: &mut String) -> Option<&str> {
    let seconds = seconds.round();
    if !(0.0..1e12).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was looked at"
    )]
    let seconds = seconds as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    write(buffer, format_args!("{hours:02}:{minutes:02}:{:02}", seconds % 60));
    Some(buffer)
}

fn timestamp<'b>(moment: civil::DateTime) -> Option<Value<'b>> {
    let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Value::Timestamp(Timestamp(zoned.timestamp().as_millisecond())))
}

/// A date or a time with its date.
fn iso(text: &str) -> Result<Value<'_>, String> {
    let text = text.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Value::Timestamp(Timestamp(time.as_millisecond())));
    }
    let moment = text.parse::<civil::DateTime>().ok();
    moment.and_then(timestamp).ok_or_else(|| format!("is a date, but {text:?} is none"))
}

/// `PT7H30M00S` as a clock shows it.
fn clock<'b>(text: &str, buffer: &'b mut String) -> Result<&'b str, String> {
    let wrong = || format!("is a time, but {text:?} is none");
    let span: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    hours(span.as_secs_f64(), buffer).ok_or_else(wrong)
}
