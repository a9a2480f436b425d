//! One [`Incident`] -> its part of the document.
//!
//! In: the incident, the whole analysis for counts around it, and the texts. Out: an [`IncidentInfo`].
//! Invariants: as for [`build`](super).

use std::collections::BTreeMap;

use super::beside::{marked, retry_storm};
use super::changes::changes;
use super::layers::{names, relayed_title, resolved_to};
use super::load::{group_failure, traffic};
use super::recovery::recovery;
use super::round;
use super::ruled_out::rejected;
use super::story::{Story, story};
use crate::analysis::{Analysis, AnalysisConfig};
use crate::attribute::{is_apache_without_nginx, is_nginx_alone};
use crate::cause::advice::advice;
use crate::cause::{CauseMatcher, Scope};
use crate::evidence::Place;
use crate::fact::hash_name;
use crate::incident::ranking::Ranking;
use crate::incident::{CauseGroup, Incident, RowKey, TOP_ROWS};
use crate::report::Coverage;
use crate::report::incident::{
    Capped, CauseInfo, ConfidenceInfo, Count, EvidenceItem, FirstFailing, Impact, IncidentInfo,
    LeaningInfo, OriginInfo, SeriesInfo, Severity, Span, Top, TopItem,
};
use crate::report::text_of::{Name, Texts, scope_name};
use crate::taxonomy::{Basis, Cause, Confidence, Origin, Role, Server};
use crate::time::{SECOND_US, Timestamp};

/// Requests in a bucket below which its ratio is no peak.
const MIN_PEAK_REQUESTS: u64 = 5;

/// Fewer entries are a minor incident, whatever their share.
const MIN_SEVERE: u64 = 20;

/// Collects the lines an incident rests on and hands out their ids.
#[derive(Debug)]
pub(super) struct EvidenceList<'t> {
    texts: Texts<'t>,
    items: Vec<EvidenceItem>,
}

impl EvidenceList<'_> {
    /// The id of the record at a place; the same place has one id.
    pub(super) fn id(&mut self, place: Place, at: Option<i64>) -> String {
        let position = place.position;
        let known = |item: &&EvidenceItem| {
            item.input == position.input && item.byte_offset == position.offset
        };
        if let Some(item) = self.items.iter().find(known) {
            return item.id.clone();
        }
        let id = format!("e{}", self.items.len());
        let addressable = self
            .texts
            .inputs
            .get(position.input as usize)
            .is_some_and(crate::scan::ScannedInput::addressable);
        self.items.push(EvidenceItem {
            id: id.clone(),
            input: position.input,
            line: place.line,
            byte_offset: position.offset,
            byte_length: place.length,
            at: at.map(Timestamp),
            text: self.texts.quote(place),
            addressable,
            cursor: (!addressable).then(|| {
                let cursor = self.texts.bytes(place).and_then(|bytes| journal_cursor(&bytes));
                cursor.unwrap_or_else(|| format!("line:{}", place.line))
            }),
        });
        id
    }
}

/// The cursor of a journal entry that became a line.
fn journal_cursor(line: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(b"{\"__CURSOR\":\"")?;
    let end = memchr::memchr(b'"', rest)?;
    (end > 0).then(|| String::from_utf8_lossy(&rest[..end]).into_owned())
}

