//! Apache configuration: which log has which format.
//!
//! In: a configuration file, or several in one text (`apachectl -t -D DUMP_CONFIG`). Out: [`ApacheConf`]: formats,
//! logs, and what could not be read.
//! Invariants: no input makes it fail as a whole; a broken part is skipped and told in `diagnostics`. Included files
//! are not opened; `<IfModule>`, `<IfDefine>` and the like are read as if they applied.
//! Source: Apache httpd 2.4 `server/config.c`, `server/util.c` (`ap_getword_conf`), `mod_log_config.c`, `server/core.c`.

mod words;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::words::{Line, lines, words};
use super::apache_access::COMMON;
use super::log_path::best_first;

/// A format of access logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    /// Its nickname; empty for one that a `CustomLog` spells out, or that a `LogFormat` gives as the default.
    pub name: String,
    /// Its text, the escapes of its quotes undone.
    pub body: String,
}

/// A `CustomLog`, `GlobalLog` or `TransferLog` directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// The path as written, where known variables are replaced; a program's (`|rotatelogs ...`) is its file argument,
    /// with `${Y}` for `%Y`.
    pub path: String,
    /// Index of its format in [`ApacheConf::formats`].
    pub format_idx: usize,
}

/// An `ErrorLog` directive that writes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLog {
    /// The path, as in [`AccessLog::path`].
    pub path: String,
    /// The `ErrorLogFormat` in force for it; `None`: the server's own.
    pub format: Option<String>,
}

/// A part of a configuration that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line in the text, from 1.
    pub line: usize,
    /// What was expected.
    pub message: String,
}

/// What an Apache configuration says of logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApacheConf {
    /// The formats, in the order read. The first is always the built-in one, `common`.
    pub formats: Vec<LogFormat>,
    /// The access logs, in the order read. Several may name the same file.
    pub access_logs: Vec<AccessLog>,
    /// The error logs, in the order read.
    pub error_logs: Vec<ErrorLog>,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// Index of a server: 0 is the main one, the others are `<VirtualHost>`s.
type ServerIdx = usize;

/// What a log directive says of its format, before all formats are known.
#[derive(Debug)]
enum Wanted {
    /// A nickname or the text of a format.
    Named(String),
    /// The last `LogFormat` without nickname.
    Default,
}

/// What was read so far. Formats of a server are looked up when all have been read: the last one wins.
#[derive(Debug, Default)]
struct Reading {
    conf: ApacheConf,
    /// Server of each format of `conf.formats`.
    owners: Vec<ServerIdx>,
    wanted: Vec<(ServerIdx, usize, String, Wanted)>,
    error_logs: Vec<(ServerIdx, String)>,
    error_formats: HashMap<ServerIdx, String>,
    variables: HashMap<String, String>,
    server: ServerIdx,
    n_servers: usize,
}

impl ApacheConf {
    /// Reads a configuration.
    ///
    /// # Examples
    ///
    /// ```
    /// use logscan503::format::apache_conf::ApacheConf;
    ///
    /// let conf = ApacheConf::parse(
    ///     b"LogFormat \"%h %t \\\"%r\\\" %>s\" brief\nCustomLog ${APACHE_LOG_DIR}/shop.log brief\n",
    /// );
    /// let format = conf.format_for("incident/shop.log.2.gz").expect("the log is known");
    /// assert_eq!(format.body, "%h %t \"%r\" %>s");
    /// ```
    pub fn parse(text: &[u8]) -> ApacheConf {
        let text = String::from_utf8_lossy(text);
        let mut reading = Reading::default();
        reading.add_format(0, "common", COMMON);
        for line in lines(&text) {
            if let Err(message) = reading.read_line(&line) {
                reading.conf.diagnostics.push(Diagnostic { line: line.number, message });
            }
        }
        reading.finished()
    }

    /// The format by a nickname, compared as Apache does: with regard to case. The last definition holds.
    pub fn format(&self, name: &str) -> Option<&LogFormat> {
        self.formats.iter().rfind(|format| format.name == name)
    }

    /// The format of a log file: the best of [`ApacheConf::formats_for`].
    pub fn format_for(&self, path: &str) -> Option<&LogFormat> {
        self.formats_for(path).first().copied()
    }

    /// The formats that a log file may have, best match first, without repetition.
    ///
    /// A file matches a directive by its name; the more directories agree, the better. A variable in the directive
    /// matches any text, and the names that rotation makes (`access.log.2.gz`, `access.log-20261120`) count as the log.
    pub fn formats_for(&self, path: &str) -> Vec<&LogFormat> {
        let mut formats: Vec<&LogFormat> = Vec::new();
        for log in best_first(&self.access_logs, |log| &log.path, path) {
            if let Some(format) = self.formats.get(log.format_idx)
                && !formats.contains(&format)
            {
                formats.push(format);
            }
        }
        formats
    }

    /// The directive that writes an error log file, if any does.
    pub fn error_log_for(&self, path: &str) -> Option<&ErrorLog> {
        best_first(&self.error_logs, |log| &log.path, path).first().copied()
    }
}

impl Reading {
    fn add_format(&mut self, server: ServerIdx, name: &str, body: &str) -> usize {
        self.conf.formats.push(LogFormat { name: name.to_owned(), body: body.to_owned() });
        self.owners.push(server);
        self.conf.formats.len() - 1
    }

