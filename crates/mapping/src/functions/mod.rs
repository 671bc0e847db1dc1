//! The table of functions. One entry says all there is to know of a function: the checker, the reference page and the tests
//! read it from here, so a further function is one entry and its body.

mod convert;
mod list;
mod logic;
mod replace;
mod text;

use crate::expr::eval::{Arguments, Eval};
use crate::expr::{Type, Value};

/// A function of the expression language.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The canonical spelling; letter case does not count when an expression is read.
    pub name: &'static str,
    /// The parameters in order.
    pub parameters: &'static [Parameter],
    /// How many of the last parameters may come again, as a group; 0 if none.
    pub repeats: usize,
    /// What it gives.
    pub gives: Gives,
    /// What it does, in one line.
    pub one_line: &'static str,
    /// Expressions without fields, each with what it gives. They are run as tests.
    pub examples: &'static [(&'static str, &'static str)],
    /// Whether the same arguments always give the same value.
    pub deterministic: bool,
    pub(crate) eval: for<'b, 'm, 'a> fn(&'b Arguments<'m, 'a>) -> Eval<Value<'a>>,
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name in signatures and messages.
    pub name: &'static str,
    /// What it takes.
    pub accepts: Accepts,
    /// Whether it may be left out at the end. In the middle, any argument may be left empty and counts as null.
    pub optional: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// Any value, lists included.
    Any,
    /// Text, or a single value that is then written as text.
    Text,
    /// Texts: single values and lists.
    Values,
    /// A whole number, or text that is one.
    Integer,
    /// True or false.
    Condition,
    /// True or false, also as the text of a field.
    Flag,
    /// A regular expression, written out.
    Pattern,
    /// The name of a group in the pattern, written out.
    Group,
    /// One of these words, with or without quotes.
    Word(&'static [&'static str]),
}

/// What a function gives.
#[derive(Debug, Clone, Copy)]
pub enum Gives {
    /// A value of this type, or null.
    Type(Type),
    /// One of its arguments, unchanged: those for whose position this is true. What is needed of the function is needed
    /// of them.
    Arguments(fn(usize) -> bool),
}

impl Function {
    /// The parameter that an argument at this position is for.
    #[must_use]
    pub fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        let count = self.parameters.len();
        match index.checked_sub(count) {
            None => self.parameters.get(index),
            Some(_) if self.repeats == 0 => None,
            Some(beyond) => self.parameters.get(count - self.repeats + beyond % self.repeats),
        }
    }

    /// How it is called: `ToLower(source, [culture])`, `Coalesce(source, …)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let parameters = self.parameters.iter().map(|parameter| match parameter.optional {
            true => format!("[{}]", parameter.name),
            false => parameter.name.to_owned(),
        });
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let more = if self.repeats > 0 { ", …" } else { "" };
        format!("{}({parameters}{more})", self.name)
    }

    /// The fewest arguments.
    pub(crate) fn least(&self) -> usize {
        self.parameters.iter().take_while(|parameter| !parameter.optional).count()
    }

    /// Where a repeated group of parameters ends too early: the last parameter that has an argument, and the one that lacks it.
    pub(crate) fn unfinished(&self, arguments: usize) -> Option<(&'static str, &'static str)> {
        let beyond = arguments.checked_sub(self.parameters.len())?;
        if self.repeats == 0 || beyond.is_multiple_of(self.repeats) {
            return None;
        }
        let name = |index| self.parameter(index).map(|parameter| parameter.name);
        Some((name(arguments - 1)?, name(arguments)?))
    }

    /// Whether the argument at this position may be what the function gives.
    pub(crate) fn passes(&self, index: usize) -> bool {
        matches!(self.gives, Gives::Arguments(passes) if passes(index))
    }
}

/// The function of this name; letter case does not count.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    TABLE.iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

const fn needed(name: &'static str, accepts: Accepts) -> Parameter {
    Parameter { name, accepts, optional: false }
}

const fn optional(name: &'static str, accepts: Accepts) -> Parameter {
    Parameter { name, accepts, optional: true }
}

