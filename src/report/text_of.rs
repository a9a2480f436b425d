//! Places -> the text that stands there: quoted lines, and the names that facts only hold as hashes.
//!
//! In: a [`Place`] and the scanned inputs. Out: text as UTF-8.
//! Invariants: only the record at the place is read; what cannot be read again is `None`. Text leaves with personal data
//! replaced where that is asked for, so that no output has to think of it.

use serde::Serialize;

use crate::analysis::{Analysis, AnalysisConfig};
use crate::cause::scope::{host_name, upstream_peer};
use crate::cause::{CauseMatcher, Scope};
use crate::evidence::Place;
use crate::fact::path_template;
use crate::format::About;
use crate::record::{AccessRecord, ErrorRecord, Field, split_request, unescape};
use crate::redact::{NOT_SHOWN, Parts, Personal, Redactor};
use crate::scan::{ScannedInput, ending_of, host_of, read_access, upstream_of};

/// Bytes of a quoted line.
pub const QUOTED_BYTES: usize = 512;

/// The inputs, to read records again.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'i> {
    /// All inputs.
    pub inputs: &'i [ScannedInput],
    /// The cause table, to tell what a message is about.
    pub matcher: &'i CauseMatcher,
    /// Replaces personal data. Whatever text of a log is shown comes from here, or from [`Self::shown`] and its like.
    pub redactor: Option<&'i Redactor>,
}

/// The texts of an access line that rows of entries show.
#[derive(Debug, Default, Serialize)]
pub struct Shown {
    /// The client.
    pub client: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// The target, with its query.
    pub target: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The upstreams tried.
    pub upstream: Option<String>,
    /// What they answered.
    pub upstream_status: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// How long the request took, microseconds. Rows show milliseconds.
    #[serde(skip)]
    pub duration_us: Option<u64>,
}

/// Which name of an access line is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The path, without query.
    Path,
    /// The path's template: ids in it folded.
    Template,
    /// The host.
    Host,
    /// The last upstream; for HTTP.sys, the request queue.
    Upstream,
    /// The request queue of HTTP.sys, which is named as its application pool.
    Queue,
    /// The server's own code for how the request ended.
    Ending,
    /// The client.
    Client,
}

impl<'i> Texts<'i> {
    /// The texts of a run.
    pub fn of(analysis: &'i Analysis, config: &'i AnalysisConfig<'_>) -> Self {
        Texts {
            inputs: &analysis.inputs,
            matcher: config.matcher,
            redactor: analysis.redactor.as_ref(),
        }
    }

    /// The record at a place, as it stands there: for what is not shown.
    pub fn bytes(&self, place: Place) -> Option<Vec<u8>> {
        self.inputs.get(place.position.input as usize)?.fetch(place)
    }

