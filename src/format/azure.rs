//! Azure's access logs of Front Door, Application Gateway and App Service, as resource logs and as rows of their tables.
//!
//! In: records of a category for access logs; the array of an export around them is taken off before. Out: access
//! records. The first generation of Application Gateway hides what it knows of the backend in the query string.
//! Source: Microsoft documentation, "Monitor Azure Front Door" and "Azure Application Gateway monitoring data reference"
//! (access log), Azure Monitor tables `AzureDiagnostics`, `AGWAccessLogs` and `AppServiceHTTPLogs`.

use memchr::memmem;

use super::Instant;
use super::json_declared::{ANY_TIME, Declared, TimeAt, Use, key, time_at, value, value_if_any};
use crate::record::{AccessRecord, Field};
use crate::taxonomy::Server;

const TIMES: &[TimeAt] = &[
    time_at("timeStamp", ANY_TIME),
    time_at("time", ANY_TIME),
    time_at("properties>timeStamp", ANY_TIME),
    time_at("TimeGenerated", ANY_TIME),
    time_at("timeStamp_t", ANY_TIME),
];

/// Front Door. Records of health probes and of the firewall have other categories.
pub const FRONT_DOOR: Declared = Declared {
    name: "azure_front_door",
    summary: "Azure Front Door access logs; recognised by \"trackingReference\" and \"httpStatusCode\"",
    server: Server::AzureFrontDoor,
    instant: Instant::End,
    required: &[
        value_if_any(&["category"], &["FrontDoorAccessLog", "AzureCdnAccessLog"]),
        value_if_any(&["properties>isReceivedFromClient"], &["true"]),
        key(&[
            "properties>trackingReference",
            "trackingReference",
            "trackingReference_s",
            "errorInfo_s",
        ]),
        key(&[
            "properties>httpStatusCode",
            "httpStatusCode",
            "httpStatusCode_s",
            "httpStatusCode_d",
        ]),
    ],
    besides: &[
        value(
            &["category"],
            &[
                "FrontDoorHealthProbeLog",
                "FrontDoorWebApplicationFirewallLog",
                "WebSocketSessionLog",
            ],
        ),
        // The leg between two places of the edge, by an origin shield of the classic product.
        value(&["properties>isReceivedFromClient"], &["false"]),
    ],
    time: TIMES,
    status: &[
        "properties>httpStatusCode",
        "httpStatusCode",
        "httpStatusCode_s",
        "httpStatusCode_d",
    ],
    fields: &[
        ("properties>clientIp", Use::Client),
        ("properties>socketIp", Use::Client),
        ("clientIp", Use::Client),
        ("clientIp_s", Use::Client),
        ("properties>requestUri", Use::Url),
        ("requestUri", Use::Url),
        ("requestUri_s", Use::Url),
        ("properties>httpMethod", Use::As(Field::Method)),
        ("httpMethod", Use::As(Field::Method)),
        ("httpMethod_s", Use::As(Field::Method)),
        ("properties>hostName", Use::As(Field::ServerName)),
        ("properties>userAgent", Use::As(Field::UserAgent)),
        ("userAgent", Use::As(Field::UserAgent)),
        ("userAgent_s", Use::As(Field::UserAgent)),
        ("properties>referer", Use::As(Field::Referer)),
        ("properties>trackingReference", Use::As(Field::RequestId)),
        ("trackingReference", Use::As(Field::RequestId)),
        ("trackingReference_s", Use::As(Field::RequestId)),
        ("properties>errorInfo", Use::As(Field::ResponseDetails)),
        ("errorInfo", Use::As(Field::ResponseDetails)),
        ("errorInfo_s", Use::As(Field::ResponseDetails)),
        ("properties>cacheStatus", Use::As(Field::UpstreamCacheStatus)),
        ("cacheStatus", Use::As(Field::UpstreamCacheStatus)),
        ("cacheStatus_s", Use::As(Field::UpstreamCacheStatus)),
        ("properties>originIp", Use::As(Field::UpstreamAddr)),
        ("originIp", Use::As(Field::UpstreamAddr)),
        ("originIp_s", Use::As(Field::UpstreamAddr)),
        ("properties>originName", Use::As(Field::ProxyUpstreamName)),
        ("properties>backendHostname", Use::As(Field::ProxyUpstreamName)),
        ("originName", Use::As(Field::ProxyUpstreamName)),
        ("properties>timeTaken", Use::As(Field::RequestTime)),
        ("timeTaken", Use::As(Field::RequestTime)),
        ("timeTaken_s", Use::As(Field::RequestTime)),
        ("properties>responseBytes", Use::As(Field::BytesSent)),
        ("properties>httpStatusDetails", Use::As(Field::OriginalStatus)),
    ],
    finish: Some(front_door),
};

