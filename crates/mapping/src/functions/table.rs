//! The table itself: families of functions, and where a name is looked for.

use std::sync::LazyLock;

use super::{
    Function, chance, convert, country, encode, letters, list, logic, lookup, people, replace,
    roles, text, time,
};

/// Functions that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The heading of the reference page.
    pub title: &'static str,
    /// The functions.
    pub functions: &'static [Function],
}

/// All families, in the order of the reference page.
pub static FAMILIES: &[Family] = &[
    Family { title: "Choosing", functions: logic::FUNCTIONS },
    Family { title: "Text", functions: text::FUNCTIONS },
    Family { title: "Letters", functions: letters::FUNCTIONS },
    Family { title: "Replacing", functions: replace::FUNCTIONS },
    Family { title: "Several values", functions: list::FUNCTIONS },
    Family { title: "Roles", functions: roles::FUNCTIONS },
    Family { title: "Types", functions: convert::FUNCTIONS },
    Family { title: "Times", functions: time::FUNCTIONS },
    Family { title: "Countries and telephones", functions: country::FUNCTIONS },
    Family { title: "Encodings", functions: encode::FUNCTIONS },
    Family { title: "Values from the config", functions: lookup::FUNCTIONS },
    Family { title: "Managers and groups", functions: people::FUNCTIONS },
    Family { title: "The run: time and chance", functions: chance::FUNCTIONS },
];

static BY_NAME: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions: Vec<_> = FAMILIES.iter().flat_map(|family| family.functions).collect();
    functions.sort_by_key(|function| function.name.to_ascii_lowercase());
    functions
});

impl Family {
    /// Its functions, by name.
    #[must_use]
    pub fn sorted(&self) -> Vec<&'static Function> {
        let mut functions: Vec<_> = self.functions.iter().collect();
        functions.sort_by_key(|function| function.name.to_ascii_lowercase());
        functions
    }
}

/// All functions, by name.
#[must_use]
pub fn all() -> &'static [&'static Function] {
    &BY_NAME
}

/// The function of this name; letter case does not count.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    let lower = name.to_ascii_lowercase();
    let found = BY_NAME.binary_search_by_key(&lower, |function| function.name.to_ascii_lowercase());
    found.ok().and_then(|place| BY_NAME.get(place).copied())
}
