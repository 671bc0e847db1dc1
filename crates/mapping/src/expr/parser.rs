//! Tokens to a syntax tree. Precedence, from loose to tight: `or`, `and`, `not`, comparison and `in` and `matches`, `&`, the
//! rest. The depth is limited, so that nobody's text can run a thread out of stack.

use std::fmt;

use super::ast::{Expr, Node, Span, Word, is_keyword};
use super::lexer::{Spanned, Token, tokens};
use crate::functions::{self, Accepts};

/// How many characters an expression may have, as with Entra.
pub const MAX_LENGTH: usize = 10_000;
/// How deeply parentheses, calls and `not` may be nested.
pub const MAX_DEPTH: usize = 64;

/// A text that is not an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where it went wrong.
    pub span: Span,
    /// What is wrong there; a fragment.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl SyntaxError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// Reads a whole text as one expression. Whether its functions exist and its types fit is checked later.
///
/// # Errors
/// Where the text first leaves the grammar.
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let length = text.chars().count();
    if length > MAX_LENGTH {
        let message = format!("the expression has {length} characters; {MAX_LENGTH} are allowed");
        return Err(SyntaxError::new(Span::new(0, 0), message));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0 };
    if parser.peek() == &Token::End {
        return Err(SyntaxError::new(Span::new(0, text.len()), "the expression is empty"));
    }
    let expr = parser.or()?;
    parser.end(&expr)?;
    Ok(expr)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Expr, SyntaxError>;

