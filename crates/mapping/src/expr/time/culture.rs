//! Cultures, by their .NET names (`de-DE`, `tr`): letter case and the names of months and days.

use icu_locale_core::LanguageIdentifier;
use pure_rust_locales::{Locale, locale_match};

/// The rules of a culture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Culture {
    /// For letter case.
    pub(crate) language: LanguageIdentifier,
    pub(crate) names: Names,
}

/// The words that stand in times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Names {
    pub(crate) months: &'static [&'static str],
    pub(crate) short_months: &'static [&'static str],
    /// From Sunday.
    pub(crate) days: &'static [&'static str],
    pub(crate) short_days: &'static [&'static str],
    /// Before and after noon; empty where a language does not say so.
    pub(crate) halves: &'static [&'static str],
}

/// The country whose culture is meant where only the language is given and the two do not have the same letters.
const COUNTRIES: [(&str, &str); 27] = [
    ("ar", "EG"),
    ("bn", "BD"),
    ("bs", "BA"),
    ("ca", "ES"),
    ("cs", "CZ"),
    ("cy", "GB"),
    ("da", "DK"),
    ("el", "GR"),
    ("en", "US"),
    ("et", "EE"),
    ("eu", "ES"),
    ("fa", "IR"),
    ("ga", "IE"),
    ("gl", "ES"),
    ("he", "IL"),
    ("hi", "IN"),
    ("ja", "JP"),
    ("ko", "KR"),
    ("ms", "MY"),
    ("nb", "NO"),
    ("nn", "NO"),
    ("sl", "SI"),
    ("sq", "AL"),
    ("sv", "SE"),
    ("uk", "UA"),
    ("vi", "VN"),
    ("zh", "CN"),
];

static INVARIANT: Culture =
    Culture { language: LanguageIdentifier::UNKNOWN, names: Names::of(Locale::POSIX) };

impl Culture {
    /// The culture that is nobody's: English names.
    pub(crate) fn invariant() -> &'static Self {
        &INVARIANT
    }

    /// The culture of this name, if there is one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(INVARIANT.clone());
        }
        let language: LanguageIdentifier = name.replace('_', "-").parse().ok()?;
        let short = language.language.as_str();
        let country = match language.region {
            Some(region) => region.as_str().to_owned(),
            None => COUNTRIES
                .iter()
                .find(|(known, _)| *known == short)
                .map_or_else(|| short.to_ascii_uppercase(), |(_, country)| (*country).to_owned()),
        };
        let locale: Locale = format!("{short}_{country}").parse().ok()?;
        Some(Self { language, names: Names::of(locale) })
    }
}

impl Names {
    const fn of(locale: Locale) -> Self {
        Self {
            months: locale_match!(locale => LC_TIME::MON),
            short_months: locale_match!(locale => LC_TIME::ABMON),
            days: locale_match!(locale => LC_TIME::DAY),
            short_days: locale_match!(locale => LC_TIME::ABDAY),
            halves: locale_match!(locale => LC_TIME::AM_PM),
        }
    }
}
