//! The part of BER that LDAP uses, for servers and relays of the tests: written apart from the connector's, so that a mistake is
//! not made twice.

/// An element.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ 0..=127 => out.push(len.to_le_bytes()[0]),
        len => {
            out.push(0x84);
            out.extend(u32::try_from(len).expect("a small element").to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

/// The elements in these bytes: tags and contents.
pub(crate) fn elements(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 2 {
        let (tag, mut len, mut start) = (bytes[0], usize::from(bytes[1]), 2);
        if len & 0x80 != 0 {
            start += len & 0x7f;
            len = number(&bytes[2..start]);
        }
        found.push((tag, &bytes[start..start + len]));
        bytes = &bytes[start + len..];
    }
    found
}

/// A whole number that is not negative.
pub(crate) fn number(digits: &[u8]) -> usize {
    digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit))
}

/// Reads the content of the next message.
pub(crate) fn message(stream: &mut impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let mut len = usize::from(head[1]);
    if len & 0x80 != 0 {
        let mut digits = vec![0; len & 0x7f];
        stream.read_exact(&mut digits)?;
        len = number(&digits);
    }
    let mut content = vec![0; len];
    stream.read_exact(&mut content)?;
    Ok(content)
}