impl Parser<'_> {
    fn or(&mut self) -> Parsed {
        self.chain(Self::and, |parser| parser.eat_word("or"), Node::Or)
    }

    fn and(&mut self) -> Parsed {
        self.chain(Self::not, |parser| parser.eat_word("and"), Node::And)
    }

    fn not(&mut self) -> Parsed {
        if !self.at_word("not") || self.is_call() {
            return self.comparison();
        }
        let start = self.span();
        self.advance();
        let inner = self.deeper(start, Self::not)?;
        let span = start.to(inner.span);
        Ok(Expr { node: Node::Not(Box::new(inner)), span })
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.join()?;
        let start = left.span;
        let negated = self.at_word("not").then(|| self.span());
        if negated.is_some() {
            self.advance();
        }
        let mut expr = match self.peek().clone() {
            Token::Comparison(op) if negated.is_none() => {
                self.advance();
                let right = self.join()?;
                let span = start.to(right.span);
                Expr {
                    node: Node::Compare { op, left: Box::new(left), right: Box::new(right) },
                    span,
                }
            }
            Token::Name(word) if word.eq_ignore_ascii_case("in") => self.is_in(left)?,
            Token::Name(word) if word.eq_ignore_ascii_case("matches") => self.matches(left)?,
            _ => match negated {
                Some(place) => {
                    let message = "`not` stands before a condition, `in` or `matches`";
                    return Err(SyntaxError::new(place, message));
                }
                None => return Ok(left),
            },
        };
        if negated.is_some() {
            let span = expr.span;
            expr = Expr { node: Node::Not(Box::new(expr)), span };
        }
        let chained = matches!(self.peek(), Token::Comparison(_))
            || ["in", "matches", "not"].iter().any(|word| self.at_word(word));
        if chained {
            return Err(SyntaxError::new(self.span(), "comparisons cannot be chained")
                .with_hint("put `and` between two comparisons, or one of them in parentheses"));
        }
        Ok(expr)
    }

    /// `in ("a", "b")`.
    fn is_in(&mut self, value: Expr) -> Parsed {
        self.advance();
        let open = self.span();
        if !self.eat(&Token::Open) {
            return Err(self.expected("a list such as `(\"a\", \"b\")`"));
        }
        let mut options = Vec::new();
        let close = loop {
            options.push(self.deeper(open, Self::or)?);
            let place = self.span();
            if self.eat(&Token::Close) {
                break place;
            }
            if !self.eat(&Token::Comma) {
                return Err(self.unclosed(open, "`,` or `)`"));
            }
        };
        let span = value.span.to(close);
        Ok(Expr { node: Node::In { value: Box::new(value), options }, span })
    }

    /// `matches "pattern"`.
    fn matches(&mut self, value: Expr) -> Parsed {
        self.advance();
        let pattern_span = self.span();
        let Token::Text(pattern) = self.peek().clone() else {
            return Err(self.expected("a pattern between double quotes"));
        };
        self.advance();
        let span = value.span.to(pattern_span);
        let pattern = Word { text: pattern.into(), span: pattern_span };
        Ok(Expr { node: Node::Matches { value: Box::new(value), pattern }, span })
    }

    fn join(&mut self) -> Parsed {
        self.chain(Self::primary, |parser| parser.eat(&Token::Ampersand), Node::Join)
    }

    fn primary(&mut self) -> Parsed {
        let span = self.span();
        let node = match self.peek().clone() {
            Token::Integer(number) => Node::Integer(number),
            Token::Decimal(number) => Node::Decimal(number),
            Token::Text(text) => Node::Text(text.into()),
            Token::Field(name) => Node::Field(name.into()),
            Token::Open => {
                self.advance();
                let inner = self.deeper(span, Self::or)?;
                let close = self.span();
                if !self.eat(&Token::Close) {
                    return Err(self.unclosed(span, "`)`"));
                }
                return Ok(Expr { node: inner.node, span: span.to(close) });
            }
            Token::Ampersand => match self.hexadecimal() {
                Some((number, end)) => {
                    self.advance();
                    self.advance();
                    return Ok(Expr { node: Node::Integer(number), span: span.to(end) });
                }
                None => return Err(self.expected("a field, text, number or function")),
            },
            Token::Name(name) if self.is_call() => return self.call(&name),
            Token::Name(name) if name.eq_ignore_ascii_case("null") => Node::Null,
            Token::Name(name) if name.eq_ignore_ascii_case("true") => Node::Boolean(true),
            Token::Name(name) if name.eq_ignore_ascii_case("false") => Node::Boolean(false),
            Token::Name(name) if name.eq_ignore_ascii_case("not") => {
                let error = SyntaxError::new(span, "`not` cannot stand here");
                return Err(error.with_hint("put it in parentheses: `(not …)`"));
            }
            Token::Name(name) if !is_keyword(&name) => Node::Field(name.into()),
            _ => return Err(self.expected("a field, text, number or function")),
        };
        self.advance();
        Ok(Expr { node, span })
    }

    /// `&HF7`, as Visual Basic writes numbers. Only where no text stands before that the `&` could join.
    fn hexadecimal(&self) -> Option<(i64, Span)> {
        let next = self.tokens.get(self.at + 1)?;
        let Token::Name(name) = &next.token else { return None };
        let digits = name.strip_prefix(['H', 'h'])?;
        let adjacent = next.span.start == self.span().end;
        let number = i64::from_str_radix(digits, 16).ok()?;
        (adjacent && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then_some((number, next.span))
    }

    /// Whether a name and its parenthesis come next. `not (x)` is the operator, `Not(x)` the function.
    fn is_call(&self) -> bool {
        let Token::Name(name) = self.peek() else { return false };
        let Some(next) = self.tokens.get(self.at + 1) else { return false };
        let adjacent = next.span.start == self.span().end;
        let may_be = if name.eq_ignore_ascii_case("not") { adjacent } else { !is_keyword(name) };
        next.token == Token::Open && may_be
    }

    fn call(&mut self, written: &str) -> Parsed {
        let name_span = self.span();
        self.advance();
        let open = self.span();
        self.advance();
        let mut arguments = Vec::new();
        let close = loop {
            let place = self.span();
            match self.peek() {
                Token::Close if arguments.is_empty() => {
                    self.advance();
                    break place;
                }
                Token::Close | Token::Comma => arguments.push(None),
                _ => arguments.push(Some(self.deeper(open, Self::or)?)),
            }
            let place = self.span();
            if self.eat(&Token::Close) {
                break place;
            }
            if !self.eat(&Token::Comma) {
                return Err(self.unclosed(open, "`,` or `)`"));
            }
        };
        let function = functions::find(written);
        if let Some(function) = function {
            for (index, argument) in arguments.iter_mut().enumerate() {
                if let Some(argument) = argument {
                    read_word(
                        argument,
                        function.parameter(index).map(|parameter| parameter.accepts),
                    );
                }
            }
        }
        let text = function.map_or(written, |function| function.name).into();
        let name = Word { text, span: name_span };
        Ok(Expr { node: Node::Call { name, arguments }, span: name_span.to(close) })
    }

    fn end(&self, expr: &Expr) -> Result<(), SyntaxError> {
        let span = self.span();
        let found = match self.peek() {
            Token::End => return Ok(()),
            Token::Close => {
                return Err(SyntaxError::new(span, "this `)` closes nothing"));
            }
            Token::Name(word) if word.eq_ignore_ascii_case("is") => {
                let hint = "write `= null` or `<> null`";
                return Err(SyntaxError::new(span, "`is` is no operator").with_hint(hint));
            }
            Token::Name(word) => word,
            _ => return Err(self.expected("an operator or the end")),
        };
        let error = self.expected("an operator or the end");
        // Two bare names side by side are mostly one name with a space.
        match &expr.node {
            Node::Field(name) if expr.span.of(self.text) == &**name => {
                let hint = format!("a name with spaces is written in brackets: `[{name} {found}]`");
                Err(error.with_hint(hint))
            }
            _ => Err(error),
        }
    }

    fn chain(
        &mut self,
        term: fn(&mut Self) -> Parsed,
        eat: fn(&mut Self) -> bool,
        node: fn(Vec<Expr>) -> Node,
    ) -> Parsed {
        let first = term(self)?;
        if !eat(self) {
            return Ok(first);
        }
        let start = first.span;
        let mut terms = vec![first, term(self)?];
        while eat(self) {
            terms.push(term(self)?);
        }
        let end = terms.last().map_or(start, |last| last.span);
        Ok(Expr { node: node(terms), span: start.to(end) })
    }

    fn deeper(&mut self, place: Span, read: fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth == MAX_DEPTH {
            let message = format!("this is nested deeper than {MAX_DEPTH} levels");
            return Err(SyntaxError::new(place, message));
        }
        self.depth += 1;
        let expr = read(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let span = self.span();
        if self.peek() == &Token::End {
            return SyntaxError::new(span, format!("the expression ends where {what} is expected"));
        }
        let found = span.of(self.text);
        SyntaxError::new(span, format!("expected {what}, found `{found}`"))
    }

    fn unclosed(&self, open: Span, what: &str) -> SyntaxError {
        if self.peek() == &Token::End {
            SyntaxError::new(open, "this `(` is never closed")
        } else {
            self.expected(what)
        }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |spanned| &spanned.token)
    }

    fn span(&self) -> Span {
        let end = Span::new(self.text.len(), self.text.len());
        self.tokens.get(self.at).map_or(end, |spanned| spanned.span)
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn eat(&mut self, token: &Token) -> bool {
        let found = self.peek() == token;
        if found {
            self.advance();
        }
        found
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name.eq_ignore_ascii_case(word))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.advance();
        }
        found
    }
}

/// A bare name where a function takes one of a few words, such as `vbTextCompare`, is that word and no field; where it takes the
/// name of something, it is that name.
fn read_word(argument: &mut Expr, accepts: Option<Accepts>) {
    let Node::Field(name) = &argument.node else { return };
    match accepts {
        Some(Accepts::Word(words)) => {
            if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(name)) {
                argument.node = Node::Text((*word).into());
            }
        }
        Some(Accepts::Field | Accepts::Table) => argument.node = Node::Text(name.clone()),
        _ => {}
    }
}
