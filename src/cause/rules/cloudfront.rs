//! What `CloudFront` tells clients: the `X-Cache` header of its answers, as `curl -I` and browsers show it.
//!
//! In: nothing. Out: [`RULES`], part of the cause table.
//! Source: `CloudFront` developer guide, result types; headers quoted in public threads.

use super::{BASE as NGINX_BASE, CauseRule};
use crate::cause::RuleKind;
use crate::taxonomy::{Cause, Origin, Server};

/// What a row does not say.
const BASE: CauseRule = CauseRule {
    server: Server::CloudFront,
    origin: Origin::Cdn,
    kind: RuleKind::Failure,
    source: "CloudFront developer guide, x-edge-result-type; X-Cache",
    ..NGINX_BASE
};

/// The rows, in order of priority.
pub(super) const RULES: &[CauseRule] = &[
    CauseRule {
        id: "cloudfront.x_cache_function",
        needles: &[&[
            "LambdaExecutionError from cloudfront",
            "LambdaValidationError from cloudfront",
            "FunctionExecutionError from cloudfront",
            "FunctionThrottledError from cloudfront",
        ]],
        cause: Some(Cause::CdnFunctionError),
        status: &[502, 503],
        note: "a function at the edge failed",
        example: "x-cache: LambdaExecutionError from cloudfront",
        ..BASE
    },
    CauseRule {
        id: "cloudfront.x_cache_capacity",
        needles: &[&["LambdaLimitExceeded from cloudfront", "CapacityExceeded from cloudfront"]],
        cause: Some(Cause::CdnCapacity),
        status: &[503],
        note: "the edge, or its functions, ran out of capacity",
        example: "x-cache: CapacityExceeded from cloudfront",
        ..BASE
    },
];
