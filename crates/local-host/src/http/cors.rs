//! Cross-origin requests, as `func start` allows them: `--cors`, `Host.CORS` and
//! `Host.CORSCredentials`.
//!
//! The rules are those of ASP.NET's CORS middleware with any header and any method allowed. Every preflight
//! is answered with 204; only for an allowed origin does the response have the headers that let the browser
//! go on. Without a list of origins there is no CORS: an OPTIONS request is handled like any other.

use super::response::ClientResponse;
use anyhow::bail;
use http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN,
};
use http::{HeaderMap, Method};

/// The origins whose pages may call the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origins {
    Any,
    /// In the form that browsers send, in lower case.
    Listed(Vec<String>),
}

impl Cors {
    /// Reads origins separated by commas; `None` when there are none.
    ///
    /// # Errors An entry that is no origin; `*` together with other origins or with credentials, which no
    /// browser accepts.
    pub fn new(list: &str, credentials: bool) -> anyhow::Result<Option<Self>> {
        let origins: Vec<String> = list
            .split(',')
            .map(|origin| origin.trim().trim_end_matches('/').to_lowercase())
            .filter(|origin| !origin.is_empty())
            .collect();
        let origins = match origins.as_slice() {
            [] => return Ok(None),
            [any] if any == "*" => Origins::Any,
            _ => Origins::Listed(origins),
        };
        if let Origins::Listed(listed) = &origins {
            for origin in listed {
                let host = origin.split_once("://").map(|(_, host)| host);
                if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*'])) {
                    bail!(
                        "'{origin}' is no origin. Expected origins such as http://localhost:5173 separated by \
                         commas, or * alone."
                    );
                }
            }
        } else if credentials {
            bail!(
                "the origin * does not go together with credentials. List the origins, or set \
                 Host.CORSCredentials to false."
            );
        }
        Ok(Some(Self {
            origins,
            credentials,
        }))
    }

    /// Whether the list names this origin.
    pub(super) fn lists(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => false,
            Origins::Listed(listed) => listed.iter().any(|known| origin == known.as_str()),
        }
    }

    /// The answer to a preflight request.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<ClientResponse> {
        let wanted = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        if *method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
            return None;
        }
        let mut answer = self.headers(headers);
        if !answer.is_empty() {
            let mut add = |name: &str, value: &HeaderValue| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                answer.push((name.to_owned(), value));
            };
            add("Access-Control-Allow-Methods", wanted);
            if let Some(names) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                add("Access-Control-Allow-Headers", names);
            }
        }
        Some(ClientResponse {
            headers: answer,
            ..ClientResponse::empty(204)
        })
    }

    /// The headers to add to a response: none unless the origin is allowed.
    pub(super) fn headers(&self, request: &HeaderMap) -> Vec<(String, String)> {
        let Some(origin) = request.get(ORIGIN) else {
            return Vec::new();
        };
        let (allowed, vary) = match &self.origins {
            Origins::Any => ("*", false),
            Origins::Listed(listed) if self.lists(origin) => {
                (origin.to_str().unwrap_or_default(), listed.len() > 1)
            }
            Origins::Listed(_) => return Vec::new(),
        };
        let mut headers = vec![("Access-Control-Allow-Origin", allowed)];
        if self.credentials {
            headers.push(("Access-Control-Allow-Credentials", "true"));
        }
        if vary {
            headers.push((HeaderName::as_str(&http::header::VARY), "Origin"));
        }
        headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_no_browser_could_use_are_refused() {
        for (list, credentials, expected) in [
            ("*", true, "does not go together with credentials"),
            ("*,http://a", false, "'*' is no origin"),
            ("localhost:5173", false, "'localhost:5173' is no origin"),
            ("http://a/path", false, "'http://a/path' is no origin"),
            ("http://*.a", false, "'http://*.a' is no origin"),
            ("http://", false, "'http:' is no origin"),
        ] {
            let error = Cors::new(list, credentials).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(Cors::new(" , ", true).unwrap(), None);
    }

    #[test]
    fn origins_are_compared_as_browsers_write_them() {
        let cors = Cors::new("HTTP://A/, http://b:81", false).unwrap().unwrap();
        let lists = |origin: &'static str| cors.lists(&HeaderValue::from_static(origin));
        assert!(lists("http://a") && lists("http://b:81"));
        assert!(!lists("http://b") && !lists("http://a.evil.example") && !lists("null"));
    }
}