/// The document's part for one incident.
pub(super) fn incident_info(
    index: usize,
    incident: &Incident,
    analysis: &Analysis,
    config: &AnalysisConfig<'_>,
    texts: Texts<'_>,
    coverage: &Coverage,
) -> IncidentInfo {
    let mut evidence = EvidenceList { texts, items: Vec::new() };
    let layers = names(analysis);
    let mut causes = causes(incident, config.matcher, &layers, texts, &mut evidence);
    let impact = impact(incident, analysis, config, texts, coverage.filtered);
    let origin = origin_info(incident, &causes);
    let main = causes.iter().find(|cause| cause.origin == origin.verdict && cause.id.is_some());
    let recovery = recovery(incident, analysis, coverage, config.window.1, texts, &mut evidence);
    let n_kin = counted_kin(incident.kin_failures, &impact.kin);
    let starts_before = coverage.first_at.is_some_and(|first| {
        incident.started_at - first.0 < SECOND_US
            && failing_ratio(n_kin, &impact).is_none_or(|ratio| ratio > 0.05)
    });
    let status = if recovery.state == "ongoing" {
        "ongoing_at_end"
    } else if starts_before {
        "starts_before_input"
    } else {
        "recovered"
    };
    let fingerprint = fingerprint(&origin, main);
    let id = format!(
        "i{}-{:06x}",
        index + 1,
        hash_name(format!("{fingerprint}|{}", incident.started_at).as_bytes()) & 0xff_ffff
    );
    let duration_s = round((incident.ended_at - incident.started_at) as f64 / SECOND_US as f64, 3);
    let first_failing = incident.first_failing.and_then(|event| {
        let (_, component) = texts.scope(event.place)?;
        Some(FirstFailing {
            component,
            kind: "backend",
            at: Timestamp(event.at),
            lead_s: lead_s(incident, event.at),
            evidence: vec![evidence.id(event.place, Some(event.at))],
        })
    });
    let changes = changes(incident, config.matcher, &config.marks, texts, &mut evidence);
    let traffic = traffic(incident, analysis, coverage);
    let kin = told_kin(n_kin, &impact.kin);
    let title = relayed_title(incident, &causes, &layers)
        .unwrap_or_else(|| title(&origin, main, &impact, kin));
    let storm = retry_storm(incident, origin.verdict, &traffic, layers.len(), &mut evidence);
    for beside in storm.into_iter().chain(marked(incident, &changes)) {
        let next_steps = next_steps(beside.id, &beside.scope, incident, texts);
        causes.push(CauseInfo { next_steps, ..beside });
    }
    let timeline = story(
        Story {
            incident,
            causes: &causes,
            changes: &changes,
            first_failing: first_failing.as_ref(),
            recovery: &recovery,
            impact: &impact,
            coverage,
            requests: &analysis.requests,
        },
        texts,
        &mut evidence,
    );
    let total = evidence.items.len() as u64 + incident.entries.saturating_sub(1);
    IncidentInfo {
        id,
        fingerprint,
        title,
        status,
        started_at: Timestamp(incident.started_at),
        ended_at: (status != "ongoing_at_end").then_some(Timestamp(incident.ended_at)),
        duration_s,
        severity: severity(&impact, n_kin, duration_s),
        rejected: rejected(incident, config, analysis, texts, &traffic, &changes),
        group: group_failure(incident, &impact, texts),
        impact,
        origin,
        first_failing,
        traffic,
        changes,
        recovery,
        recurrence: None,
        series: series(incident, analysis),
        timeline,
        causes,
        evidence: Capped { total, items: evidence.items },
    }
}

/// Seconds from an instant to the incident's start; positive when it came before.
pub(super) fn lead_s(incident: &Incident, at: i64) -> f64 {
    round((incident.started_at - at) as f64 / SECOND_US as f64, 3)
}

fn causes(
    incident: &Incident,
    matcher: &CauseMatcher,
    layers: &[String],
    texts: Texts<'_>,
    evidence: &mut EvidenceList<'_>,
) -> Vec<CauseInfo> {
    let mut groups: Vec<(&RowKey, &CauseGroup)> = incident.causes.iter().collect();
    groups.sort_by_key(|(key, group)| {
        (std::cmp::Reverse((group.entries, group.messages)), group.first_at, **key)
    });
    groups
        .into_iter()
        .map(|(key, group)| CauseInfo {
            layer: key.0.and_then(|layer| layers.get(usize::from(layer)).cloned()),
            resolved_to: resolved_to(group, layers),
            ..cause_info(*key, group, incident, matcher, texts, evidence)
        })
        .collect()
}