/// A function with a fixed number of parameters that gives one type.
const fn plain(
    name: &'static str,
    parameters: &'static [Parameter],
    gives: Type,
    eval: for<'b, 'm, 'a> fn(&'b Arguments<'m, 'a>) -> Eval<Value<'a>>,
    one_line: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Function {
    let gives = Gives::Type(gives);
    Function { name, parameters, repeats: 0, gives, one_line, examples, deterministic: true, eval }
}

/// All functions, by name.
pub static TABLE: &[Function] = &[
    plain(
        "Append",
        &[needed("source", Accepts::Text), needed("suffix", Accepts::Text)],
        Type::Text,
        text::append,
        "The source with the suffix at its end.",
        &[
            (r#"Append("zoe", ".test")"#, r#""zoe.test""#),
            (r#"Append(null, ".test")"#, r#"".test""#),
        ],
    ),
    plain(
        "CBool",
        &[needed("value", Accepts::Any)],
        Type::Boolean,
        convert::cbool,
        "True or false from a boolean, a number (0 is false) or the text of one.",
        &[
            (r#"CBool("True")"#, "true"),
            (r#"CBool("a" = "b")"#, "false"),
            ("CBool(2)", "true"),
            (r#"CBool("0")"#, "false"),
            ("CBool(null)", "null"),
        ],
    ),
    Function {
        name: "Coalesce",
        parameters: &[needed("source", Accepts::Any)],
        repeats: 1,
        gives: Gives::Arguments(|_| true),
        one_line: "The first source that is neither null nor empty.",
        examples: &[
            (r#"Coalesce(null, "", "b", "c")"#, r#""b""#),
            ("Coalesce(null)", "null"),
            ("Coalesce(false, true)", "false"),
        ],
        deterministic: true,
        eval: logic::coalesce,
    },
    plain(
        "Count",
        &[needed("values", Accepts::Any)],
        Type::Integer,
        list::count,
        "How many values there are.",
        &[(r#"Count(Split("a,b,c", ","))"#, "3"), (r#"Count("a")"#, "1"), ("Count(null)", "0")],
    ),
    plain(
        "CStr",
        &[needed("value", Accepts::Text)],
        Type::Text,
        convert::cstr,
        "The value as text.",
        &[("CStr(12)", r#""12""#), ("CStr(1 = 1)", r#""True""#), ("CStr(null)", "null")],
    ),
    Function {
        name: "IIF",
        parameters: &[
            needed("condition", Accepts::Condition),
            needed("valueIfTrue", Accepts::Any),
            needed("valueIfFalse", Accepts::Any),
        ],
        repeats: 0,
        gives: Gives::Arguments(|index| index > 0),
        one_line: "One value if the condition is true, the other if it is not; null counts as not.",
        examples: &[
            (r#"IIF("UK" = "UK", "London", "Paris")"#, r#""London""#),
            (r#"IIF(null = "UK", "London", "Paris")"#, r#""Paris""#),
            (r#"IIF(null, 1, 2)"#, "2"),
        ],
        deterministic: true,
        eval: logic::iif,
    },
    plain(
        "InStr",
        &[
            needed("source", Accepts::Text),
            needed("sought", Accepts::Text),
            optional("start", Accepts::Integer),
            optional("compareType", Accepts::Word(&[text::BINARY, text::TEXTUAL])),
        ],
        Type::Integer,
        text::in_str,
        "Where the sought text first stands in the source, counted from 1; 0 if nowhere.",
        &[
            (r#"InStr("The quick brown fox", "quick")"#, "5"),
            (r#"InStr("repEated", "e", 3, vbBinaryCompare)"#, "7"),
            (r#"InStr("repEated", "e", 3, vbTextCompare)"#, "4"),
            (r#"InStr("Zoë Ng", "Ng")"#, "5"),
            (r#"InStr(null, "e")"#, "0"),
        ],
    ),
    plain(
        "IsNull",
        &[needed("value", Accepts::Any)],
        Type::Boolean,
        logic::is_null,
        "Whether there is no value. An empty text is one.",
        &[("IsNull(null)", "true"), (r#"IsNull("")"#, "false")],
    ),
    plain(
        "IsNullOrEmpty",
        &[needed("value", Accepts::Any)],
        Type::Boolean,
        logic::is_null_or_empty,
        "Whether there is no value or an empty text.",
        &[
            ("IsNullOrEmpty(null)", "true"),
            (r#"IsNullOrEmpty("")"#, "true"),
            ("IsNullOrEmpty(0)", "false"),
        ],
    ),
    plain(
        "IsPresent",
        &[needed("value", Accepts::Any)],
        Type::Boolean,
        logic::is_present,
        "Whether there is a value that is no empty text.",
        &[
            (r#"IsPresent("a")"#, "true"),
            (r#"IsPresent("")"#, "false"),
            ("IsPresent(null)", "false"),
        ],
    ),
    plain(
        "IsString",
        &[needed("value", Accepts::Any)],
        Type::Boolean,
        logic::is_string,
        "Whether the value is text.",
        &[(r#"IsString("a")"#, "true"), ("IsString(1)", "false"), ("IsString(null)", "false")],
    ),
    plain(
        "Item",
        &[needed("values", Accepts::Any), needed("index", Accepts::Integer)],
        Type::Any,
        list::item,
        "One of several values, counted from 1; null if there are fewer.",
        &[
            (r#"Item(Split("a,b,c", ","), 2)"#, r#""b""#),
            (r#"Item("a", 1)"#, r#""a""#),
            (r#"Item("a", 2)"#, "null"),
            (r#"Item("a", 0)"#, "null"),
        ],
    ),
    Function {
        name: "Join",
        parameters: &[needed("separator", Accepts::Text), needed("source", Accepts::Values)],
        repeats: 1,
        gives: Gives::Type(Type::Text),
        one_line: "All sources and all their values with the separator between them. Null and empty ones are left out.",
        examples: &[
            (r#"Join(", ", "a", Split("b c", " "))"#, r#""a, b, c""#),
            (r#"Join(" ", null, "Ng")"#, r#""Ng""#),
            (r#"Join("", "a", 1)"#, r#""a1""#),
        ],
        deterministic: true,
        eval: list::join,
    },
    plain(
        "Left",
        &[needed("source", Accepts::Text), needed("length", Accepts::Integer)],
        Type::Text,
        text::left,
        "The first characters; all of them if the length is below 0.",
        &[
            (r#"Left("John Doe", 3)"#, r#""Joh""#),
            (r#"Left("Zoë", 9)"#, r#""Zoë""#),
            (r#"Left("Zoë", 0)"#, r#""""#),
            (r#"Left("Zoë", -1)"#, r#""Zoë""#),
            ("Left(null, 3)", "null"),
        ],
    ),
    plain(
        "Mid",
        &[
            needed("source", Accepts::Text),
            needed("start", Accepts::Integer),
            needed("length", Accepts::Integer),
        ],
        Type::Text,
        text::mid,
        "So many characters from a place on, counted from 1.",
        &[
            (r#"Mid("Łukasz", 1, 1)"#, r#""Ł""#),
            (r#"Mid("Łukasz", 5, 9)"#, r#""sz""#),
            (r#"Mid("Łukasz", 9, 1)"#, r#""""#),
        ],
    ),
    plain(
        "Not",
        &[needed("value", Accepts::Flag)],
        Type::Boolean,
        logic::not,
        "False if the value is true, true if it is false or null.",
        &[("Not(true)", "false"), (r#"Not("False")"#, "true"), ("Not(null)", "true")],
    ),
    plain(
        "RemoveDuplicates",
        &[needed("values", Accepts::Any)],
        Type::Any,
        list::remove_duplicates,
        "Each value once, in the order of the first ones.",
        &[
            (r#"RemoveDuplicates(Split("b,a,b,B", ","))"#, r#"["b", "a", "B"]"#),
            (r#"RemoveDuplicates("a")"#, r#""a""#),
        ],
    ),
    plain(
        "Replace",
        &[
            needed("source", Accepts::Text),
            optional("oldValue", Accepts::Text),
            optional("regexPattern", Accepts::Pattern),
            optional("regexGroupName", Accepts::Group),
            optional("replacementValue", Accepts::Text),
            optional("replacementAttributeName", Accepts::Text),
            optional("template", Accepts::Text),
        ],
        Type::Text,
        replace::replace,
        "Replaces text or what a pattern finds; which of them, the arguments say that are not empty.",
        &[
            (r#"Replace("a-b-c", "-", , , "+", , )"#, r#""a+b+c""#),
            (r#"Replace("jsmith", "<u>", , , , , "<u>@contoso.com")"#, r#""jsmith@contoso.com""#),
            (
                r#"Replace("+91 9998887777", , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", , "${phoneNumber}", , )"#,
                r#""9998887777""#,
            ),
            (r#"Replace("+1 (999) 888-7777", , "[()\\s-]+", , "", , )"#, r#""+19998887777""#),
            (
                r#"Replace("545 Tremont Street", , "(?<streetNumber>^\\d*)", "streetNumber", "888", , )"#,
                r#""888 Tremont Street""#,
            ),
            (
                r#"Replace("jsmith@contoso.com", , "(?<Suffix>@(.)*)", "Suffix", "", , )"#,
                r#""jsmith""#,
            ),
            (
                r#"Replace("", , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber", , "+91 8887779999", )"#,
                r#""8887779999""#,
            ),
            (r#"Replace("john_doe72", , "[a-zA-Z_]*", , "", , )"#, r#""72""#),
            (r#"Replace(null, "a", , , "b", , )"#, "null"),
        ],
    ),
    plain(
        "Split",
        &[needed("source", Accepts::Text), needed("delimiter", Accepts::Text)],
        Type::List,
        list::split,
        "The parts between the delimiters, without spaces at their ends.",
        &[
            (
                r#"Split("PermissionSetOne, PermissionSetTwo", ",")"#,
                r#"["PermissionSetOne", "PermissionSetTwo"]"#,
            ),
            (r#"Split("a", ",")"#, r#"["a"]"#),
            (r#"Split(null, ",")"#, "null"),
        ],
    ),
    plain(
        "StripSpaces",
        &[needed("source", Accepts::Text)],
        Type::Text,
        text::strip_spaces,
        "The source without any space.",
        &[(r#"StripSpaces(" van der  Berg ")"#, r#""vanderBerg""#), ("StripSpaces(null)", "null")],
    ),
    Function {
        name: "Switch",
        parameters: &[
            needed("source", Accepts::Any),
            needed("defaultValue", Accepts::Any),
            needed("key", Accepts::Any),
            needed("value", Accepts::Any),
        ],
        repeats: 2,
        gives: Gives::Arguments(|index| index % 2 == 1),
        one_line: "The value after the first key that equals the source, or the default. The key \"\" stands for no value.",
        examples: &[
            (
                r#"Switch("ENG", "Other", "ENG", "Engineering", "FIN", "Finance")"#,
                r#""Engineering""#,
            ),
            (r#"Switch("eng", "Other", "ENG", "Engineering")"#, r#""Other""#),
            (r#"Switch(null, "Other", "ENG", "Engineering")"#, r#""Other""#),
            (r#"Switch(null, "Other", "", "None")"#, r#""None""#),
            (r#"Switch(false, , "False", "True", "True", "False")"#, r#""True""#),
        ],
        deterministic: true,
        eval: logic::switch,
    },
    plain(
        "ToLower",
        &[needed("source", Accepts::Text), optional("culture", Accepts::Text)],
        Type::Text,
        text::to_lower,
        "The source in lower case; the culture `tr` or `az` has the dotless ı.",
        &[
            (r#"ToLower("ZOË")"#, r#""zoë""#),
            (r#"ToLower("IŞIK", "tr-TR")"#, r#""ışık""#),
            ("ToLower(null)", "null"),
        ],
    ),
    plain(
        "ToUpper",
        &[needed("source", Accepts::Text), optional("culture", Accepts::Text)],
        Type::Text,
        text::to_upper,
        "The source in upper case; the culture `tr` or `az` has the dotted İ.",
        &[
            (r#"ToUpper("zoë")"#, r#""ZOË""#),
            (r#"ToUpper("izmir", "tr-TR")"#, r#""İZMİR""#),
            (r#"ToUpper("straße")"#, r#""STRASSE""#),
        ],
    ),
    plain(
        "Trim",
        &[needed("source", Accepts::Text)],
        Type::Text,
        text::trim,
        "The source without white space at its ends.",
        &[(r#"Trim("  Zoë \t")"#, r#""Zoë""#), (r#"Trim("  ")"#, r#""""#), ("Trim(null)", "null")],
    ),
];

#[cfg(test)]
mod tests;
