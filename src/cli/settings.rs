//! Flags -> checked settings: lists, sizes, zones, times, formats, rules.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::GlobBuilder;

use super::args::{InputArgs, ResultArgs, ScanArgs};
use super::to_terminal;
use super::when::parse_time;
use crate::analysis::{AnalysisConfig, Mark};
use crate::attribute::zones::ZonePolicy;
use crate::cause::{CauseMatcher, Rule, parse_user_rules};
use crate::error::{Error, Result};
use crate::format::apache_conf::ApacheConf;
use crate::format::detect::GivenFormat;
use crate::format::nginx_conf::NginxConf;
use crate::format::{FORMATS, FormatChoice, Reader, apache_access, nginx_access};
use crate::incident::IncidentConfig;
use crate::output::{OUTPUTS, Output, by_extension, by_name};
use crate::redact::Redaction;
use crate::scan::{Conditions, ScanConfig};
use crate::time::{Timestamp, parse_offset};

/// How a time may be written.
const A_TIME: &str =
    "a time such as 2026-06-01T02:00:00Z, \"2026-06-01 02:00\", 14:30, -2h or \"90 minutes ago\"";

/// Smallest memory budget: below this, spilled runs get too many.
const MIN_MEMORY_BYTES: usize = 1 << 20;

/// What a run is to do, checked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub statuses: Vec<u16>,
    pub n_threads: usize,
    pub range_bytes: u64,
    pub formats: FormatChoice,
    pub user_rules: Vec<Rule>,
    pub memory_bytes: usize,
    pub temp_dir: Option<PathBuf>,
    pub zone: ZonePolicy,
    pub window: (Option<i64>, Option<i64>),
    pub gap_s: i64,
    pub marks: Vec<Mark>,
    pub redaction: Redaction,
    pub output: &'static dyn Output,
    /// What was asked for, as partial results record it.
    pub conditions: Conditions,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            statuses: vec![503],
            n_threads: default_threads(),
            range_bytes: ScanConfig::RANGE_BYTES,
            formats: FormatChoice::default(),
            user_rules: Vec::new(),
            memory_bytes: 40 << 20,
            temp_dir: None,
            zone: ZonePolicy::Unsaid,
            window: (None, None),
            gap_s: IncidentConfig::default().gap_s,
            marks: Vec::new(),
            redaction: Redaction::None,
            output: OUTPUTS[0],
            conditions: Conditions::default(),
        }
    }
}

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The configuration of an analysis.
pub(super) fn config_of<'c>(settings: &Settings, matcher: &'c CauseMatcher) -> AnalysisConfig<'c> {
    AnalysisConfig {
        statuses: settings.statuses.clone(),
        n_threads: settings.n_threads,
        range_bytes: settings.range_bytes,
        formats: settings.formats.clone(),
        matcher,
        memory_bytes: settings.memory_bytes,
        temp_dir: settings.temp_dir.clone(),
        zone: settings.zone,
        window: settings.window,
        incidents: IncidentConfig { gap_s: settings.gap_s, ..IncidentConfig::default() },
        marks: settings.marks.clone(),
        redaction: settings.redaction,
    }
}

/// Checks every flag. `now` is what relative times count from.
pub(super) fn settings_of(args: &ScanArgs, now: Timestamp) -> Result<Settings> {
    let input = input_settings_of(&args.input)?;
    let zone = input.zone;
    let time = |flag: &'static str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => parse_time(text, now, zone)
            .map(|time| Some(time.0))
            .ok_or_else(|| flag_error(flag, text, &format!("expected {A_TIME}"))),
    };
    let mut rules = Vec::new();
    for path in &args.rules {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.clone(), source })?;
        rules.push((path.to_string_lossy().into_owned(), text));
    }
    let conditions = Conditions {
        statuses: parse_statuses(&args.status)?,
        window: (time("--since", &args.since)?, time("--until", &args.until)?),
        gap_s: args.gap,
        rules,
        ..input.conditions.clone()
    };
    let result = settings_under(conditions, &args.result, now)?;
    Ok(Settings {
        n_threads: input.n_threads,
        range_bytes: input.range_bytes,
        formats: input.formats,
        ..result
    })
}

