#![doc = include_str!("../README.md")]

mod attribute;
mod compile;
mod digest;
mod draft;
mod error;
mod explain;
pub mod expr;
pub mod functions;
mod mapping;
mod nearest;
mod spec;
mod target;
#[cfg(test)]
mod testing;

pub use attribute::Attribute;
pub use digest::{DigestKey, fingerprint};
pub use draft::{Draft, Slot, SlotValue};
pub use error::{CompileError, MapError};
pub use explain::{AttributeStep, Explanation, Reading, ScopeStep};
pub use mapping::{Binding, Mapping, Outcome};
pub use spec::{AttributeSpec, OnEmpty, Rule, Spec, When};
