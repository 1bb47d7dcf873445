//! The spelling of header names in a real host.
//!
//! A real host writes known names in their canonical case and others as they were sent. The HTTP library here
//! keeps names in lower case, so unknown names stay in lower case. Names must be compared without case anyway.

/// Names that Kestrel spells in its own way, beside those that are plain title case.
const SPELLINGS: &[&str] = &[
    "baggage",
    "correlation-context",
    "DNT",
    "ETag",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-timeout",
    "traceparent",
    "tracestate",
    "TE",
];

/// Known names that are plain title case.
const TITLE_CASE: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "range",
    "referer",
    "request-id",
    "trailer",
    "transfer-encoding",
    "translate",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "warning",
];

/// The canonical spelling of a name, where it has one.
pub(crate) fn spelling(lower: &str) -> String {
    if let Some(known) = SPELLINGS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(lower))
    {
        return (*known).to_owned();
    }
    if !TITLE_CASE.contains(&lower) {
        return lower.to_owned();
    }
    if lower == "content-md5" {
        return "Content-MD5".to_owned();
    }
    title_case(lower)
}

/// Every word with a capital letter.
pub(crate) fn title_case(lower: &str) -> String {
    lower
        .split('-')
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            first.to_ascii_uppercase() + rest
        })
        .collect::<Vec<_>>()
        .join("-")
}
