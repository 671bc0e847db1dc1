//! A way into what reads untrusted bytes, for the fuzz target in `fuzz/`. Not for use.

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use peoplesync_source::{Batch, Context, Error, ErrorKind, Fields};

use crate::config::ExcelConfig;
use crate::open::{book, caught};
use crate::package::View;
use crate::read::Reader;
use crate::source::{Looker, Wish};

/// A pass over one workbook in memory, with all columns of its first sheet: no file, no runtime. Panics of the library are caught, as in
/// a pass; what ends it is never a bug of ours.
pub fn cells(cx: &Context, config: &ExcelConfig, file: Vec<u8>) {
    let name: Arc<str> = "p.xlsx".into();
    let read = caught(cx, &name, || pass(cx, config, &name, file));
    if let Err(error) = read {
        assert!(error.kind() != ErrorKind::Internal, "{error}");
    }
}

fn pass(cx: &Context, config: &ExcelConfig, name: &Arc<str>, file: Vec<u8>) -> Result<(), Error> {
    let mut book = book(cx, config, name, View::new(cx, Cursor::new(file)))?;
    let mut looker = Looker::new(config, Wish::All);
    looker.book(name, &mut book)?;
    let fields = Fields::new(looker.names.iter().map(String::as_str));
    let take = |batch: Batch| black_box(batch).len() < usize::MAX;
    Reader::new(config, &fields, &looker.names, take).book(name, &mut book)?;
    Ok(())
}