fn cause_info(
    (_, origin, cause): RowKey,
    group: &CauseGroup,
    incident: &Incident,
    matcher: &CauseMatcher,
    texts: Texts<'_>,
    evidence: &mut EvidenceList<'_>,
) -> CauseInfo {
    let scope = scope_of(group, texts);
    let mut quoted = Vec::new();
    for (place, at) in group.quoted_messages.iter().chain(&group.quoted_entries) {
        quoted.push(evidence.id(*place, Some(*at)));
    }
    let leaning = (cause.is_none() && origin == Origin::Unknown)
        .then(|| group.leanings.iter().max_by_key(|(key, n)| (**n, **key)))
        .flatten()
        .map(|((origin, cause), _)| LeaningInfo {
            origin: *origin,
            cause: *cause,
            basis: vec![Basis::BodySize],
        });
    let first_message = group.quoted_messages.first().map(|(_, at)| *at);
    let note =
        group.message_rule.and_then(|rule| matcher.rule(rule)).map(|rule| rule.note.to_string());
    let what = scope.values().next().map(|name| format!(" ({name})")).unwrap_or_default();
    let summary = match (cause, &leaning) {
        (Some(cause), _) => format!("{}{what}", note.unwrap_or_else(|| cause.meaning().to_owned())),
        (None, Some(leaning)) => format!("not decided; probably {}", leaning.origin),
        (None, None) => format!("{}; why is not known", origin.meaning()),
    };
    CauseInfo {
        id: cause,
        origin,
        role: cause.map_or(Role::Mechanism, Cause::role),
        confidence: ConfidenceInfo { level: group.confidence, basis: sorted_basis(&group.basis) },
        entries: group.entries,
        messages: group.messages,
        explained_ratio: ratio(group.entries, incident.entries).unwrap_or(0.0),
        first_at: (group.first_at <= group.last_at).then_some(Timestamp(group.first_at)),
        last_at: (group.first_at <= group.last_at).then_some(Timestamp(group.last_at)),
        spans: group
            .spans
            .iter()
            .map(|(first, last, entries)| Span {
                first_at: Timestamp(*first),
                last_at: Timestamp(*last),
                entries: *entries,
            })
            .collect(),
        lead_s: first_message.map(|at| lead_s(incident, at)),
        summary,
        layer: None,
        resolved_to: Vec::new(),
        evidence: quoted,
        next_steps: next_steps(cause, &scope, incident, texts),
        scope,
        leaning,
    }
}

fn sorted_basis(basis: &[Basis]) -> Vec<Basis> {
    let mut basis = basis.to_vec();
    basis.sort_unstable();
    basis
}

