//! Letters: case, accents, other scripts.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use super::{Accepts, Function, needed, optional};
use crate::expr::eval::{Arguments, Eval, Text};
use crate::expr::time::Culture;
use crate::expr::{Type, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("NormalizeDiacritics", Type::Text, normalize_diacritics)
        .takes(&[needed("source", Accepts::Text)])
        .says("The source without accents; ß is ss, æ is ae, ø and œ are oe, ł is l, đ is d, ı is i.")
        .examples(&[
            (r#"NormalizeDiacritics("Zoë")"#, r#""Zoe""#),
            (r#"NormalizeDiacritics("Łukasz Ørsted-Æbelø")"#, r#""Lukasz OErsted-AEbeloe""#),
            (r#"NormalizeDiacritics("Straße, İstanbul, Đặng")"#, r#""Strasse, Istanbul, Dang""#),
            ("NormalizeDiacritics(null)", "null"),
        ]),
    Function::new("PCase", Type::Text, pcase)
        .takes(&[needed("source", Accepts::Text), optional("wordSeparators", Accepts::Text)])
        .says("Each word with its first letter in upper case and the others in lower case. Words end at spaces, punctuation and symbols, or only at the separators that are given.")
        .examples(&[
            (r#"PCase("PABLO GONSALVES (SECOND)")"#, r#""Pablo Gonsalves (Second)""#),
            (r#"PCase("PINTO-DE'SILVA", " '-")"#, r#""Pinto-De'Silva""#),
            (r#"PCase(Join(" ", "GREGORY", "JAMES"))"#, r#""Gregory James""#),
            (r#"PCase("łukasz o'brien")"#, r#""Łukasz O'brien""#),
            ("PCase(null)", "null"),
        ]),
    Function::new("ToLower", Type::Text, to_lower)
        .takes(&[needed("source", Accepts::Text), optional("culture", Accepts::Culture)])
        .says("The source in lower case, by the rules of the culture if one is given: `tr` has the dotless ı.")
        .examples(&[
            (r#"ToLower("ZOË")"#, r#""zoë""#),
            (r#"ToLower("IŞIK", "tr-TR")"#, r#""ışık""#),
            (r#"ToLower("JÌ", "lt")"#, r#""ji̇̀""#),
            ("ToLower(null)", "null"),
        ]),
    Function::new("ToUpper", Type::Text, to_upper)
        .takes(&[needed("source", Accepts::Text), optional("culture", Accepts::Culture)])
        .says("The source in upper case, by the rules of the culture if one is given: `tr` has the dotted İ.")
        .examples(&[
            (r#"ToUpper("zoë")"#, r#""ZOË""#),
            (r#"ToUpper("izmir", "tr-TR")"#, r#""İZMİR""#),
            (r#"ToUpper("straße")"#, r#""STRASSE""#),
            (r#"ToUpper("Αθήνα", "el")"#, r#""ΑΘΗΝΑ""#),
        ]),
    Function::new("Transliterate", Type::Text, transliterate)
        .takes(&[needed("source", Accepts::Text)])
        .says("The source in Latin letters without accents: Greek, Cyrillic, Chinese, Japanese, Korean and other scripts.")
        .examples(&[
            (r#"Transliterate("Γιώργος Παπαδόπουλος")"#, r#""Giorgos Papadopoulos""#),
            (r#"Transliterate("Юлия Щербакова")"#, r#""Yuliya Shcherbakova""#),
            (r#"Transliterate("张伟")"#, r#""ZhangWei""#),
            (r#"Transliterate("Łódź")"#, r#""Lodz""#),
            ("Transliterate(null)", "null"),
        ]),
];

fn to_lower<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let culture = arguments.culture(1).map(|culture| &culture.language);
    if source.is_ascii() && culture.is_none() {
        return Ok(match source.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => ascii(source, str::make_ascii_lowercase),
            false => Value::Text(source),
        });
    }
    let language = culture.unwrap_or(&Culture::invariant().language);
    let lower = CaseMapper::new().lowercase_to_string(&source, language);
    written(arguments, changed(lower), source)
}

fn to_upper<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let culture = arguments.culture(1).map(|culture| &culture.language);
    if source.is_ascii() && culture.is_none() {
        return Ok(match source.bytes().any(|byte| byte.is_ascii_lowercase()) {
            true => ascii(source, str::make_ascii_uppercase),
            false => Value::Text(source),
        });
    }
    let language = culture.unwrap_or(&Culture::invariant().language);
    let upper = CaseMapper::new().uppercase_to_string(&source, language);
    written(arguments, changed(upper), source)
}

/// Most text: no tables, and no second copy of what is a copy already.
fn ascii(source: Cow<'_, str>, change: fn(&mut str)) -> Value<'_> {
    let mut text = source.into_owned();
    change(&mut text);
    Value::owned(text)
}

/// What a mapping made, if it is another text.
fn changed(mapped: Cow<'_, str>) -> Option<String> {
    match mapped {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    }
}

/// The text that was made, within the limit, or the source where nothing had to be made.
fn written<'a>(
    arguments: &Arguments<'_, 'a>,
    made: Option<String>,
    source: Cow<'a, str>,
) -> Eval<Value<'a>> {
    let Some(made) = made else { return Ok(Value::Text(source)) };
    // A letter may become three; the limit is checked behind a bounded growth.
    let mut text = arguments.build();
    text.take(made)?;
    Ok(text.into_value())
}

fn pcase<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    let separators = arguments.text(1)?.filter(|separators| !separators.is_empty());
    let mut text = arguments.build();
    let mut within = false;
    for letter in source.chars() {
        let separates = match &separators {
            Some(separators) => separators.contains(letter),
            // As .NET: an apostrophe separates at the start of a word only.
            None => separates(letter) && !(within && matches!(letter, '\'' | '’')),
        };
        if separates || within {
            push_lower(&mut text, letter)?;
        } else {
            text.push_char(CaseMapper::new().simple_titlecase(letter))?;
        }
        within = !separates;
    }
    Ok(text.into_value())
}

fn push_lower(text: &mut Text<'_, '_>, letter: char) -> Eval<()> {
    letter.to_lowercase().try_for_each(|lower| text.push_char(lower))
}

/// The categories of characters between words, as .NET has them.
fn separates(letter: char) -> bool {
    const BETWEEN: GeneralCategoryGroup = GeneralCategoryGroup::Punctuation
        .union(GeneralCategoryGroup::Symbol)
        .union(GeneralCategoryGroup::Separator)
        .union(GeneralCategoryGroup::Control)
        .union(GeneralCategoryGroup::Format);
    match letter.is_ascii() {
        true => !letter.is_ascii_alphanumeric(),
        false => BETWEEN.contains(CodePointMapData::<GeneralCategory>::new().get(letter)),
    }
}

fn normalize_diacritics<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    if source.is_ascii() {
        return Ok(Value::Text(source));
    }
    // What is left is composed again, as other scripts have marks that are no accents.
    let (decomposing, composing) =
        (DecomposingNormalizer::new_nfd(), ComposingNormalizer::new_nfc());
    let bare = decomposing.normalize_iter(source.chars()).filter(|letter| !is_accent(*letter));
    let mut text = arguments.build();
    for letter in composing.normalize_iter(bare) {
        match without_stroke(letter) {
            Some(latin) => text.push(latin)?,
            None => text.push_char(letter)?,
        }
    }
    Ok(text.into_value())
}

/// The marks that stand on Latin, Greek and Cyrillic letters.
fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// Letters that are no letter with an accent to Unicode, but to people.
fn without_stroke(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'ø' | 'œ' => "oe",
        'Ø' | 'Œ' => "OE",
        'ł' => "l",
        'Ł' => "L",
        'đ' => "d",
        'Đ' => "D",
        'ħ' => "h",
        'Ħ' => "H",
        'ŧ' => "t",
        'Ŧ' => "T",
        'ı' => "i",
        _ => return None,
    })
}

fn transliterate<'a>(arguments: &Arguments<'_, 'a>) -> Eval<Value<'a>> {
    let Some(source) = arguments.text(0)? else { return Ok(Value::Null) };
    if source.is_ascii() {
        return Ok(Value::Text(source));
    }
    let mut text = arguments.build();
    let mut before = None;
    for letter in ComposingNormalizer::new_nfc().normalize_iter(source.chars()) {
        let latin = match (before, letter) {
            // Greek ου is one sound (ISO 843); alone, υ is y.
            (Some('ο' | 'Ο' | 'ό' | 'Ό'), 'υ' | 'ύ') => "u",
            (Some('Ο' | 'Ό'), 'Υ' | 'Ύ') => "U",
            _ if is_accent(letter) => "",
            _ => any_ascii::any_ascii_char(letter),
        };
        text.push(latin)?;
        before = Some(letter);
    }
    Ok(text.into_value())
}
