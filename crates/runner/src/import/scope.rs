//! Scoping filters: the clauses of a group are joined by `and`, the groups by `or`. The table of docs/mapping.md is what stands
//! here as code.

use peoplesync_mapping::{Mapping, Spec};
use peoplesync_scim::schema::{Resource, SchemaSet};
use serde::Deserialize;

use super::write::text_literal;

/// A filter of an export.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    #[serde(default)]
    groups: Option<Vec<Group>>,
    #[serde(default)]
    input_filter_groups: Option<Vec<Group>>,
    #[serde(default)]
    category_filter_groups: Option<Vec<Group>>,
}

#[derive(Debug, Default, Deserialize)]
struct Group {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    clauses: Option<Vec<Clause>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Clause {
    #[serde(default)]
    operator_name: Option<String>,
    #[serde(default)]
    source_operand_name: Option<String>,
    #[serde(default)]
    target_operand: Option<Operand>,
}

#[derive(Debug, Default, Deserialize)]
struct Operand {
    #[serde(default)]
    values: Option<Vec<String>>,
}

/// The scope, and what could not be carried over. A clause that has no way here is never true: rather nobody than somebody
/// too many.
pub(super) fn expression(filter: &Filter, table: &str) -> (Option<String>, Vec<String>) {
    let mut left = Vec::new();
    for (groups, what) in [
        (&filter.input_filter_groups, "inputFilterGroups"),
        (&filter.category_filter_groups, "categoryFilterGroups"),
    ] {
        if groups.as_ref().is_some_and(|groups| !groups.is_empty()) {
            left.push(format!(
                "The filters in `{what}` were left out; write them into `{table}.scope`."
            ));
        }
    }
    let groups: Vec<String> = filter
        .groups
        .iter()
        .flatten()
        .filter_map(|group| of_group(group, table, &mut left))
        .collect();
    let scope = match groups.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            Some(several.iter().map(|group| bracketed(group)).collect::<Vec<_>>().join("\nor "))
        }
    };
    (scope, left)
}

fn of_group(group: &Group, table: &str, left: &mut Vec<String>) -> Option<String> {
    let clauses = group.clauses.iter().flatten().map(|clause| {
        let carried = of_clause(clause).and_then(|text| match refusal(&text) {
            None => Ok(text),
            Some(why) => Err(why),
        });
        carried.unwrap_or_else(|why| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            left.push(format!(
                "The clause `{} {}` of the scope{}: {why}. It counts as false, so that {} is in scope by these clauses; write it into `{table}.scope`.",
                text(&clause.source_operand_name),
                text(&clause.operator_name),
                group.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default(),
                if table == "people" { "nobody" } else { "no group" },
            ));
            "false".to_owned()
        })
    });
    let clauses: Vec<String> = clauses.collect();
    (!clauses.is_empty()).then(|| clauses.join(" and "))
}

/// What our language says against it.
fn refusal(text: &str) -> Option<String> {
    let spec = Spec { scope: Some(text.to_owned()), ..Spec::default() };
    let errors = Mapping::compile(&spec, Resource::User, &SchemaSet::standard()).err()?;
    errors.first().map(|error| error.message.clone())
}

