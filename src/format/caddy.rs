//! Caddy's access log: one JSON object per request.
//!
//! In: lines with a logger `http.log.access`, or `http.log.access.<name>`. Out: access records.
//! Source: Caddy `modules/caddyhttp/server.go` (`logRequest`), `marshalers.go` (`LoggableHTTPRequest`).

use super::Instant;
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at, value};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::Server;

/// The access log. `ts` is written when the response is complete.
pub const ACCESS: Declared = Declared {
    name: "caddy_access",
    summary: "Caddy access logs (JSON); recognised by \"logger\": \"http.log.access\" and \"request\"",
    server: Server::Caddy,
    instant: Instant::End,
    required: &[value(&["logger"], &["http.log.access*"]), key(&["request"])],
    besides: &[],
    time: &[time_at("ts", ANY_TIME), time_at("time", ANY_TIME), time_at("timestamp", ANY_TIME)],
    status: &["status"],
    fields: &[
        // Since 2.7 `client_ip` is the client behind trusted proxies; error lines have both.
        ("request>client_ip", Use::As(Field::RemoteAddr)),
        ("request>remote_ip", Use::As(Field::RemoteAddr)),
        ("request>remote_addr", Use::As(Field::RemoteAddr)),
        // Error lines name it too, and no other number of the connection.
        ("request>remote_port", Use::As(Field::Connection)),
        ("request>method", Use::As(Field::Method)),
        ("request>host", Use::As(Field::Host)),
        ("request>uri", Use::As(Field::RequestUri)),
        ("request>proto", Use::As(Field::Protocol)),
        ("request>headers>User-Agent>0", Use::As(Field::UserAgent)),
        ("request>headers>Referer>0", Use::As(Field::Referer)),
        ("request>headers>X-Forwarded-For>0", Use::As(Field::ForwardedFor)),
        ("request>headers>X-Request-Id>0", Use::As(Field::RequestId)),
        ("resp_headers>X-Request-Id>0", Use::As(Field::RequestId)),
        ("uuid", Use::As(Field::RequestId)),
        ("user_id", Use::As(Field::RemoteUser)),
        ("duration", Use::As(Field::RequestTime)),
        ("size", Use::As(Field::BodyBytes)),
        ("bytes_read", Use::As(Field::RequestLength)),
        ("resp_headers>Retry-After>0", Use::As(Field::RetryAfter)),
        ("resp_headers>Server", Use::As(Field::ResponseServer)),
        ("resp_headers>Via", Use::As(Field::ResponseVia)),
        ("resp_headers>Date>0", Use::As(Field::ResponseDate)),
    ],
    finish: Some(finish),
};

/// Durations are seconds with a fraction, unless configured to be whole nanoseconds (`duration_format nano`).
fn finish(record: &mut AccessRecord<'_>) {
    let took = record.raw(Field::RequestTime).filter(|took| took.len() > 3);
    if let Some(nanos) = took.filter(|took| took.iter().all(u8::is_ascii_digit)) {
        record.replace(Field::RequestTime, None);
        record.set(Field::RequestTimeNanos, nanos);
    }
}
