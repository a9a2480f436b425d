//! Which column is which variable: by its label, its shape, and how it moves with other columns.
//!
//! In: profiled columns. Out: a name per column, or none, and notes for people.
//! Invariants: a field that decides verdicts (`$upstream_addr`, `$upstream_status`, the limit and cache verdicts) is
//! named only on evidence that no other variable gives; otherwise the column stays unnamed.

mod apache;
mod upstream;

use super::names::{is_own_name, variables_for};
use super::values::{Column, Kind};
use crate::bytes::is_absent;
use crate::record::{split_request, split_url};

/// Variables that say when, the better one first.
const TIMES: [(&str, Kind); 6] = [
    ("time_local", Kind::Clf),
    ("time_local_variant", Kind::ClfVariant),
    ("time_iso8601", Kind::Iso),
    ("msec", Kind::Epoch),
    ("time_epoch_millis", Kind::EpochMillis),
    ("time_epoch_micros", Kind::EpochMicros),
];

/// True for the times that stand in brackets in the common layouts.
pub(super) fn is_local(name: &str) -> bool {
    matches!(name, "time_local" | "time_local_variant")
}

/// Names for columns, as far as they are known.
#[derive(Debug)]
pub(super) struct Naming<'c, 'a> {
    columns: &'c [Column<'a>],
    /// The variable of each column, without `$`.
    pub(super) names: Vec<Option<&'static str>>,
    // False when other columns looked just as much like `$status`.
    status_is_sure: bool,
    /// What was inferred on less than certainty.
    pub(super) notes: Vec<String>,
}

