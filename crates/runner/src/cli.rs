//! The command line. Every command's help ends with an example.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ColorChoice, Parser, Subcommand};
use peoplesync_reconcile::Action;

/// Keeps the people of a SCIM service in step with where they really live.
#[derive(Debug, Parser)]
#[command(
    name = "peoplesync",
    version,
    after_help = "Start with `peoplesync demo`: it needs no setup."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The config file.
    #[arg(
        long,
        short,
        global = true,
        env = "PEOPLESYNC_CONFIG",
        default_value = "peoplesync.toml",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) config: PathBuf,
    /// Say more: -v what is done, -vv each request. Personal values stay masked.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say less: results and errors only.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Whether to colour the output.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the main job on sample people: load, plan, apply, and a second plan that is empty.
    #[command(after_help = "Example:\n  peoplesync demo")]
    Demo,
    /// Write a config: look at a source, and propose a mapping by the names of its fields.
    #[command(
        after_help = "It asks for what no flag says, at a terminal.\n\nExample:\n  peoplesync init --source people.csv --url https://scim.example.com/v2"
    )]
    Init(InitArgs),
    /// Test config, expressions, source and target without writing.
    #[command(after_help = "Example:\n  peoplesync check --config hr.toml")]
    Check {
        /// Also ask whether accounts may be changed: by a PATCH to the account 00000000-0000-0000-0000-000000000000, which cannot exist.
        #[arg(long)]
        write: bool,
    },
    /// Show every change that an apply would make. Writes nothing to the target.
    #[command(
        after_help = "Exit code 10 says that there are changes, 0 that there are none.\n\nExample:\n  peoplesync plan --out monday.plan"
    )]
    Plan(PlanArgs),
    /// Apply a saved plan exactly; or plan, ask, and apply.
    #[command(
        after_help = "Example:\n  peoplesync apply monday.plan\n  peoplesync apply --yes\n  peoplesync apply --kind create --only 4711"
    )]
    Apply(ApplyArgs),
    /// Let a refused plan pass, once: by its saved file, or by its hash.
    #[command(
        after_help = "The next apply of exactly this plan uses the approval up.\n\nExample:\n  peoplesync approve monday.plan --reason \"the Oslo office closes, ticket 4711\"\n  peoplesync approve sha256:9f86d0… --reason \"they really left\""
    )]
    Approve(ApproveArgs),
    /// Show one person step by step: record, scope, attributes, link, account, change. Writes nothing.
    #[command(after_help = "Example:\n  peoplesync preview 4711")]
    Preview {
        /// The key of the person in the source.
        key: String,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// The lasting pairs of source key and account id.
    #[command(subcommand, after_help = "Example:\n  peoplesync links show 4711")]
    Links(LinksCommand),
    /// What was done, when, why, old and new.
    #[command(after_help = "Example:\n  peoplesync history --person 4711")]
    History(HistoryArgs),
    /// Make a config from the export of another program.
    #[command(
        subcommand,
        after_help = "Example:\n  peoplesync import entra schema.json --out peoplesync.toml"
    )]
    Import(ImportCommand),
    /// The accounts at the target, with their links.
    #[command(
        subcommand,
        after_help = "Example:\n  peoplesync target list zoe\n  peoplesync target delete 2819c223"
    )]
    Target(TargetCommand),
    /// The functions of the expression language, or one of them with examples.
    #[command(after_help = "Example:\n  peoplesync functions FormatDateTime")]
    Functions(FunctionsArgs),
    /// Run as a service: by the schedule, until told to stop.
    #[command(
        after_help = "SIGTERM finishes what is under way and stops, SIGHUP reads the config again.\n\nExample:\n  peoplesync run --config hr.toml"
    )]
    Run {
        /// Run once at once, before anything is due.
        #[arg(long)]
        now: bool,
    },
    /// Show how the job is: last runs, quarantine, who waits for another try, and the plan that waits for an approval.
    #[command(
        after_help = "Exit code 5 says that the job is in quarantine.\n\nExample:\n  peoplesync status"
    )]
    Status {
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Try again at once whoever waits for another try, and end the quarantine.
    #[command(after_help = "Example:\n  peoplesync resume --person 4711")]
    Resume(ResumeArgs),
    /// Run the mapping tests that stand in the config.
    #[command(after_help = "Example:\n  peoplesync test --config hr.toml")]
    Test,
    /// Serve a SCIM service provider on loopback, for rehearsals.
    #[command(after_help = "Example:\n  peoplesync simulate --port 8080 --token secret")]
    Simulate(SimulateArgs),
    /// Print the JSON Schema of the config.
    #[command(after_help = "Example:\n  peoplesync schema > peoplesync.schema.json")]
    Schema,
    /// Print the completions of a shell.
    #[command(
        after_help = "Example:\n  peoplesync completions bash > /etc/bash_completion.d/peoplesync"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(after_help = "Example:\n  peoplesync man | man -l -")]
    Man,
}

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub(crate) struct InitArgs {
    /// The file with the people, relative to the config file.
    #[arg(long, value_name = "FILE")]
    pub(crate) source: Option<String>,
    /// The connector; by the ending of the file if not given.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// The column that never changes for a person; a likely one if not given.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) key: Option<String>,
    /// The base URL of the SCIM service.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The profile of the service: a name from config/profiles.
    #[arg(long, value_name = "NAME", default_value = "generic")]
    pub(crate) profile: String,
    /// Write over a config that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlanArgs {
    /// Save the plan to this file, for `apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Read everybody, not only what changed since the last run, and compare with every account at the target.
    #[arg(long)]
    pub(crate) full: bool,
    /// How many changes of each kind the text shows; 0 shows all.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) show: usize,
}

