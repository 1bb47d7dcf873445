//! The header `Prefer` (RFC 7240), as far as it is known here: `wait` and `respond-async`.
//!
//! Invariant: a preference never makes a request fail. One that is unknown or malformed is ignored, as the RFC asks.

use axum::http::HeaderMap;

/// What a client would like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `wait=n`: how long the client is willing to wait for the answer, in seconds, from the arrival of its request.
    pub wait: Option<u64>,
    /// `respond-async`: an answer at once is better than the result.
    pub respond_async: bool,
}

impl Preferences {
    /// Of a preference that is there twice, the first counts.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        let (mut wait_seen, values) = (false, headers.get_all("prefer"));
        for value in values.iter().filter_map(|value| value.to_str().ok()) {
            for preference in split(value, ',') {
                // Parameters follow the first semicolon. None is known.
                let preference = split(preference, ';').next().unwrap_or_default();
                let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
                let (name, value) = (name.trim(), unquoted(value.trim()));
                if name.eq_ignore_ascii_case("respond-async") {
                    preferences.respond_async = true;
                } else if name.eq_ignore_ascii_case("wait") && !wait_seen {
                    wait_seen = true;
                    preferences.wait = whole_number(value);
                }
            }
        }
        preferences
    }
}

/// A number in decimal digits. One that is too large for its type is as good as the largest.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The parts between separators that are not in a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let ends = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    })
}

/// The content of a quoted string, and any other text as it is. Escapes are left alone: no known value has one.
fn unquoted(text: &str) -> &str {
    let content = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    content.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(values: &[&'static str]) -> Preferences {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        Preferences::of(&headers)
    }

    fn read(wait: impl Into<Option<u64>>, respond_async: bool) -> Preferences {
        let wait = wait.into();
        Preferences {
            wait,
            respond_async,
        }
    }

    #[test]
    fn both_preferences_are_found_in_any_form_that_the_rfc_allows() {
        for (values, expected) in [
            (&[][..], read(None, false)),
            (&["wait=10"], read(10, false)),
            (&["respond-async"], read(None, true)),
            (&["respond-async, wait=10"], read(10, true)),
            // As two headers, and as the host joins them.
            (&["respond-async", "wait=10"], read(10, true)),
            (&["respond-async,wait=10"], read(10, true)),
            (&["Respond-Async, WAIT = 10"], read(10, true)),
            (&["wait=\"10\""], read(10, false)),
            (&["wait=10; priority=\"a, wait=7\"; x"], read(10, false)),
            (&["wait=99999999999999999999"], read(u64::MAX, false)),
            (&["wait=0"], read(0, false)),
        ] {
            assert_eq!(of(values), expected, "{values:?}");
        }
    }

    #[test]
    fn of_a_preference_that_is_repeated_the_first_counts() {
        assert_eq!(of(&["wait=3, wait=9"]), read(3, false));
        assert_eq!(of(&["wait=3", "wait=9"]), read(3, false));
        assert_eq!(of(&["wait=x, wait=9"]), read(None, false));
    }

    #[test]
    fn what_is_unknown_or_malformed_is_ignored() {
        for value in [
            "",
            ",,;",
            "return=minimal",
            "handling=lenient; wait=5",
            "text=\"a, wait=7, b\"",
            "text=\"a\\\", wait=7",
            "wait",
            "wait=",
            "wait=-1",
            "wait=+1",
            "wait=1.5",
            "wait=ten",
            "waiting=5",
        ] {
            assert_eq!(of(&[value]), read(None, false), "{value}");
        }
        assert_eq!(of(&["return=minimal, wait=5, foo"]), read(5, false));
    }
}
