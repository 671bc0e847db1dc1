//! How many requests a service takes in a time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::schema::Resource;

/// One limit of a service. A request must fit into every limit that it falls under.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// So many requests …
    pub requests: u32,
    /// … in so many seconds.
    pub per_secs: u32,
    /// How many may come at once. 0: a tenth of `requests`, which the rate then makes room for, so that no window of
    /// `per_secs` ever holds more than `requests`. A service that states a burst allows it on top.
    #[serde(default)]
    pub burst: u32,
    /// The methods that count; none named is all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The resources that count: `users` or `groups`; none named is all.
    #[serde(default)]
    pub resources: Vec<String>,
}

impl Rate {
    /// Whether a request counts.
    pub fn covers(&self, method: &str, resource: Option<Resource>) -> bool {
        let named = resource.map(|resource| match resource {
            Resource::User => "users",
            Resource::Group => "groups",
        });
        (self.methods.is_empty()
            || self.methods.iter().any(|known| known.eq_ignore_ascii_case(method)))
            && (self.resources.is_empty()
                || named.is_some_and(|named| {
                    self.resources.iter().any(|known| known.eq_ignore_ascii_case(named))
                }))
    }

    /// How many requests may come at once.
    pub fn capacity(&self) -> u32 {
        if self.burst == 0 { (self.requests / 10).max(1) } else { self.burst }
    }

    /// The time from one request to the next, once the burst is used up.
    pub fn interval(&self) -> Duration {
        let steady = if self.burst == 0 {
            self.requests.saturating_sub(self.capacity()).max(1)
        } else {
            self.requests
        };
        self.window() / steady.max(1)
    }

    /// The time over which requests are counted.
    pub fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.per_secs))
    }

    /// What is wrong with the limit.
    pub(crate) fn mistake(&self) -> Option<String> {
        if self.requests == 0 || self.per_secs == 0 {
            return Some("`requests` and `per_secs` must be at least 1".to_owned());
        }
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let unknown =
            self.methods.iter().find(|method| !methods.contains(&method.to_uppercase().as_str()));
        if let Some(unknown) = unknown {
            return Some(format!("`{unknown}` is no method; there are {}", methods.join(", ")));
        }
        let unknown =
            self.resources.iter().find(|name| !["users", "groups"].contains(&name.as_str()));
        unknown.map(|unknown| format!("`{unknown}` is no resource; there are users, groups"))
    }
}

impl fmt::Display for Rate {
    /// `POST,PATCH users 1000/3600s`: what is kept under this name in a state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            write!(f, "{} ", self.methods.join(","))?;
        }
        if !self.resources.is_empty() {
            write!(f, "{} ", self.resources.join(","))?;
        }
        write!(f, "{}/{}s", self.requests, self.per_secs)
    }
}