    fn read_line(&mut self, line: &Line) -> Result<(), String> {
        let text = self.with_variables(&line.text);
        if let Some(section) = text.strip_prefix('<') {
            let name = section.trim_end_matches('>').split_whitespace().next().unwrap_or_default();
            if name.eq_ignore_ascii_case("VirtualHost") {
                self.n_servers += 1;
                self.server = self.n_servers;
            } else if name.eq_ignore_ascii_case("/VirtualHost") {
                self.server = 0;
            }
            return Ok(());
        }
        let directive = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let is_known = matches!(
            directive.as_str(),
            "define"
                | "logformat"
                | "customlog"
                | "globallog"
                | "transferlog"
                | "errorlog"
                | "errorlogformat"
        );
        if !is_known {
            return Ok(());
        }
        let all = words(&text)
            .ok_or_else(|| format!("{directive}: expected a quoted word to be closed"))?;
        let values: Vec<&str> = all.iter().skip(1).map(String::as_str).collect();
        match (directive.as_str(), values.as_slice()) {
            ("define", [name, value, ..]) => {
                self.variables.insert((*name).to_owned(), (*value).to_owned());
            }
            ("logformat", [body, rest @ ..]) => {
                let name = rest.first().copied().unwrap_or_default();
                self.add_format(self.server, name, body);
            }
            ("customlog" | "globallog", [path, rest @ ..]) => {
                let format = rest.first().filter(|word| !is_condition(word));
                let wanted = Wanted::Named(format.copied().unwrap_or("common").to_owned());
                self.want(line.number, path, wanted);
            }
            ("transferlog", [path, ..]) => self.want(line.number, path, Wanted::Default),
            ("errorlog", [path, ..]) => {
                if let Some(path) = file_of(path) {
                    self.error_logs.push((self.server, path));
                }
            }
            // `connection` and `request` formats are for extra lines.
            ("errorlogformat", [body]) => {
                self.error_formats.insert(self.server, (*body).to_owned());
            }
            ("define", _) | ("errorlogformat", [_, _]) => {}
            _ => return Err(format!("{directive}: expected a value")),
        }
        Ok(())
    }

    fn want(&mut self, line: usize, path: &str, wanted: Wanted) {
        if let Some(path) = file_of(path) {
            self.wanted.push((self.server, line, path, wanted));
        }
    }

    /// `${NAME}` replaced where the text defines it; others stay and match any text.
    fn with_variables(&self, text: &str) -> String {
        let mut whole = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let Some(end) = rest[at..].find('}') else { break };
            whole.push_str(&rest[..at]);
            let name = &rest[at + 2..at + end];
            match self.variables.get(name) {
                Some(value) => whole.push_str(value),
                None => whole.push_str(&rest[at..=at + end]),
            }
            rest = &rest[at + end + 1..];
        }
        whole + rest
    }

    fn finished(mut self) -> ApacheConf {
        for (server, line, path, wanted) in std::mem::take(&mut self.wanted) {
            let format_idx = match wanted {
                Wanted::Named(name) => match self.lookup(server, &name) {
                    Some(found) => found,
                    None if name.contains('%') => self.add_format(server, "", &name),
                    None => {
                        let message = format!("no LogFormat has the nickname \"{name}\"");
                        self.conf.diagnostics.push(Diagnostic { line, message });
                        continue;
                    }
                },
                Wanted::Default => self.lookup(server, "").unwrap_or(0),
            };
            self.conf.access_logs.push(AccessLog { path, format_idx });
        }
        self.conf.diagnostics.sort_by_key(|told| told.line);
        for (server, path) in std::mem::take(&mut self.error_logs) {
            let format = self.error_formats.get(&server).or_else(|| self.error_formats.get(&0));
            self.conf.error_logs.push(ErrorLog { path, format: format.cloned() });
        }
        self.conf
    }

    /// The last format of this name in the server, or else in the main one.
    fn lookup(&self, server: ServerIdx, name: &str) -> Option<usize> {
        let of = |owner: ServerIdx| {
            (0..self.owners.len())
                .rfind(|idx| self.owners[*idx] == owner && self.conf.formats[*idx].name == name)
        };
        of(server).or_else(|| of(0))
    }
}

fn is_condition(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    lower.starts_with("env=") || lower.starts_with("expr=")
}

/// The file that a log directive writes; `None` for syslog and for programs whose arguments name no file.
fn file_of(target: &str) -> Option<String> {
    let Some(program) = target.strip_prefix('|') else {
        let is_file = !target.starts_with("syslog") && target != "/dev/null";
        return is_file.then(|| target.to_owned());
    };
    let program = program.trim_start_matches(['|', '$']);
    let argument = program
        .split_whitespace()
        .skip(1)
        .find(|word| !word.starts_with('-') && word.contains(['/', '.']))?;
    Some(with_wildcards(argument))
}

/// `access.%Y%m%d` as `access.${Y}${m}${d}`: conversions match any text, as variables do.
fn with_wildcards(path: &str) -> String {
    let mut whole = String::with_capacity(path.len());
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        if letter == '%' {
            whole.push_str("${");
            whole.extend(letters.next());
            whole.push('}');
        } else {
            whole.push(letter);
        }
    }
    whole
}

/// The text of one `LogFormat` directive as pasted from a configuration.
///
/// # Errors
///
/// Says what was expected.
pub fn log_format_of_directive(text: &str) -> Result<String, String> {
    let joined = text.replace("\\\r\n", "").replace("\\\n", "");
    let words = words(&joined).ok_or("expected a quoted word to be closed")?;
    match words.as_slice() {
        [directive, body, ..] if directive.eq_ignore_ascii_case("LogFormat") => Ok(body.clone()),
        _ => Err("expected a LogFormat directive".to_owned()),
    }
}
