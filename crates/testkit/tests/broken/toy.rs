//! A connector that holds its people in its settings and has one deliberate fault, and the harness that stages it.

use std::fmt;
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use peoplesync_source::{
    Batch, Checked, Connector, Context, End, Error, ErrorKind, FieldType, FieldTypes, Fields,
    Origin, Query, Records, Rejected, Retry, Secret, Seen, Source, Step, Value, async_trait,
};
use peoplesync_testkit::{Harness, Large, SECRET, Scene, Situation, Stage, Table};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is wrong with the toy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    #[default]
    Nothing,
    AbortsAtBadRow,
    AbsolutePlaces,
    CancelledIsComplete,
    CheckAsksForMore,
    CutIsComplete,
    DeniedCanBeRetried,
    DropsBadRow,
    DropsRecordsLate,
    EmptyIsError,
    EmptyIsPartial,
    EmptyKeysPass,
    ForgetsFirstPlace,
    IgnoresCancel,
    JoinsLists,
    LeaksFile,
    LeaksTask,
    LeaksThread,
    MissingIsEmpty,
    MissingIsFinal,
    MistypesFields,
    NeverEnds,
    NoPlaces,
    OneBatch,
    PassesDiffer,
    RepeatsKeys,
    RenamesFields,
    SamePlaces,
    ShowsSecretInError,
    ShowsSecretInSource,
    Slurps,
    TrimsText,
    UnknownFieldIsEmpty,
    UnpinnedBadRow,
    WrongStructureIsEmpty,
}

/// The toy's settings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The names of the fields.
    fields: Vec<String>,
    /// The keys.
    keys: Vec<String>,
    /// The values of each field of each person.
    values: Vec<Vec<Vec<String>>>,
    /// The position of a spoiled person.
    bad: Option<usize>,
    /// What the world looks like.
    state: State,
    /// A credential.
    password: Option<Secret>,
    /// What is wrong.
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Good,
    Wrong,
    Missing,
    Denied,
    Cut,
    Large,
}

pub(crate) const EXAMPLE: &str = r#"
fields = ["name"]
keys = ["7"]
values = [[["Zoe"]]]
# bad = 0
# state = "good"
# password = "secret"
# fault = "nothing"
"#;

#[derive(Debug)]
pub(crate) struct Toy;

impl Connector for Toy {
    const KIND: &'static str = "toy";
    const EXAMPLE: &'static str = EXAMPLE;
    type Config = Config;

    fn build(config: Config) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(ToySource { config }))
    }
}

struct ToySource {
    config: Config,
}

impl fmt::Debug for ToySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.config.password, self.config.fault) {
            (Some(Secret::Plain(secret)), Fault::ShowsSecretInSource) => {
                write!(f, "toy {}", secret.expose())
            }
            _ => write!(f, "toy"),
        }
    }
}

static PASSES: AtomicUsize = AtomicUsize::new(0);
static LEAKED: Mutex<Vec<File>> = Mutex::new(Vec::new());

#[async_trait]
impl Source for ToySource {
    async fn check(&self, _: &Context) -> Result<Checked, Error> {
        if self.config.fault == Fault::CheckAsksForMore {
            return Err(Error::new(ErrorKind::Denied, "an administrator is needed"));
        }
        self.reach()?;
        Ok(Checked::default())
    }

    async fn open(&self, cx: &Context, query: &Query) -> Result<Box<dyn Records>, Error> {
        self.reach()?;
        let fault = self.config.fault;
        let known = |name: &&String| self.config.fields.contains(name);
        let asked = query.fields.as_ref().unwrap_or(&self.config.fields);
        if let Some(unknown) = asked.iter().find(|name| !known(name))
            && fault != Fault::UnknownFieldIsEmpty
        {
            return Err(Error::config(format!("there is no field {unknown}")));
        }
        if self.config.keys.is_empty() && fault == Fault::EmptyIsError {
            return Err(Error::malformed("nobody is here"));
        }
        match fault {
            Fault::LeaksThread => {
                std::thread::spawn(|| {
                    loop {
                        std::thread::park();
                    }
                });
            }
            Fault::LeaksTask => drop(tokio::spawn(std::future::pending::<()>())),
            Fault::LeaksFile => LEAKED.lock().unwrap().push(File::open("/dev/null").unwrap()),
            _ => {}
        }
        let renamed = if fault == Fault::RenamesFields { "x_" } else { "" };
        let count = match self.config.state {
            State::Large => Large { records: 100_000 }.records,
            _ => self.config.keys.len(),
        };
        Ok(Box::new(ToyRecords {
            config: self.config.clone(),
            cx: cx.clone(),
            fields: Fields::new(self.config.fields.iter().map(|name| format!("{renamed}{name}"))),
            seen: Seen::new(),
            next: 0,
            count,
            pass: PASSES.fetch_add(1, Ordering::Relaxed),
            hoard: Vec::new(),
        }))
    }
}

