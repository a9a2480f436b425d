//! nginx configuration: which log has which format.
//!
//! In: a configuration file, or the output of `nginx -T`, which holds all of them. Out: [`NginxConf`]: formats, logs,
//! and what could not be read.
//! Invariants: no input makes it fail as a whole; a broken part is skipped and told in `diagnostics`. Included files
//! are not opened.
//! Source: nginx `ngx_conf_file.c` (`ngx_conf_read_token`), `ngx_http_log_module.c`, nginx.c (`-T`).

#[cfg(test)]
mod tests;
mod tokens;

use self::tokens::{Token, tokens};
use super::log_path::best_first;
use super::nginx_access::COMBINED;
use crate::record::Escape;

/// A `log_format` directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    /// Its name.
    pub name: String,
    /// How values are escaped.
    pub escape: Escape,
    /// Its strings, put together.
    pub body: String,
    /// Whether it stands in a `stream` block, whose formats have names of their own.
    pub in_stream: bool,
}

/// An `access_log` directive that writes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// The path as written; may be relative and may hold variables.
    pub path: String,
    /// Name of its format; `combined` where none is given.
    pub format_name: String,
    /// Whether it stands in a `stream` block.
    pub in_stream: bool,
}

/// An `error_log` directive that writes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorLog {
    /// The path as written.
    pub path: String,
    /// The least severe level written; `error` where none is given.
    pub level: String,
}

/// A part of a configuration that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, where the configuration is output of `nginx -T`.
    pub file: Option<String>,
    /// Line in the file (or in the text, where it is a single file), from 1.
    pub line: usize,
    /// What was expected.
    pub message: String,
}

/// What an nginx configuration says of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NginxConf {
    /// The formats, in the order read. The first is always nginx's own `combined`.
    pub formats: Vec<LogFormat>,
    /// The access logs, in the order read. Several may name the same file.
    pub access_logs: Vec<AccessLog>,
    /// The error logs, in the order read.
    pub error_logs: Vec<ErrorLog>,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

const BAD_QUOTES: &str = "expected a quoted word to be closed, and then a blank, `;`, `{` or `)`";

impl NginxConf {
    /// Reads a configuration file or the output of `nginx -T`.
    ///
    /// # Examples
    ///
    /// ```
    /// use logscan503::format::nginx_conf::NginxConf;
    ///
    /// let conf = NginxConf::parse(
    ///     b"log_format brief '$msec ' '$status'; server { access_log /var/log/nginx/shop.log brief; }",
    /// );
    /// let format = conf.format_for("incident/shop.log.2.gz").expect("the log is known");
    /// assert_eq!(format.body, "$msec $status");
    /// ```
    pub fn parse(text: &[u8]) -> NginxConf {
        let text = String::from_utf8_lossy(text);
        let combined = LogFormat {
            name: "combined".to_owned(),
            escape: Escape::Default,
            body: COMBINED.to_owned(),
            in_stream: false,
        };
        let mut conf = NginxConf {
            formats: vec![combined],
            access_logs: Vec::new(),
            error_logs: Vec::new(),
            diagnostics: Vec::new(),
        };
        for section in sections(&text) {
            conf.read_section(&section);
        }
        conf
    }

    /// The format by a name, compared as `access_log` does: without regard to case.
    pub fn format(&self, name: &str, in_stream: bool) -> Option<&LogFormat> {
        let named = || self.formats.iter().filter(|format| format.name.eq_ignore_ascii_case(name));
        named().find(|format| format.in_stream == in_stream).or_else(|| named().next())
    }

    /// The format of a log file: the best of [`NginxConf::formats_for`].
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
            if let Some(format) = self.format(&log.format_name, log.in_stream)
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

    fn read_section(&mut self, section: &Section<'_>) {
        let diagnostic = |line: usize, message: String| Diagnostic {
            file: section.file.map(str::to_owned),
            line: section.first_line + line,
            message,
        };
        let mut blocks: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut first_line = 0;
        for (line, token) in tokens(section.text) {
            match token {
                Token::Word(word) => {
                    if words.is_empty() {
                        first_line = line;
                    }
                    words.push(word);
                }
                Token::Open => blocks.push(words.drain(..).next().unwrap_or_default()),
                Token::Close => {
                    if let Some(name) = words.first() {
                        let message = format!("directive \"{name}\" is not ended by `;`");
                        self.diagnostics.push(diagnostic(first_line, message));
                        words.clear();
                    }
                    blocks.pop();
                }
                Token::Broken => {
                    self.diagnostics.push(diagnostic(line, BAD_QUOTES.to_owned()));
                    words.clear();
                }
                Token::End => {
                    let in_stream = blocks.iter().any(|name| name == "stream");
                    if let Err(message) = self.read_directive(&words, in_stream) {
                        self.diagnostics.push(diagnostic(first_line, message));
                    }
                    words.clear();
                }
            }
        }
        if let Some(name) = words.first() {
            let message = format!("directive \"{name}\" is not ended by `;`");
            self.diagnostics.push(diagnostic(first_line, message));
        }
    }

