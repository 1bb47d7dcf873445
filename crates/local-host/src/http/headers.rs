//! Request headers in the spelling that a real host passes to the handler.
//!
//! A real host writes known names in their canonical case and others as the client sent them. The HTTP
//! library here keeps names in lower case, so unknown names reach the handler in lower case. A handler must
//! compare names without case anyway.

use http::HeaderMap;

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

/// The headers by name, in the order of their first appearance; values are UTF-8, other bytes are
/// replaced.
pub(super) fn collect(headers: &HeaderMap) -> Vec<(String, Vec<String>)> {
    headers
        .keys()
        .map(|name| {
            let values = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            (spelling(name.as_str()), values)
        })
        .collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_canonical_and_repeated_values_stay_apart() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-custom", "1"),
            ("user-agent", "ua"),
            ("accept", "a"),
            ("accept", "b,c"),
            ("traceparent", "t"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let mut names: Vec<_> = collect(&headers);
        names.sort();
        let of = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            names,
            [
                ("Accept".to_owned(), of(&["a", "b,c"])),
                ("User-Agent".to_owned(), of(&["ua"])),
                ("traceparent".to_owned(), of(&["t"])),
                ("x-custom".to_owned(), of(&["1"])),
            ]
        );
    }
}
