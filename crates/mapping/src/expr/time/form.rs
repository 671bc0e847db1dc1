//! .NET's custom forms of times, `yyyy-MM-dd HH:mm`, and the standard ones of one letter. Written and read in UTC.

use std::fmt::Write;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use peoplesync_source::Timestamp;

use super::culture::{Culture, Names};
use super::{civil, utc};

/// A form, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form(Vec<Piece>);

/// Where a text may have more white space than its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spaces {
    pub(crate) before: bool,
    pub(crate) within: bool,
    pub(crate) after: bool,
}

/// A part of a form; numbers are how often its letter stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    /// `d` and `dd`; the names of days are apart.
    Day(usize),
    /// `ddd`, or with true `dddd`.
    DayName(bool),
    Month(usize),
    MonthName(bool),
    Year(usize),
    /// `h`: from 1 to 12.
    Hour12(usize),
    Hour24(usize),
    Minute(usize),
    Second(usize),
    /// `f`.
    Fraction(usize),
    /// `F`: without zeros at the end.
    FractionIfAny(usize),
    /// `t` and `tt`.
    Half(usize),
    /// `z`, `zz`, `zzz`.
    Offset(usize),
    /// `K`: `Z`, an offset, or nothing.
    Zone,
    /// `g`.
    Era,
}

impl Spaces {
    pub(crate) const NONE: Self = Self { before: false, within: false, after: false };
    /// What Entra allows if nothing is said.
    pub(crate) const AROUND: Self = Self { before: true, within: false, after: true };
}

impl Form {
    /// Takes a form apart.
    ///
    /// # Errors
    /// What is wrong with it, as a fragment.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut letters = text.chars();
        let text = match (letters.next(), letters.next()) {
            (None, _) => return Err("it is empty".to_owned()),
            (Some(letter), None) => standard(letter)?,
            _ => text,
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let count = rest.chars().take_while(|other| *other == letter).count();
            let run = count * letter.len_utf8();
            let piece = match letter {
                'd' if count <= 2 => Piece::Day(count),
                'd' => Piece::DayName(count > 3),
                'M' if count <= 2 => Piece::Month(count),
                'M' => Piece::MonthName(count > 3),
                'y' => Piece::Year(count),
                'h' => Piece::Hour12(count.min(2)),
                'H' => Piece::Hour24(count.min(2)),
                'm' => Piece::Minute(count.min(2)),
                's' => Piece::Second(count.min(2)),
                'f' | 'F' if count > 7 => {
                    return Err(format!("a fraction has at most 7 digits, not {count}"));
                }
                'f' => Piece::Fraction(count),
                'F' => Piece::FractionIfAny(count),
                't' => Piece::Half(count.min(2)),
                'z' => Piece::Offset(count.min(3)),
                'K' => Piece::Zone,
                'g' => Piece::Era,
                '\'' | '"' | '\\' | '%' => {
                    let (literal, after) = quoted(rest, letter)?;
                    push_literal(&mut pieces, &literal);
                    rest = after;
                    continue;
                }
                _ => {
                    let (literal, after) = rest.split_at_checked(run).unwrap_or((rest, ""));
                    push_literal(&mut pieces, literal);
                    rest = after;
                    continue;
                }
            };
            let length = if matches!(letter, 'K') { letter.len_utf8() } else { run };
            rest = rest.get(length..).unwrap_or_default();
            pieces.push(piece);
        }
        Ok(Self(pieces))
    }

    /// Whether it has a year.
    pub(crate) fn has_year(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Year(_)))
    }

    /// The time in this form.
    pub(crate) fn write(&self, time: Timestamp, culture: &Culture) -> String {
        let (time, names) = (civil(time), culture.names);
        let mut text = String::new();
        for piece in &self.0 {
            // Writing to a string cannot fail.
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Day(width) => write!(text, "{:01$}", time.day(), *width).unwrap_or(()),
                Piece::DayName(long) => {
                    let names = if *long { names.days } else { names.short_days };
                    let day = usize::try_from(time.weekday().to_sunday_zero_offset()).ok();
                    text.push_str(day.and_then(|day| names.get(day)).unwrap_or(&""));
                }
                Piece::Month(width) => write!(text, "{:01$}", time.month(), *width).unwrap_or(()),
                Piece::MonthName(long) => {
                    let names = if *long { names.months } else { names.short_months };
                    let month = usize::try_from(time.month() - 1).ok();
                    text.push_str(month.and_then(|month| names.get(month)).unwrap_or(&""));
                }
                Piece::Year(width @ (1 | 2)) => {
                    write!(text, "{:01$}", time.year().rem_euclid(100), *width).unwrap_or(());
                }
                Piece::Year(width) => write!(text, "{:01$}", time.year(), *width).unwrap_or(()),
                Piece::Hour12(width) => {
                    let hour = (time.hour() + 11) % 12 + 1;
                    write!(text, "{hour:00$}", *width).unwrap_or(());
                }
                Piece::Hour24(width) => write!(text, "{:01$}", time.hour(), *width).unwrap_or(()),
                Piece::Minute(width) => write!(text, "{:01$}", time.minute(), *width).unwrap_or(()),
                Piece::Second(width) => write!(text, "{:01$}", time.second(), *width).unwrap_or(()),
                Piece::Fraction(width) => {
                    let digits = format!("{:09}", time.subsec_nanosecond());
                    text.push_str(digits.get(..*width).unwrap_or_default());
                }
                Piece::FractionIfAny(width) => {
                    let digits = format!("{:09}", time.subsec_nanosecond());
                    let digits = digits.get(..*width).unwrap_or_default().trim_end_matches('0');
                    match digits.is_empty() {
                        // The point goes with the digits.
                        true if text.ends_with('.') => drop(text.pop()),
                        _ => text.push_str(digits),
                    }
                }
                Piece::Half(width) => {
                    let half = names.halves.get(usize::from(time.hour() >= 12)).unwrap_or(&"");
                    match width {
                        1 => text.extend(half.chars().next()),
                        _ => text.push_str(half),
                    }
                }
                Piece::Offset(1) => text.push_str("+0"),
                Piece::Offset(2) => text.push_str("+00"),
                Piece::Offset(_) => text.push_str("+00:00"),
                Piece::Zone => text.push('Z'),
                Piece::Era => text.push_str("A.D."),
            }
        }
        text
    }

    /// The time that a text of this form means. A date that the form lacks is the first of January; a year that it lacks
    /// is one with a 29th of February.
    pub(crate) fn read(&self, text: &str, culture: &Culture, spaces: Spaces) -> Option<Timestamp> {
        let text = if spaces.before { text.trim_start() } else { text };
        let text = if spaces.after { text.trim_end() } else { text };
        let mut reader = Reader { rest: text, within: spaces.within, found: Found::default() };
        for (index, piece) in self.0.iter().enumerate() {
            // A point before a fraction that is not there is not there either.
            let next = self.0.get(index + 1);
            reader.piece(piece, next, culture.names)?;
        }
        if reader.rest.is_empty() { reader.found.time() } else { None }
    }
}

