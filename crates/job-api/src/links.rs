//! Every address that leaves the app, as clients can reach it.
//!
//! The first of these that is there decides on scheme, host and path prefix:
//!
//! 1. the setting `PublicBaseUrl`;
//! 2. what a trusted proxy says in `X-Forwarded-*` headers, for each part that it names;
//! 3. the address of the request that is being answered.
//!
//! The path of the request also shows the route prefix of host.json. Invariants: a host gets into an address from 2
//! or 3 only if it is well-formed and on `AllowedHosts`, when that is set; otherwise the address is a path, which a
//! client resolves against the address that it used. An address never holds a key: a client sends its own with each
//! request.

use axum::http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    forwarded::Forwarded,
    settings::{Authority, HttpSettings},
};

/// All characters but those that RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The addresses of the app, for the client of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Up to and with the route prefix, without a slash at the end.
    base: String,
}

/// What is known of the request that is being answered.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// Scheme, host and port, as the host saw them.
    pub origin: &'a str,
    /// Its path, without a query string.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// How many segments of the path belong to the route of the answering function. Those before them are the route
    /// prefix.
    pub own_segments: usize,
}

impl Links {
    /// The addresses for the client of this request.
    #[must_use]
    pub fn new(settings: &HttpSettings, request: Addressed<'_>) -> Self {
        let (origin, path) = match &settings.public_base_url {
            Some(base) => split(base),
            None => {
                let (origin, path) = of_request(settings, request);
                return Self::from_parts(settings, &origin.unwrap_or_default(), &path);
            }
        };
        Self::from_parts(settings, origin, path)
    }

    fn from_parts(settings: &HttpSettings, origin: &str, path: &str) -> Self {
        let origin = if settings.relative_location {
            ""
        } else {
            origin
        };
        Self {
            base: format!("{origin}{path}"),
        }
    }

    /// The address of the API: up to and with the route prefix, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address of a job's status.
    #[must_use]
    pub fn status(&self, id: &str) -> String {
        self.of(&["status", id])
    }

    /// The address of a job's status monitor for long-running operations.
    #[must_use]
    pub fn operation(&self, id: &str) -> String {
        self.of(&["operations", id])
    }

    /// The address of what is below the API in these segments of a path, which may hold any text.
    #[must_use]
    pub fn of(&self, segments: &[&str]) -> String {
        let mut url = self.base.clone();
        for segment in segments {
            url.push('/');
            url.extend(utf8_percent_encode(segment, RESERVED));
        }
        url
    }
}

/// Origin and path of an absolute URL.
fn split(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + "://".len());
    let after = url.get(authority..).unwrap_or_default();
    let end = authority + after.find('/').unwrap_or(after.len());
    url.split_at_checked(end).unwrap_or((url, ""))
}

