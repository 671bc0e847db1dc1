#![doc = include_str!("../README.md")]

mod archive;
mod book;
mod cell;
mod compound;
mod config;
mod facts;
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod limit;
mod line;
mod merged;
mod ods;
mod open;
mod package;
mod part;
mod plain;
mod read;
mod records;
mod scan;
mod sheet;
mod source;
mod threads;
mod xls;
mod xlsb;

use peoplesync_source::{Connector, Error, Source};

pub use config::{ExcelConfig, HiddenRows, MergedCells, SheetName, Sheets};
pub use limit::Limits;
use source::ExcelSource;

/// The connector of kind `excel`.
#[derive(Debug)]
pub struct Excel;

impl Connector for Excel {
    const KIND: &'static str = "excel";
    const EXAMPLE: &'static str = include_str!("../example.toml");
    type Config = ExcelConfig;

    fn build(config: ExcelConfig) -> Result<Box<dyn Source>, Error> {
        config.validate()?;
        Ok(Box::new(ExcelSource::new(config)))
    }
}
