//! One pass over the records of the config.

use std::sync::Arc;

use peoplesync_source::{
    Batch, Context, End, Error, FieldTypes, Fields, Origin, Records, Rejected, Seen, Step, Value,
    async_trait,
};

use crate::config::StaticConfig;

/// How many records a batch has: enough that the call does not count, few enough that memory stays small.
const BATCH: usize = 1024;

/// A cursor over the records.
#[derive(Debug)]
pub(crate) struct StaticRecords {
    cx: Context,
    config: Arc<StaticConfig>,
    fields: Fields,
    seen: Seen,
    next: usize,
}

impl StaticRecords {
    pub(crate) fn new(cx: Context, config: Arc<StaticConfig>, fields: Fields) -> Self {
        Self { cx, config, fields, seen: Seen::new(), next: 0 }
    }

    /// Adds the record at a position, or its rejection.
    fn add(&mut self, index: usize, batch: &mut Batch) {
        let record = &self.config.records[index];
        let origin = Origin::entry(format!("record {} of the config", index + 1));
        let name = &self.config.key;
        let Some(key) = record.get(name).and_then(|value| value.as_key()) else {
            // Any of its texts might be the key that was meant.
            let texts = record.values().flat_map(|value| value.iter()).filter_map(text);
            let reason = format!("the key field `{name}` has no single text or whole number");
            batch.reject(Rejected::new(origin, reason).with_field(name).with_might_be(texts));
            return;
        };
        if let Some(rejected) = self.seen.rejection(&key, &origin) {
            batch.reject(rejected.with_field(name));
            return;
        }
        if let Some(mut writer) = batch.record(&key, origin) {
            for (position, field) in self.fields.iter().enumerate() {
                for value in record.get(field).into_iter().flat_map(|value| value.iter()) {
                    writer.push(position, value);
                }
            }
        }
    }
}

#[async_trait]
impl Records for StaticRecords {
    fn types(&self) -> FieldTypes {
        let of = |name: &str| {
            let mut found =
                self.config.records.iter().filter_map(|record| record.get(name)?.holds());
            let first = found.next()?;
            found.all(|other| other == first).then_some(first)
        };
        self.fields.iter().filter_map(|name| Some((name.to_owned(), of(name)?))).collect()
    }

    async fn next(&mut self) -> Result<Step, Error> {
        self.cx.go_on()?;
        if self.next == self.config.records.len() {
            return Ok(Step::End(End::complete()));
        }
        let mut batch = Batch::new(self.fields.clone());
        let end = self.config.records.len().min(self.next + BATCH);
        for index in self.next..end {
            self.add(index, &mut batch);
        }
        self.next = end;
        Ok(Step::Batch(batch))
    }
}

fn text(value: Value<'_>) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
