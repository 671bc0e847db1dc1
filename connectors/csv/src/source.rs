//! A configured CSV source: finds its files and looks at their headers before a pass.

use std::sync::Arc;

use peoplesync_source::files::SourceFile;
use peoplesync_source::{
    Checked, Context, Error, ErrorKind, Fields, Query, Records, Source, async_trait,
};

use crate::config::CsvConfig;
use crate::open::Opened;
use crate::read::Plan;
use crate::records::CsvRecords;

/// CSV files of one config.
#[derive(Debug)]
pub(crate) struct CsvSource {
    config: Arc<CsvConfig>,
}

/// What the headers say.
struct Found {
    files: Vec<SourceFile>,
    notes: Vec<String>,
    /// The names of the first file's columns.
    names: Vec<String>,
    /// Those of them that every file has once: what a pass can ask for.
    all: Vec<String>,
}

/// What the headers must have beside the key.
enum Wish {
    Nothing,
    Fields(Vec<String>),
    /// Whatever the first file has: a record means the same in each file.
    All,
}

impl CsvSource {
    pub(crate) fn new(config: CsvConfig) -> Self {
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
impl Source for CsvSource {
    async fn check(&self, cx: &Context) -> Result<Checked, Error> {
        let Found { notes, all, .. } = self.look(cx, Wish::Nothing).await?;
        Ok(Checked { fields: Some(all), used: None, notes })
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        let wish = query.fields.clone().map_or(Wish::All, Wish::Fields);
        let Found { files, names, .. } = self.look(cx, wish).await?;
        // Every file is bound to these, whatever the order of its own columns.
        let asked = query.fields.clone().unwrap_or(names);
        let fields = Fields::new(asked.iter().map(String::as_str));
        let config = Arc::clone(&self.config);
        Ok(Box::new(CsvRecords::start(cx.clone(), Plan { config, files, fields, asked })))
    }
}

fn look(cx: &Context, config: &CsvConfig, wish: Wish) -> Result<Found, Error> {
    cx.go_on()?;
    let files = config.path.find(cx)?;
    let (mut asked, takes_first) = match wish {
        Wish::Nothing => (Vec::new(), false),
        Wish::Fields(fields) => (fields, false),
        Wish::All => (Vec::new(), true),
    };
    let mut notes = Vec::new();
    let (mut names, mut all) = (Vec::new(), Vec::new());
    for (index, file) in files.iter().enumerate() {
        let opened = Opened::new(cx, config, file)?;
        let header = &opened.header;
        if index == 0 {
            names = header.table.used_names().map(str::to_owned).collect();
            all.clone_from(&names);
            if takes_first {
                asked.clone_from(&names);
            }
        }
        header.columns(&file.name, config, &asked)?;
        // What one of the files lacks, or has twice, is told with its name when it is opened.
        for name in header.table.used_names() {
            if !all.iter().any(|known| known == name) {
                all.push(name.to_owned());
            }
        }
        notes.push(opened.note(&file.name));
    }
    Ok(Found { files, notes, names, all })
}