    fn read_directive(&mut self, words: &[String], in_stream: bool) -> Result<(), String> {
        let Some((directive, values)) = words.split_first() else { return Ok(()) };
        match directive.as_str() {
            "log_format" => {
                let format = log_format(values, in_stream)?;
                let is_known = self
                    .formats
                    .iter()
                    .any(|known| known.name == format.name && known.in_stream == in_stream);
                if !is_known {
                    self.formats.push(format);
                }
            }
            "access_log" => {
                let path = values.first().ok_or("access_log: expected a path or `off`")?;
                if path == "off" || path.starts_with("syslog:") {
                    return Ok(());
                }
                let is_option = |word: &&String| {
                    word.as_str() == "gzip"
                        || ["buffer=", "flush=", "gzip=", "if="]
                            .iter()
                            .any(|option| word.starts_with(option))
                };
                let name = values.get(1).filter(|word| !is_option(word));
                self.access_logs.push(AccessLog {
                    path: path.clone(),
                    format_name: name.map_or("combined", String::as_str).to_owned(),
                    in_stream,
                });
            }
            "error_log" => {
                let path = values.first().ok_or("error_log: expected a path")?;
                let is_file = path != "stderr"
                    && path != "off"
                    && !path.starts_with("syslog:")
                    && !path.starts_with("memory:");
                if is_file {
                    let level = values.get(1).map_or("error", String::as_str).to_owned();
                    self.error_logs.push(ErrorLog { path: path.clone(), level });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn log_format(values: &[String], in_stream: bool) -> Result<LogFormat, String> {
    let (name, rest) = values.split_first().ok_or("log_format: expected a name")?;
    let (escape, strings) = match rest.split_first() {
        Some((first, strings)) if first.starts_with("escape=") => {
            let escape = match &first["escape=".len()..] {
                "default" => Escape::Default,
                "json" => Escape::Json,
                "none" => Escape::None,
                other => {
                    return Err(format!(
                        "log_format {name}: escape is default, json or none, not \"{other}\""
                    ));
                }
            };
            (escape, strings)
        }
        _ => (Escape::Default, rest),
    };
    if strings.is_empty() {
        return Err(format!("log_format {name}: expected the text of the format"));
    }
    Ok(LogFormat { name: name.clone(), escape, body: strings.concat(), in_stream })
}

/// Reads one `log_format` directive as pasted from a configuration; its `;` may be missing.
///
/// # Errors
///
/// Says what was expected.
pub fn log_format_of_directive(text: &str) -> Result<LogFormat, String> {
    let mut words = Vec::new();
    for (_, token) in tokens(text) {
        match token {
            Token::Word(word) => words.push(word),
            Token::Broken => return Err(BAD_QUOTES.to_owned()),
            _ => break,
        }
    }
    match words.split_first() {
        Some((directive, values)) if directive == "log_format" => log_format(values, false),
        _ => Err("expected a log_format directive".to_owned()),
    }
}

/// One file of a configuration.
struct Section<'t> {
    file: Option<&'t str>,
    first_line: usize,
    text: &'t str,
}

/// The files in the output of `nginx -T`; any other text is one file.
///
/// What `nginx -T` says on stderr (`nginx: the configuration file ... syntax is ok`) may be mixed in: it is left out.
fn sections(text: &str) -> Vec<Section<'_>> {
    let header = |line: &'_ str| -> Option<(usize, usize)> {
        let start = "# configuration file ".len();
        let end = line.trim_end().strip_prefix("# configuration file ")?.strip_suffix(':')?.len();
        Some((start, start + end))
    };
    let mut sections = Vec::new();
    let (mut file, mut start, mut first_line) = (None, 0, 1);
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if let Some((from, to)) = header(line) {
            sections.push(Section { file, first_line, text: &text[start..at] });
            (file, start, first_line) = (Some(&line[from..to]), at + line.len(), 1);
        } else if file.is_none() && line.starts_with("nginx: ") {
            (start, first_line) = (at + line.len(), index + 2);
        }
        at += line.len();
    }
    sections.push(Section { file, first_line, text: &text[start..] });
    sections
}
