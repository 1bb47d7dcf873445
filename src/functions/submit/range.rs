//! The days that a request asks for, checked in a fixed order: start, then end, then both.

use axum::http::{HeaderValue, StatusCode, header};
use job_api::ApiError;

use crate::{
    dates::{Ambiguous, DateFormat, DateRange, DayError},
    settings::{CompatProfile, Settings},
};

/// Both bounds as a client wrote them; an empty text is the same as none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::functions) struct Bounds {
    pub(in crate::functions) start: String,
    pub(in crate::functions) end: String,
}

impl Bounds {
    /// The parameters `s` and `e` of a query string.
    pub(in crate::functions) fn from_query(query: &str) -> Self {
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
    pub(in crate::functions) fn check(&self, rules: &Rules) -> Result<DateRange, Refusal> {
        let day = |text: &str, empty, malformed, ambiguous: fn(Ambiguous) -> Refusal| match text {
            "" => Err(empty),
            text => rules.format.read(text).map_err(|error| match error {
                DayError::Malformed => malformed,
                DayError::Ambiguous(days) => ambiguous(days),
            }),
        };
        let (start, end) = (&self.start, &self.end);
        let (empty, malformed) = (Refusal::EmptyStart, Refusal::MalformedStart);
        let start = day(start, empty, malformed, Refusal::AmbiguousStart)?;
        let (empty, malformed) = (Refusal::EmptyEnd, Refusal::MalformedEnd);
        let end = day(end, empty, malformed, Refusal::AmbiguousEnd)?;
        let range = DateRange::new(start, end).ok_or(Refusal::TooFewDays)?;
        if range.days() < rules.min_span_days {
            return Err(Refusal::TooFewDays);
        }
        let max_span_days = rules.max_span_days;
        if range.days() > max_span_days {
            return Err(Refusal::TooManyDays { max_span_days });
        }
        Ok(range)
    }
}

/// What a range may be.
pub(in crate::functions) struct Rules {
    pub(in crate::functions) format: DateFormat,
    /// The fewest days, both bounds included.
    pub(in crate::functions) min_span_days: u32,
    pub(in crate::functions) max_span_days: u32,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        let submit = &settings.submit;
        let (format, min_span_days) = match settings.profile {
            // There the end must be a whole day after the start, although both days are counted.
            CompatProfile::DateRangeQuery => (DateFormat::DayFirst, 2),
            _ => (submit.date_format, 1),
        };
        Self {
            format,
            min_span_days,
            max_span_days: submit.max_span_days,
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::functions) enum Refusal {
    EmptyStart,
    MalformedStart,
    EmptyEnd,
    MalformedEnd,
    AmbiguousStart(Ambiguous),
    AmbiguousEnd(Ambiguous),
    TooFewDays,
    TooManyDays { max_span_days: u32 },
    UnknownKind,
    PostOnly,
    ByGet,
    CrossSite,
    TooLarge,
    NotJson,
    EmptyBody,
    InvalidJson { line: usize, column: usize },
    NotAnObject,
    UnknownMember(String),
    MemberTwice(&'static str),
}

const INVALID_RANGE: &str = "Invalid date range.";

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let bad_request = |code, text: &'static str| Self::new(StatusCode::BAD_REQUEST, code, text);
        match refusal {
            Refusal::EmptyStart => bad_request("EmptyStartDate", "Empty start date."),
            Refusal::MalformedStart => {
                bad_request("InvalidStartDate", "Invalid start date format.")
            }
            Refusal::EmptyEnd => bad_request("EmptyEndDate", "Empty end date."),
            Refusal::MalformedEnd => bad_request("InvalidEndDate", "Invalid end date format."),
            Refusal::AmbiguousStart(days) => Self::new(
                StatusCode::BAD_REQUEST,
                "AmbiguousStartDate",
                days.message("start"),
            ),
            Refusal::AmbiguousEnd(days) => Self::new(
                StatusCode::BAD_REQUEST,
                "AmbiguousEndDate",
                days.message("end"),
            ),
            Refusal::TooFewDays => bad_request("InvalidDateRange", INVALID_RANGE),
            Refusal::TooManyDays { max_span_days } => {
                bad_request("InvalidDateRange", INVALID_RANGE)
                    .with_member("maxSpanDays", max_span_days)
            }
            Refusal::UnknownKind => Self::new(
                StatusCode::NOT_FOUND,
                "UnknownKind",
                "Unknown kind of submission. The known kind is query.",
            ),
            Refusal::PostOnly => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "Method not allowed. Use POST with a JSON body.",
            )
            .with_header(header::ALLOW, HeaderValue::from_static("POST")),
            Refusal::ByGet => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "Method not allowed. Use POST.",
            )
            .with_header(header::ALLOW, HeaderValue::from_static("POST")),
            Refusal::CrossSite => Self::new(
                StatusCode::FORBIDDEN,
                "CrossSiteRequest",
                "A page of another site may start jobs only with Content-Type: application/json.",
            ),
            Refusal::TooLarge => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BodyTooLarge",
                "The request body is too large. The most are 65536 bytes.",
            ),
            Refusal::NotJson => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "NotJson",
                "The request body must be JSON: send Content-Type: application/json.",
            ),
            Refusal::EmptyBody => bad_request(
                "EmptyBody",
                "The request body is empty. Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}.",
            ),
            Refusal::InvalidJson { line, column } => Self::new(
                StatusCode::BAD_REQUEST,
                "InvalidJson",
                format!("The request body is not valid JSON (line {line}, column {column})."),
            ),
            Refusal::NotAnObject => bad_request(
                "NotAnObject",
                "The request body must be a JSON object. Expected {\"start\":\"YYYY-MM-DD\",\"end\":\"YYYY-MM-DD\"}.",
            ),
            Refusal::UnknownMember(name) => Self::new(
                StatusCode::BAD_REQUEST,
                "UnknownMember",
                format!(
                    "Unknown member {name} in the request body. The members are start and end."
                ),
            ),
            Refusal::MemberTwice(name) => Self::new(
                StatusCode::BAD_REQUEST,
                "DuplicateMember",
                format!("The member {name} is in the request body twice."),
            ),
        }
    }
}