/// The settings for these conditions, whether just typed or recorded in a partial result.
pub(super) fn settings_under(
    conditions: Conditions,
    args: &ResultArgs,
    now: Timestamp,
) -> Result<Settings> {
    if let Some(directory) = args.temp_dir.as_ref().filter(|directory| !directory.is_dir()) {
        let value = directory.to_string_lossy();
        return Err(flag_error("--temp-dir", &value, "expected a directory that exists"));
    }
    let mut user_rules = Vec::new();
    for (path, text) in &conditions.rules {
        user_rules.extend(parse_user_rules(text, Path::new(path))?);
    }
    let zone = conditions.zone.as_deref().map_or(Ok(ZonePolicy::Unsaid), parse_zone)?;
    let mut marks =
        args.mark.iter().map(|mark| parse_mark(mark, now, zone)).collect::<Result<Vec<Mark>>>()?;
    marks.sort_unstable();
    Ok(Settings {
        statuses: conditions.statuses.clone(),
        marks,
        redaction: match (args.redact, args.reproducible) {
            (false, _) => Redaction::None,
            (true, false) => Redaction::RandomKey,
            (true, true) => Redaction::ContentKey,
        },
        user_rules,
        formats: format_choice(&conditions)?,
        memory_bytes: parse_size(&args.memory)?.max(MIN_MEMORY_BYTES),
        temp_dir: args.temp_dir.clone(),
        zone,
        window: conditions.window,
        gap_s: conditions.gap_s,
        output: output_of(args)?,
        conditions,
        ..Settings::default()
    })
}

/// `2026-06-01T02:00:00Z=deploy 1.4.2`: no form of a time holds a `=`.
fn parse_mark(mark: &str, now: Timestamp, zone: ZonePolicy) -> Result<Mark> {
    let refuse =
        |what: &str| flag_error("--mark", mark, &format!("expected TIME=TEXT with {what}"));
    let Some((time, text)) = mark.split_once('=') else {
        return Err(refuse("a time and a text"));
    };
    let at = parse_time(time, now, zone).ok_or_else(|| refuse(A_TIME))?.0;
    let text = text.trim();
    if text.is_empty() {
        return Err(refuse("a text"));
    }
    Ok(Mark { at, text: text.to_owned() })
}

/// More worker threads than this are a slip: starting them would take longer than any input.
const MAX_THREADS: usize = 1024;

/// The number of worker threads, checked.
pub(super) fn threads_of(threads: Option<usize>) -> Result<usize> {
    match threads {
        Some(n_threads) if !(1..=MAX_THREADS).contains(&n_threads) => {
            let expected = format!("expected 1 to {MAX_THREADS}");
            Err(flag_error("--threads", &n_threads.to_string(), &expected))
        }
        Some(n_threads) => Ok(n_threads),
        None => Ok(default_threads()),
    }
}

/// Checks the flags that say what is read, and how.
pub(super) fn input_settings_of(args: &InputArgs) -> Result<Settings> {
    let conf =
        |paths: &[PathBuf]| if paths.is_empty() { Ok(None) } else { read_all(paths).map(Some) };
    let conditions = Conditions {
        zone: args.tz.clone(),
        log_format: args.log_format.clone(),
        nginx_conf: conf(&args.nginx_conf)?,
        apache_conf: conf(&args.apache_conf)?,
        ..Conditions::default()
    };
    Ok(Settings {
        n_threads: threads_of(args.threads)?,
        range_bytes: args
            .range_bytes
            .unwrap_or(ScanConfig::RANGE_BYTES)
            .clamp(1, ScanConfig::RANGE_BYTES),
        formats: format_choice(&conditions)?,
        zone: args.tz.as_deref().map_or(Ok(ZonePolicy::Unsaid), parse_zone)?,
        conditions,
        ..Settings::default()
    })
}

fn flag_error(flag: &'static str, value: &str, expected: &str) -> Error {
    Error::Flag { flag, value: value.to_owned(), expected: expected.to_owned() }
}