impl<'c, 'a> Naming<'c, 'a> {
    /// Names the columns. `None`: the lines have no time or no status.
    pub(super) fn of(columns: &'c [Column<'a>]) -> Option<Self> {
        let mut naming = Naming {
            columns,
            names: vec![None; columns.len()],
            status_is_sure: true,
            notes: Vec::new(),
        };
        naming.apache_handler();
        naming.by_label();
        naming.labelled_host();
        naming.times();
        naming.request();
        naming.status()?;
        naming.apache_fields();
        naming.client();
        naming.plain_kinds();
        naming.path_alone();
        naming.quoted_headers();
        naming.upstream_addr();
        naming.upstream_status();
        naming.durations();
        naming.sizes();
        naming.ingress_names();
        let has_time = TIMES.iter().any(|(name, _)| naming.find(name).is_some());
        has_time.then_some(naming)
    }

    /// Names the columns by their labels alone; what decides verdicts, only by the variable's own name. `None`: the
    /// lines have no time or no status.
    pub(super) fn of_labels(columns: &'c [Column<'a>]) -> Option<Self> {
        let names = vec![None; columns.len()];
        let mut naming = Naming { columns, names, status_is_sure: true, notes: Vec::new() };
        let name_of = |column: &Column<'_>| {
            let label = column.label.as_deref()?;
            variables_for(label, column).map(|name| (name, is_own_name(label, name)))
        };
        for own_names in [true, false] {
            for (idx, column) in columns.iter().enumerate() {
                if let Some((name, is_own)) = name_of(column)
                    && is_own == own_names
                    && (is_own || !["upstream_", "limit_"].iter().any(|of| name.starts_with(of)))
                    && !is_address_of_host(column)
                {
                    naming.set(idx, name);
                }
            }
        }
        naming.path_alone();
        let has_time = TIMES.iter().any(|(name, _)| naming.find(name).is_some());
        (has_time && naming.find("status").is_some()).then_some(naming)
    }

    /// Names columns that have no name yet, beside those that have one: what a request is, whose it is, and what tells of
    /// its backend.
    pub(super) fn beside(columns: &'c [Column<'a>], names: Vec<Option<&'static str>>) -> Self {
        let mut naming = Naming { columns, names, status_is_sure: true, notes: Vec::new() };
        if naming.find("request_uri").is_none() {
            naming.request();
        }
        naming.client();
        naming.plain_kinds();
        naming.path_alone();
        naming.upstream_addr();
        naming.upstream_status();
        naming
    }

    /// Index of the column of a variable.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| *known == Some(name))
    }

    fn set(&mut self, idx: usize, name: &'static str) {
        if self.names[idx].is_none() && self.find(name).is_none() {
            self.names[idx] = Some(name);
        }
    }

    fn note(&mut self, idx: usize, taken_for: &str, why: &str) {
        let column = &self.columns[idx];
        let shown = column.values.iter().find(|value| !is_absent(value));
        let shown = shown.map_or_else(String::new, |value| {
            String::from_utf8_lossy(&value[..value.len().min(40)]).into_owned()
        });
        self.notes.push(format!("column {} `{shown}` {taken_for}: {why}", idx + 1));
    }

    fn unnamed(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|idx| self.names[*idx].is_none()).collect()
    }

    fn unnamed_of(&self, kinds: &[Kind]) -> Vec<usize> {
        let mut of_kind = self.unnamed();
        of_kind.retain(|idx| self.columns[*idx].is(kinds));
        of_kind
    }

    fn n_lines(&self) -> usize {
        self.columns.first().map_or(0, Column::n)
    }

    fn by_label(&mut self) {
        let columns = self.columns;
        // A key that is the variable's own name goes before a nickname of another column.
        for own_names in [true, false] {
            for (idx, column) in columns.iter().enumerate() {
                if let Some(label) = &column.label
                    && let Some(name) = variables_for(label, column)
                    && is_own_name(label, name) == own_names
                    && !is_address_of_host(column)
                    // `st=` may be the status of the backend: see `status`.
                    && (own_names || name != "status")
                {
                    self.set(idx, name);
                }
            }
        }
    }

    /// `host` is the remote host where its values are addresses (`ltsv.org`), unless another column is the client.
    fn labelled_host(&mut self) {
        let columns = self.columns;
        let is_client =
            |idx: &usize| columns[*idx].label.is_none() && columns[*idx].is_always_single();
        let has_client = self.unnamed_of(&[Kind::Ip]).iter().any(is_client);
        if let Some(idx) = self.unnamed().into_iter().find(|idx| is_address_of_host(&columns[*idx]))
        {
            if !has_client {
                self.set(idx, "remote_addr");
            }
            self.set(idx, "host");
        }
    }

    /// Where the query has a column of its own and no target holds one, the target is the path alone.
    fn path_alone(&mut self) {
        let columns = self.columns;
        let has_query = |idx: usize| columns[idx].values.iter().any(|value| value.contains(&b'?'));
        if let (Some(target), Some(args)) = (self.find("request_uri"), self.find("args"))
            && columns[args].n_present() > 0
            && !has_query(target)
        {
            self.names[target] = Some("uri");
        }
    }

    fn times(&mut self) {
        for (name, kind) in TIMES {
            // A number of ten digits is a time only where there is no better one, or with milliseconds.
            let candidates = self.unnamed_of(&[kind]);
            let chosen = candidates.into_iter().find(|idx| {
                let column = &self.columns[*idx];
                column.n_absent == 0
                    && (!matches!(kind, Kind::Epoch | Kind::EpochMillis | Kind::EpochMicros)
                        || column.values.iter().all(|value| value.contains(&b'.'))
                        || TIMES.iter().all(|(name, _)| self.find(name).is_none()))
            });
            if let Some(idx) = chosen {
                self.set(idx, name);
            }
        }
    }

    fn request(&mut self) {
        let columns = self.columns;
        let best = self
            .unnamed()
            .into_iter()
            .filter(|idx| columns[*idx].count(Kind::Request) * 2 > columns[*idx].n_present())
            .max_by_key(|idx| (columns[*idx].count(Kind::Request), usize::MAX - idx));
        if let Some(idx) = best {
            self.set(idx, "request");
            return;
        }
        // Garbage from scanners in every line: still the quoted column between the time and a status.
        for idx in self.unnamed() {
            let after_time =
                idx.checked_sub(1).and_then(|before| self.names[before]).is_some_and(is_local);
            let before_status = columns.get(idx + 1).is_some_and(|next| next.is(&[Kind::Status]));
            if after_time && before_status && columns[idx].wrap == b'"' {
                self.set(idx, "request");
            }
        }
    }

    fn status(&mut self) -> Option<()> {
        if self.find("status").is_some() {
            return Some(());
        }
        let mut candidates = self.unnamed_of(&[Kind::Status]);
        candidates.retain(|idx| {
            let column = &self.columns[*idx];
            column.is_always_single() && column.count(Kind::Status) == column.n()
        });
        let request = self.find("request");
        let is_quoted = |idx: usize| self.columns[idx].wrap == b'"';
        let any_bare = candidates.iter().any(|idx| !is_quoted(*idx));
        let score = |idx: usize| {
            let label = self.columns[idx].label.as_deref();
            let is_called_so =
                label.and_then(|label| variables_for(label, &self.columns[idx])) == Some("status");
            let follows_request = idx > 0 && request == Some(idx - 1);
            let bytes_follow = self
                .columns
                .get(idx + 1)
                .is_some_and(|next| next.is(&[Kind::Int, Kind::Status]) && next.is_always_single());
            // Only nginx itself gives these to a request.
            let has_own = self.columns[idx]
                .values
                .iter()
                .any(|value| matches!(*value, b"499" | b"444" | b"494" | b"497" | b"000"));
            let is_made_of_another = candidates
                .iter()
                .any(|other| is_made_of(&self.columns[idx], &self.columns[*other]));
            // Lists need quotes, and the response has one status. While all is well both columns are alike.
            let may_be_list = is_quoted(idx) && any_bare;
            3 * i32::from(is_made_of_another)
                + 4 * i32::from(follows_request)
                + 3 * i32::from(is_called_so)
                + 2 * i32::from(has_own)
                + i32::from(bytes_follow)
                - 4 * i32::from(may_be_list)
        };
        let best = candidates.iter().copied().max_by_key(|idx| (score(*idx), usize::MAX - idx))?;
        self.set(best, "status");
        let rivals = candidates.iter().filter(|idx| score(**idx) == score(best)).count();
        if rivals > 1 && score(best) < 3 {
            self.status_is_sure = false;
            let why = format!("the first of {rivals} columns that always hold a status");
            self.note(best, "taken for $status", &why);
        }
        Some(())
    }

    fn client(&mut self) {
        let addresses = self.unnamed_of(&[Kind::Ip]);
        let columns = self.columns;
        let is_client = |idx: &usize| columns[*idx].is_always_single();
        if self.find("remote_addr").is_none() {
            let varied = |idx: &usize| columns[*idx].n_distinct > 1 || columns[*idx].n() < 20;
            let time = self.names.iter().position(|name| name.is_some_and(is_local));
            // `ADDR - USER [TIME]` begins with the client even where that is always the same balancer.
            let is_in_place =
                |idx: &usize| time == Some(idx + 3) && columns[idx + 1].n_present() == 0;
            let first = addresses
                .iter()
                .find(|idx| is_client(idx) && (varied(idx) || is_in_place(idx)))
                .or_else(|| addresses.iter().find(|idx| is_client(idx)));
            if let Some(idx) = first {
                self.set(*idx, "remote_addr");
            }
        }
        // `ADDR - USER [TIME]`
        if let Some(time) = self.names.iter().position(|name| name.is_some_and(is_local))
            && let Some(client) = self.find("remote_addr")
            && client + 3 == time
            && columns[client + 1].n_present() == 0
            && columns[client + 2].wrap == 0
            && !columns[client + 2].is(&[Kind::Id, Kind::Status, Kind::Seconds, Kind::Ip])
        {
            self.set(client + 2, "remote_user");
        }
        for idx in self.unnamed_of(&[Kind::Ip]) {
            if columns[idx].n_lists > 0 && columns[idx].count(Kind::Addr) == 0 {
                self.set(idx, "http_x_forwarded_for");
            }
        }
    }

    fn plain_kinds(&mut self) {
        let rules: &[(&[Kind], &str)] = &[
            (&[Kind::Method], "request_method"),
            (&[Kind::Path], "request_uri"),
            (&[Kind::Protocol], "server_protocol"),
            (&[Kind::Scheme], "scheme"),
            (&[Kind::Cache], "upstream_cache_status"),
            (&[Kind::AwsTrace], "http_x_amzn_trace_id"),
            (&[Kind::TraceParent], "http_traceparent"),
            (&[Kind::CloudFrontId], "http_x_amz_cf_id"),
            (&[Kind::CloudflareRay], "http_cf_ray"),
            (&[Kind::Id], "request_id"),
            (&[Kind::Host], "host"),
        ];
        for (kinds, name) in rules {
            for idx in self.unnamed_of(kinds) {
                if *name == "request_uri" && self.find("request").is_some() {
                    continue;
                }
                if *name == "upstream_cache_status" && self.asks_for_urls() {
                    self.note(
                        idx,
                        "left unnamed",
                        "the requests are for whole URLs, as other caches log them",
                    );
                    continue;
                }
                self.set(idx, name);
            }
        }
        // Scanners send targets that are no paths: four in five will do next to a method.
        if self.find("request").is_none() && self.find("request_uri").is_none() {
            let columns = self.columns;
            let path = self.unnamed().into_iter().find(|idx| {
                columns[*idx].count(Kind::Path) * 10 >= columns[*idx].n_present().max(1) * 8
            });
            if let Some(idx) = path {
                self.set(idx, "request_uri");
            }
        }
        // Only `limit_req` delays; which of the two limits passes or rejects cannot be seen.
        for idx in self.unnamed_of(&[Kind::Limit]) {
            if self.columns[idx].values.iter().any(|value| value.starts_with(b"DELAYED")) {
                self.set(idx, "limit_req_status");
            } else {
                self.note(idx, "left unnamed", "the verdict of limit_req or of limit_conn");
            }
        }
    }

    /// True where nearly all requests are for whole URLs. Only clients of forward proxies send such; Varnish logs all so.
    fn asks_for_urls(&self) -> bool {
        let Some(request) = self.find("request") else { return false };
        let column = &self.columns[request];
        let is_for_url = |value: &&&[u8]| split_url(split_request(value).1).is_some();
        column.values.iter().filter(is_for_url).count() * 10 >= column.n_present().max(1) * 9
    }

    fn quoted_headers(&mut self) {
        let columns = self.columns;
        let agent = self.unnamed().into_iter().find(|idx| {
            let column = &columns[*idx];
            column.count(Kind::Agent) * 2 > column.n_present()
        });
        if let Some(idx) = agent {
            self.set(idx, "http_user_agent");
        }
        let url = self.unnamed().into_iter().find(|idx| {
            let column = &columns[*idx];
            column.count(Kind::Url) * 10 >= column.n_present().max(1) * 8
        });
        if let Some(idx) = url {
            self.set(idx, "http_referer");
        }
        // Combined: `STATUS BYTES "REFERER" "AGENT"`, whatever the headers hold.
        if let Some(status) = self.find("status")
            && let Some([bytes, referer, agent]) = columns.get(status + 1..status + 4)
            && is_int(bytes)
            && referer.wrap == b'"'
            && agent.wrap == b'"'
            && referer.label.is_none()
            && agent.label.is_none()
            && [referer, agent]
                .iter()
                .all(|column| !column.is(&[Kind::Addr, Kind::Status, Kind::Seconds, Kind::Ip]))
        {
            self.set(status + 2, "http_referer");
            self.set(status + 3, "http_user_agent");
            // The format `main` of the stock configuration goes on with the forwarded addresses.
            if let Some(forwarded) = columns.get(status + 4)
                && forwarded.wrap == b'"'
                && forwarded.is(&[Kind::Ip])
            {
                self.set(status + 4, "http_x_forwarded_for");
            }
        }
    }
}

/// True for a column called `host` with nothing but addresses: see [`Naming::labelled_host`].
fn is_address_of_host(column: &Column<'_>) -> bool {
    column.label.as_deref() == Some("host") && column.is(&[Kind::Ip]) && column.is_always_single()
}

fn is_int(column: &Column<'_>) -> bool {
    column.is(&[Kind::Int, Kind::Status]) && column.n_lists == 0
}

/// True when the first column is the response where the second has what nginx notes for a backend that failed: 502 or 504
/// became another status, and never the other way round.
fn is_made_of(response: &Column<'_>, attempt: &Column<'_>) -> bool {
    let is_failure = |value: &[u8]| matches!(value, b"502" | b"504");
    let rows = || response.values.iter().zip(&attempt.values);
    rows().any(|(response, attempt)| is_failure(attempt) && !is_failure(response))
        && !rows().any(|(response, attempt)| is_failure(response) && !is_failure(attempt))
}
