//! What a user may type. Values are checked here as far as that needs no file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Who generated these 503s, since when, why, and what to do next.
#[derive(Debug, Parser)]
#[command(
    name = "logscan503",
    version,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
#[command(after_help = "\
Exit codes: 0 ran, whatever it found; 1 a --fail-on condition is met; 2 usage or internal error;
3 no line of any input was understood; 4 some inputs unreadable or corrupt, or files named of
which no line was understood; 130/143 interrupted.
Examples:
  logscan503 /var/log/nginx
  tail -F access.log error.log | logscan503
  logscan503 --format json -o incident.json 'logs/**/*.gz'")]
pub(super) struct Cli {
    /// Another job than scanning.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of a scan.
    #[command(flatten)]
    pub scan: ScanArgs,
}

/// Jobs besides scanning.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Scan inputs (the same as without a command)
    Scan(Box<ScanArgs>),
    /// What a cause means, how it shows in logs, and what to do
    Explain {
        /// Id of the cause; without it, all causes are listed
        cause: Option<String>,
    },
    /// Every record as it is understood, one JSON object per line; other lines too
    Parse(ParseArgs),
    /// Formats that are understood; with files, what each was detected as and why
    Formats {
        /// Files to look at
        #[arg(value_name = "FILE")]
        paths: Vec<OsString>,
    },
    /// One report of several partial results (scan --partial FILE)
    Merge(Box<MergeArgs>),
    /// The JSON Schema of the timeline document (--format json)
    Schema,
    /// Shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, in roff
    Man,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Conditions that make the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// There is an incident
    Incident,
    /// An entry's origin is unknown
    Unknown,
    /// An incident goes on at the end of the input
    Ongoing,
}

/// What is read, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct InputArgs {
    /// Files, directories, quoted patterns, or - for standard input (the default)
    #[arg(value_name = "PATH")]
    pub paths: Vec<OsString>,

    /// Input format: a name (combined), an nginx `log_format` or Apache `LogFormat` string, or PATTERN=SPEC; repeatable
    #[arg(long, value_name = "SPEC")]
    pub log_format: Vec<String>,

    /// Take `log_format` definitions from an nginx configuration or the output of nginx -T; repeatable
    #[arg(long, value_name = "FILE")]
    pub nginx_conf: Vec<PathBuf>,

    /// Take `LogFormat` definitions from an Apache configuration; repeatable
    #[arg(long, value_name = "FILE")]
    pub apache_conf: Vec<PathBuf>,

    /// Zone of times without one: Europe/Paris, +02:00
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub tz: Option<String>,

    /// Worker threads [default: all cores]
    #[arg(short = 'j', long, value_name = "N")]
    pub threads: Option<usize>,

    /// Bytes of a range of a plain file, at most 1 MiB (for tests: the result must not depend on it)
    #[arg(long, value_name = "BYTES", hide = true)]
    pub range_bytes: Option<u64>,
}

/// Options of `parse`.
#[derive(Debug, Clone, Args)]
pub(super) struct ParseArgs {
    /// What is read, and how.
    #[command(flatten)]
    pub input: InputArgs,

    /// Put pseudonyms in place of clients, users, query strings, tokens and e-mail addresses; a new key for every run
    #[arg(long)]
    pub redact: bool,

    /// No messages on standard error
    #[arg(short, long)]
    pub quiet: bool,
}

/// Where the result goes, and what it looks like.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct ResultArgs {
    /// Output: text (default on a terminal), json (default when piped), entries, events, markdown, csv, csv-incidents,
    /// timesketch, timesketch-csv, sarif, grafana, prom, otlp, ecs
    #[arg(long, value_name = "F")]
    pub format: Option<String>,

    /// Write to FILE, replaced at the end as a whole; its extension decides the format
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Memory for facts and verdicts, e.g. 64M; what is more goes to temporary files
    #[arg(long, value_name = "SIZE", default_value = "40M")]
    pub memory: String,

    /// Directory of temporary files
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,

    /// Put consistent pseudonyms in place of clients, users, query strings, tokens and e-mail addresses
    #[arg(long)]
    pub redact: bool,

    /// An event you know of, such as a deploy, to place on timelines; TIME as for --since; repeatable
    #[arg(long, value_name = "TIME=TEXT", allow_hyphen_values = true)]
    pub mark: Vec<String>,

    /// Exit with 1 when this is so; repeatable
    #[arg(long, value_name = "CONDITION", value_enum)]
    pub fail_on: Vec<FailOn>,

    /// Leave out what differs between runs over the same input
    #[arg(long)]
    pub reproducible: bool,

    /// Colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,

    /// Draw with ASCII only
    #[arg(long)]
    pub ascii: bool,

    /// No messages on standard error
    #[arg(short, long)]
    pub quiet: bool,

    /// More messages on standard error
    #[arg(short, long)]
    pub verbose: bool,
}

/// Options of `merge`.
#[derive(Debug, Clone, Args)]
pub(super) struct MergeArgs {
    /// Partial results, in any order
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Where the inputs are now: their recorded paths are looked up below DIR
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,

    /// Worker threads [default: all cores]
    #[arg(short = 'j', long, value_name = "N")]
    pub threads: Option<usize>,

    /// Where the result goes.
    #[command(flatten)]
    pub result: ResultArgs,
}

/// Options of a scan.
#[derive(Debug, Clone, Args)]
pub(super) struct ScanArgs {
    /// Where the result goes.
    #[command(flatten)]
    pub result: ResultArgs,

    /// Write what was found to FILE, for logscan503 merge, and no report
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "output", "fail_on", "mark", "redact"])]
    pub partial: Option<PathBuf>,

    /// Statuses to explain: 503, lists, classes (502,503,504 or 5xx)
    #[arg(long, value_name = "LIST", default_value = "503")]
    pub status: String,

    /// What is read, and how.
    #[command(flatten)]
    pub input: InputArgs,

    /// Only from this time on: RFC 3339, 2026-06-01 02:00, 14:30, -2h, "90 minutes ago"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Only before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,

    /// Entries further apart than this are different incidents, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(i64).range(1..))]
    pub gap: i64,

    /// More cause rules, as JSON; repeatable
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
}
