//! What ties the request of a client, its answer and the lines of the log together: the id of the invocation, and the
//! trace of the client (W3C Trace Context).
//!
//! The host sends no `traceparent` of its own to a handler: that of the client is among the headers of its request.

use std::sync::OnceLock;

use axum::http::HeaderName;

/// The id of the invocation, which is also the one in the host's own log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
/// An id that the client has chosen, to find its request again.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest id of a client that is sent back.
const MAX_CLIENT_ID: usize = 128;

/// The correlation of an invocation, fixed by the first who asks for it.
#[derive(Debug, Default)]
pub(crate) struct Correlation(OnceLock<Ids>);

#[derive(Debug)]
struct Ids {
    trace: Trace,
    client: Option<String>,
}

impl Correlation {
    /// Continues the trace of a client, from the lines of its headers `traceparent` and `x-ms-client-request-id`.
    pub(crate) fn begin<'a>(
        &self,
        traceparent: impl Iterator<Item = &'a str>,
        client_id: Option<&str>,
    ) {
        self.0.get_or_init(|| Ids {
            trace: Trace::continuing(traceparent),
            client: client_id.filter(|id| is_sane(id)).map(str::to_owned),
        });
    }

    /// The id of the trace, for the log.
    pub(crate) fn trace_id(&self) -> &str {
        &self.ids().trace.trace_id
    }

    /// The headers of the client's answer.
    pub(crate) fn headers(&self, invocation_id: &str) -> Vec<(HeaderName, String)> {
        let ids = self.ids();
        let client = ids.client.clone().map(|id| (CLIENT_REQUEST_ID, id));
        [
            (REQUEST_ID, invocation_id.to_owned()),
            (TRACEPARENT, ids.trace.traceparent()),
        ]
        .into_iter()
        .chain(client)
        .collect()
    }

    /// An invocation that ends before its request is read has a trace of its own.
    fn ids(&self) -> &Ids {
        self.0.get_or_init(|| Ids {
            trace: Trace::new(),
            client: None,
        })
    }
}

/// Whether an id can be sent back: no character in it means anything to a browser, a log or the host.
fn is_sane(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_CLIENT_ID).contains(&id.len()) && id.bytes().all(plain)
}

/// A position in a trace: that of this invocation.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    trace_id: String,
    /// Of this invocation. The caller's is not kept: nothing here stores spans.
    span_id: String,
    flags: u8,
}

/// The flags that version 00 and level 2 define: sampled, and random trace id.
const FLAGS: u8 = 0b11;

impl Trace {
    fn new() -> Self {
        Self {
            trace_id: uuid::Uuid::new_v4().simple().to_string(),
            span_id: span_id(),
            flags: 0,
        }
    }

    /// The trace of the one valid `traceparent`, otherwise a new one, as the specification asks.
    fn continuing<'a>(mut traceparent: impl Iterator<Item = &'a str>) -> Self {
        let first = traceparent.next();
        let only = first.filter(|_| traceparent.next().is_none());
        only.and_then(parse)
            .map_or_else(Self::new, |(id, flags)| Self {
                trace_id: id.to_owned(),
                span_id: span_id(),
                flags,
            })
    }

    fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

fn span_id() -> String {
    // The half of a version 4 UUID that is random but for two bits.
    let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
    format!("{random:016x}")
}

/// The trace id and the flags of `00-TRACE-PARENT-FLAGS`. A later version may have more after it.
fn parse(text: &str) -> Option<(&str, u8)> {
    let mut parts = text.trim().splitn(5, '-');
    let mut part = |length| {
        let part = parts.next()?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (part.len() == length && part.bytes().all(hex)).then_some(part)
    };
    let (version, trace, parent, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let more = parts.next().is_some();
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    if version == "ff" || (version == "00" && more) || is_zero(trace) || is_zero(parent) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace, flags & FLAGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_valid_trace_is_continued_with_a_span_of_ours() {
        for (text, flags) in [
            (format!("00-{TRACE}-{PARENT}-01"), "01"),
            (format!("00-{TRACE}-{PARENT}-00"), "00"),
            (format!("00-{TRACE}-{PARENT}-ff"), "03"),
            (format!("01-{TRACE}-{PARENT}-01-more"), "01"),
            (format!("cc-{TRACE}-{PARENT}-01"), "01"),
        ] {
            let ours = Trace::continuing([text.as_str()].into_iter()).traceparent();
            let (trace, _) = parse(&ours).unwrap();
            assert_eq!(trace, TRACE, "{text}");
            assert!(!ours.contains(PARENT), "{ours}");
            assert!(ours.ends_with(flags), "{text} {ours}");
        }
    }

    #[test]
    fn what_is_no_trace_begins_a_new_one() {
        let zero = "0".repeat(32);
        for text in [
            String::new(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{zero}-{PARENT}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-zz"),
            format!("00-{TRACE}é-{PARENT}-01"),
        ] {
            assert_eq!(parse(&text), None, "{text}");
            let new = Trace::continuing([text.as_str()].into_iter()).traceparent();
            assert!(parse(&new).is_some(), "{new}");
        }
        let twice = format!("00-{TRACE}-{PARENT}-01");
        let new = Trace::continuing([twice.as_str(), twice.as_str()].into_iter());
        assert_ne!(new.trace_id, TRACE);
    }

    #[test]
    fn an_id_of_a_client_is_sent_back_if_it_is_plain() {
        let of = |id: &str| {
            let correlation = Correlation::default();
            correlation.begin(std::iter::empty(), Some(id));
            correlation.headers("1").len() == 3
        };
        assert!(of("7c9e6679-7425-40de-944b-e07fc1f90ae7"));
        assert!(of(&"x".repeat(128)));
        for id in [
            "",
            &"x".repeat(129),
            "a b",
            "<script>",
            "a\nb",
            "é",
            "2024-01-02T03:04:05Z",
        ] {
            assert!(!of(id), "{id}");
        }
    }
}