/// Origin and path of the app, without a setting that says them. No origin if it is not known, or must not be used.
fn of_request(settings: &HttpSettings, request: Addressed<'_>) -> (Option<String>, String) {
    let forwarded = Forwarded::read(request.headers, &settings.trusted_proxies);
    let (scheme, host) = request.origin.split_once("://").unwrap_or_default();
    let own_scheme = ["https", "http"].into_iter().find(|known| *known == scheme);
    let host = match forwarded.host {
        Some(host) => host.ok(),
        None => Authority::parse(host),
    };
    let allowed = |host: &Authority| {
        let hosts = settings.allowed_hosts.as_ref();
        hosts.is_none_or(|hosts| hosts.contains(host))
    };
    let origin = host
        .filter(allowed)
        .zip(forwarded.scheme.or(own_scheme))
        .map(|(host, scheme)| format!("{scheme}://{host}"));

    let segments: Vec<_> = request
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let route_prefix = segments.len().saturating_sub(request.own_segments);
    let path = segments
        .iter()
        .take(route_prefix)
        .fold(forwarded.prefix, |path, segment| path + "/" + segment);
    (origin, path)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;
    use crate::settings::Reader;

    /// The address of the status of job 1, in the answer to this request.
    fn status(
        settings: &[(&str, &str)],
        origin: &str,
        path: &str,
        own_segments: usize,
        headers: &[(&'static str, &'static str)],
    ) -> String {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let request = Addressed {
            origin,
            path,
            headers: &headers.collect(),
            own_segments,
        };
        let mut reader = Reader::new(|asked: &str| {
            let found = settings.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| (*value).to_owned())
        });
        let settings = HttpSettings::read(&mut reader).unwrap();
        Links::new(&settings, request).status("1")
    }

    #[test]
    fn the_address_follows_the_request() {
        for (origin, path, own_segments, expected) in [
            (
                "http://localhost:7071",
                "/api/submit",
                1,
                "http://localhost:7071/api/status/1",
            ),
            (
                "https://app.example",
                "/api/submit/query",
                2,
                "https://app.example/api/status/1",
            ),
            (
                "https://app.example",
                "/api/submit/query/",
                2,
                "https://app.example/api/status/1",
            ),
            (
                "https://app.example",
                "/submit/query",
                2,
                "https://app.example/status/1",
            ),
            (
                "https://app.example",
                "/jobs/v1/status/1",
                2,
                "https://app.example/jobs/v1/status/1",
            ),
            (
                "https://app.example",
                "/api/status/status",
                2,
                "https://app.example/api/status/1",
            ),
        ] {
            let found = status(&[], origin, path, own_segments, &[]);
            assert_eq!(found, expected, "{path}");
        }
    }

    const BASE: (&str, &str) = ("PublicBaseUrl", "https://api.example.com/jobs");
    const TRUSTED: (&str, &str) = ("TrustedProxies", "10.0.0.1");
    const RELATIVE: (&str, &str) = ("RelativeLocation", "true");
    const FORWARDED: [(&str, &str); 4] = [
        ("x-forwarded-for", "203.0.113.9, 10.0.0.1:4711"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "public.example:8443"),
        ("x-forwarded-prefix", "/tickets/v1"),
    ];

    fn to_submit(settings: &[(&str, &str)], origin: &str) -> String {
        status(settings, origin, "/api/submit", 1, &FORWARDED)
    }

    #[test]
    fn the_setting_wins_over_a_proxy_and_a_proxy_over_the_request() {
        let own = "http://app.example";
        for (settings, expected) in [
            (
                &[BASE, TRUSTED][..],
                "https://api.example.com/jobs/status/1",
            ),
            (
                &[TRUSTED],
                "https://public.example:8443/tickets/v1/api/status/1",
            ),
            (&[], "http://app.example/api/status/1"),
            (
                &[("TrustedProxies", "203.0.113.9")],
                "http://app.example/api/status/1",
            ),
        ] {
            assert_eq!(to_submit(settings, own), expected);
        }
    }

    #[test]
    fn a_proxy_may_name_a_part_only() {
        let headers = &[FORWARDED[0], FORWARDED[1]];
        let found = status(&[TRUSTED], "http://app.example", "/api/submit", 1, headers);
        assert_eq!(found, "https://app.example/api/status/1");
    }

    #[test]
    fn a_relative_address_is_the_path_of_the_absolute_one() {
        for (settings, expected) in [
            (&[RELATIVE, BASE][..], "/jobs/status/1"),
            (&[RELATIVE, TRUSTED], "/tickets/v1/api/status/1"),
            (&[RELATIVE], "/api/status/1"),
            (
                &[RELATIVE, ("PublicBaseUrl", "https://api.example.com")],
                "/status/1",
            ),
        ] {
            assert_eq!(to_submit(settings, "http://app.example"), expected);
        }
    }

    #[test]
    fn a_host_that_is_none_or_not_allowed_is_left_out() {
        let allowed = ("AllowedHosts", "app.example");
        for (settings, origin, expected) in [
            (
                &[allowed][..],
                "http://app.example:80",
                "http://app.example:80/api/status/1",
            ),
            (&[allowed], "http://evil.example", "/api/status/1"),
            // A trusted proxy passes on what a client asked for.
            (
                &[allowed, TRUSTED],
                "http://app.example",
                "/tickets/v1/api/status/1",
            ),
            (
                &[allowed, BASE],
                "http://evil.example",
                "https://api.example.com/jobs/status/1",
            ),
            (&[], "http://user:pass@evil.example", "/api/status/1"),
            (&[], "http://", "/api/status/1"),
            (&[], "http://a\"b", "/api/status/1"),
            (&[], "ftp://app.example", "/api/status/1"),
            (&[], "", "/api/status/1"),
        ] {
            assert_eq!(to_submit(settings, origin), expected, "{origin}");
        }
    }

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        let links = Links {
            base: "https://x".to_owned(),
        };
        assert_eq!(
            links.status("ä b/../?#%~"),
            "https://x/status/%C3%A4%20b%2F..%2F%3F%23%25~"
        );
    }
}
