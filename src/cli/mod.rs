//! Flags -> settings -> run -> bytes and an exit code. The only module that prints.
//!
//! A wrong flag, rule file or output path fails before the first byte of input is read.

mod args;
mod settings;
mod target;
mod when;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use clap::{CommandFactory, FromArgMatches};

use crate::analysis::{Analysis, AnalysisConfig, analyse, collect, conclude};
use crate::cause::CauseMatcher;
use crate::cause::advice::explain;
use crate::error::{Error, Result};
use crate::format::{FORMATS, FormatChoice};
use crate::input::expand;
use crate::output::{Results, RowStyle, TextStyle, sanitize, write_record};
use crate::redact::Redactor;
use crate::report::build::report;
use crate::report::schema::timeline_schema;
use crate::report::{Report, RunInfo};
use crate::scan::{Merging, Partial, ScanConfig, ScannedInput, merge, scan_lines, write_partial};
use crate::store::Budget;
use crate::taxonomy::{Cause, Origin};
use crate::time::Timestamp;

use args::{Cli, Command, FailOn, MergeArgs, ParseArgs, ResultArgs, ScanArgs};
use settings::{Settings, config_of, input_settings_of, settings_of, settings_under, threads_of};
use target::{FileTarget, Target};

/// Nothing of the input was understood.
const EXIT_NOT_UNDERSTOOD: u8 = 3;
/// Some inputs could not be read, or not to their end, or were named and hold no line of a log.
const EXIT_PARTLY_READ: u8 = 4;
/// Ended by a signal: this and its number, as shells count.
const EXIT_SIGNAL: i32 = 128;
/// Usage or internal error.
const EXIT_USAGE: u8 = 2;

/// Runs the program with the process's arguments and gives its exit code.
pub fn main() -> u8 {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::command()
        .try_get_matches_from(&argv)
        .and_then(|matches| Cli::from_arg_matches(&matches))
    {
        Ok(cli) => cli,
        Err(error) => {
            let code = error.exit_code();
            // Help and version go to standard output, errors to standard error.
            let _ = error.print();
            return if code == 0 { 0 } else { EXIT_USAGE };
        }
    };
    // Every input stays open, so that a rotation during the run loses nothing: archives may exceed the usual 1024.
    // Where the limit cannot be raised, the inputs past it are reported as unreadable.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let outcome = match cli.command {
        None => scan(&cli.scan, &argv),
        Some(Command::Scan(args)) => scan(&args, &argv),
        Some(Command::Explain { cause }) => explain_cause(cause.as_deref()),
        Some(Command::Parse(args)) => parse(&args),
        Some(Command::Formats { paths }) => formats(&paths),
        Some(Command::Merge(args)) => merge_partials(&args, &argv),
        Some(Command::Schema) => print(|out| {
            serde_json::to_writer_pretty(&mut *out, &timeline_schema())?;
            out.write_all(b"\n")
        }),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "logscan503", &mut io::stdout());
            Ok(0)
        }
        Some(Command::Man) => print(|out| clap_mangen::Man::new(Cli::command()).render(out)),
    };
    match outcome {
        Ok(code) => code,
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            complain(&chain(&error));
            EXIT_USAGE
        }
    }
}

/// An error and its sources, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// Says something on standard error. Nobody is left to tell if that fails.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "logscan503: {}", sanitize(text));
}

fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u8> {
    let mut out = io::stdout().lock();
    write(&mut out).and_then(|()| out.flush()).map_err(Error::Output)?;
    Ok(0)
}

fn scan(args: &ScanArgs, argv: &[OsString]) -> Result<u8> {
    let started = Started::now();
    let settings = settings_of(args, started.at)?;
    let own = matcher_of(&settings)?;
    let matcher = if let Some(own) = &own { own } else { CauseMatcher::built_in() };
    let config = config_of(&settings, matcher);
    if let Some(path) = &args.partial {
        return partial(args, path, &settings, &config);
    }
    let target = Target::open(&args.result, settings.output)?;
    let sources = expand(&args.input.paths)?;
    let stop = Stop::on_signals();
    // The process ends with it: to give its memory back piece by piece would only take time.
    let analysis = ManuallyDrop::new(analyse(sources, &config, &stop.interrupted)?);
    tell(&args.result, argv, &started, &analysis, &config, target, stop.signal())
}

