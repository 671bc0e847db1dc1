#![doc = include_str!("../README.md")]

mod config;
mod records;
mod source;

use peoplesync_source::{Connector, Error, Source};

pub use config::{StaticConfig, StaticValue};
use source::StaticSource;

/// The connector of kind `static`.
#[derive(Debug)]
pub struct Static;

impl Connector for Static {
    const KIND: &'static str = "static";
    const EXAMPLE: &'static str = include_str!("../example.toml");
    type Config = StaticConfig;

    fn build(config: StaticConfig) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(StaticSource::new(config)))
    }
}