/// The names a cause is about: what most of its messages name, else the upstream of most of its entries.
fn scope_of(group: &CauseGroup, texts: Texts<'_>) -> BTreeMap<&'static str, String> {
    let Some(top) = group.scopes.top(1).pop() else { return BTreeMap::new() };
    if let Some((kind, name)) = texts.scope(top.example) {
        return [(scope_name(kind), name)].into();
    }
    if let Some(pool) = texts.name(top.example, Name::Queue).filter(|name| !name.is_empty()) {
        return [("app_pool", pool)].into();
    }
    match texts.name(top.example, Name::Upstream).filter(|name| !name.is_empty() && name != "-") {
        Some(name) if name.contains(':') => [(scope_name(Scope::UpstreamPeer), name)].into(),
        Some(name) => [(scope_name(Scope::UpstreamGroup), name)].into(),
        None => BTreeMap::new(),
    }
}

/// What to do, with the real names filled in. A step whose name is not known, or that is for other servers than those
/// whose logs were read, is left out.
fn next_steps(
    cause: Option<Cause>,
    scope: &BTreeMap<&'static str, String>,
    incident: &Incident,
    texts: Texts<'_>,
) -> Vec<String> {
    let Some(cause) = cause else { return Vec::new() };
    let host = incident.hosts.top(1).pop().and_then(|top| texts.name(top.example, Name::Host));
    let host = host.filter(|host| !host.is_empty());
    filled_steps(cause, scope.values().next(), host.as_ref(), None, texts)
}

/// The steps for a cause that suit the server whose message it is, else those whose logs were read, with the names that
/// are known.
pub(super) fn filled_steps(
    cause: Cause,
    scope: Option<&String>,
    host: Option<&String>,
    server: Option<Server>,
    texts: Texts<'_>,
) -> Vec<String> {
    let plans = texts.inputs.iter().filter_map(|input| input.plan.as_deref());
    let is_apache = is_apache_without_nginx(texts.inputs);
    let is_nginx = is_nginx_alone(texts.inputs);
    let read = plans.flat_map(|plan| &plan.readers[..plan.n_detected]).map(|reader| {
        let about = reader.about();
        match about.ambiguous_with {
            Some(_) if is_apache => Server::Apache,
            Some(Server::Nginx) if is_nginx => Server::Nginx,
            _ => about.server,
        }
    });
    let servers: Vec<Server> = match server {
        Some(server) => vec![server],
        None => read.collect(),
    };
    advice(cause)
        .next_steps
        .iter()
        .filter(|step| step.suits(&servers))
        .filter_map(|step| {
            let step = step.text();
            let step = match scope {
                Some(name) if !is_command_on(step, name) => return None,
                Some(name) => step
                    .replace("{scope}", &shell_safe(name))
                    .replace("{socket}", &shell_safe(socket_path(name).unwrap_or_default())),
                None if step.contains("{scope}") || step.contains("{socket}") => return None,
                None => step.to_owned(),
            };
            match host {
                Some(name) => Some(step.replace("{host}", &shell_safe(name))),
                None if step.contains("{host}") => None,
                None => Some(step),
            }
        })
        .collect()
}

/// False for a command that cannot be given the name: a socket in the file system has no address to connect to, an
/// address no file, and units have no blanks, as systemd's descriptions of them have.
fn is_command_on(step: &str, name: &str) -> bool {
    let is_on_unit = step.contains("systemctl status {scope}") || step.contains("-u {scope}");
    let is_of_network = step.contains("http://{scope}") || step.contains("ss -ltnp | grep {scope}");
    let is_misplaced = match socket_path(name) {
        Some(_) => is_of_network,
        None => step.contains("{socket}"),
    };
    let is_no_unit = is_on_unit && name.contains(' ');
    !is_misplaced && !is_no_unit
}

/// The path of a scope that is a socket in the file system: `unix:/run/a.sock`, or the path alone.
fn socket_path(name: &str) -> Option<&str> {
    let path = name.strip_prefix("unix:").unwrap_or(name);
    path.starts_with('/').then(|| path.trim_end_matches(':'))
}

/// A name from a log, for a command that someone will paste: anything unusual becomes `_`.
fn shell_safe(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/-[]@".contains(c);
    name.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| round(part as f64 / whole as f64, 4))
}

fn impact(
    incident: &Incident,
    analysis: &Analysis,
    config: &AnalysisConfig<'_>,
    texts: Texts<'_>,
    filtered: bool,
) -> Impact {
    let sum = analysis.requests.sum(incident.core.first_s, incident.core.last_s);
    let kin: BTreeMap<u16, u64> = [502, 503, 504]
        .into_iter()
        .zip(sum.kin)
        .filter(|(status, _)| !config.statuses.contains(status))
        .collect();
    let peak = peak(incident, analysis).filter(|_| !filtered);
    let (count, approx) = incident.clients.distinct();
    let top = |ranking: &Ranking, name: Name| Top {
        total: ranking.distinct().0,
        approx: ranking.is_approximate(),
        items: ranking
            .top(TOP_ROWS)
            .into_iter()
            .filter_map(|row| {
                Some(TopItem { key: texts.name(row.example, name)?, count: row.count })
            })
            .collect(),
    };
    Impact {
        entries: incident.entries,
        requests: sum.requests,
        error_ratio: ratio(incident.entries, sum.requests).filter(|_| !filtered),
        peak_ratio: peak.map(|(_, ratio)| ratio),
        peak_at: peak.map(|(at, _)| Timestamp::from_second(at)),
        clients: Count { count, approx },
        probe_entries: incident.probe_entries,
        kin,
        top_paths: top(&incident.paths, Name::Template),
        top_hosts: top(&incident.hosts, Name::Host),
        top_upstreams: top(&incident.upstreams, Name::Upstream),
        termination_states: Some(top(&incident.endings, Name::Ending)).filter(|top| top.total > 0),
        top_clients: top(&incident.clients, Name::Client),
    }
}