    /// The first [`QUOTED_BYTES`] bytes of the record, as UTF-8.
    pub fn quote(&self, place: Place) -> Option<String> {
        let bytes = self.bytes(place)?;
        // Replaced first: an address that is cut in the middle is not known for one.
        let Some(redactor) = self.redactor else { return Some(quoted(&bytes)) };
        let text = self.redacted(redactor, place, &bytes);
        let mut end = text.len().min(QUOTED_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Some(text[..end].to_owned())
    }

    fn redacted(&self, redactor: &Redactor, place: Place, bytes: &[u8]) -> String {
        let input = self.inputs.get(place.position.input as usize);
        let plan = input.and_then(|input| input.plan_at(place.position.offset));
        let access = plan.and_then(|plan| {
            read_access(plan, bytes, |_, record| redactor.record(bytes, &access_parts(record)))
        });
        let message = || {
            let scope = self.scope(place).filter(|(scope, _)| is_server(*scope));
            let name = scope.map(|(_, name)| name).unwrap_or_default();
            self.message(place, |record| {
                let mut parts = message_parts(record);
                parts.servers.push(name.as_bytes());
                redactor.record(bytes, &parts)
            })
        };
        access
            .or_else(message)
            .unwrap_or_else(|| redactor.text(&String::from_utf8_lossy(bytes)).into_owned())
    }

    /// The texts of the access line at a place.
    pub fn shown(&self, place: Place) -> Shown {
        let redactor = self.redactor;
        self.access(place, |record| {
            let text = |raw: &[u8]| (!raw.is_empty()).then(|| unescaped(record, raw));
            let field = |field: Field| record.value(field).and_then(text);
            let plain = |text: String| match redactor {
                Some(redactor) => redactor.text(&text).into_owned(),
                None => text,
            };
            let (method, _) = record.request();
            let (path, query) = record.target_parts();
            let query = query.map(|query| match redactor {
                // As it stands in the line, so that quotes have the same.
                Some(redactor) => redactor.pseudonym(Personal::Query, query),
                None => unescaped(record, query),
            });
            let client = field(Field::RemoteAddr);
            Shown {
                client: client.map(|client| match redactor {
                    Some(redactor) => redactor.client(&client),
                    None => client,
                }),
                method: text(method),
                target: text(path).map(plain).map(|path| match query {
                    Some(query) => format!("{path}?{query}"),
                    None => path,
                }),
                host: text(host_of(record)),
                upstream: record.upstreams().and_then(|raw| text(&raw)),
                upstream_status: field(Field::UpstreamStatus),
                request_id: field(Field::RequestId).map(plain),
                duration_us: record.duration_us(),
            }
        })
        .unwrap_or_default()
    }

    /// Calls `read` with the access record at a place.
    pub fn access<T>(&self, place: Place, read: impl FnOnce(&AccessRecord<'_>) -> T) -> Option<T> {
        let input = self.inputs.get(place.position.input as usize)?;
        let bytes = input.fetch(place)?;
        read_access(input.plan_at(place.position.offset)?, &bytes, |_, record| read(record))
    }

    /// What is known of the reader that understands the access line at a place.
    pub fn about(&self, place: Place) -> Option<&'i About> {
        let input = self.inputs.get(place.position.input as usize)?;
        let plan = input.plan_at(place.position.offset)?;
        let bytes = input.fetch(place)?;
        let reader = read_access(plan, &bytes, |reader, _| reader).unwrap_or(0);
        plan.readers.get(reader).map(|reader| reader.about())
    }

    /// Calls `read` with the message at a place.
    pub fn message<T>(&self, place: Place, read: impl FnOnce(&ErrorRecord<'_>) -> T) -> Option<T> {
        self.inputs.get(place.position.input as usize)?.message(place, read)
    }

    /// A name in the access line, or else in the message, at a place.
    pub fn name(&self, place: Place, name: Name) -> Option<String> {
        let text = self.name_as_logged(place, name)?;
        let Some(redactor) = self.redactor else { return Some(text) };
        Some(match name {
            Name::Client => redactor.client(&text),
            Name::Path | Name::Template => redactor.text(&text).into_owned(),
            Name::Host | Name::Upstream | Name::Queue | Name::Ending => text,
        })
    }

    fn name_as_logged(&self, place: Place, name: Name) -> Option<String> {
        let found = self.access(place, |record| {
            let raw = match name {
                Name::Upstream => {
                    return unescaped(record, &upstream_of(record).unwrap_or_default());
                }
                Name::Path | Name::Template => record.target_parts().0,
                Name::Host => host_of(record),
                Name::Queue => record.value(Field::QueueName).unwrap_or_default(),
                Name::Ending => ending_of(record).unwrap_or_default(),
                Name::Client => record.value(Field::RemoteAddr).unwrap_or_default(),
            };
            if name == Name::Template {
                return unescaped(record, &path_template(raw));
            }
            unescaped(record, raw)
        });
        found.or_else(|| {
            self.message(place, |record| {
                let raw = match name {
                    Name::Path | Name::Template => {
                        let (_, target) = split_request(record.request.unwrap_or_default());
                        memchr::memchr(b'?', target).map_or(target, |query| &target[..query])
                    }
                    Name::Host => host_name(record).unwrap_or_default(),
                    Name::Upstream => upstream_peer(record.upstream.unwrap_or_default()),
                    Name::Client => record.client.unwrap_or_default(),
                    Name::Queue | Name::Ending => b"",
                };
                quoted(raw)
            })
        })
    }

    /// What the message at a place is about: the kind of name, and the name.
    pub fn scope(&self, place: Place) -> Option<(Scope, String)> {
        let input = self.inputs.get(place.position.input as usize)?;
        let (rule, name) = input.scope(place, self.matcher)?;
        let scope = self.matcher.rule(rule)?.scope;
        let text = quoted(&name);
        let text = match self.redactor.filter(|_| !is_server(scope)) {
            Some(redactor) => redactor.text(&text).into_owned(),
            None => text,
        };
        (!name.is_empty()).then_some((scope, text))
    }

    /// A text that was kept of an input, with personal data replaced.
    pub fn kept(&self, text: &str) -> String {
        self.redactor.map_or_else(|| text.to_owned(), |redactor| redactor.text(text).into_owned())
    }

    /// A line that no reader understood, as far as it may be shown.
    pub fn unparsed(&self, line: &[u8]) -> String {
        if self.redactor.is_some() { NOT_SHOWN.to_owned() } else { quoted(line) }
    }
}

/// True for names of servers and what belongs to them: they stay readable.
const fn is_server(scope: Scope) -> bool {
    match scope {
        Scope::UpstreamPeer | Scope::UpstreamGroup | Scope::Zone | Scope::Host | Scope::Process => {
            true
        }
        Scope::Path | Scope::Name | Scope::None => false,
    }
}

/// What an access line says of its own text.
pub(crate) fn access_parts<'a>(record: &AccessRecord<'a>) -> Parts<'a> {
    let value = |field: Field| record.value(field);
    let personal = [
        value(Field::RemoteAddr).map(|value| (Personal::Client, value)),
        value(Field::RemoteUser).map(|value| (Personal::User, value)),
        record.target_parts().1.map(|value| (Personal::Query, value)),
        value(Field::Args).map(|value| (Personal::Query, value)),
    ];
    let servers = [
        Field::UpstreamAddr,
        Field::ServerIp,
        Field::ServerName,
        Field::Host,
        Field::BalancerWorker,
        Field::BalancerName,
        Field::Backend,
        Field::BackendServer,
        Field::BackendTarget,
    ];
    Parts {
        personal: personal.into_iter().flatten().collect(),
        servers: servers.into_iter().filter_map(value).collect(),
    }
}