impl ToySource {
    fn reach(&self) -> Result<(), Error> {
        let fault = self.config.fault;
        let missing = || Error::unavailable("the toy is missing");
        match self.config.state {
            State::Missing if fault == Fault::MissingIsEmpty => Ok(()),
            State::Missing if fault == Fault::MissingIsFinal => {
                Err(missing().with_retry(Retry::Never))
            }
            State::Missing => Err(missing()),
            State::Denied => {
                let mut error = Error::new(ErrorKind::Denied, "no toys for you");
                if fault == Fault::DeniedCanBeRetried {
                    error = error.with_retry(Retry::Later(None));
                }
                if let (Fault::ShowsSecretInError, Some(Secret::Plain(secret))) =
                    (fault, &self.config.password)
                {
                    error = error.with_source(std::io::Error::other(secret.expose().to_owned()));
                }
                Err(error)
            }
            State::Wrong if fault != Fault::WrongStructureIsEmpty => {
                Err(Error::malformed("this is no toy"))
            }
            _ => Ok(()),
        }
    }
}

struct ToyRecords {
    config: Config,
    cx: Context,
    fields: Fields,
    seen: Seen,
    next: usize,
    count: usize,
    pass: usize,
    hoard: Vec<Batch>,
}

#[async_trait]
impl Records for ToyRecords {
    fn types(&self) -> FieldTypes {
        let holds = match self.config.fault {
            Fault::MistypesFields => FieldType::Integer,
            _ => FieldType::Text,
        };
        self.fields.iter().map(|name| (name.to_owned(), holds)).collect()
    }

    async fn next(&mut self) -> Result<Step, Error> {
        let fault = self.config.fault;
        if fault == Fault::CancelledIsComplete && self.cx.is_cancelled() {
            return Ok(Step::End(End::complete()));
        }
        if fault != Fault::IgnoresCancel {
            self.cx.go_on()?;
        }
        if fault == Fault::NeverEnds {
            return Ok(Step::Batch(Batch::new(self.fields.clone())));
        }
        if fault == Fault::Slurps && self.next == 0 {
            while self.next < self.count {
                let batch = self.batch(1_000)?;
                self.hoard.push(batch);
            }
            self.hoard.reverse();
        }
        if let Some(batch) = self.hoard.pop() {
            return Ok(Step::Batch(batch));
        }
        if self.next < self.count {
            let size = if fault == Fault::OneBatch { usize::MAX } else { 1_000 };
            return self.batch(size).map(Step::Batch);
        }
        let nobody = self.config.keys.is_empty() && fault == Fault::EmptyIsPartial;
        let cut = self.config.state == State::Cut && fault != Fault::CutIsComplete;
        Ok(Step::End(if nobody || cut { End::partial("cut") } else { End::complete() }))
    }
}

impl ToyRecords {
    fn batch(&mut self, most: usize) -> Result<Batch, Error> {
        let mut batch = Batch::new(self.fields.clone());
        while self.next < self.count && batch.len() < most {
            self.entry(&mut batch)?;
            self.next += 1;
        }
        Ok(batch)
    }

