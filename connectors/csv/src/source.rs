//! A configured CSV source: finds its files and looks at their headers before a pass.

use std::sync::Arc;

use peoplesync_source::{
    Checked, Context, Error, ErrorKind, Fields, Query, Records, Source, async_trait,
};

use crate::config::CsvConfig;
use crate::files::{self, SourceFile};
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
}

impl CsvSource {
    pub(crate) fn new(config: CsvConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    /// Finds the files and reads their headers, on a thread that may block.
    async fn look(&self, cx: &Context, asked: Option<Vec<String>>) -> Result<Found, Error> {
        let (cx, config) = (cx.clone(), Arc::clone(&self.config));
        let looked = tokio::task::spawn_blocking(move || look(&cx, &config, asked)).await;
        looked.unwrap_or_else(|panic| {
            Err(Error::new(ErrorKind::Internal, "looking at the files failed").with_source(panic))
        })
    }
}

#[async_trait]
impl Source for CsvSource {
    async fn check(&self, cx: &Context) -> Result<Checked, Error> {
        let Found { notes, names, .. } = self.look(cx, None).await?;
        Ok(Checked { fields: Some(names), notes })
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        let Found { files, names, .. } = self.look(cx, query.fields.clone()).await?;
        // Every file is bound to these, whatever the order of its own columns.
        let asked = query.fields.clone().unwrap_or(names);
        let fields = Fields::new(asked.iter().map(String::as_str));
        let config = Arc::clone(&self.config);
        Ok(Box::new(CsvRecords::start(cx.clone(), Plan { config, files, fields, asked })))
    }
}

fn look(cx: &Context, config: &CsvConfig, asked: Option<Vec<String>>) -> Result<Found, Error> {
    cx.go_on()?;
    let files = files::find(cx, &config.path)?;
    let mut asked = asked;
    let mut notes = Vec::new();
    let mut names = Vec::new();
    for file in &files {
        let opened = Opened::new(cx, config, file)?;
        opened.header.columns(&file.name, config, asked.as_deref())?;
        notes.push(opened.note(&file.name));
        if names.is_empty() {
            names = opened.header.used_names().map(str::to_owned).collect();
        }
        // Without a wish, all files must have what the first one has: a record means the same in each.
        asked.get_or_insert_with(|| names.clone());
    }
    Ok(Found { files, notes, names })
}
