//! The days that a request asks for, checked in a fixed order: start, then end, then both.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    dates::{DateRange, Day},
    functions::error,
};

/// Both bounds as a client wrote them; an empty text is the same as none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start: String,
    pub(super) end: String,
}

impl Bounds {
    /// The parameters `s` and `e` of a query string.
    pub(super) fn from_query(query: &str) -> Self {
        let parameter = |wanted: &str| {
            let values: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
                .filter(|(name, _)| name == wanted)
                .map(|(_, value)| value)
                .collect();
            // The host joins repeated values with a comma as well. The result is no date, so neither value is used.
            values.join(",")
        };
        Self {
            start: parameter("s"),
            end: parameter("e"),
        }
    }

    /// The range, if both bounds are days, in order, and not too far apart.
    pub(super) fn check(&self, max_span_days: u32) -> Result<DateRange, Refusal> {
        let day = |text: &str, empty, malformed| match text {
            "" => Err(empty),
            text => Day::parse(text).ok_or(malformed),
        };
        let start = day(&self.start, Refusal::EmptyStart, Refusal::MalformedStart)?;
        let end = day(&self.end, Refusal::EmptyEnd, Refusal::MalformedEnd)?;
        let range = DateRange::new(start, end).ok_or(Refusal::EndBeforeStart)?;
        if range.days() > max_span_days {
            return Err(Refusal::TooManyDays { max_span_days });
        }
        Ok(range)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    EmptyStart,
    MalformedStart,
    EmptyEnd,
    MalformedEnd,
    EndBeforeStart,
    TooManyDays { max_span_days: u32 },
    UnknownKind,
    PostOnly,
    TooLarge,
    NotJson,
    EmptyBody,
    InvalidJson { line: usize, column: usize },
    NotAnObject,
    UnknownMember(String),
    MemberTwice(&'static str),
}

/// The body for a range that is too long: the error text of all bad ranges, and the limit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TooLong {
    error: &'static str,
    max_span_days: u32,
}

const INVALID_RANGE: &str = "Invalid date range.";

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let bad_request = |text: &str| error(StatusCode::BAD_REQUEST, text);
        match self {
            Self::EmptyStart => bad_request("Empty start date."),
            Self::MalformedStart => bad_request("Invalid start date format."),
            Self::EmptyEnd => bad_request("Empty end date."),
            Self::MalformedEnd => bad_request("Invalid end date format."),
            Self::EndBeforeStart => bad_request(INVALID_RANGE),
            Self::TooManyDays { max_span_days } => {
                let body = TooLong {
                    error: INVALID_RANGE,
                    max_span_days,
                };
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::UnknownKind => error(
                StatusCode::NOT_FOUND,
                "Unknown kind of submission. The known kind is query.",
            ),
            Self::PostOnly => (
                [(header::ALLOW, "POST")],
                error(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Method not allowed. Use POST with a JSON body.",
                ),
            )
                .into_response(),
            Self::TooLarge => error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request body is too large. The most are 65536 bytes.",
            ),
            Self::NotJson => {
                bad_request("The request body must be JSON: send Content-Type: application/json.")
            }
            Self::EmptyBody => bad_request(
                "The request body is empty. Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}.",
            ),
            Self::InvalidJson { line, column } => bad_request(&format!(
                "The request body is not valid JSON (line {line}, column {column})."
            )),
            Self::NotAnObject => bad_request(
                "The request body must be a JSON object. Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}.",
            ),
            Self::UnknownMember(name) => bad_request(&format!(
                "Unknown member {name} in the request body. The members are start and end."
            )),
            Self::MemberTwice(name) => {
                bad_request(&format!("The member {name} is in the request body twice."))
            }
        }
    }
}
