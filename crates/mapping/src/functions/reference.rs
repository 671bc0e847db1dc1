//! The reference page of the functions, as Markdown. `cargo xtask docs` writes it to docs/functions.md.

use std::fmt::Write;

use super::{Ask, FAMILIES, Function};

/// What stands above the families.
const HEAD: &str = "\
# Functions of the expression language

<!-- Written by `cargo xtask docs` from crates/mapping/src/functions. Edits here are lost. -->

`peoplesync functions NAME` shows one of them. Letter case in names does not count; optional arguments stand in brackets; in the middle, an
argument may be left empty and counts as null; where `…` stands, the last arguments may come again. No function fails on null.

A time is written `M/d/yyyy h:mm:ss tt` in UTC where text is needed; `IsoDate` and `FormatDateTime` write others.

The examples are tests. In them it is 2026-01-31 08:30 UTC, the person is in the groups Engineering and Łódź, the manager has the key 3, the
address ada@example.com and a manager with the key 1, the default domain is example.com, and there is a table:

```toml
[lookups.offices]
values = { LDZ = \"Łódź\", LON = \"London\" }
```
";

/// The whole page.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for family in FAMILIES {
        // Writing to a string cannot fail.
        write!(page, "\n## {}\n", family.title).unwrap_or(());
        for function in family.sorted() {
            write!(page, "\n### {}\n\n{}", function.name, function.text("```text\n", "```\n"))
                .unwrap_or(());
        }
    }
    page
}

impl Function {
    /// What there is to know of it, as text for people; `open` and `close` stand around what is code.
    #[must_use]
    pub fn text(&self, open: &str, close: &str) -> String {
        let mut text = format!("{open}{}\n{close}\n{}\n", self.typed_signature(), self.one_line);
        if let Some(note) = self.asks.note() {
            // Writing to a string cannot fail.
            write!(text, "\n{note}\n").unwrap_or(());
        }
        write!(text, "\n{open}").unwrap_or(());
        let width = self.examples.iter().map(|(call, _)| call.chars().count()).max().unwrap_or(0);
        for (call, value) in self.examples {
            const WIDEST: usize = 60;
            writeln!(text, "{call:0$}  → {value}", width.min(WIDEST)).unwrap_or(());
        }
        text + close
    }
}

impl Ask {
    /// What follows from what a function takes from outside.
    fn note(self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing => return None,
            Self::Clock => {
                "Not deterministic: only in a condition, or in an attribute with `when = \"create\"`."
            }
            Self::Chance => {
                "Not deterministic: only in an attribute with `when = \"create\"`. For one person and one rule it gives the same \
                 value in a plan and in its apply."
            }
            Self::ManagerField | Self::Chain => {
                "Reads managers before people: the source is read twice. Who cannot be known about is rejected, not guessed about."
            }
            Self::Groups => "A person whose groups cannot be known is rejected, not guessed about.",
            Self::Domain => "What `default_domain` of [people] says.",
            Self::Taken => "Only as a whole rule, in an attribute with `when = \"create\"`.",
        })
    }
}
