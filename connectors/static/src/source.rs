//! A configured static source: what can be said before a pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use peoplesync_source::{Checked, Context, Error, Fields, Query, Records, Source, async_trait};

use crate::config::StaticConfig;
use crate::records::StaticRecords;

/// The people of one config.
#[derive(Debug)]
pub(crate) struct StaticSource {
    config: Arc<StaticConfig>,
}

impl StaticSource {
    pub(crate) fn new(config: StaticConfig) -> Self {
        Self { config: Arc::new(config) }
    }

    /// All fields of all records, in the order of their names.
    fn all_fields(&self) -> BTreeSet<&str> {
        self.config.records.iter().flat_map(|record| record.keys().map(String::as_str)).collect()
    }

    /// That the records have these fields. With nobody in the config there is nothing to compare with.
    fn expect_fields<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let all = self.all_fields();
        for name in names {
            if !all.is_empty() && !all.contains(name) {
                let known = Vec::from_iter(all).join(", ");
                return Err(Error::config(format!("no record has the field `{name}`"))
                    .with_hint(format!("the fields of the records are {known}")));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Source for StaticSource {
    async fn check(&self, _: &Context) -> Result<Checked, Error> {
        self.expect_fields([self.config.key.as_str()])?;
        let fields = self.all_fields().into_iter().map(str::to_owned).collect();
        let notes = vec![format!("{} records in the config", self.config.records.len())];
        Ok(Checked { fields: Some(fields), used: None, notes })
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        self.expect_fields([self.config.key.as_str()])?;
        let fields = match &query.fields {
            None => Fields::new(self.all_fields()),
            Some(names) => {
                self.expect_fields(names.iter().map(String::as_str))?;
                Fields::new(names.iter().map(String::as_str))
            }
        };
        Ok(Box::new(StaticRecords::new(cx.clone(), Arc::clone(&self.config), fields)))
    }
}