/// The table with the rules of the user. `None`: there are none, so the built-in table will do, which is built once for
/// all that ask it.
fn matcher_of(settings: &Settings) -> Result<Option<CauseMatcher>> {
    match &settings.user_rules[..] {
        [] => Ok(None),
        rules => CauseMatcher::new(rules.to_vec()).map(Some),
    }
}

/// What was found, without verdicts, for a later merge.
fn partial(
    args: &ScanArgs,
    path: &Path,
    settings: &Settings,
    config: &AnalysisConfig<'_>,
) -> Result<u8> {
    let target = FileTarget::open(path)?;
    let sources = expand(&args.input.paths)?;
    let stop = Stop::on_signals();
    let found = collect(sources, config, &stop.interrupted)?;
    let code = reading_code(&found.inputs);
    if !args.result.quiet {
        for input in &found.inputs {
            if let Some(error) = &input.error {
                complain(&format!("{}: {error}", input.path.display()));
            }
        }
    }
    target.write(|out| write_partial(found, &settings.conditions, config.matcher, out))?;
    Ok(match stop.signal() {
        0 => code,
        signal => EXIT_SIGNAL as u8 + signal as u8,
    })
}

/// One report of several partial results.
fn merge_partials(args: &MergeArgs, argv: &[OsString]) -> Result<u8> {
    let started = Started::now();
    let partials =
        args.files.iter().map(|path| Partial::open(path)).collect::<Result<Vec<Partial>>>()?;
    let conditions = partials.first().map(|partial| partial.conditions().clone());
    let mut settings = settings_under(conditions.unwrap_or_default(), &args.result, started.at)?;
    settings.n_threads = threads_of(args.threads)?;
    let own = matcher_of(&settings)?;
    let matcher = if let Some(own) = &own { own } else { CauseMatcher::built_in() };
    let config = config_of(&settings, matcher);
    let target = Target::open(&args.result, settings.output)?;
    let budget = config.budget();
    let merging = Merging {
        matcher: config.matcher,
        formats: &config.formats,
        budget: budget.clone(),
        root: args.root.as_deref(),
    };
    let merged = merge(&partials, &merging)?;
    if !args.result.quiet {
        merged.notes.iter().for_each(|note| complain(note));
    }
    let analysis = conclude(merged.scan, &config, budget)?;
    tell(&args.result, argv, &started, &analysis, &config, target, 0)
}

/// When a run began.
struct Started {
    clock: Instant,
    at: Timestamp,
}

impl Started {
    fn now() -> Self {
        Started { clock: Instant::now(), at: Timestamp(chrono::Utc::now().timestamp_micros()) }
    }
}

/// Signals that end a run early, with a report.
struct Stop {
    interrupted: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
}

impl Stop {
    fn on_signals() -> Self {
        let (interrupted, number) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // A second signal ends the program at once; the first lets it report what it knows.
            let code = EXIT_SIGNAL + signal;
            let _ = signal_hook::flag::register_conditional_shutdown(
                signal,
                code,
                Arc::clone(&interrupted),
            );
            let _ = signal_hook::flag::register(signal, Arc::clone(&interrupted));
            let _ = signal_hook::flag::register_usize(signal, Arc::clone(&number), signal as usize);
        }
        Stop { interrupted, number }
    }

    /// The signal that came; 0 for none.
    fn signal(&self) -> usize {
        self.number.load(Ordering::Relaxed)
    }
}