/// What a message says of its own text.
pub(crate) fn message_parts<'a>(record: &ErrorRecord<'a>) -> Parts<'a> {
    let servers = [record.upstream, record.server, record.host];
    let query = |target: &'a [u8]| {
        memchr::memchr(b'?', target).map(|mark| (Personal::Query, &target[mark + 1..]))
    };
    let request = record.request.map(|request| split_request(request).1);
    let personal =
        [record.client.map(|client| (Personal::Client, client)), request.and_then(query)];
    Parts {
        personal: personal.into_iter().flatten().collect(),
        servers: servers.into_iter().flatten().collect(),
    }
}

/// The field under which a scope stands in outputs.
pub const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::UpstreamPeer => "peer",
        Scope::UpstreamGroup => "upstream",
        Scope::None => "name",
        other => other.as_str(),
    }
}

/// The start of a record as UTF-8; what is no UTF-8 becomes U+FFFD.
pub fn quoted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(QUOTED_BYTES)]).into_owned()
}

/// A value with its escapes undone, as UTF-8.
pub fn unescaped(record: &AccessRecord<'_>, raw: &[u8]) -> String {
    let mut plain = vec![0; raw.len()];
    let n = unescape(record.escape, raw, &mut plain);
    String::from_utf8_lossy(&plain[..n]).into_owned()
}
