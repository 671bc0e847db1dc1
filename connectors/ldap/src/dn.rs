//! Distinguished names as they are compared: two writings of one name become the same text (RFC 4514).

/// The name in one writing: types and values in lower case, no blanks around separators, escapes undone and done again.
/// What cannot be read as a name is compared in lower case.
pub(crate) fn normal(dn: &str) -> String {
    let mut out = String::with_capacity(dn.len());
    let mut rest = dn.trim();
    while !rest.is_empty() {
        let Some((rdn, after)) = split(rest, &[',', ';']) else {
            return dn.trim().to_lowercase();
        };
        if !out.is_empty() {
            out.push(',');
        }
        let mut parts = Vec::new();
        let mut inner = rdn;
        loop {
            let Some((part, more)) = split(inner, &['+']) else {
                return dn.trim().to_lowercase();
            };
            let Some((name, value)) = part.split_once('=').filter(|(name, _)| is_type(name)) else {
                return dn.trim().to_lowercase();
            };
            parts.push(format!("{}={}", name.trim().to_lowercase(), normal_value(value)));
            if more.is_empty() {
                break;
            }
            inner = more;
        }
        parts.sort_unstable();
        out.push_str(&parts.join("+"));
        rest = after.trim_start();
    }
    out
}

/// The name in a value of `uniqueMember`, which may have a bit string behind it: `cn=Zoe,dc=x#'0101'B` (RFC 4517, section 3.3.21).
pub(crate) fn without_uid(value: &str) -> &str {
    let bits = value.strip_suffix("'B").and_then(|start| start.rsplit_once("#'"));
    match bits {
        Some((name, bits)) if bits.bytes().all(|bit| matches!(bit, b'0' | b'1')) => name,
        _ => value,
    }
}

/// Whether this can be the type of an attribute: a name or numbers (RFC 4512, section 1.4), perhaps with options.
fn is_type(name: &str) -> bool {
    let name = name.trim();
    let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    !name.is_empty() && name.chars().all(known)
}

/// What stands before the first of these that is not escaped or in quotes, and what stands after it.
fn split<'a>(text: &'a str, at: &[char]) -> Option<(&'a str, &'a str)> {
    let mut escaped = false;
    let mut quoted = false;
    for (place, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && at.contains(&letter) => {
                return Some((text.get(..place)?, text.get(place + letter.len_utf8()..)?));
            }
            _ => {}
        }
    }
    Some((text, ""))
}

fn normal_value(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let trimmed = trim(value);
    let inner = trimmed.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    let mut rest = inner.unwrap_or(trimmed).as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (Some(high), Some(low)) = (digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = after.get(2..).unwrap_or_default();
        } else if let Some((&letter, more)) = after.split_first() {
            bytes.push(letter);
            rest = more;
        }
    }
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    // Any white space: a line end at the start, which can only have come from an escape, would not survive a second time.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        if matches!(letter, ',' | '+' | ';' | '"' | '\\' | '<' | '>' | '=') {
            out.push('\\');
        }
        out.push(letter);
        out
    })
}

/// Without the blanks around it; an escaped one at the end belongs to the value.
fn trim(value: &str) -> &str {
    let start = value.trim_start();
    let end = start.trim_end();
    if end.ends_with('\\') && end.len() < start.len() {
        start.get(..end.len() + 1).unwrap_or(end)
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_name_are_the_same() {
        let same = [
            ["CN=Zoë Ng, OU=People,dc=Example", "cn=zoë  ng,ou=people,DC=example"],
            ["cn=Group\\2C with comma \\2B plus,dc=x", "cn=group\\, with comma \\+ plus,dc=x"],
            ["cn=a+sn=b,dc=x", "SN=b + CN=a,dc=x"],
            ["cn=\"a,b\",dc=x", "cn=a\\,b,dc=x"],
            ["cn=\\c3\\ab,dc=x", "cn=ë,dc=x"],
        ];
        for [one, two] in same {
            assert_eq!(normal(one), normal(two));
        }
        assert_eq!(normal(&normal("cn=\\0a@,dc=x")), normal("cn=\\0a@,dc=x"));
        // A quote in a type, which is none.
        assert_eq!(normal(&normal("===+\"=+\"")), normal("===+\"=+\""));
        assert_ne!(normal("cn=a\\,dc=x"), normal("cn=a,dc=x"));
        assert_eq!(normal("no name at all"), "no name at all");
    }

    #[test]
    fn a_bit_string_behind_a_name_is_no_part_of_it() {
        for (value, name) in [
            ("cn=Zoe,dc=x#'0101'B", "cn=Zoe,dc=x"),
            ("cn=Zoe,dc=x#''B", "cn=Zoe,dc=x"),
            ("cn=C#,dc=x", "cn=C#,dc=x"),
            ("cn=Zoe,dc=x#'012'B", "cn=Zoe,dc=x#'012'B"),
            ("cn=a#'1'B,dc=x#'1'B", "cn=a#'1'B,dc=x"),
        ] {
            assert_eq!(without_uid(value), name);
        }
    }
}
