//! A configured source of spreadsheets: finds its files and looks at the headers of their sheets before a pass.

use std::sync::Arc;

use peoplesync_source::files::SourceFile;
use peoplesync_source::{
    Checked, Context, Error, ErrorKind, Fields, Query, Records, Source, async_trait,
};

use crate::book::Book;
use crate::config::{ExcelConfig, HiddenRows};
use crate::facts::Facts;
use crate::header::{Columns, Header};
use crate::line::Line;
use crate::open::{Opened, caught, chosen};
use crate::read::Plan;
use crate::records::ExcelRecords;
use crate::sheet::{Current, People, Sheet};

/// Spreadsheets of one config.
#[derive(Debug)]
pub(crate) struct ExcelSource {
    config: Arc<ExcelConfig>,
}

/// What the headers say.
struct Found {
    files: Vec<SourceFile>,
    /// The first of them, so that it need not be opened again.
    first: Option<Opened>,
    notes: Vec<String>,
    /// The names of the first sheet's columns.
    names: Vec<String>,
    /// Those of them that every sheet has once: what a pass can ask for.
    common: Vec<String>,
}

/// What the headers must have beside the key.
pub(crate) enum Wish {
    Nothing,
    Fields(Vec<String>),
    /// Whatever the first sheet has: a record means the same in each sheet.
    All,
}

impl ExcelSource {
    pub(crate) fn new(config: ExcelConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    /// Finds the files and reads their headers, on a thread that may block.
    async fn look(&self, cx: &Context, wish: Wish) -> Result<Found, Error> {
        let (cx, config) = (cx.clone(), Arc::clone(&self.config));
        let looked = tokio::task::spawn_blocking(move || look(&cx, &config, wish)).await;
        looked.unwrap_or_else(|panic| {
            Err(Error::new(ErrorKind::Internal, "looking at the files failed").with_source(panic))
        })
    }
}

#[async_trait]
impl Source for ExcelSource {
    async fn check(&self, cx: &Context) -> Result<Checked, Error> {
        let Found { notes, common, .. } = self.look(cx, Wish::Nothing).await?;
        Ok(Checked { fields: Some(common), used: None, notes })
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        let wish = query.fields.clone().map_or(Wish::All, Wish::Fields);
        let Found { files, first, names, .. } = self.look(cx, wish).await?;
        // Every sheet is bound to these, whatever the order of its own columns.
        let asked = query.fields.clone().unwrap_or(names);
        let fields = Fields::new(asked.iter().map(String::as_str));
        let config = Arc::clone(&self.config);
        let plan = Plan { config, files, first, fields, asked };
        Ok(Box::new(ExcelRecords::start(cx.clone(), plan)))
    }
}

fn look(cx: &Context, config: &ExcelConfig, wish: Wish) -> Result<Found, Error> {
    cx.go_on()?;
    let files = config.path.find(cx)?;
    let mut looker = Looker::new(config, wish);
    let mut first = None;
    for file in &files {
        let opened = caught(cx, &file.name, || {
            let mut opened = Opened::new(cx, config, file)?;
            looker.book(&file.name, &mut opened.book)?;
            Ok(opened)
        })?;
        first.get_or_insert(opened);
    }
    let Looker { notes, names, common, .. } = looker;
    Ok(Found { files, first, notes, names, common })
}

/// Looks at the header of each sheet.
pub(crate) struct Looker<'a> {
    config: &'a ExcelConfig,
    asked: Vec<String>,
    takes_first: bool,
    is_first: bool,
    notes: Vec<String>,
    pub(crate) names: Vec<String>,
    common: Vec<String>,
}

impl<'a> Looker<'a> {
    pub(crate) fn new(config: &'a ExcelConfig, wish: Wish) -> Self {
        let (asked, takes_first) = match wish {
            Wish::Nothing => (Vec::new(), false),
            Wish::Fields(fields) => (fields, false),
            Wish::All => (Vec::new(), true),
        };
        Self {
            config,
            asked,
            takes_first,
            is_first: true,
            notes: Vec::new(),
            names: Vec::new(),
            common: Vec::new(),
        }
    }

    /// Looks at the sheets of a workbook that the settings mean.
    pub(crate) fn book(&mut self, name: &str, book: &mut Book) -> Result<(), Error> {
        let chosen = chosen(name, &book.sheets, self.config)?;
        for index in &chosen {
            let mut sheet = Sheet::new(book.place(*index), self.config, &mut *self);
            if book.read(*index, &mut sheet)? {
                sheet.end()?;
            }
        }
        self.others(&book.sheets, &chosen);
        Ok(())
    }

    /// Says in the last note which sheets are not read: the settings may have meant another one.
    fn others(&mut self, sheets: &[crate::book::Sheet], chosen: &[usize]) {
        let sheets = sheets.iter().enumerate();
        let others = sheets.filter(|(index, sheet)| !chosen.contains(index) && sheet.has_cells);
        let others: Vec<&str> = others.map(|(_, sheet)| sheet.name.as_str()).collect();
        if let (Some(note), false) = (self.notes.last_mut(), others.is_empty()) {
            note.push_str("; not read: ");
            note.push_str(&peoplesync_source::table::shorten(others.into_iter()));
        }
    }
}

impl People for Looker<'_> {
    fn header(
        &mut self,
        place: &str,
        header: &Header,
        facts: &Facts,
    ) -> Result<Option<Columns>, Error> {
        if std::mem::take(&mut self.is_first) {
            self.names = header.table.used_names().map(str::to_owned).collect();
            self.common.clone_from(&self.names);
            if self.takes_first {
                self.asked.clone_from(&self.names);
            }
        }
        header.columns(place, self.config, &self.asked)?;
        let places = header.table.places();
        self.common
            .retain(|name| places.get(name.as_str()).is_some_and(|places| places.len() == 1));
        let count = header.table.used_names().count();
        let columns = if count == 1 { "column" } else { "columns" };
        let mut note = format!("{place}: {count} {columns}, named by row {}", header.row + 1);
        let hidden = facts.hidden_rows();
        if hidden > 0 {
            let rows = if hidden == 1 { "row" } else { "rows" };
            let done = match self.config.hidden_rows {
                HiddenRows::Read => "read too",
                HiddenRows::Skip => "skipped",
            };
            note.push_str(&format!(", {hidden} hidden {rows} {done}"));
        }
        self.notes.push(note);
        Ok(None)
    }

    fn person(&mut self, _: &Current, _: &Line<'_>) -> Result<bool, Error> {
        Ok(false)
    }
}
