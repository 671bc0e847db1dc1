#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
pub mod client;
pub mod desired;
pub mod error;
pub mod filter;
pub mod list;
pub mod patch;
pub mod path;
pub mod profile;
pub mod resource;
pub mod schema;
mod syntax;
pub mod urn;
pub mod value;
pub mod write;

pub use error::ScimError;
pub use filter::Filter;
pub use path::Path;
pub use profile::Profile;
pub use schema::{Resource, SchemaSet};
