//! Until when logs that are delivered late are whole.
//!
//! In: the inputs, with the names of their files. Out: one [`Horizon`] per service that delivers late.
//! The rule: load balancers write a file per node and interval, and name it by the interval's end. They are whole until the
//! last such end, or, while files of the last interval seem to be missing (fewer nodes than before), until the one before.
//! Where names do not tell, and for services that put lines into a file later, it is the last record less the usual delay.
//! Source: AWS user guides: "publishes a log file for each load balancer node every 5 minutes" (Classic: 5 or 60, begun up
//! to 15 minutes late); `CloudFront`: most log files "within an hour", some lines up to 24 hours late; real-time logs within
//! seconds.

use std::collections::BTreeMap;

use crate::report::{Horizon, InputInfo};
use crate::scan::ScannedInput;
use crate::taxonomy::Server;
use crate::time::{Notation, SECOND_US, Timestamp};

const MINUTE_US: i64 = 60 * SECOND_US;

/// Interval of files, or usual delay of lines, in minutes.
const fn delay_minutes(server: Server) -> Option<i64> {
    match server {
        Server::Alb => Some(5),
        Server::Clb => Some(15),
        Server::CloudFront => Some(60),
        Server::ApiGateway => Some(1),
        _ => None,
    }
}

/// The horizons of a run.
pub(super) fn horizons(inputs: &[ScannedInput], infos: &[InputInfo]) -> Vec<Horizon> {
    let mut of_server: BTreeMap<Server, Vec<usize>> = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        if let Some(server) = late_server(input) {
            of_server.entry(server).or_default().push(index);
        }
    }
    let horizon = |(server, indices): (Server, Vec<usize>)| {
        let last_at = indices.iter().filter_map(|index| infos[*index].last_at).max()?;
        let delay_us = delay_minutes(server)? * MINUTE_US;
        let names = indices.iter().map(|index| infos[*index].path.as_str());
        let is_real_time = indices.iter().all(|index| is_real_time(&infos[*index]));
        let (complete_until, basis) = match by_names(names) {
            Some(end) => (end, "file_names"),
            None if is_real_time => (Timestamp(last_at.0 - MINUTE_US), "usual_delay"),
            None => (Timestamp(last_at.0 - delay_us), "usual_delay"),
        };
        Some(Horizon { server, complete_until: complete_until.min(last_at), basis })
    };
    of_server.into_iter().filter_map(horizon).collect()
}

/// The service that delivered an input late.
fn late_server(input: &ScannedInput) -> Option<Server> {
    let plan = input.plan.as_ref()?;
    let mut servers = plan.detected().map(|reader| reader.about().server);
    servers.find(|server| delay_minutes(*server).is_some())
}

/// Records of a stream: a time since the epoch comes first.
fn is_real_time(info: &InputInfo) -> bool {
    info.layout.as_ref().is_some_and(|layout| layout.starts_with("timestamp "))
}

/// The end of the last interval that has all its files.
fn by_names<'p>(paths: impl Iterator<Item = &'p str>) -> Option<Timestamp> {
    let mut n_files: BTreeMap<i64, usize> = BTreeMap::new();
    for path in paths {
        *n_files.entry(interval_end(path)?).or_default() += 1;
    }
    let (last, n_last) = n_files.pop_last()?;
    let is_whole = n_files.values().max().is_none_or(|most| n_last >= *most);
    let before = n_files.last_key_value().map(|(end, _)| *end);
    Some(Timestamp(if is_whole { last } else { before.unwrap_or(last) }))
}

/// `20260402T0545Z` in the name of a file of a load balancer.
fn interval_end(path: &str) -> Option<i64> {
    let name = path.rsplit(['/', '\\']).next()?;
    name.split('_').find_map(|part| {
        let digits = part.strip_suffix('Z')?;
        let (day, clock) = digits.split_once('T')?;
        if (day.len(), clock.len()) != (8, 4) || !(day.is_ascii() && clock.is_ascii()) {
            return None;
        }
        let text = format!(
            "{}-{}-{} {}:{}:00",
            &day[..4],
            &day[4..6],
            &day[6..],
            &clock[..2],
            &clock[2..]
        );
        Notation::W3c.parse(text.as_bytes()).map(|stamp| stamp.micros)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: Option<&str>) {
        let found = by_names(names.iter().copied()).map(Timestamp::to_rfc3339);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn names_tell_the_end_of_an_interval() {
        let name = |clock: &str, node: &str| {
            format!(
                "a/123_elasticloadbalancing_eu-west-1_app.web.15d9_20260402T{clock}Z_{node}_0sym.log.gz"
            )
        };
        let files =
            [name("0545", "192.0.2.1"), name("0545", "192.0.2.2"), name("0550", "192.0.2.1")];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        check(&files[..2], Some("2026-04-02T05:45:00Z"));
        // A node's file of the last interval is not there yet.
        check(&files, Some("2026-04-02T05:45:00Z"));
        check(&[files[0], files[2]], Some("2026-04-02T05:50:00Z"));
        check(&[files[0], "access.log"], None);
        check(&["a_20269999T9999Z_b", "x"], None);
    }
}
