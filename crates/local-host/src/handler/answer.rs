//! Reading the handler's answer: `{"Outputs": {…}, "Logs": […], "ReturnValue": …}`.

use super::client::RawAnswer;
use super::dotnet;
use crate::invoke::{BadAnswer, Exception, InvocationAnswer, InvokeError};
use crate::json::{Json, JsonObject, parse_prefix};
use durable_protocol::activity_failure::line_for_people;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

const ADVICE: &str = "Answer at least {} with the content type application/json.";

/// Why an answer cannot be used.
struct Problem {
    /// What is wrong, and what to answer instead.
    why: String,
    /// Type and text of the inner exception; the outer one shows the answer. `None` where a real host hangs.
    exception: Option<(&'static str, String)>,
}

/// Checks and reads an answer; the second part is `Logs`.
///
/// # Errors [`InvokeError::Status`] for a status other than 2xx, [`InvokeError::BadAnswer`] for an answer
/// that is not valid or would hang a real host.
pub fn read(raw: &RawAnswer) -> Result<(InvocationAnswer, Vec<String>), InvokeError> {
    if !raw.status.is_success() {
        return Err(InvokeError::Status {
            status: raw.status.as_u16(),
            reason: raw.reason().to_owned(),
        });
    }
    if raw.body.is_empty() {
        return Err(bad_answer(raw, would_hang("the body is empty")));
    }
    check_content_type(raw)
        .and_then(|()| read_body(&raw.text()))
        .map_err(|problem| bad_answer(raw, problem))
}

fn bad_answer(raw: &RawAnswer, problem: Problem) -> InvokeError {
    let exception = problem.exception.map(|(kind, cause)| Exception {
        message: dotnet::invalid_answer(raw),
        cause_kind: kind,
        cause,
    });
    InvokeError::BadAnswer(Box::new(BadAnswer {
        why: problem.why,
        exception,
    }))
}

fn read_body(body: &str) -> Result<(InvocationAnswer, Vec<String>), Problem> {
    match parse_prefix(body) {
        Ok(Json::Null) => Err(would_hang("the body is null")),
        Ok(Json::Object(object)) => from_object(object),
        Ok(_) => Err(bad("the body is JSON, but not an object")),
        Err(error) => Err(bad(format!("the body is not JSON: {error}"))),
    }
}

fn from_object(mut object: JsonObject) -> Result<(InvocationAnswer, Vec<String>), Problem> {
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

fn log_line(entry: &Json) -> Result<String, Problem> {
    match entry {
        Json::Null => Ok("[null]".to_owned()),
        Json::Array(_) | Json::Object(_) => {
            Err(bad("Logs: expected strings, got an object or array"))
        }
        Json::Bool(_) => Ok(entry.to_compact()),
        _ => Ok(entry.to_text_as_written()),
    }
}

fn check_content_type(raw: &RawAnswer) -> Result<(), Problem> {
    if raw.headers.contains_key(CONTENT_ENCODING) {
        return Err(bad(
            "the answer has a Content-Encoding; the host decompresses nothing",
        ));
    }
    let media_type = dotnet::media_type(&raw.headers);
    if media_type.as_deref().is_some_and(is_json) {
        return Ok(());
    }
    let why = match (line_for_people(&raw.text()), content_type(&raw.headers)) {
        (Some(line), _) => line.to_owned(),
        (None, Some(text)) => invalid(&format!("the answer has Content-Type '{text}'. {ADVICE}")),
        (None, None) => invalid(&format!("the answer has no Content-Type. {ADVICE}")),
    };
    // .NET assumes this type for a body without one.
    let media_type = media_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    let cause = format!(
        "No MediaTypeFormatter is available to read an object of type \
         'HttpScriptInvocationResult' from content with media type '{media_type}'."
    );
    Err(Problem {
        why,
        exception: Some(("System.Net.Http.UnsupportedMediaTypeException", cause)),
    })
}

fn is_json(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("application/json")
        || media_type.eq_ignore_ascii_case("text/json")
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn would_hang(what: &str) -> Problem {
    Problem {
        why: invalid(&format!(
            "{what}. A real host never completes such a call: it hangs until functionTimeout, and then \
             kills the handler. {ADVICE}"
        )),
        exception: None,
    }
}

fn bad(text: impl Into<String>) -> Problem {
    let text = text.into();
    Problem {
        why: invalid(&text),
        exception: Some(("Newtonsoft.Json.JsonReaderException", text)),
    }
}

fn invalid(what: &str) -> String {
    format!("Invalid HttpResponseMessage: {what}")
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
            reason: None,
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

    /// As recorded from a real host, but for the handler's headers.
    #[test]
    fn the_report_of_a_failed_activity_is_shown_whole_and_logged_without_its_marker() {
        let text = "Busy: try 1 Käse 🧀 <activityFailure eyJh>";
        let error = read(200, Some("text/plain; charset=utf-8"), text).unwrap_err();
        assert_eq!(error.to_string(), "Busy: try 1 Käse 🧀");
        let InvokeError::BadAnswer(bad) = error else {
            panic!("{error}");
        };
        assert_eq!(
            bad.exception,
            Some(Exception {
                message: format!(
                    "Invalid HttpResponseMessage:\nStatusCode: 200, ReasonPhrase: 'OK', Version: 1.1, \
                     Content: System.Net.Http.HttpConnectionResponseContent, Headers:\n{{\n  \
                     Content-Type: text/plain; charset=utf-8\n  Content-Length: 45\n}}\n {text}"
                ),
                cause_kind: "System.Net.Http.UnsupportedMediaTypeException",
                cause: "No MediaTypeFormatter is available to read an object of type \
                        'HttpScriptInvocationResult' from content with media type 'text/plain'."
                    .to_owned(),
            })
        );
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
