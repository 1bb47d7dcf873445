//! JSON as the real host reads and writes it.
//!
//! The host passes payloads through Newtonsoft.Json, which changes them: white space goes, numbers
//! with a point or an exponent become doubles, the last of duplicate names wins, and in results
//! strings that look like date-times are converted. A development host that passed the text on
//! would hide all that until the first deployment, so this module does the same. It reads strict
//! JSON plus `NaN`, `Infinity` and `-Infinity`; Newtonsoft's other liberties (single quotes,
//! comments, bare names) are refused, because no JSON library writes them.

mod date;
mod number;
mod read;
mod write;

pub(super) use read::ReadError;

/// A value as the host holds it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// Of any size; the digits as they were written.
    Integer(String),
    Double(f64),
    Text(String),
    /// A string that the host took for a date-time.
    Date(date::DateTime),
    Array(Vec<Json>),
    /// In the order of the first occurrence of each name.
    Object(Vec<(String, Json)>),
}

/// Whether strings that look like date-times are taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    /// As in the input of an activity.
    Keep,
    /// As in the return value of an activity and in binding data.
    Convert,
}

/// Reads one JSON text.
///
/// # Errors
/// [`ReadError`] when `text` is not JSON or nests deeper than 64 levels.
pub(super) fn read(text: &str, dates: Dates) -> Result<Json, ReadError> {
    read::read(text, dates)
}

impl Json {
    /// The compact JSON text.
    pub(super) fn to_compact(&self) -> String {
        let mut out = String::new();
        write::value(self, &mut out);
        out
    }

    /// The invariant .NET text of a scalar; `None` for null, arrays and objects.
    pub(super) fn to_invariant(&self) -> Option<String> {
        match self {
            Self::Bool(true) => Some("True".to_owned()),
            Self::Bool(false) => Some("False".to_owned()),
            Self::Integer(digits) => Some(digits.clone()),
            Self::Double(number) => Some(number::invariant(*number)),
            Self::Text(text) => Some(text.clone()),
            Self::Date(time) => Some(time.invariant()),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