    fn entry(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let at = self.next;
        let fault = self.config.fault;
        if fault == Fault::DropsRecordsLate && at > 90_000 {
            return Ok(());
        }
        let place = match fault {
            Fault::SamePlaces => "toy 1".to_owned(),
            Fault::NoPlaces => String::new(),
            Fault::AbsolutePlaces => format!("{}/toy {at}", self.cx.resolve("").display()),
            _ => format!("toy {}", at + 1),
        };
        let origin = Origin::entry(place);
        if self.config.state == State::Large {
            let mut record = batch.record(&format!("key-{at}"), origin).unwrap();
            record.set(0, Value::Text(&format!("{at:08} ").repeat(45)));
            return Ok(());
        }
        let key = self.config.keys[at].clone();
        if self.config.bad == Some(at) {
            match fault {
                Fault::DropsBadRow => {}
                Fault::AbortsAtBadRow => return Err(Error::malformed("one person is bad")),
                Fault::UnpinnedBadRow => batch.reject(Rejected::new(origin, "spoiled")),
                _ => batch.reject(Rejected::new(origin, "spoiled").with_key(&key)),
            }
            return Ok(());
        }
        let key = match (key.as_str(), fault) {
            ("", Fault::EmptyKeysPass) => "-".to_owned(),
            ("", _) => {
                batch.reject(Rejected::new(origin, "the key is empty"));
                return Ok(());
            }
            _ => key,
        };
        if fault != Fault::RepeatsKeys
            && let Some(mut rejected) = self.seen.rejection(&key, &origin)
        {
            if fault == Fault::ForgetsFirstPlace {
                rejected.reason = "the key is repeated".into();
            }
            batch.reject(rejected);
            return Ok(());
        }
        let mut record = batch.record(&key, origin).unwrap();
        for (field, values) in self.config.values[at].iter().enumerate() {
            match fault {
                Fault::JoinsLists if values.len() > 1 => {
                    record.set(field, Value::Text(&values.join(";")));
                }
                Fault::PassesDiffer => {
                    record.set(field, Value::Integer(i64::try_from(self.pass).unwrap()));
                }
                Fault::TrimsText => {
                    values.iter().for_each(|value| record.push(field, Value::Text(value.trim())));
                }
                _ => values.iter().for_each(|value| record.push(field, Value::Text(value))),
            }
        }
        Ok(())
    }
}

/// Stages toys with one fault.
#[derive(Debug)]
pub(crate) struct ToyHarness(pub(crate) Fault);

impl Harness for ToyHarness {
    fn stage(&self, situation: &Situation) -> Stage {
        let (table, state, bad) = match situation {
            Situation::Rows(table)
            | Situation::Texts(table)
            | Situation::Lists(table)
            | Situation::Empty(table)
            | Situation::UnknownField(table)
            | Situation::EmptyKey { table, .. }
            | Situation::RepeatedKey { table, .. } => (table.clone(), "good", None),
            Situation::BadRow { table, bad } => (table.clone(), "good", Some(*bad)),
            Situation::Cut(table) => (table.clone(), "cut", None),
            Situation::WrongStructure(_) => (none(), "wrong", None),
            Situation::Missing => (none(), "missing", None),
            Situation::Denied | Situation::Secret => (none(), "denied", None),
            Situation::Large(_) => (none(), "large", None),
            Situation::Bytes(_) | Situation::Typed(_) | Situation::Times(_) => {
                return Stage::cannot("toys know text only");
            }
            Situation::Hostile => return Stage::cannot("toys are friendly"),
        };
        let quoted = |text: &str| toml_string(text);
        let list = |items: Vec<String>| format!("[{}]", items.join(", "));
        let values = table.rows.iter().map(|row| {
            list(
                row.values
                    .iter()
                    .map(|values| {
                        list(values.iter().map(|value| quoted(value.as_text().unwrap())).collect())
                    })
                    .collect(),
            )
        });
        let mut settings = format!(
            "fields = {}\nkeys = {}\nvalues = {}\nstate = \"{state}\"\nfault = {}\npassword = \"{SECRET}\"\n",
            list(table.fields.iter().map(|field| quoted(field)).collect()),
            list(table.rows.iter().map(|row| quoted(&row.key)).collect()),
            list(values.collect()),
            snake(self.0),
        );
        if let Some(bad) = bad {
            settings.push_str(&format!("bad = {bad}\n"));
        }
        Scene::new(settings, Context::for_tests("/nowhere/at/all")).into()
    }
}

fn none() -> Table {
    Table::new(&["name"], &[])
}

fn toml_string(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '"' | '\\' => format!("\\{letter}"),
            letter if letter.is_control() => format!("\\u{:04x}", u32::from(letter)),
            letter => letter.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// `Fault::OneBatch` as `"one_batch"`.
fn snake(fault: Fault) -> String {
    let mut name = String::new();
    for letter in format!("{fault:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    format!("\"{name}\"")
}
