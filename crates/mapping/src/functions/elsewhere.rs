//! Functions of other systems that have another name here: whoever writes one is told what to write instead.

/// Names of Entra Connect, Okta, Excel, SQL and others, in lower case, with what says the same here. What only differs in a letter
/// or in case the nearest name finds.
const INSTEAD: &[(&str, &str)] = &[
    ("cguid", "`Guid()` makes a new one; `CStr(…)` writes one that a field holds"),
    ("cnum", "compare or calculate with the field itself: text that is a number counts as one"),
    ("concat", "join text with `&`, or with `Join(separator, …)`"),
    ("concatenate", "join text with `&`, or with `Join(separator, …)`"),
    (
        "contains",
        "write `InStr(text, part) > 0`, or for a field with several values `field = \"value\"`",
    ),
    ("cref", "write `{ reference = \"field\" }` as the rule"),
    ("dncomponent", "write `Replace(dn, , \"^CN=(?<cn>[^,]*).*$\", , \"${cn}\", , )`"),
    ("endswith", "write `text matches \"end$\"`"),
    ("error", "a required attribute without a value rejects the person"),
    ("if", "it is called `IIF`"),
    ("isarraynullorempty", "write `Count(field) = 0`"),
    ("isbitset", "write `BitAnd(value, bit) = bit`"),
    ("isdate", "write `CDate(field) <> null`; text that is no time rejects the person"),
    ("ismemberofgroupname", "it is called `IsMemberOfGroup`"),
    ("ismemberofgroupnameregex", "write `Groups() matches \"pattern\"`"),
    ("ismemberofgroupnamestartswith", "write `Groups() matches \"^start\"`"),
    ("ismemberofgroupnamecontains", "write `Groups() matches \"part\"`"),
    ("isnumeric", "write `field matches \"^[0-9]+$\"`"),
    ("lcase", "it is called `ToLower`"),
    ("len", "write `text matches \"^.{3,}$\"` to ask how long a text is"),
    ("lower", "it is called `ToLower`"),
    ("ltrim", "it is called `Trim`, for both ends"),
    ("mask", "it is called `Redact`"),
    ("padleft", "write `Mid(\"000000\" & text, …)`, or `Replace` with a pattern"),
    (
        "right",
        "write `Replace(text, , \"^.*(?<end>.{3})$\", , \"${end}\", , )` for the last three letters",
    ),
    ("rtrim", "it is called `Trim`, for both ends"),
    ("startswith", "write `text matches \"^start\"`"),
    ("stringjoin", "it is called `Join`"),
    ("substitute", "it is called `Replace`"),
    ("substring", "it is called `Mid`, which counts from 1"),
    ("substringafter", "write `Word(text, 2, \"@\")`"),
    ("substringbefore", "write `Word(text, 1, \"@\")`"),
    ("titlecase", "it is called `PCase`"),
    ("ucase", "it is called `ToUpper`"),
    ("upper", "it is called `ToUpper`"),
];

/// What to write instead of a function that is not here.
pub(crate) fn instead(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    INSTEAD.iter().find(|(known, _)| *known == lower).map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr;
    use crate::functions::find;

    #[test]
    fn what_is_said_to_be_written_instead_can_be_written() {
        for (name, instead) in INSTEAD {
            assert!(find(name).is_none(), "{name} is a function here");
            for code in instead.split('`').skip(1).step_by(2) {
                let named = code.split('(').next().unwrap_or_default();
                let is_function = find(named).is_some();
                let code = code.replace('…', "text");
                let is_code =
                    expr::parse(&code).is_ok() || code.contains("reference") || code == "&";
                assert!(is_function || is_code, "{name}: `{code}`");
            }
        }
    }
}