/// `503`, `502,503`, `5xx`.
fn parse_statuses(list: &str) -> Result<Vec<u16>> {
    let mut statuses = Vec::new();
    for item in list.split(',').map(str::trim) {
        match item.as_bytes() {
            [class @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] => {
                let first = u16::from(class - b'0') * 100;
                statuses.extend(first..first + 100);
            }
            [_, _, _] if item.bytes().all(|byte| byte.is_ascii_digit()) => {
                statuses.extend(item.parse::<u16>().ok());
            }
            _ => {
                return Err(flag_error(
                    "--status",
                    list,
                    "expected codes and classes such as 503, 502,504 or 5xx",
                ));
            }
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    Ok(statuses)
}

/// `64M`, `1G`, `65536`, `512KiB`.
fn parse_size(text: &str) -> Result<usize> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match lower[digits.len()..].trim() {
        "" | "b" => Some(1usize),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = factor.and_then(|factor| digits.parse::<usize>().ok()?.checked_mul(factor));
    bytes.ok_or_else(|| flag_error("--memory", text, "expected a size such as 64M or 1G"))
}

/// `Europe/Paris`, `+02:00`, `UTC`.
fn parse_zone(text: &str) -> Result<ZonePolicy> {
    if let Some(offset_s) = parse_offset(text.as_bytes()) {
        return Ok(ZonePolicy::Offset(offset_s));
    }
    text.parse::<chrono_tz::Tz>().map(ZonePolicy::Named).map_err(|_| {
        flag_error(
            "--tz",
            text,
            "expected a zone such as Europe/Paris, or an offset such as +02:00",
        )
    })
}

fn output_of(args: &ResultArgs) -> Result<&'static dyn Output> {
    if let Some(name) = &args.format {
        let known = || OUTPUTS.iter().map(|output| output.name()).collect::<Vec<_>>().join(", ");
        return by_name(name)
            .ok_or_else(|| flag_error("--format", name, &format!("expected one of: {}", known())));
    }
    let extension = args.output.as_ref().and_then(|path| path.extension()?.to_str());
    let by_default = if args.output.is_none() && to_terminal() { "text" } else { "json" };
    extension
        .and_then(by_extension)
        .or_else(|| by_name(by_default))
        .ok_or_else(|| flag_error("--format", by_default, "no such output"))
}

/// `SPEC` or `PATTERN=SPEC`, and configuration files.
fn format_choice(conditions: &Conditions) -> Result<FormatChoice> {
    let mut choice = FormatChoice::default();
    for spec in &conditions.log_format {
        let (pattern, body) = split_binding(spec);
        let reader = reader_of(body)
            .map_err(|reason| Error::Format { origin: format!("--log-format {spec}"), reason })?;
        let pattern = match pattern {
            None => None,
            Some(pattern) => {
                let glob = GlobBuilder::new(pattern).build().map_err(|error| {
                    flag_error(
                        "--log-format",
                        spec,
                        &format!("expected PATTERN=SPEC with a valid pattern ({error})"),
                    )
                })?;
                Some(glob.compile_matcher())
            }
        };
        choice.given.push(GivenFormat { pattern, reader });
    }
    choice.nginx_conf = conditions.nginx_conf.as_deref().map(NginxConf::parse);
    choice.apache_conf = conditions.apache_conf.as_deref().map(ApacheConf::parse);
    Ok(choice)
}

/// Configuration files, one behind the other.
fn read_all(paths: &[PathBuf]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for path in paths {
        let conf =
            std::fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        text.extend(conf);
        text.push(b'\n');
    }
    Ok(text)
}

/// The reader of a format string. What no format knows as its own is Apache's where it has `%`, and nginx's otherwise:
/// its strings have `$`, and a bare name is looked up.
fn reader_of(spec: &str) -> std::result::Result<Arc<dyn Reader>, String> {
    if let Some(reader) = FORMATS.iter().find_map(|format| format.given(spec)) {
        return reader;
    }
    let first = spec.split_whitespace().next().unwrap_or_default();
    let is_apache =
        first.eq_ignore_ascii_case("LogFormat") || (spec.contains('%') && !spec.contains('$'));
    if is_apache {
        return apache_access::parse_spec(spec).map(|reader| Arc::new(reader) as Arc<dyn Reader>);
    }
    nginx_access::parse_spec(spec).map(|reader| Arc::new(reader) as Arc<dyn Reader>)
}

/// Splits `access*.log=combined`; a format string itself has `$` before any `=` that it holds.
fn split_binding(spec: &str) -> (Option<&str>, &str) {
    match spec.split_once('=') {
        Some((pattern, body))
            if !pattern.is_empty()
                && !pattern.contains(['$', '%', '"', ' '])
                && pattern != "escape"
                && pattern != "accesslog.format" =>
        {
            (Some(pattern), body)
        }
        _ => (None, spec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lists() {
        assert_eq!(parse_statuses("503").unwrap(), [503]);
        assert_eq!(parse_statuses("504, 502,503,502").unwrap(), [502, 503, 504]);
        assert_eq!(parse_statuses("5xx").unwrap().len(), 100);
        for bad in ["", "50", "abc", "503,", "0xx"] {
            assert!(parse_statuses(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64M").unwrap(), 64 << 20);
        assert_eq!(parse_size("1 GiB").unwrap(), 1 << 30);
        assert_eq!(parse_size("4096").unwrap(), 4096);
        assert!(parse_size("lots").is_err());
        assert!(parse_size("9999999999999G").is_err());
    }

    #[test]
    fn bindings_of_formats_to_files() {
        assert_eq!(split_binding("access*.log=combined"), (Some("access*.log"), "combined"));
        assert_eq!(split_binding("$msec status=$status"), (None, "$msec status=$status"));
        assert_eq!(split_binding("escape=json $msec $status"), (None, "escape=json $msec $status"));
        assert_eq!(split_binding("combined"), (None, "combined"));
    }
}