/// `N/A` stands for no value.
fn front_door(record: &mut AccessRecord<'_>) {
    for field in [Field::UpstreamAddr, Field::ProxyUpstreamName, Field::UpstreamCacheStatus] {
        if record.raw(field) == Some(b"N/A") {
            record.replace(field, Some(b""));
        }
    }
}

/// Application Gateway.
pub const APP_GATEWAY: Declared = Declared {
    name: "azure_app_gateway",
    summary: "Azure Application Gateway access logs (v1, v2); recognised by \"ApplicationGatewayAccess\" or the columns of its table",
    server: Server::AzureAppGateway,
    instant: Instant::End,
    required: &[
        value_if_any(&["category"], &["ApplicationGatewayAccessLog"]),
        value_if_any(&["operationName"], &["ApplicationGatewayAccess"]),
        key(&[
            "properties>serverRouted",
            "properties>instanceId",
            "instanceId_s",
            "serverRouted",
            "serverRouted_s",
            "OriginalRequestUriWithArgs",
        ]),
        key(&["properties>httpStatus", "httpStatus", "httpStatus_d"]),
    ],
    besides: &[value(
        &["category"],
        &[
            "ApplicationGatewayFirewallLog",
            "ApplicationGatewayPerformanceLog",
            "ApplicationGatewayActivityLog",
        ],
    )],
    time: TIMES,
    status: &["properties>httpStatus", "httpStatus", "httpStatus_d"],
    fields: &[
        ("properties>clientIP", Use::Client),
        ("clientIP", Use::Client),
        ("clientIP_s", Use::Client),
        ("properties>clientPort", Use::As(Field::ClientPort)),
        ("properties>originalRequestUriWithArgs", Use::As(Field::RequestUri)),
        ("originalRequestUriWithArgs", Use::As(Field::RequestUri)),
        ("originalRequestUriWithArgs_s", Use::As(Field::RequestUri)),
        ("properties>requestUri", Use::As(Field::Uri)),
        ("requestUri", Use::As(Field::Uri)),
        ("requestUri_s", Use::As(Field::Uri)),
        ("properties>requestQuery", Use::As(Field::Args)),
        ("requestQuery", Use::As(Field::Args)),
        ("requestQuery_s", Use::As(Field::Args)),
        ("properties>httpMethod", Use::As(Field::Method)),
        ("httpMethod", Use::As(Field::Method)),
        ("httpMethod_s", Use::As(Field::Method)),
        ("properties>httpVersion", Use::As(Field::Protocol)),
        ("properties>originalHost", Use::As(Field::Host)),
        ("properties>host", Use::As(Field::Host)),
        ("originalHost", Use::As(Field::Host)),
        ("host", Use::As(Field::Host)),
        ("host_s", Use::As(Field::Host)),
        ("properties>userAgent", Use::As(Field::UserAgent)),
        ("userAgent", Use::As(Field::UserAgent)),
        ("userAgent_s", Use::As(Field::UserAgent)),
        ("properties>transactionId", Use::As(Field::RequestId)),
        ("transactionId", Use::As(Field::RequestId)),
        ("transactionId_g", Use::As(Field::RequestId)),
        ("properties>serverRouted", Use::As(Field::UpstreamAddr)),
        ("serverRouted", Use::As(Field::UpstreamAddr)),
        ("serverRouted_s", Use::As(Field::UpstreamAddr)),
        ("properties>serverStatus", Use::As(Field::UpstreamStatus)),
        ("serverStatus", Use::As(Field::UpstreamStatus)),
        ("serverStatus_s", Use::As(Field::UpstreamStatus)),
        ("properties>serverResponseLatency", Use::As(Field::UpstreamResponseTime)),
        ("properties>error_info", Use::As(Field::ResponseDetails)),
        ("error_info", Use::As(Field::ResponseDetails)),
        ("error_info_s", Use::As(Field::ResponseDetails)),
        ("backendPoolName", Use::As(Field::ProxyUpstreamName)),
        ("properties>timeTaken", Use::As(Field::RequestTime)),
        ("timeTaken", Use::As(Field::RequestTime)),
        ("timeTaken_d", Use::As(Field::RequestTime)),
        ("properties>sentBytes", Use::As(Field::BytesSent)),
        ("properties>receivedBytes", Use::As(Field::RequestLength)),
    ],
    finish: Some(app_gateway),
};

