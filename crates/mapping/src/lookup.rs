//! Tables for `Lookup`: given in the config or read from a file by whoever compiles; here they are data.

use std::collections::BTreeMap;
use std::sync::Arc;

/// All tables, by name.
pub type Lookups = BTreeMap<String, Table>;

/// Keys and values, both text. A copy shares them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Arc<BTreeMap<String, String>>);

impl Table {
    /// The value of a key; letter case counts.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Table {
    /// Of two values for one key the last stays.
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Self(Arc::new(pairs.into_iter().collect()))
    }
}
