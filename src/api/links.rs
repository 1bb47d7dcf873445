//! Every address that leaves the app, as clients can reach it.
//!
//! It is built from the setting `PublicBaseUrl`; without it, from the address of the request that is being answered,
//! whose path also shows the route prefix of host.json. `X-Forwarded-*` headers are not read, because any client can
//! send them: behind a proxy or API Management, set `PublicBaseUrl`. An address never holds a
//! key: a client sends its own with each request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::settings::HttpSettings;

/// All characters but those that RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The addresses of the app, for the client of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Links {
    /// Up to and with the route prefix, without a slash at the end.
    base: String,
}

impl Links {
    /// `origin` (scheme, host and port) and `path` are those of the request that is being answered, and `own_segments`
    /// is the number of path segments that belong to the route of the answering function. The segments before them
    /// are the route prefix.
    pub(crate) fn new(
        settings: &HttpSettings,
        origin: &str,
        path: &str,
        own_segments: usize,
    ) -> Self {
        let base = match &settings.public_base_url {
            Some(base) => base.clone(),
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
        Self { base }
    }

    /// The address of a job's status.
    pub(crate) fn status(&self, id: &str) -> String {
        self.of(&["status", id])
    }

    /// The address of a job's status monitor for long-running operations.
    pub(crate) fn operation(&self, id: &str) -> String {
        self.of(&["operations", id])
    }

    fn of(&self, segments: &[&str]) -> String {
        let mut url = self.base.clone();
        for segment in segments {
            url.push('/');
            url.extend(utf8_percent_encode(segment, RESERVED));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(public_base_url: Option<&str>) -> HttpSettings {
        HttpSettings {
            public_base_url: public_base_url.map(str::to_owned),
        }
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
            let links = Links::new(&settings(None), origin, path, own_segments);
            assert_eq!(links.status("1"), expected, "{path}");
        }
    }

    #[test]
    fn the_setting_wins_over_the_request() {
        let settings = settings(Some("https://api.example.com/jobs"));
        let links = Links::new(&settings, "http://evil.example", "/api/submit", 1);
        assert_eq!(links.status("1"), "https://api.example.com/jobs/status/1");
        assert_eq!(
            links.operation("1"),
            "https://api.example.com/jobs/operations/1"
        );
    }

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        let links = Links::new(&settings(Some("https://x")), "", "", 0);
        assert_eq!(
            links.status("ä b/../?#%~"),
            "https://x/status/%C3%A4%20b%2F..%2F%3F%23%25~"
        );
    }
}
