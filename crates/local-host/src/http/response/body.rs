//! The body of a response and its default content type.

use crate::json::Json;

/// The body and how it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// Text of a response object: chunked.
    Text(String),
    /// JSON of an object result: with a length and `application/json`.
    Json(String),
    /// Decoded base64: chunked, without content type.
    Bytes(Vec<u8>),
}

impl Body {
    /// The body of a named http output: objects and arrays indented.
    pub(super) fn indented(value: &Json, warnings: &mut Vec<String>) -> Self {
        warn_about_dates(value, warnings);
        Self::Text(value.to_text())
    }

    /// The body of `$return`: objects and arrays compact.
    pub(super) fn compact(value: &Json, warnings: &mut Vec<String>) -> Self {
        warn_about_dates(value, warnings);
        match value {
            Json::Array(_) | Json::Object(_) => Self::Text(value.to_compact()),
            scalar => Self::Text(scalar.to_text()),
        }
    }

    /// A value that ASP.NET itself formats: strings as text, everything else as JSON.
    pub(super) fn negotiated(value: &Json, warnings: &mut Vec<String>) -> Self {
        if let Some(date) = value.rewritten_date() {
            warnings.push(rewritten(date.raw(), &date.to_iso()));
        }
        match value {
            Json::String(text) => Self::Text(text.clone()),
            other => Self::Json(other.to_compact()),
        }
    }

    pub(super) fn default_content_type(&self) -> Option<&'static str> {
        match self {
            Self::Text(_) => Some("text/plain"),
            Self::Json(_) => Some("application/json"),
            Self::Bytes(_) => None,
        }
    }

    pub(super) fn is_sized(&self) -> bool {
        matches!(self, Self::Json(_))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) | Self::Json(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

fn warn_about_dates(value: &Json, warnings: &mut Vec<String>) {
    match value {
        Json::Date(date) => warnings.push(rewritten(date.raw(), &date.to_text())),
        Json::Array(_) | Json::Object(_) => {
            if let Some(date) = value.rewritten_date() {
                warnings.push(rewritten(date.raw(), &date.to_iso()));
            }
        }
        _ => {}
    }
}

/// The warning about a date that the host writes in another form.
pub(super) fn rewritten(from: &str, to: &str) -> String {
    format!(
        "The host takes \"{from}\" for a date and sends \"{to}\". Put it into JSON that you serialise yourself \
         (a string body) to keep its form."
    )
}
