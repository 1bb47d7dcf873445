//! Texts without what differs from run to run.

use local_host::json::{Json, JsonObject, parse_document};

/// A body without stack traces, and without what a real host adds to the end of a text about a function.
pub(super) fn body(text: &str) -> String {
    match parse_document(text) {
        Ok(json) => text_of(&without_traces(json.with_dates_as_written()).to_compact()),
        Err(_) => text_of(text),
    }
}

/// Times, ids that a host made up, and the numbers of timestamps are placeholders.
pub(super) fn text(text: &str) -> String {
    text_of(text)
}

fn without_traces(json: Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.into_iter().map(without_traces).collect()),
        Json::Object(object) => {
            let members = object.iter().map(|(name, value)| match name {
                // local-host does not count how often an id was used.
                "StackTrace" | "stackTrace" | "Generation" => (name.to_owned(), Json::Null),
                _ => (name.to_owned(), without_traces(value.clone())),
            });
            Json::Object(members.collect::<JsonObject>())
        }
        Json::String(text) => {
            let text = text.split(" Additional info").next().unwrap_or_default();
            let text = text.split("\n   at ").next().unwrap_or_default();
            let text = text.split("\n   --- End of").next().unwrap_or_default();
            Json::from(text)
        }
        other => other,
    }
}

fn text_of(text: &str) -> String {
    let text = text.split(" Additional info").next().unwrap_or_default();
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let boundary = out
            .chars()
            .next_back()
            .is_none_or(|it| !it.is_alphanumeric());
        let found = boundary.then(|| token(rest)).flatten();
        match found {
            Some((length, name)) => {
                out.push_str(name);
                rest = &rest[length..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// The length of the token that a text begins with, and its placeholder.
fn token(text: &str) -> Option<(usize, &'static str)> {
    if let Some(rest) = text.strip_prefix("Timestamp {") {
        return Some((text.len() - rest.len() + rest.find('}')? + 1, "TIME"));
    }
    let hex = |text: &str| {
        let digits = text.bytes().take_while(|it| it.is_ascii_hexdigit());
        digits.count()
    };
    if hex(text) == 32 {
        return Some((32, "ID"));
    }
    let groups = text.get(..36).unwrap_or_default().split('-').map(hex);
    if groups.eq([8, 4, 4, 4, 12]) {
        return Some((36, "GUID"));
    }
    time(text).map(|length| (length, "TIME"))
}

/// `2026-11-21T06:19:19`, with or without a fraction and a zone.
fn time(text: &str) -> Option<usize> {
    const PATTERN: &str = "0000-00-00T00:00:00";
    let start = text.get(..PATTERN.len())?;
    let fits = start
        .bytes()
        .zip(PATTERN.bytes())
        .all(|(byte, pattern)| (pattern == b'0' && byte.is_ascii_digit()) || pattern == byte);
    if !fits || start.starts_with("0001") {
        return None;
    }
    let rest = &text[PATTERN.len()..];
    let fraction = rest.strip_prefix('.').map_or(0, |digits| {
        1 + digits.bytes().take_while(u8::is_ascii_digit).count()
    });
    let zone = match &rest[fraction..] {
        zone if zone.starts_with('Z') => 1,
        zone if zone.starts_with("+00:00") => 6,
        _ => 0,
    };
    Some(PATTERN.len() + fraction + zone)
}

#[test]
fn what_differs_from_run_to_run_is_replaced() {
    assert_eq!(
        text(
            "2026-11-21T06:19:19.12Z 5f1b1b5e1d134d2a87a8a8501e19bfa1 Timestamp { seconds: 1, nanos: 2 } \
             f141b12c-4faa-4dbb-8f35-ca4dcb72631b 1"
        ),
        "TIME ID TIME GUID 1"
    );
}
