//! The address of a job's status, as clients can reach it.
//!
//! It is built from the setting `PublicBaseUrl`; without it, from the address of the request that is being answered,
//! whose path also shows the route prefix of host.json. `X-Forwarded-*` headers are not read, because any client can
//! send them: behind a proxy or API Management, set `PublicBaseUrl`. The address never holds a
//! key: a client sends its own with each request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All characters but those that RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The address of the status of job `id`.
///
/// `origin` (scheme, host and port) and `path` are those of the request that is being answered, and `own_segments` is
/// the number of path segments that belong to the route of the answering function. The segments before them are the route prefix.
pub(crate) fn status_url(
    public_base_url: Option<&str>,
    origin: &str,
    path: &str,
    own_segments: usize,
    id: &str,
) -> String {
    let mut url = match public_base_url {
        Some(base) => base.to_owned(),
        None => {
            let segments: Vec<_> = path
                .split('/')
                .filter(|segment| !segment.is_empty())
                .collect();
            let prefix = segments.len().saturating_sub(own_segments);
            segments
                .iter()
                .take(prefix)
                .fold(origin.to_owned(), |url, segment| url + "/" + segment)
        }
    };
    url.push_str("/status/");
    url.extend(utf8_percent_encode(id, RESERVED));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(
                status_url(None, origin, path, own_segments, "1"),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn the_setting_wins_over_the_request() {
        assert_eq!(
            status_url(
                Some("https://api.example.com/jobs"),
                "http://evil.example",
                "/api/submit",
                1,
                "1"
            ),
            "https://api.example.com/jobs/status/1"
        );
    }

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        assert_eq!(
            status_url(Some("https://x"), "", "", 0, "ä b/../?#%~"),
            "https://x/status/%C3%A4%20b%2F..%2F%3F%23%25~"
        );
    }
}
