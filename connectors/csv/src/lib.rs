#![doc = include_str!("../README.md")]

mod config;
mod encoding;
mod error;
mod header;
mod open;
mod parse;
mod read;
mod records;
mod reject;
mod source;

use peoplesync_source::{Connector, Error, Source};

pub use config::{Comment, CsvConfig, Delimiter, Quote};
pub use encoding::TextEncoding;
use source::CsvSource;

/// The connector of kind `csv`.
#[derive(Debug)]
pub struct Csv;

impl Connector for Csv {
    const KIND: &'static str = "csv";
    const EXAMPLE: &'static str = include_str!("../example.toml");
    type Config = CsvConfig;

    fn build(config: CsvConfig) -> Result<Box<dyn Source>, Error> {
        config.validate()?;
        Ok(Box::new(CsvSource::new(config)))
    }
}