/// Writes the report and what is to be said beside it.
fn tell(
    args: &ResultArgs,
    argv: &[OsString],
    started: &Started,
    analysis: &Analysis,
    config: &AnalysisConfig<'_>,
    target: Target,
    signal: usize,
) -> Result<u8> {
    let mut report = report(analysis, config)?;
    let code = exit_code(args, analysis, &report, signal);
    if !args.reproducible {
        report.run = Some(RunInfo {
            argv: argv.iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
            started_at: started.at,
            elapsed_ms: started.clock.elapsed().as_millis() as u64,
            exit_code: code,
            partial: analysis.interrupted,
        });
    }
    let is_text = target.is_text();
    target.write(&Results { analysis, config, report: &report, style: text_style(args) })?;
    if !args.quiet {
        talk(args, analysis, &report, is_text);
    }
    Ok(code)
}

/// What goes to standard error besides the result.
fn talk(args: &ResultArgs, analysis: &Analysis, report: &Report, is_text: bool) {
    let understood = report.inputs.iter().any(|input| input.lines.parsed > 0);
    let read: u64 = report.inputs.iter().map(|input| input.lines.read).sum();
    // The text output tells all this itself.
    if !is_text {
        for diagnostic in &report.diagnostics {
            if diagnostic.level == "warning" || args.verbose {
                complain(&diagnostic.message);
            }
        }
    }
    if !understood && read > 0 {
        let first =
            report.inputs.iter().find_map(|input| Some((input, input.first_unparsed.as_ref()?)));
        complain(&format!("0 of {read} lines match a known format"));
        if let Some((input, unparsed)) = first {
            complain(&format!("  {} line {}: {}", input.path, unparsed.line, unparsed.text));
            complain(
                "  try: --log-format '$remote_addr - $remote_user [$time_local] \"$request\" $status ...', or: logscan503 formats FILE",
            );
        }
    }
    if args.verbose {
        for (info, input) in report.inputs.iter().zip(&analysis.inputs) {
            let format = info.format.as_deref().unwrap_or("not understood");
            let layout = info.layout.as_deref().unwrap_or("-");
            complain(&format!(
                "{}: {format}, layout {layout}, {} lines",
                info.path, input.tally.lines.read
            ));
        }
    }
}

