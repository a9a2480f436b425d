//! Access logs of Application Load Balancers as rows of a table: exports of queries (Athena), and what shippers make of
//! the lines.
//!
//! In: objects, or CSV with a heading, whose names are those of the user guides. Out: access records, judged as the lines are.
//! Source: AWS user guide of Athena, "Query Application Load Balancer logs"; Vector, `parse_aws_alb_log`.

use super::Instant;
use super::json_declared::{ANY_TIME, Declared, Use, key, time_at};
use crate::record::Field;
use crate::taxonomy::Server;

/// Rows of an Application Load Balancer.
pub const ALB: Declared = Declared {
    name: "aws_alb_table",
    summary: "AWS Application Load Balancer access log as a table (Athena) or as objects; recognised by \"elb_status_code\" and \"target_status_code\"",
    server: Server::Alb,
    instant: Instant::End,
    required: &[
        key(&["elb_status_code"]),
        key(&["target_status_code"]),
        // Without it, a request that no target got is not told from one that was answered by a rule.
        key(&["actions_executed"]),
    ],
    besides: &[],
    time: &[
        time_at("time", ANY_TIME),
        time_at("timestamp", ANY_TIME),
        time_at("@timestamp", ANY_TIME),
    ],
    status: &["elb_status_code"],
    fields: &[
        ("elb", Use::As(Field::ServerName)),
        ("client_ip", Use::Client),
        ("client_host", Use::Client),
        ("client", Use::Client),
        ("client_port", Use::As(Field::ClientPort)),
        ("target_ip", Use::As(Field::UpstreamAddr)),
        ("target_host", Use::As(Field::UpstreamAddr)),
        ("target", Use::As(Field::UpstreamAddr)),
        ("request_processing_time", Use::As(Field::RequestProcessingTime)),
        ("target_processing_time", Use::As(Field::TargetProcessingTime)),
        ("response_processing_time", Use::As(Field::ResponseProcessingTime)),
        ("target_status_code", Use::As(Field::UpstreamStatus)),
        ("received_bytes", Use::As(Field::RequestLength)),
        ("sent_bytes", Use::As(Field::BytesSent)),
        ("request_verb", Use::As(Field::Method)),
        ("request_method", Use::As(Field::Method)),
        ("request_url", Use::Url),
        ("request_proto", Use::As(Field::Protocol)),
        ("request_protocol", Use::As(Field::Protocol)),
        ("user_agent", Use::As(Field::UserAgent)),
        ("target_group_arn", Use::As(Field::TargetGroup)),
        ("trace_id", Use::As(Field::RequestId)),
        ("actions_executed", Use::As(Field::ActionsExecuted)),
        ("lambda_error_reason", Use::As(Field::Reason)),
        ("error_reason", Use::As(Field::Reason)),
    ],
    finish: Some(absent),
};

/// `null` stands for no value.
fn absent(record: &mut crate::record::AccessRecord<'_>) {
    for field in [Field::UpstreamAddr, Field::UpstreamStatus, Field::Reason, Field::TargetGroup] {
        if record.raw(field) == Some(b"null") {
            record.replace(field, Some(b"-"));
        }
    }
}