/// Arguments of `apply`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved by `plan --out`.
    pub(crate) plan: Option<PathBuf>,
    /// Do not ask. A refused plan stays refused until it is approved.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// As `peoplesync run` does, for timers: nobody is asked, whoever waits for another try is left out, and so is the whole run in
    /// quarantine; notifications are sent.
    #[arg(long, conflicts_with_all = ["plan", "only", "kind", "signature", "json"])]
    pub(crate) unattended: bool,
    /// Only the change of the person with this key; may be said several times.
    #[arg(long, value_name = "KEY")]
    pub(crate) only: Vec<String>,
    /// Only changes of this kind: create, adopt, update, reactivate, deactivate, delete or unlink; may be said several times.
    #[arg(long, value_name = "KIND", value_parser = action)]
    pub(crate) kind: Vec<Action>,
    /// Read each account after it was written, to see what the target has made of it. It costs a request each.
    #[arg(long)]
    pub(crate) verify: bool,
    /// The signature that approves the plan; PLAN.minisig if not given.
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub(crate) signature: Option<PathBuf>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Read everybody, not only what changed since the last run, and compare with every account at the target.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) full: bool,
    /// How many changes of each kind the text shows; 0 shows all.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) show: usize,
}

/// Arguments of `resume`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ResumeArgs {
    /// Only the person or group with this key; the quarantine stays.
    #[arg(long, value_name = "KEY")]
    pub(crate) person: Option<String>,
}