/// App Service: what its front end hands to IIS, or to the container of an application.
pub const APP_SERVICE: Declared = Declared {
    name: "azure_app_service",
    summary: "Azure App Service HTTP logs; recognised by \"ScStatus\" and \"CsUriStem\"",
    server: Server::Iis,
    instant: Instant::End,
    required: &[
        value_if_any(&["category", "Category"], &["AppServiceHTTPLogs"]),
        key(&["properties>ScStatus", "ScStatus"]),
        key(&["properties>CsUriStem", "CsUriStem"]),
    ],
    besides: &[],
    time: TIMES,
    status: &["properties>ScStatus", "ScStatus"],
    fields: &[
        ("properties>CIp", Use::Client),
        ("CIp", Use::Client),
        ("properties>CsMethod", Use::As(Field::Method)),
        ("CsMethod", Use::As(Field::Method)),
        ("properties>CsUriStem", Use::As(Field::Uri)),
        ("CsUriStem", Use::As(Field::Uri)),
        ("properties>CsUriQuery", Use::As(Field::Args)),
        ("CsUriQuery", Use::As(Field::Args)),
        ("properties>CsHost", Use::As(Field::Host)),
        ("CsHost", Use::As(Field::Host)),
        ("properties>UserAgent", Use::As(Field::UserAgent)),
        ("UserAgent", Use::As(Field::UserAgent)),
        ("properties>Referer", Use::As(Field::Referer)),
        ("Referer", Use::As(Field::Referer)),
        ("properties>ScSubStatus", Use::As(Field::SubStatus)),
        ("ScSubStatus", Use::As(Field::SubStatus)),
        ("properties>ScWin32Status", Use::As(Field::Win32Status)),
        ("ScWin32Status", Use::As(Field::Win32Status)),
        ("properties>TimeTaken", Use::As(Field::RequestTimeMillis)),
        ("TimeTaken", Use::As(Field::RequestTimeMillis)),
        ("properties>ScBytes", Use::As(Field::BytesSent)),
        ("ScBytes", Use::As(Field::BytesSent)),
        ("properties>ComputerName", Use::As(Field::ComputerName)),
        ("ComputerName", Use::As(Field::ComputerName)),
    ],
    finish: None,
};

/// What the first generation adds to the query string of the client.
const ADDED: &[u8] = b"X-AzureApplicationGateway-CACHE-HIT=";

/// Takes the backend of the first generation out of the query string; its durations are milliseconds.
fn app_gateway(record: &mut AccessRecord<'_>) {
    let Some(query) = record.raw(Field::Args) else { return };
    // The client may have sent the same text: what the gateway added stands behind it.
    let Some(at) = memmem::rfind(query, ADDED) else { return };
    let (own, added) = query.split_at(at);
    record.replace(Field::Args, Some(own.strip_suffix(b"&").unwrap_or(own)));
    for part in added.split(|byte| *byte == b'&') {
        let Some(equals) = memchr::memchr(b'=', part) else { continue };
        let (name, value) = (&part[..equals], &part[equals + 1..]);
        let field = match name {
            b"SERVER-ROUTED" => Field::UpstreamAddr,
            b"SERVER-STATUS" => Field::UpstreamStatus,
            b"X-AzureApplicationGateway-LOG-ID" => Field::RequestId,
            _ => continue,
        };
        record.replace(field, Some(value));
    }
    let millis = record.raw(Field::RequestTime);
    record.replace(Field::RequestTimeMillis, millis);
    record.replace(Field::RequestTime, None);
}
