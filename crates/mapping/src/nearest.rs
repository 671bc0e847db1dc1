//! The name that was probably meant.

use strsim::osa_distance;

/// The nearest of the known names, if one is near enough to be meant. A difference in letter case alone counts little.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    // One more edit for each three characters, and a difference in letter case.
    let allowed = 2 * (wanted.chars().count() / 3).max(1) + 1;
    let near = |candidate: &str| {
        let edits = distance(name, &wanted, candidate);
        let part = contains(&wanted, &candidate.to_lowercase()).then_some(allowed);
        part.map_or(edits, |part| edits.min(part))
    };
    known
        .into_iter()
        .map(|candidate| (near(candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Whether one is a part of the other: `mail` of `email`, `Upper` of `ToUpper`.
fn contains(one: &str, other: &str) -> bool {
    const SHORTEST: usize = 4;
    one.len().min(other.len()) >= SHORTEST && (one.contains(other) || other.contains(one))
}

/// The nearest name as a hint.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, known).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Twice the edits without regard to letter case and to what stands between words, plus one for those.
fn distance(name: &str, wanted: &str, candidate: &str) -> usize {
    let plain = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    let folded = candidate.to_lowercase();
    let edits = osa_distance(&plain(wanted), &plain(&folded)).min(osa_distance(wanted, &folded));
    2 * edits + usize::from(name != candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_with_the_fewest_edits() {
        let known = ["mail", "first_name", "FirstName", "department", "phoneNumbers"];
        let nearest = |name| nearest(name, known);
        assert_eq!(nearest("Mail"), Some("mail"));
        assert_eq!(nearest("first name"), Some("FirstName"));
        assert_eq!(nearest("departement"), Some("department"));
        assert_eq!(nearest("email"), Some("mail"));
        assert_eq!(nearest("phone"), Some("phoneNumbers"));
        assert_eq!(nearest("city"), None);
        assert_eq!(nearest("x"), None);
    }
}