/// A kind of change by its name.
fn action(text: &str) -> Result<Action, String> {
    Action::ALL.into_iter().find(|action| action.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Arguments of `approve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApproveArgs {
    /// A plan saved by `plan --out`, or the hash of a plan: `sha256:…`.
    pub(crate) plan: String,
    /// Why it is right; kept with the approval.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who approves; the user who runs the command if not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
}

/// Commands on links.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum LinksCommand {
    /// List them.
    List {
        /// Only those whose key or id contains this.
        #[arg(value_name = "TEXT")]
        search: Option<String>,
        /// Groups instead of people.
        #[arg(long)]
        groups: bool,
        /// One JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show one.
    Show {
        /// The key in the source.
        key: String,
        /// A group.
        #[arg(long)]
        groups: bool,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Compare the links with the target: accounts that are gone, that have the same name, or that belong to nobody.
    #[command(
        after_help = "Reads both sides and writes nothing. Exit code 5 says that something needs a hand.\n\nExample:\n  peoplesync links doctor"
    )]
    Doctor {
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Link people to accounts that exist, by a CSV file with the columns key and id.
    #[command(
        after_help = "What `links export` printed is such a file. The accounts are looked up first.\n\nExample:\n  peoplesync links import pairs.csv"
    )]
    Import {
        /// The file.
        file: PathBuf,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Print all of them as CSV or JSON.
    Export {
        /// Groups instead of people.
        #[arg(long)]
        groups: bool,
        /// JSON instead of CSV.
        #[arg(long)]
        json: bool,
    },
    /// Say that the same accounts have moved: the links are from now on to the target.url of the config.
    Retarget {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Forget one: the account stays, and is matched anew if the person is still in scope.
    Forget {
        /// The key in the source.
        key: String,
        /// A group.
        #[arg(long)]
        groups: bool,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

/// Where an export comes from.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ImportCommand {
    /// From the provisioning schema of Microsoft Entra ID, as Microsoft Graph exports it. What cannot be carried over is listed.
    Entra {
        /// The export: JSON with `synchronizationRules`.
        file: PathBuf,
        /// Write the config to this new file instead of printing it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Commands on the accounts at the target.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TargetCommand {
    /// List them. Reads all of them.
    List {
        /// Only those whose id, name or key contains this.
        #[arg(value_name = "TEXT")]
        search: Option<String>,
        /// Groups instead of people.
        #[arg(long)]
        groups: bool,
        /// How they are printed.
        #[arg(long, value_enum, default_value_t = TargetFormat::Table)]
        format: TargetFormat,
        /// The same as `--format json`.
        #[arg(long, conflicts_with = "format")]
        json: bool,
    },
    /// Show one as the target has it.
    Show {
        /// Its id, its userName, or the key that it is linked to.
        account: String,
        /// A group.
        #[arg(long)]
        groups: bool,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Delete one that was created in error, and its link. What it is, is shown before it is asked.
    #[command(
        after_help = "Some providers delete only accounts that nobody has ever claimed.\n\nExample:\n  peoplesync target delete 2819c223"
    )]
    Delete {
        /// Its id, its userName, or the key that it is linked to.
        account: String,
        /// A group.
        #[arg(long)]
        groups: bool,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

/// How accounts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TargetFormat {
    /// A table for people.
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON document.
    Json,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Args)]
pub(crate) struct HistoryArgs {
    /// Only what concerns the person with this key.
    #[arg(long, value_name = "KEY")]
    pub(crate) person: Option<String>,
    /// Only what this run did.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<i64>,
    /// The runs instead of what they did: when, who, what came of it, who approved.
    #[arg(long, conflicts_with_all = ["person", "run"])]
    pub(crate) runs: bool,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// One JSON document a line, for other programs: all of it, oldest first, unless --limit says otherwise.
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// How many entries, newest first.
    #[arg(long, value_name = "N", help = "How many entries, newest first [default: 100]")]
    pub(crate) limit: Option<usize>,
}

/// Arguments of `functions`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FunctionsArgs {
    /// The function; all of them without it.
    #[arg(ignore_case = true, value_parser = functions(), hide_possible_values = true)]
    pub(crate) name: Option<String>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The names of all functions, so that completions know them and a mistyped one is answered with the nearest.
fn functions() -> PossibleValuesParser {
    let all = peoplesync_mapping::functions::all().iter();
    all.map(|function| PossibleValue::new(function.name).help(function.one_line))
        .collect::<Vec<_>>()
        .into()
}

/// Arguments of `simulate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SimulateArgs {
    /// The port on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// The bearer token that callers must send; none: everybody on this machine may call.
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Behave as the services of this profile: a name from config/profiles, or the path of a profile file.
    #[arg(long, value_name = "NAME", default_value = "generic")]
    pub(crate) profile: String,
    /// Take many changes in one request (RFC 7644, section 3.7), as the profile's services mostly do not.
    #[arg(long)]
    pub(crate) bulk: bool,
    /// Take requests at any pace, whatever rates the profile states.
    #[arg(long)]
    pub(crate) no_limits: bool,
    /// Keep the accounts in this file from one start to the next.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
}