fn of_clause(clause: &Clause) -> Result<String, String> {
    let name = clause.source_operand_name.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err("it names no attribute".to_owned());
    }
    let field = field(name);
    let values: Vec<&str> = clause
        .target_operand
        .iter()
        .filter_map(|operand| operand.values.as_deref())
        .flatten()
        .map(String::as_str)
        .collect();
    let operator = clause.operator_name.as_deref().unwrap_or_default();
    let symbols = operator.chars().filter(|c| c.is_alphanumeric() || matches!(c, '&' | '!'));
    let operator: String = symbols.collect::<String>().to_ascii_uppercase();
    let value = || match values.as_slice() {
        [one] => Ok(*one),
        [] => Err("it has no value".to_owned()),
        _ => Err("it has several values".to_owned()),
    };
    // Nothing but IS NULL is true of an attribute that is empty.
    let and_not_null = |text: String| format!("{field} <> null and {text}");
    Ok(match operator.as_str() {
        "EQUALS" => match values.as_slice() {
            [_, _, ..] => {
                let values: Vec<String> = values.iter().map(|value| text_literal(value)).collect();
                format!("{field} in ({})", values.join(", "))
            }
            _ => format!("{field} = {}", text_literal(value()?)),
        },
        "NOTEQUALS" => and_not_null(format!("{field} <> {}", text_literal(value()?))),
        "ISTRUE" => format!("{field} = true"),
        "ISFALSE" => format!("{field} = false"),
        "ISNULL" => format!("{field} = null"),
        "ISNOTNULL" => format!("{field} <> null"),
        "REGEXMATCH" => format!("{field} matches {}", text_literal(value()?)),
        "NOTREGEXMATCH" => and_not_null(format!("{field} not matches {}", text_literal(value()?))),
        "GREATERTHAN" => format!("{field} > {}", number(value()?)?),
        "GREATERTHANOREQUALS" => format!("{field} >= {}", number(value()?)?),
        "INCLUDES" => format!("InStr({field}, {}) > 0", text_literal(value()?)),
        "ENDSWITH" => {
            let pattern = format!("{}$", escaped(value()?));
            format!("{field} matches {}", text_literal(&pattern))
        }
        "&" => and_not_null(format!("InStr({}, {field}) > 0", text_literal(value()?))),
        "!&" => and_not_null(format!("InStr({}, {field}) = 0", text_literal(value()?))),
        "" => return Err("it has no operator".to_owned()),
        _ => return Err("there is no such operator".to_owned()),
    })
}

fn number(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("\"{text}\" is not a whole number"))
}

/// A text as a pattern that matches it.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if "\\.+*?()|[]{}^$#&-~".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// A field, in brackets as exports have it.
pub(super) fn field(name: &str) -> String {
    format!("[{}]", name.replace('\\', "\\\\").replace(']', "\\]"))
}

fn bracketed(group: &str) -> String {
    format!("({group})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_a_way() {
        let operators = [
            ("EQUALS", vec!["a \"b\""]),
            ("EQUALS", vec!["a", "b"]),
            ("NOT EQUALS", vec!["a"]),
            ("IS TRUE", vec![]),
            ("IS FALSE", vec![]),
            ("IS NULL", vec![]),
            ("IS NOT NULL", vec![""]),
            ("REGEX MATCH", vec!["^\\d+$"]),
            ("NOT REGEX MATCH", vec!["^\\d+$"]),
            ("Greater_Than", vec![" 7 "]),
            ("Greater_Than_OR_EQUALS", vec!["-7"]),
            ("Includes", vec!["a"]),
            ("ENDS_WITH", vec!["@contoso.com"]),
            ("&", vec!["DE, AT"]),
            ("!&", vec!["DE, AT"]),
            ("EQUALS", vec![]),
            ("IsMemberOf", vec!["a"]),
        ];
        let shown = operators.map(|(operator, values)| {
            let clause = Clause {
                operator_name: Some(operator.to_owned()),
                source_operand_name: Some("x".to_owned()),
                target_operand: Some(Operand {
                    values: Some(values.into_iter().map(str::to_owned).collect()),
                }),
            };
            let text = of_clause(&clause);
            assert_eq!(text.as_deref().ok().and_then(refusal), None, "{text:?}");
            format!("{operator}: {}", text.unwrap_or_else(|why| format!("({why})")))
        });
        insta::assert_snapshot!(shown.join("\n"), @r#"
        EQUALS: [x] = "a \"b\""
        EQUALS: [x] in ("a", "b")
        NOT EQUALS: [x] <> null and [x] <> "a"
        IS TRUE: [x] = true
        IS FALSE: [x] = false
        IS NULL: [x] = null
        IS NOT NULL: [x] <> null
        REGEX MATCH: [x] matches "^\\d+$"
        NOT REGEX MATCH: [x] <> null and [x] not matches "^\\d+$"
        Greater_Than: [x] > 7
        Greater_Than_OR_EQUALS: [x] >= -7
        Includes: InStr([x], "a") > 0
        ENDS_WITH: [x] matches "@contoso\\.com$"
        &: [x] <> null and InStr("DE, AT", [x]) > 0
        !&: [x] <> null and InStr("DE, AT", [x]) = 0
        EQUALS: (it has no value)
        IsMemberOf: (there is no such operator)
        "#);
    }
}
