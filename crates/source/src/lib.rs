#![doc = include_str!("../README.md")]

mod batch;
mod connector;
mod context;
mod error;
mod fields;
#[cfg(feature = "files")]
pub mod files;
mod key;
mod origin;
mod record;
mod secret;
mod seen;
#[cfg(feature = "files")]
pub mod table;
mod value;

pub use async_trait::async_trait;
pub use schemars;

pub use batch::{Batch, RecordWriter, Rejected, Removed};
pub use connector::{Checked, Connector, Coverage, Cursor, End, Query, Records, Source, Step};
pub use context::{Clock, Context, FixedClock, NoSecrets, Secrets};
pub use error::{Error, ErrorKind, Retry};
pub use fields::Fields;
pub use key::Key;
pub use origin::{Origin, column_letters};
pub use record::{Record, Values};
pub use secret::{Revealed, Secret};
pub use seen::{Print, Seen};
pub use value::{FieldType, FieldTypes, Timestamp, Value};