/// The bucket with the largest part of failing requests: its start (second) and that part.
fn peak(incident: &Incident, analysis: &Analysis) -> Option<(i64, f64)> {
    let bucket_s = incident.bucket_s;
    let mut peak: Option<(i64, f64)> = None;
    for (bucket, by_origin) in &incident.buckets {
        let start = bucket * bucket_s;
        let requests = analysis.requests.sum(start, start + bucket_s - 1).requests;
        let entries: u64 = by_origin.values().sum();
        let share = ratio(entries, requests).filter(|_| requests >= MIN_PEAK_REQUESTS);
        if let Some(share) = share
            && peak.is_none_or(|(_, most)| share > most)
        {
            peak = Some((start, share));
        }
    }
    peak
}

fn origin_info(incident: &Incident, causes: &[CauseInfo]) -> OriginInfo {
    let by_entries =
        incident.by_origin.iter().max_by_key(|(origin, n)| (**n, std::cmp::Reverse(**origin)));
    let verdict = by_entries
        .map(|(origin, _)| *origin)
        .or_else(|| causes.first().map(|cause| cause.origin))
        .unwrap_or(Origin::Unknown);
    let main = causes.iter().find(|cause| cause.origin == verdict);
    let shares = incident
        .by_origin
        .iter()
        .filter_map(|(origin, n)| Some((*origin, ratio(*n, incident.entries)?)))
        .collect();
    let confidence = main
        .map_or(ConfidenceInfo { level: Confidence::Unknown, basis: Vec::new() }, |cause| {
            cause.confidence.clone()
        });
    OriginInfo {
        verdict,
        confidence,
        shares,
        decided_by: main
            .map_or_else(|| "nothing decides".to_owned(), |cause| cause.summary.clone()),
        leaning: main.and_then(|cause| cause.leaning.clone()),
    }
}

fn fingerprint(origin: &OriginInfo, main: Option<&CauseInfo>) -> String {
    let cause = main.and_then(|cause| cause.id).map_or("unknown", Cause::as_str);
    let scope = main.and_then(|cause| cause.scope.values().next()).map_or("", String::as_str);
    format!("v1:{}|{cause}|{scope}", origin.verdict)
}

fn title(
    origin: &OriginInfo,
    main: Option<&CauseInfo>,
    impact: &Impact,
    kin: Option<String>,
) -> String {
    let cause = main.map_or_else(
        || "cause not known".to_owned(),
        |cause| {
            let id = cause.id.map_or("", Cause::as_str);
            let scope = cause.scope.values().next().map(|name| format!(" ({name})"));
            format!("{id}{}", scope.unwrap_or_default())
        },
    );
    if impact.entries == 0 {
        let seen = kin.unwrap_or_else(|| "seen in messages only".to_owned());
        return format!("{}: {cause}, {seen}", origin.verdict);
    }
    let kin = kin.map(|kin| format!(" and {kin}")).unwrap_or_default();
    format!("{}: {cause}, {} responses{kin}", origin.verdict, impact.entries)
}

/// Answers with kin statuses that count as failures of an incident: all of them where messages tell why half of them came
/// about, else only as many as messages tell of.
fn counted_kin(n_told: u64, kin: &BTreeMap<u16, u64>) -> u64 {
    let all: u64 = kin.values().sum();
    if n_told.saturating_mul(2) >= all { all } else { n_told }
}

/// The part of the requests that failed, with the kin answers that count.
fn failing_ratio(n_kin: u64, impact: &Impact) -> Option<f64> {
    impact.error_ratio.and(ratio(impact.entries + n_kin, impact.requests))
}

