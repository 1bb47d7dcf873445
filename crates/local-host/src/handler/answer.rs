//! Reading the handler's answer: `{"Outputs": {…}, "Logs": […], "ReturnValue": …}`.

use super::client::RawAnswer;
use crate::invoke::{InvocationAnswer, InvokeError};
use crate::json::{Json, JsonObject, parse_prefix};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

const ADVICE: &str = "Answer at least {} with the content type application/json.";

/// Checks and reads an answer; the second part is `Logs`.
pub(super) fn read(raw: &RawAnswer) -> Result<(InvocationAnswer, Vec<String>), InvokeError> {
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
    read_body(&raw.body)
}

/// Reads the body of an answer; the second part is `Logs`.
///
/// # Errors
/// [`InvokeError::BadAnswer`] for what is not a valid answer, or would hang a real host.
pub fn read_body(body: &[u8]) -> Result<(InvocationAnswer, Vec<String>), InvokeError> {
    match parse_prefix(&String::from_utf8_lossy(body)) {
        Ok(Json::Null) => Err(would_hang("the body is null")),
        Ok(Json::Object(object)) => from_object(object),
        Ok(_) => Err(bad("the body is JSON, but not an object")),
        Err(error) => Err(bad(format!("the body is not JSON: {error}"))),
    }
}

fn from_object(mut object: JsonObject) -> Result<(InvocationAnswer, Vec<String>), InvokeError> {
    let outputs = match object.take_ignoring_case("Outputs") {
        None | Some(Json::Null) => None,
        Some(Json::Object(outputs)) => Some(outputs),
        Some(_) => return Err(bad("Outputs: expected an object")),
    };
    let logs = match object.take_ignoring_case("Logs") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(entries)) => entries.iter().map(log_line).collect::<Result<_, _>>()?,
        Some(_) => return Err(bad("Logs: expected an array of strings")),
    };
    let return_value = object
        .take_ignoring_case("ReturnValue")
        .filter(|value| *value != Json::Null);
    let answer = InvocationAnswer {
        outputs,
        return_value,
    };
    Ok((answer, logs))
}

fn log_line(entry: &Json) -> Result<String, InvokeError> {
    match entry {
        Json::Null => Ok("[null]".to_owned()),
        Json::Array(_) | Json::Object(_) => {
            Err(bad("Logs: expected strings, got an object or array"))
        }
        Json::Bool(_) => Ok(entry.to_compact()),
        _ => Ok(entry.to_text_as_written()),
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

    fn read(
        status: u16,
        content_type: Option<&str>,
        body: &str,
    ) -> Result<(InvocationAnswer, Vec<String>), InvokeError> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        super::read(&RawAnswer {
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
            answer.unwrap().1,
            ["2024-10-24T12:00:00+02:00", "1", "[null]"]
        );
    }

    #[test]
    fn values_are_held_as_a_real_host_holds_them() {
        let answer = read(
            200,
            Some("application/json"),
            r#"{"ReturnValue":{"d":"2024-01-02T03:04:05+02:00","n":1.50,"i":12345678901234567890123}}"#,
        );
        assert_eq!(
            answer.unwrap().0.return_value.unwrap().to_compact(),
            r#"{"d":"2024-01-02T01:04:05+00:00","n":1.5,"i":12345678901234567890123}"#
        );
    }
}