fn text_style(args: &ResultArgs) -> TextStyle {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_none_or(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8"));
    TextStyle { width: columns.unwrap_or(100usize).clamp(60, 160), unicode: unicode && !args.ascii }
}

/// The exit code; see the help text. An interrupt goes before conditions, conditions before faults of inputs.
fn exit_code(args: &ResultArgs, analysis: &Analysis, report: &Report, signal: usize) -> u8 {
    if signal != 0 {
        return EXIT_SIGNAL as u8 + signal as u8;
    }
    let met = args.fail_on.iter().any(|condition| match condition {
        FailOn::Incident => !report.incidents.is_empty(),
        FailOn::Unknown => report.totals.by_origin.get(&Origin::Unknown).is_some_and(|n| *n > 0),
        FailOn::Ongoing => {
            report.incidents.iter().any(|incident| incident.status == "ongoing_at_end")
        }
    });
    if met { 1 } else { reading_code(&analysis.inputs) }
}

/// The exit code by what could be read: of an input that was named something should be understood.
fn reading_code(inputs: &[ScannedInput]) -> u8 {
    if inputs.iter().any(|input| input.error.is_some()) {
        EXIT_PARTLY_READ
    } else if inputs.iter().all(|input| input.tally.lines.parsed == 0) {
        EXIT_NOT_UNDERSTOOD
    } else if inputs.iter().any(|input| {
        input.is_named_in_vain() || (input.is_named() && input.n_unread_requests() > 0)
    }) {
        EXIT_PARTLY_READ
    } else {
        0
    }
}

fn explain_cause(id: Option<&str>) -> Result<u8> {
    match id {
        None => print(|out| {
            for cause in Cause::ALL {
                writeln!(out, "{:<28} {}", cause.as_str(), cause.meaning())?;
            }
            Ok(())
        }),
        Some(id) => match Cause::from_id(id) {
            Some(cause) => print(|out| out.write_all(explain(cause).as_bytes())),
            None => Err(Error::Flag {
                flag: "explain",
                value: id.to_owned(),
                expected: "expected the id of a cause; `logscan503 explain` lists them".to_owned(),
            }),
        },
    }
}

/// Every line as it is understood. Rows go out as they come: the exit code is known at the end.
fn parse(args: &ParseArgs) -> Result<u8> {
    let settings = input_settings_of(&args.input)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let config = ScanConfig {
        chosen: [true; 1000],
        wanted: [true; 1000],
        n_threads: settings.n_threads,
        range_bytes: settings.range_bytes,
        matcher: CauseMatcher::built_in(),
        formats: &settings.formats,
        budget: Budget::new(settings.memory_bytes, None),
        interrupted: &interrupted,
    };
    let redactor = if args.redact { Some(Redactor::random()?) } else { None };
    let style = RowStyle { zone: settings.zone, redactor: redactor.as_ref() };
    let stdout = io::stdout();
    let mut out = io::BufWriter::with_capacity(64 << 10, stdout.lock());
    let mut inputs = Vec::new();
    for source in expand(&args.input.paths)? {
        let path = source.path.to_string_lossy().into_owned();
        let is_live = source.is_stream();
        let scanned = scan_lines(source, &config, &mut |line| {
            write_record(&line, &path, style, &mut out)?;
            // Someone may be watching a pipe.
            if is_live && line.ends_block { out.flush().map_err(Error::Output) } else { Ok(()) }
        })?;
        let Some(scanned) = scanned else { continue };
        if let Some(error) = scanned.error.as_ref().filter(|_| !args.quiet) {
            complain(&format!("{path}: {error}"));
        }
        if scanned.is_named_in_vain() && !args.quiet {
            let n_read = scanned.tally.lines.read;
            complain(&format!("{path}: 0 of {n_read} lines match a known format"));
        }
        inputs.push(scanned);
    }
    out.flush().map_err(Error::Output)?;
    Ok(reading_code(&inputs))
}

fn formats(paths: &[OsString]) -> Result<u8> {
    if paths.is_empty() {
        return print(|out| {
            for format in FORMATS {
                writeln!(out, "{:<16} {}", format.name(), format.summary())?;
            }
            Ok(())
        });
    }
    let sources = expand(paths)?;
    let settings = Settings { formats: FormatChoice::default(), ..Settings::default() };
    let config: AnalysisConfig<'_> = config_of(&settings, CauseMatcher::built_in());
    let analysis = analyse(sources, &config, &Arc::default())?;
    let report = report(&analysis, &config)?;
    print(|out| {
        for (info, input) in report.inputs.iter().zip(&analysis.inputs) {
            writeln!(out, "{}", sanitize(&info.path))?;
            if let Some(error) = &info.error {
                writeln!(out, "  error: {}", sanitize(error))?;
            }
            if let Some(plan) = &input.plan {
                let (sampled, understood) = plan.sampled;
                writeln!(out, "  sample: {understood} of {sampled} lines understood")?;
                for (index, reader) in plan.readers.iter().enumerate() {
                    let records = input.tally.by_reader.get(index).copied().unwrap_or(0);
                    if records > 0 || index < plan.n_detected {
                        let about = reader.about();
                        writeln!(
                            out,
                            "  {} ({}, {}): {records} records",
                            about.format,
                            about.server,
                            about.basis.as_str()
                        )?;
                        writeln!(out, "    layout: {}", sanitize(&about.layout))?;
                    }
                }
                for note in &plan.notes {
                    writeln!(out, "    {}", sanitize(note))?;
                }
            }
            let lines = info.lines;
            writeln!(
                out,
                "  lines: {} read, {} parsed, {} unparsed",
                lines.read, lines.parsed, lines.unparsed
            )?;
            if let Some(unparsed) = &info.first_unparsed {
                writeln!(
                    out,
                    "  first not understood: line {}: {}",
                    unparsed.line, unparsed.reason
                )?;
                writeln!(out, "    {}", sanitize(&unparsed.text))?;
            }
            let zone = info.tz.as_deref().unwrap_or("-");
            writeln!(out, "  zone: {zone} ({})", info.tz_basis.unwrap_or("no records"))?;
        }
        Ok(())
    })
}

/// True when standard output is a terminal.
fn to_terminal() -> bool {
    io::stdout().is_terminal()
}