/// The responses with kin statuses that count: `3000 x 502`.
fn told_kin(n_kin: u64, kin: &BTreeMap<u16, u64>) -> Option<String> {
    let some = kin.iter().filter(|(_, n)| **n > 0);
    let told: Vec<String> = if n_kin == kin.values().sum::<u64>() {
        some.map(|(status, n)| format!("{n} x {status}")).collect()
    } else {
        let statuses: Vec<String> = some.map(|(status, _)| status.to_string()).collect();
        vec![format!("{n_kin} x {}", statuses.join(" or "))]
    };
    (n_kin > 0 && !told.is_empty()).then(|| told.join(", "))
}

fn severity(impact: &Impact, n_kin: u64, duration_s: f64) -> Severity {
    let failing = failing_ratio(n_kin, impact);
    let n_failures = impact.entries + n_kin;
    let level = match failing {
        Some(ratio) if ratio >= 0.5 && n_failures >= MIN_SEVERE => "critical",
        Some(ratio) if ratio >= 0.1 && n_failures >= MIN_SEVERE => "major",
        None if impact.entries >= 1000 => "major",
        _ => "minor",
    };
    let reason = match failing {
        Some(ratio) => format!("{:.1} % of requests failed for {duration_s:.0} s", ratio * 100.0),
        None => format!("{} responses in {duration_s:.0} s", impact.entries),
    };
    Severity { level, reason }
}

fn series(incident: &Incident, analysis: &Analysis) -> SeriesInfo {
    let width = incident.bucket_s;
    let first = incident.core.first_s.div_euclid(width);
    let n = (incident.core.last_s.div_euclid(width) - first + 1).max(1) as usize;
    let mut by_origin: BTreeMap<Origin, Vec<u64>> = BTreeMap::new();
    let mut entries = vec![0; n];
    for (bucket, counts) in &incident.buckets {
        let index = (bucket - first).clamp(0, n as i64 - 1) as usize;
        for (origin, count) in counts {
            entries[index] += count;
            by_origin.entry(*origin).or_insert_with(|| vec![0; n])[index] += count;
        }
    }
    let requests = (first..first + n as i64)
        .map(|bucket| analysis.requests.sum(bucket * width, (bucket + 1) * width - 1).requests)
        .collect();
    SeriesInfo {
        bucket_s: width,
        start: Timestamp::from_second(first * width),
        requests,
        entries,
        by_origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kin_answers_count_as_far_as_messages_tell_of_them() {
        let check = |told: u64, kin: &[(u16, u64)], expected: Option<&str>| {
            let kin = kin.iter().copied().collect();
            let n_kin = counted_kin(told, &kin);
            assert_eq!(told_kin(n_kin, &kin).as_deref(), expected, "{told} {kin:?}");
        };
        check(0, &[(502, 480), (504, 0)], None);
        check(1, &[(502, 480), (504, 0)], Some("1 x 502"));
        check(239, &[(502, 470), (504, 10)], Some("239 x 502 or 504"));
        check(240, &[(502, 470), (504, 10)], Some("470 x 502, 10 x 504"));
        check(600, &[(502, 480), (504, 0)], Some("480 x 502"));
        check(600, &[], None);
    }

    #[test]
    fn commands_fit_the_kind_of_scope() {
        let check = |step: &str, name: &str, fits: bool| {
            assert_eq!(is_command_on(step, name), fits, "{step} {name}");
        };
        for socket in ["unix:/run/php/a.sock", "unix:/run/php/a.sock:", "/run/php/a.sock"] {
            assert_eq!(socket_path(socket), Some("/run/php/a.sock"));
            check("ss -lxp | grep {socket}", socket, true);
            check("ss -ltnp | grep {scope}", socket, false);
            check("curl -sv http://{scope}/", socket, false);
        }
        for address in ["10.0.0.1:80", "[::1]:80", "shop"] {
            check("ss -lxp | grep {socket}", address, false);
            check("ss -ltnp | grep {scope}", address, true);
            check("curl -sv http://{scope}/", address, true);
        }
        check("systemctl status {scope}", "A unit", false);
        check("systemctl status {scope}", "a.service", true);
    }
}
