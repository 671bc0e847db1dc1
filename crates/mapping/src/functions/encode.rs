//! Text in other clothes: encodings and hashes.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

use super::{Accepts, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

const SHA256: &str = "sha256";
const SHA512: &str = "sha512";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("ConvertFromBase64", Type::Text, from_base64)
        .takes(&[needed("source", Accepts::Text)])
        .says("The text of which `ConvertToBase64` made the source. What is no Base64 of UTF-16 rejects the record.")
        .examples(&[
            (r#"ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")"#, r#""Hello world!""#),
            (r#"ConvertFromBase64("WgBvAOsA")"#, r#""Zoë""#),
            ("ConvertFromBase64(null)", "null"),
        ]),
    Function::new("ConvertToBase64", Type::Text, base64)
        .takes(&[needed("source", Accepts::Text)])
        .says("The UTF-16 bytes of the source, the lower byte first, in Base64.")
        .examples(&[
            (r#"ConvertToBase64("Hello world!")"#, r#""SABlAGwAbABvACAAdwBvAHIAbABkACEA""#),
            (r#"ConvertToBase64("Zoë")"#, r#""WgBvAOsA""#),
            ("ConvertToBase64(null)", "null"),
        ]),
    Function::new("ConvertToUTF8Hex", Type::Text, utf8_hex)
        .takes(&[needed("source", Accepts::Text)])
        .says("The UTF-8 bytes of the source, each as two hexadecimal digits.")
        .examples(&[
            (r#"ConvertToUTF8Hex("Hello world!")"#, r#""48656C6C6F20776F726C6421""#),
            (r#"ConvertToUTF8Hex("ë")"#, r#""C3AB""#),
            ("ConvertToUTF8Hex(null)", "null"),
        ]),
    Function::new("Hash", Type::Text, hash)
        .takes(&[
            needed("source", Accepts::Text),
            optional("algorithm", Accepts::Word(&[SHA256, SHA512])),
        ])
        .says("The SHA-256 or SHA-512 of the UTF-8 bytes in hexadecimal digits. Whoever knows all sources can find which one it was.")
        .examples(&[
            (
                r#"Hash("zoe@example.com")"#,
                r#""3e693cf7e5b67880bff33b2d2626dadb7bf1d4bc737192e47cf8baa89acf2250""#,
            ),
            (r#"Left(Hash("Zoë", sha512), 8)"#, r#""71e7775c""#),
            (r#"Hash("")"#, "null"),
        ]),
];

fn base64<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let bytes: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut encoded = arguments.build();
    encoded.push(&STANDARD.encode(bytes))?;
    Ok(encoded.into_value())
}

fn from_base64<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let wrong = || arguments.fault(0, "text that is no Base64 of UTF-16");
    let bytes = STANDARD.decode(source.trim()).map_err(|_| wrong())?;
    let (pairs, []) = bytes.as_chunks::<2>() else { return Err(wrong()) };
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16(&units).map(Value::owned).map_err(|_| wrong())
}

fn utf8_hex<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let mut encoded = arguments.build();
    for byte in source.bytes() {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
        let digits = [digit(byte >> 4), digit(byte & 0xf)].map(|digit| digit.to_ascii_uppercase());
        digits.into_iter().try_for_each(|digit| encoded.push_char(digit))?;
    }
    Ok(encoded.into_value())
}

fn hash<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    // The hash of nothing would be the same value for everybody who has none.
    let Some(source) = arguments.text(0)?.filter(|source| !source.is_empty()) else {
        return Ok(Value::Null);
    };
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").unwrap_or(());
            text
        })
    };
    Ok(Value::owned(match arguments.text(1)?.as_deref() {
        Some(SHA512) => hex(&Sha512::digest(source.as_bytes())),
        _ => hex(&Sha256::digest(source.as_bytes())),
    }))
}