/// The form that a single letter stands for, in the invariant culture.
fn standard(letter: char) -> Result<&'static str, String> {
    Ok(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'm' | 'M' => "MMMM dd",
        'o' | 'O' => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        'r' | 'R' => "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        's' => "yyyy-MM-ddTHH:mm:ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy-MM-dd HH:mm:ss'Z'",
        'y' | 'Y' => "yyyy MMMM",
        other => return Err(format!("`{other}` alone is no form")),
    })
}

/// The text of what stands in quotes or behind a backslash or `%`, and what follows.
fn quoted(rest: &str, mark: char) -> Result<(String, &str), String> {
    let after = rest.get(mark.len_utf8()..).unwrap_or_default();
    let mut literal = String::new();
    let mut letters = after.char_indices();
    match mark {
        // It only says that a single letter is no standard form.
        '%' => return Ok((literal, after)),
        '\\' => match letters.next() {
            Some((_, letter)) => literal.push(letter),
            None => return Err("a backslash stands before a letter".to_owned()),
        },
        _ => loop {
            match letters.next() {
                Some((_, letter)) if letter == mark => break,
                Some((_, '\\')) => literal.extend(letters.next().map(|(_, letter)| letter)),
                Some((_, letter)) => literal.push(letter),
                None => return Err(format!("a {mark} is never closed")),
            }
        },
    }
    Ok((literal, letters.as_str()))
}

fn push_literal(pieces: &mut Vec<Piece>, more: &str) {
    match pieces.last_mut() {
        Some(Piece::Literal(literal)) => *literal = format!("{literal}{more}").into(),
        _ if more.is_empty() => {}
        _ => pieces.push(Piece::Literal(more.into())),
    }
}

#[derive(Debug, Default)]
struct Found {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    hour: Option<i8>,
    /// After noon, where the hour is one of twelve.
    late: Option<bool>,
    twelve: bool,
    minute: i8,
    second: i8,
    nanosecond: i32,
    /// In seconds east of Greenwich.
    offset: i32,
}

