//! An instance as the management API shows it.

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationState;

use crate::hub::Extension;
use crate::json::{Json, JsonObject, parse_payload};

/// The members in the order of a real host. `input` is null when it is not asked for.
pub(super) fn object(
    state: &OrchestrationState,
    show_input: bool,
    history: Option<Vec<Json>>,
    extension: Extension,
) -> JsonObject {
    let is_new = extension >= Extension::V3_19;
    let mut shown = JsonObject::new();
    shown.insert("name", state.name.as_str());
    if let Some(version) = state
        .version
        .as_deref()
        .filter(|it| is_new && !it.is_empty())
    {
        shown.insert("version", version);
    }
    shown.insert("instanceId", state.instance_id.as_str());
    if let Some(parent) = state.parent_instance_id.as_deref().filter(|_| is_new) {
        shown.insert("parentInstanceId", parent);
    }
    shown.insert("runtimeStatus", state.orchestration_status().as_str());
    let input = state.input.as_deref().filter(|_| show_input);
    shown.insert("input", stored(input));
    shown.insert("customStatus", stored(state.custom_status.as_deref()));
    shown.insert("output", stored(state.output.as_deref()));
    shown.insert("createdTime", second(state.created_timestamp));
    shown.insert("lastUpdatedTime", second(state.last_updated_timestamp));
    if let Some(events) = history {
        shown.insert("historyEvents", events);
    }
    shown
}

/// A stored text as JSON. A text that is no JSON is a string.
pub(super) fn stored(text: Option<&str>) -> Json {
    match text {
        None => Json::Null,
        Some(text) if text.trim().is_empty() => Json::from(""),
        Some(text) => match parse_payload(text) {
            Ok(value) => value.with_dates_as_written(),
            Err(_) => Json::from(text),
        },
    }
}

/// A time without its fraction.
fn second(time: Option<prost_types::Timestamp>) -> Json {
    let text = Timestamp::from(time.unwrap_or_default()).round_trip();
    let whole = text.split('.').next().unwrap_or_default();
    Json::from(format!("{whole}Z"))
}

/// A time with the digits of its fraction that are not 0 at the end.
pub(super) fn moment(time: Option<prost_types::Timestamp>) -> String {
    let text = Timestamp::from(time.unwrap_or_default()).round_trip();
    let digits = text.trim_end_matches('Z').trim_end_matches('0');
    format!("{}Z", digits.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_no_fraction_or_a_short_one() {
        for (nanos, text) in [
            (0, "2026-11-21T06:19:20Z"),
            (129_312_000, "2026-11-21T06:19:20.129312Z"),
            (234_000_000, "2026-11-21T06:19:20.234Z"),
        ] {
            let time = Some(prost_types::Timestamp {
                seconds: 1_795_241_960,
                nanos,
            });
            assert_eq!(moment(time), text);
            assert_eq!(second(time), Json::from("2026-11-21T06:19:20Z"));
        }
    }

    #[test]
    fn stored_texts_are_shown_as_json_if_they_are_json() {
        let shown = |text| stored(Some(text)).to_compact();
        assert_eq!(
            shown(r#" {"a":1.50,"a":2,"when":"2024-01-02T03:04:05.1200000+02:00"} "#),
            r#"{"a":2,"when":"2024-01-02T03:04:05.1200000+02:00"}"#
        );
        assert_eq!(shown("why"), r#""why""#);
        assert_eq!(shown("  "), r#""""#);
        assert_eq!(stored(None), Json::Null);
    }
}
