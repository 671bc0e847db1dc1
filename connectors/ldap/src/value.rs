//! Values as people know them: GUIDs and SIDs as text, times of two kinds, flags.

use peoplesync_source::Timestamp;

/// `2f1a…-…`: the text that Active Directory's own tools show. The first three groups are stored backwards.
pub(crate) fn guid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let [i, j, node @ ..] = rest;
    Some(format!(
        "{}-{}-{}-{}-{}",
        hex(&[*d, *c, *b, *a]),
        hex(&[*f, *e]),
        hex(&[*h, *g]),
        hex(&[*i, *j]),
        hex(node)
    ))
}

/// `8-4-4-4-12` of bytes in their order, as `entryUUID` is written.
pub(crate) fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Some(text)
}

/// `S-1-5-21-…`
pub(crate) fn sid(bytes: &[u8]) -> Option<String> {
    let (&[revision, count, a, b, c, d, e, f], parts) = bytes.split_first_chunk::<8>()?;
    if parts.len() != usize::from(count) * 4 {
        return None;
    }
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let mut text = format!("S-{revision}-{authority}");
    for part in parts.chunks_exact(4) {
        let number = u32::from_le_bytes(part.try_into().ok()?);
        text.push_str(&format!("-{number}"));
    }
    Some(text)
}

/// A count of 100 nanoseconds since 1601. Zero and the largest mean "never", which is no value.
pub(crate) fn file_time(text: &str) -> Option<Timestamp> {
    let ticks: i64 = text.parse().ok()?;
    if ticks <= 0 || ticks == i64::MAX {
        return None;
    }
    const BETWEEN_1601_AND_1970: i64 = 11_644_473_600_000;
    Some(Timestamp(ticks / 10_000 - BETWEEN_1601_AND_1970))
}

/// Generalized time (RFC 4517, section 3.3.13): `20260102030405Z`, `2026010203-0500`, `20260102030405.5Z`.
pub(crate) fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (fixed, rest) = text.split_at(digits);
    let number = |from: usize, to: usize| -> Option<i64> { fixed.get(from..to)?.parse().ok() };
    let (year, month, day, hour) = (number(0, 4)?, number(4, 6)?, number(6, 8)?, number(8, 10)?);
    let minute = if fixed.len() >= 12 { number(10, 12)? } else { 0 };
    let second = if fixed.len() >= 14 { number(12, 14)? } else { 0 };
    let unit = match fixed.len() {
        10 => 3_600_000.0,
        12 => 60_000.0,
        14 => 1000.0,
        _ => return None,
    };
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        None => (0.0, rest),
        Some(rest) => {
            let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
            let (digits, zone) = rest.split_at(end);
            (format!("0.{digits}").parse::<f64>().ok()?, zone)
        }
    };
    let offset = match (zone, zone.split_at_checked(1)) {
        ("Z", _) => 0,
        (_, Some((sign @ ("+" | "-"), offset))) if matches!(offset.len(), 2 | 4) => {
            let hours: i64 = offset.get(..2)?.parse().ok()?;
            let minutes: i64 = offset
                .get(2..)
                .filter(|text| !text.is_empty())
                .map_or(Some(0), |text| text.parse().ok())?;
            let minutes = hours * 60 + minutes;
            if sign == "-" { -minutes } else { minutes }
        }
        _ => return None,
    };
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !fits {
        return None;
    }
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of an hour is less than 3,600,000 ms"
    )]
    let fraction = (fraction * unit) as i64;
    Some(Timestamp((minutes * 60 + second) * 1000 + fraction))
}

/// The days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A time as a server's own filter takes it.
pub(crate) fn to_generalized_time(time: Timestamp) -> String {
    let seconds = time.seconds();
    let (days_since, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days_since + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_read_as_tools_show_them() {
        let bytes: Vec<u8> = (0..16).collect();
        let text = "03020100-0504-0706-0809-0a0b0c0d0e0f";
        assert_eq!(guid(&bytes).unwrap(), text);
        assert_eq!(uuid(&bytes).unwrap(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(guid(&bytes[1..]), None);
        let domain = [
            1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xf4, 1, 0, 0,
        ];
        assert_eq!(sid(&domain).unwrap(), "S-1-5-21-1-2-3-500");
        assert_eq!(sid(&domain[..27]), None);
        assert_eq!(sid(&[1, 200]), None);
    }

    #[test]
    fn times_of_both_kinds() {
        let at = |text: &str| generalized_time(text).map(|time| time.0);
        assert_eq!(at("19700101000000Z"), Some(0));
        assert_eq!(at("20260101000000Z"), Some(1_767_225_600_000));
        assert_eq!(at("20260101000000.0Z"), Some(1_767_225_600_000));
        assert_eq!(at("20240229235959Z"), Some(1_709_251_199_000));
        assert_eq!(at("2026010101+0100"), Some(1_767_225_600_000));
        assert_eq!(at("2025123119-05"), Some(1_767_225_600_000));
        assert_eq!(at("2026010100.5Z"), Some(1_767_227_400_000));
        assert_eq!(at("16010101000000Z"), Some(-11_644_473_600_000));
        for wrong in [
            "",
            "2026",
            "20261301000000Z",
            "20260101000000",
            "20260101000000X",
            "x",
            "20260101000000.Z1",
            "20260101000000+é",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        assert_eq!(file_time("0"), None);
        assert_eq!(file_time("9223372036854775807"), None);
        assert_eq!(file_time("134116992000000000"), Some(Timestamp(1_767_225_600_000)));
        for time in [0, 1_709_251_199_000, 1_767_225_600_000, -1000] {
            let text = to_generalized_time(Timestamp(time));
            assert_eq!(at(&format!("{text}Z")), Some(time));
        }
    }
}