impl Found {
    fn time(&self) -> Option<Timestamp> {
        const LEAP: i16 = 2000;
        let some_date = self.month.is_some() || self.day.is_some();
        let year = self.year.unwrap_or(if some_date { LEAP } else { 1 });
        let date = Date::new(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?;
        let hour = match (self.hour.unwrap_or(0), self.twelve, self.late) {
            (0 | 13.., true, _) => return None,
            (hour, true, Some(late)) => hour % 12 + if late { 12 } else { 0 },
            (hour, ..) => hour,
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        let offset = Offset::from_seconds(self.offset).ok()?;
        match self.offset {
            0 => utc(date.to_datetime(time)),
            _ => {
                let moment = offset.to_timestamp(date.to_datetime(time)).ok()?;
                Some(Timestamp(moment.as_millisecond()))
            }
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
    within: bool,
    found: Found,
}

impl Reader<'_> {
    fn piece(&mut self, piece: &Piece, next: Option<&Piece>, names: Names) -> Option<()> {
        if self.within {
            self.rest = self.rest.trim_start();
        }
        let found = &mut self.found;
        match piece {
            Piece::Literal(literal) => {
                let literal = if self.within { literal.trim() } else { literal };
                match (self.rest.strip_prefix(literal), literal.strip_suffix('.'), next) {
                    (Some(rest), ..) => self.rest = rest,
                    (None, Some(before), Some(Piece::FractionIfAny(_))) => {
                        self.rest = self.rest.strip_prefix(before)?;
                    }
                    _ => return None,
                }
            }
            Piece::Day(width) => found.day = Some(number(&mut self.rest, *width, 2)?),
            Piece::DayName(long) => {
                // Which day it is, the date says.
                name(&mut self.rest, if *long { names.days } else { names.short_days })?;
            }
            Piece::Month(width) => found.month = Some(number(&mut self.rest, *width, 2)?),
            Piece::MonthName(long) => {
                let names = if *long { names.months } else { names.short_months };
                let month = name(&mut self.rest, names)?;
                found.month = i8::try_from(month + 1).ok();
            }
            Piece::Year(width @ (1 | 2)) => {
                let short: i16 = number(&mut self.rest, *width, 2)?;
                // As .NET's invariant calendar: 50 to 99 are of the last century.
                found.year = Some(if short < 50 { 2000 + short } else { 1900 + short });
            }
            Piece::Year(width) => {
                found.year = Some(number(&mut self.rest, *width, (*width).max(4))?);
            }
            Piece::Hour12(width) => {
                found.hour = Some(number(&mut self.rest, *width, 2)?);
                found.twelve = true;
            }
            Piece::Hour24(width) => found.hour = Some(number(&mut self.rest, *width, 2)?),
            Piece::Minute(width) => found.minute = number(&mut self.rest, *width, 2)?,
            Piece::Second(width) => found.second = number(&mut self.rest, *width, 2)?,
            Piece::Fraction(width) => {
                found.nanosecond = fraction(&mut self.rest, *width, *width)?;
            }
            Piece::FractionIfAny(width) => found.nanosecond = fraction(&mut self.rest, 0, *width)?,
            Piece::Half(1) => {
                let first = self.rest.chars().next()?;
                let is_first = |half: &&'static str| {
                    half.chars().next().is_some_and(|known| known.eq_ignore_ascii_case(&first))
                };
                found.late = Some(names.halves.iter().position(is_first)? == 1);
                self.rest = self.rest.get(first.len_utf8()..)?;
            }
            Piece::Half(_) => found.late = Some(name(&mut self.rest, names.halves)? == 1),
            Piece::Offset(width) => found.offset = offset(&mut self.rest, *width > 2)?,
            Piece::Zone => match self.rest.strip_prefix(['Z', 'z']) {
                Some(rest) => self.rest = rest,
                None if self.rest.starts_with(['+', '-']) => {
                    found.offset = offset(&mut self.rest, true)?;
                }
                None => {}
            },
            Piece::Era => self.rest = self.rest.strip_prefix("A.D.")?,
        }
        Some(())
    }
}

/// At least and at most so many digits.
fn number<T: std::str::FromStr>(rest: &mut &str, least: usize, most: usize) -> Option<T> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at_checked(digits).filter(|_| digits >= least.max(1))?;
    *rest = after;
    number.parse().ok()
}

/// Digits behind the point, as nanoseconds.
fn fraction(rest: &mut &str, least: usize, most: usize) -> Option<i32> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at_checked(digits).filter(|_| digits >= least)?;
    *rest = after;
    format!("{number:0<9}").parse().ok()
}

/// The place of the longest name that the text begins with, letter case and a point behind an abbreviation not counted.
fn name(rest: &mut &str, names: &[&str]) -> Option<usize> {
    let lower = |text: &str| text.trim_end_matches('.').to_lowercase();
    let folded = rest.to_lowercase();
    let fits = |known: &&str| !known.is_empty() && folded.starts_with(&lower(known));
    let found = names.iter().enumerate().filter(|(_, known)| fits(known));
    let (place, known) = found.max_by_key(|(_, known)| known.len())?;
    let count = lower(known).chars().count();
    let end = rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at);
    let after = rest.get(end..)?;
    *rest = if known.ends_with('.') { after.strip_prefix('.').unwrap_or(after) } else { after };
    Some(place)
}

/// `+1`, `-08` and `+05:30`, in seconds.
fn offset(rest: &mut &str, minutes: bool) -> Option<i32> {
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    *rest = rest.get(1..)?;
    let hours: i32 = number(rest, 1, 2)?;
    let mut seconds = hours * 3600;
    if minutes {
        *rest = rest.strip_prefix(':').unwrap_or(rest);
        let part: i32 = number(rest, 2, 2)?;
        seconds += part * 60;
    }
    (seconds <= 14 * 3600).then_some(sign * seconds)
}
