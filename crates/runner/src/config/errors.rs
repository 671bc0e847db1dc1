//! Config errors: all at once, each with its place, its key, and a hint.

use std::fmt;
use std::path::PathBuf;

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A file, with line and column where they are known.
    File {
        /// The file.
        path: PathBuf,
        /// Line and column, from 1.
        at: Option<(usize, usize)>,
    },
    /// An environment variable.
    Variable(String),
    /// Nothing sets it.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, at: Some((line, column)) } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::File { path, at: None } => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Nowhere => f.write_str("the config"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The key, dotted: `target.url`; empty for a file that does not parse.
    pub(crate) key: String,
    /// Where it stands.
    pub(crate) place: Place,
    /// What is wrong, as a fragment.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// The expression with carets under the place.
    pub(crate) excerpt: Option<String>,
}

/// Everything that is wrong, ordered by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(crate) fn new(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by(|a, b| (&a.place, &a.key, &a.message).cmp(&(&b.place, &b.key, &b.message)));
        errors.dedup();
        Self(errors)
    }

    /// The errors by themselves.
    pub(crate) fn into_inner(self) -> Vec<ConfigError> {
        self.0
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "the config has {count} error{}", if count == 1 { "" } else { "s" })?;
        for error in &self.0 {
            write!(f, "\n  {}: ", error.place)?;
            if !error.key.is_empty() {
                write!(f, "`{}`: ", error.key)?;
            }
            writeln!(f, "{}", error.message)?;
            for line in error.excerpt.iter().flat_map(|text| text.lines()) {
                writeln!(f, "      {line}")?;
            }
            if let Some(hint) = &error.hint {
                writeln!(f, "    hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
