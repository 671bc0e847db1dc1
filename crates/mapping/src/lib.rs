#![doc = include_str!("../README.md")]

mod around;
mod attribute;
mod compile;
mod digest;
mod draft;
mod elements;
mod error;
mod explain;
pub mod expr;
pub mod functions;
mod groups;
mod lookup;
mod manager;
mod mapping;
mod nearest;
mod reads;
mod spec;
mod target;
#[cfg(test)]
mod testing;
mod texts;

pub use around::{Around, AskedGroups, Asks, Membership, People, Unknown};
pub use attribute::Attribute;
pub use digest::{DigestKey, fingerprint, group_digest};
pub use draft::{Draft, Slot, SlotValue};
pub use error::{CompileError, MapError, Remedy, Within};
pub use explain::{AttributeStep, Clause, Explanation, Reading, ScopeStep};
pub use lookup::{Lookups, Table};
pub use mapping::{Binding, Mapping, Outcome};
pub use spec::{AttributeSpec, ElementSpec, OnEmpty, PartSource, PartSpec, Rule, Spec, When};
pub use texts::Texts;
