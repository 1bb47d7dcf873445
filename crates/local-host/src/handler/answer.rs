//! Reading the handler's answer: `{"Outputs": {…}, "Logs": […], "ReturnValue": …}`.

use super::client::RawAnswer;
use crate::invoke::{InvocationAnswer, InvokeError};
use crate::json::{Json, JsonObject, parse_prefix};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

const ADVICE: &str = "Answer at least {} with the content type application/json.";

/// A valid answer of the handler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// `Outputs`; `None` when absent or null.
    pub outputs: Option<JsonObject>,
    /// `Logs`.
    pub logs: Vec<String>,
    /// `ReturnValue`; `None` when absent or null.
    pub return_value: Option<Json>,
}

impl Answer {
    /// Checks and reads an answer.
    pub(super) fn read(raw: &RawAnswer) -> Result<Self, InvokeError> {
        if !raw.status.is_success() {
            return Err(InvokeError::Status {
                status: raw.status.as_u16(),
                reason: raw.status.canonical_reason().unwrap_or_default().to_owned(),
            });
        }
        if raw.body.is_empty() {
            return Err(would_hang("the body is empty"));
        }
        check_content_type(&raw.headers)?;
        let text = String::from_utf8_lossy(&raw.body);
        match parse_prefix(&text) {
            Ok(Json::Null) => Err(would_hang("the body is null")),
            Ok(Json::Object(object)) => Self::from_object(&object),
            Ok(_) => Err(bad("the body is JSON, but not an object")),
            Err(error) => Err(bad(format!("the body is not JSON: {error}"))),
        }
    }

    fn from_object(object: &JsonObject) -> Result<Self, InvokeError> {
        let outputs = match object.get_ignoring_case("Outputs") {
            None | Some(Json::Null) => None,
            Some(Json::Object(outputs)) => Some(outputs.clone()),
            Some(_) => return Err(bad("Outputs: expected an object")),
        };
        let logs = match object.get_ignoring_case("Logs") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(entries)) => entries.iter().map(log_line).collect::<Result<_, _>>()?,
            Some(_) => return Err(bad("Logs: expected an array of strings")),
        };
        let return_value = object
            .get_ignoring_case("ReturnValue")
            .filter(|value| **value != Json::Null)
            .cloned();
        Ok(Self {
            outputs,
            logs,
            return_value,
        })
    }

    /// For code that works on `serde_json`.
    pub(super) fn into_invocation_answer(self) -> InvocationAnswer {
        InvocationAnswer {
            outputs: self.outputs.map(|outputs| {
                outputs
                    .iter()
                    .map(|(name, value)| (name.to_owned(), value.to_serde()))
                    .collect()
            }),
            return_value: self
                .return_value
                .map_or(serde_json::Value::Null, |value| value.to_serde()),
        }
    }
}

fn log_line(entry: &Json) -> Result<String, InvokeError> {
    match entry {
        Json::Null => Ok("[null]".to_owned()),
        Json::Array(_) | Json::Object(_) => {
            Err(bad("Logs: expected strings, got an object or array"))
        }
        Json::Bool(_) => Ok(entry.to_compact()),
        _ => Ok(entry
            .as_text()
            .map_or_else(|| entry.to_text(), str::to_owned)),
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), InvokeError> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(bad(
            "the answer has a Content-Encoding; the host decompresses nothing",
        ));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Err(bad(format!("the answer has no Content-Type. {ADVICE}")));
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let media_type = text.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json")
        || media_type.eq_ignore_ascii_case("text/json")
    {
        Ok(())
    } else {
        Err(bad(format!(
            "the answer has Content-Type '{text}'. {ADVICE}"
        )))
    }
}

fn would_hang(what: &str) -> InvokeError {
    bad(format!(
        "{what}. A real host never completes such a call: it hangs until functionTimeout, and then kills the \
         handler. {ADVICE}"
    ))
}

fn bad(text: impl Into<String>) -> InvokeError {
    InvokeError::BadAnswer(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::StatusCode;

    fn read(status: u16, content_type: Option<&str>, body: &str) -> Result<Answer, InvokeError> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        Answer::read(&RawAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }

    #[test]
    fn answers_that_hang_a_real_host_fail_at_once_and_say_so() {
        for (status, content_type, body) in [
            (200, Some("application/json"), ""),
            (200, None, ""),
            (204, None, ""),
            (200, Some("application/json"), "null"),
        ] {
            let error = read(status, content_type, body).unwrap_err().to_string();
            assert!(error.contains("hangs until functionTimeout"), "{error}");
        }
    }

    #[test]
    fn dates_in_logs_are_not_touched() {
        let answer = read(
            200,
            Some("text/json"),
            r#"{"logs":["2024-10-24T12:00:00+02:00",1,null]}"#,
        );
        assert_eq!(
            answer.unwrap().logs,
            ["2024-10-24T12:00:00+02:00", "1", "[null]"]
        );
    }

    #[test]
    fn the_durable_task_hub_sees_values_as_a_real_host_rewrites_them() {
        let answer = read(
            200,
            Some("application/json"),
            r#"{"ReturnValue":{"d":"2024-01-02T03:04:05+02:00","n":1.50}}"#,
        );
        assert_eq!(
            answer.unwrap().into_invocation_answer().return_value,
            serde_json::json!({"d": "2024-01-02T01:04:05+00:00", "n": 1.5})
        );
    }
}
