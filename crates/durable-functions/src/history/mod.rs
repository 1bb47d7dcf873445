//! The history of an instance as a value: what a client reads, a file keeps and a replay runs.
//!
//! Owns the JSON form. Invariant: what [`History::to_json`] wrote, [`History::from_json`] reads, now and in later
//! versions, because users keep such files.

mod event;
mod json;
mod kind;

use std::path::Path;

use durable_protocol::messages::{EventType, HistoryEvent as WireEvent};
pub use kind::{EventKind, HistoryEvent};
use serde_json::{Map, Value};

/// The events of an instance's current execution, oldest first, as the task hub stored them.
///
/// A history has all inputs and outputs of the instance: keep it as you keep those.
///
/// # As JSON
///
/// ```json
/// {
///   "instanceId": "order-7",
///   "events": [
///     { "eventId": -1, "timestamp": "2026-11-21T06:19:19.7911577Z", "orchestratorStarted": {} },
///     { "eventId": 0, "timestamp": "2026-11-21T06:19:20Z", "taskScheduled": { "name": "charge" } }
///   ]
/// }
/// ```
///
/// Each event is in the JSON form that protobuf defines for the message `HistoryEvent` of the Durable Task protocol.
/// Payloads are JSON texts inside strings. Times are UTC. Trace contexts are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    instance_id: String,
    events: Vec<WireEvent>,
}

/// A text that is not a [`History`], or a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a history: {0}")]
pub struct HistoryError(String);

impl History {
    /// The events that a task hub gave for this instance.
    #[doc(hidden)]
    #[must_use]
    pub fn of_events(instance_id: impl Into<String>, events: Vec<WireEvent>) -> Self {
        History {
            instance_id: instance_id.into(),
            events,
        }
    }

    /// The messages of the events. They are not part of the stable API.
    #[doc(hidden)]
    #[must_use]
    pub fn events(&self) -> &[WireEvent] {
        &self.events
    }

    /// The id of the instance.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.instance_id
    }

    /// The name of the orchestrator; `None` when the history does not begin with the start of the instance.
    #[must_use]
    pub fn orchestrator(&self) -> Option<&str> {
        self.events
            .iter()
            .find_map(|event| match &event.event_type {
                Some(EventType::ExecutionStarted(started)) => Some(started.name.as_str()),
                _ => None,
            })
    }

    /// The events with names and types.
    pub fn iter(&self) -> impl Iterator<Item = HistoryEvent<'_>> {
        self.events.iter().map(HistoryEvent::borrowed)
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none, as of an instance that has not begun.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The history as JSON, one event on each line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let id = Value::from(self.instance_id.as_str());
        let mut text = format!("{{\n  \"instanceId\": {id},\n  \"events\": [");
        for (index, event) in self.events.iter().enumerate() {
            text.push_str(if index == 0 { "\n    " } else { ",\n    " });
            text.push_str(&Value::Object(event::write(event)).to_string());
        }
        text.push_str("\n  ]\n}\n");
        text
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// It also reads an `OrchestratorRequest` in protobuf's JSON form, which has `pastEvents` and `newEvents`. Without
    /// `instanceId` the id is taken from the start of the instance.
    ///
    /// # Errors
    /// The text is not JSON, or not of this form; the error names the event and the field.
    pub fn from_json(text: &str) -> Result<Self, HistoryError> {
        let wrong = |message: String| HistoryError(message);
        let value: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(wrong("it is not a JSON object".to_owned()));
        };
        let lists = ["events", "pastEvents", "newEvents"];
        if !lists.iter().any(|list| fields.contains_key(*list)) {
            return Err(wrong("it has no list `events`".to_owned()));
        }
        let mut events = Vec::new();
        for list in lists {
            events.extend(read_list(&fields, list)?);
        }
        let instance_id = match fields.get("instanceId") {
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(wrong("`instanceId` is not a text".to_owned())),
            None => events.iter().find_map(started_as),
        };
        let Some(instance_id) = instance_id else {
            return Err(wrong("it has no text `instanceId`".to_owned()));
        };
        Ok(History::of_events(instance_id, events))
    }

    /// Reads a file with what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else; the error names the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref();
        let about = |detail: String| HistoryError(format!("{}: {detail}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| about(error.to_string()))?;
        Self::from_json(&text).map_err(|HistoryError(detail)| about(detail))
    }

    /// Writes the history to a file, for [`read`](Self::read).
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        std::fs::write(path, self.to_json())
    }
}

/// The id that the start of an instance names.
fn started_as(event: &WireEvent) -> Option<String> {
    match &event.event_type {
        Some(EventType::ExecutionStarted(started)) => {
            let instance = started.orchestration_instance.as_ref();
            instance.map(|instance| instance.instance_id.clone())
        }
        _ => None,
    }
}

fn read_list(fields: &Map<String, Value>, list: &str) -> Result<Vec<WireEvent>, HistoryError> {
    let values = match fields.get(list) {
        None => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(HistoryError(format!("`{list}` is not a list"))),
    };
    let numbered = values.iter().enumerate();
    numbered
        .map(|(index, value)| {
            event::read(value).map_err(|error| HistoryError(format!("`{list}[{index}]`: {error}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(event: Value) -> String {
        json!({"instanceId": "a", "events": [event]}).to_string()
    }

    #[test]
    fn what_is_no_history_is_refused_with_the_place() {
        for (text, message) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("[]", "it is not a JSON object"),
            ("{}", "it has no list `events`"),
            (r#"{"events":[]}"#, "it has no text `instanceId`"),
            (
                r#"{"instanceId":7,"events":[]}"#,
                "`instanceId` is not a text",
            ),
            (r#"{"instanceId":"a","events":7}"#, "`events` is not a list"),
        ] {
            let error = History::from_json(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("this is not a history: {message}")
            );
        }
        for (event, message) in [
            (json!(7), "`events[0]`: it is not a JSON object"),
            (
                json!({"eventId": 0}),
                "`events[0]`: it has no kind that is known",
            ),
            (
                json!({"taskScheduled": {"name": 7}}),
                "`events[0]`: `taskScheduled.name` is not a text",
            ),
            (
                json!({"timestamp": "yesterday", "orchestratorStarted": {}}),
                "`events[0]`: `timestamp` is not a time such as 2026-11-21T06:19:19Z",
            ),
        ] {
            let error = History::from_json(&of(event)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("this is not a history: {message}")
            );
        }
    }

    #[test]
    fn fields_that_are_not_known_are_passed_over() {
        let text = of(json!({"eventRaised": {"name": "Go", "later": 1}, "more": []}));
        assert_eq!(History::from_json(&text).unwrap().len(), 1);
    }
}
