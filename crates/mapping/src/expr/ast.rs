//! The syntax tree, and its canonical text. Chains of one operator are lists, so that the depth of the tree is the depth of
//! the parentheses and nothing that walks it can run out of stack.

use std::fmt;

/// A run of bytes in the text of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// From one byte up to another.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this to the end of that.
    #[must_use]
    pub fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }

    /// The text at this place; nothing if it is not a place of this text.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// A parsed expression. Two are equal if they say the same, wherever it stands in the text.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, finite.
    Decimal(f64),
    /// Text in double quotes.
    Text(Box<str>),
    /// A field of the record, bare or in brackets.
    Field(Box<str>),
    /// A function call; an argument that was left empty is `None`.
    Call {
        /// The function, in its canonical spelling if there is such a function.
        name: Word,
        /// The arguments by position.
        arguments: Vec<Option<Expr>>,
    },
    /// `not x`.
    Not(Box<Expr>),
    /// `x and y and …`: two or more.
    And(Vec<Expr>),
    /// `x or y or …`: two or more.
    Or(Vec<Expr>),
    /// `x & y & …`: two or more.
    Join(Vec<Expr>),
    /// `x = y` and the like.
    Compare {
        /// How.
        op: Comparison,
        /// The left side.
        left: Box<Expr>,
        /// The right side.
        right: Box<Expr>,
    },
    /// `x in (a, b)`: one or more.
    In {
        /// What is looked for.
        value: Box<Expr>,
        /// Where it is looked for.
        options: Vec<Expr>,
    },
    /// `x matches "pattern"`.
    Matches {
        /// What is searched.
        value: Box<Expr>,
        /// A regular expression.
        pattern: Word,
    },
}

/// A part of an expression that is text and nothing else. Equality does not look at the place.
#[derive(Debug, Clone)]
pub struct Word {
    /// The text, without quotes.
    pub text: Box<str>,
    /// Where it stands.
    pub span: Span,
}

/// The comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`.
    Equal,
    /// `<>`, always the negation of `=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

impl Comparison {
    /// The operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// Words of the language: a field of such a name is written in brackets.
pub(crate) const KEYWORDS: [&str; 8] =
    ["and", "or", "not", "in", "matches", "true", "false", "null"];

/// Whether the text is one of the words of the language; letter case does not count.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(name))
}

/// Whether a bare name can begin with the character.
pub(crate) fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Whether a bare name can go on with the character.
pub(crate) fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

impl Expr {
    /// Calls `visit` with each field that the expression names and its place, in the order of the text.
    pub fn each_field<'e>(&'e self, visit: &mut dyn FnMut(&'e str, Span)) {
        self.each(&mut |expr| {
            if let Node::Field(name) = &expr.node {
                visit(name, expr.span);
            }
        });
    }

    /// Calls `visit` with the expression and with all in it, each before its parts.
    pub fn each<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        visit(self);
        match &self.node {
            Node::Null
            | Node::Boolean(_)
            | Node::Integer(_)
            | Node::Decimal(_)
            | Node::Text(_)
            | Node::Field(_) => {}
            Node::Call { arguments, .. } => {
                arguments.iter().flatten().for_each(|argument| argument.each(visit));
            }
            Node::Not(inner) => inner.each(visit),
            Node::And(terms) | Node::Or(terms) | Node::Join(terms) => {
                terms.iter().for_each(|term| term.each(visit));
            }
            Node::Compare { left, right, .. } => {
                left.each(visit);
                right.each(visit);
            }
            Node::In { value, options } => {
                value.each(visit);
                options.iter().for_each(|option| option.each(visit));
            }
            Node::Matches { value, .. } => value.each(visit),
        }
    }

    fn binds(&self) -> u8 {
        match self.node {
            Node::Or(_) => 1,
            Node::And(_) => 2,
            Node::Not(_) => 3,
            Node::Compare { .. } | Node::In { .. } | Node::Matches { .. } => 4,
            Node::Join(_) => 5,
            _ => 6,
        }
    }

    /// Writes the expression where one that binds at least so tightly must stand.
    fn write(&self, f: &mut fmt::Formatter<'_>, at_least: u8) -> fmt::Result {
        if self.binds() < at_least { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Expr {
    /// The canonical text: parsing it gives an equal expression, unless spaces between operators make it longer than an
    /// expression may be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Null => f.write_str("null"),
            Node::Boolean(value) => write!(f, "{value}"),
            Node::Integer(number) => write!(f, "{number}"),
            Node::Decimal(number) => write_decimal(f, *number),
            Node::Text(text) => write_text(f, text),
            Node::Field(name) => write_field(f, name),
            Node::Call { name, arguments, .. } => {
                write!(f, "{}(", name.text)?;
                for (index, argument) in arguments.iter().enumerate() {
                    match argument {
                        Some(argument) if index > 0 => write!(f, ", {argument}")?,
                        Some(argument) => write!(f, "{argument}")?,
                        // `F(,)` has two arguments, `F()` none.
                        None if index > 0 => f.write_str(",")?,
                        None if arguments.len() == 1 => f.write_str("null")?,
                        None => {}
                    }
                }
                f.write_str(")")
            }
            Node::Not(inner) => {
                f.write_str("not ")?;
                inner.write(f, 3)
            }
            Node::And(terms) => chain(f, terms, " and ", 3),
            Node::Or(terms) => chain(f, terms, " or ", 2),
            Node::Join(terms) => chain(f, terms, " & ", 6),
            Node::Compare { op, left, right } => {
                left.write(f, 5)?;
                write!(f, " {} ", op.symbol())?;
                right.write(f, 5)
            }
            Node::In { value, options } => {
                value.write(f, 5)?;
                f.write_str(" in (")?;
                chain(f, options, ", ", 0)?;
                f.write_str(")")
            }
            Node::Matches { value, pattern, .. } => {
                value.write(f, 5)?;
                f.write_str(" matches ")?;
                write_text(f, &pattern.text)
            }
        }
    }
}

fn chain(f: &mut fmt::Formatter<'_>, terms: &[Expr], between: &str, at_least: u8) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        term.write(f, at_least)?;
    }
    Ok(())
}

/// Always with a point, so that it is read as a decimal again.
pub(crate) fn write_decimal(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if number.fract() == 0.0 { write!(f, "{number:.1}") } else { write!(f, "{number}") }
}

/// Text in quotes, escaped.
pub(crate) fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write;
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn write_field(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    use fmt::Write;
    let mut chars = name.chars();
    let bare = chars.next().is_some_and(starts_name) && chars.all(continues_name);
    if bare && !is_keyword(name) {
        return f.write_str(name);
    }
    f.write_char('[')?;
    for c in name.chars() {
        if matches!(c, ']' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char(']')
}
