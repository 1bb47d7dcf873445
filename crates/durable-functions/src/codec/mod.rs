//! Values of users as JSON: inputs, outputs and states are read and written here, and nowhere else.
//!
//! Owns the failures for values that do not fit, so that each of them has one type and one wording.
//! Invariant: every text that is written here can go to the host; see [`durable_protocol::nonchars`].

mod reader;

use std::any::type_name;
use std::fmt::{self, Display};

use durable_protocol::nonchars;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use reader::read;

use crate::name::check_name;
use crate::{Failure, error_type};

/// Shows a name that [`type_name`] gave, without the modules in it: `Vec<u32>`, not
/// `alloc::vec::Vec<u32>`.
pub(crate) struct ShortType(pub(crate) &'static str);

impl Display for ShortType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        // Each piece is a path and the character that ends it.
        for piece in self.0.split_inclusive(|c| !of_path(c)) {
            f.write_str(piece.rsplit("::").next().unwrap_or(piece))?;
        }
        Ok(())
    }
}

/// The text to read for one that may be absent. An empty text is as good as none.
pub(crate) fn or_null(text: Option<&[u8]>) -> &[u8] {
    text.filter(|text| !text.is_empty()).unwrap_or(b"null")
}

/// Writes a value for the host.
pub(crate) fn write(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    nonchars::to_json(value)
}

/// The text to send: unit has none.
pub(crate) fn unless_null(json: String) -> Option<String> {
    (json != "null").then_some(json)
}

/// Reads the input of the function `name`, which is a `noun`.
pub(crate) fn read_input<I: DeserializeOwned>(
    noun: &str,
    name: &str,
    text: &[u8],
) -> Result<I, Failure> {
    read(text).map_err(|error| {
        unreadable::<I>(
            error_type::INVALID_INPUT,
            format_args!("the input of {noun} '{name}'"),
            &error,
        )
    })
}

/// Writes the input of `noun` `name`.
pub(crate) fn write_input(
    noun: &str,
    name: &str,
    input: &impl Serialize,
) -> Result<Option<String>, Failure> {
    write(input).map(unless_null).map_err(|error| {
        unwritable(
            error_type::INVALID_INPUT,
            format_args!("the input of {noun} '{name}'"),
            &error,
        )
        .non_retriable()
    })
}

/// As [`write_input`], where the name goes to the host as well.
pub(crate) fn write_named_input(
    noun: &str,
    name: &str,
    input: &impl Serialize,
) -> Result<Option<String>, Failure> {
    check_name(noun, name)?;
    write_input(noun, name, input)
}

/// A failure for an input that is wrong in another way than its type.
pub(crate) fn invalid_input(reason: impl Into<String>) -> Failure {
    Failure::new(error_type::INVALID_INPUT, reason).non_retriable()
}

/// Writes the output of the function `name`, which is a `noun`. Whether another attempt can help is
/// for the caller to say.
pub(crate) fn write_output(
    noun: &str,
    name: &str,
    output: &impl Serialize,
) -> Result<String, Failure> {
    write(output).map_err(|error| {
        unwritable(
            error_type::INVALID_OUTPUT,
            format_args!("the output of {noun} '{name}'"),
            &error,
        )
    })
}

/// Reads the stored state of an entity.
pub(crate) fn read_state<S: DeserializeOwned>(
    entity: &impl Display,
    json: &str,
) -> Result<S, Failure> {
    // Not `read`, for which any text is a unit: a state that no longer fits must be noticed.
    serde_json::from_str(json).map_err(|error| {
        unreadable::<S>(
            error_type::INVALID_STATE,
            format_args!("the stored state of {entity}"),
            &error,
        )
    })
}

/// Writes the new state of an entity.
pub(crate) fn write_state(
    entity: &impl Display,
    state: &impl Serialize,
) -> Result<String, Failure> {
    write(state).map_err(|error| {
        unwritable(
            error_type::INVALID_STATE,
            format_args!("the new state of {entity}"),
            &error,
        )
        .non_retriable()
    })
}

/// Writes a custom status.
pub(crate) fn write_custom_status(status: &impl Serialize) -> Result<String, Failure> {
    write(status).map_err(|error| {
        unwritable(
            error_type::INVALID_CUSTOM_STATUS,
            "the custom status",
            &error,
        )
        .non_retriable()
    })
}

/// Reads the body of an HTTP response, which `what` describes.
pub(crate) fn read_body<T: DeserializeOwned>(what: impl Display, body: &str) -> Result<T, Failure> {
    serde_json::from_str(body)
        .map_err(|error| unreadable::<T>(error_type::UNEXPECTED_RESULT, what, &error))
}

/// What was read is the same at the next attempt, so that a retry cannot help.
fn unreadable<T>(error_type: &str, what: impl Display, error: &serde_json::Error) -> Failure {
    let expected = ShortType(type_name::<T>());
    let message = format!("{what} is not of type {expected}: {error}");
    Failure::new(error_type, message).non_retriable()
}

fn unwritable(error_type: &str, what: impl Display, error: &serde_json::Error) -> Failure {
    Failure::new(
        error_type,
        format!("{what} cannot be written as JSON: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Order;

    #[test]
    fn a_type_is_shown_as_in_the_code_of_its_user() {
        for (full, short) in [
            (type_name::<u32>(), "u32"),
            (type_name::<Vec<u32>>(), "Vec<u32>"),
            (
                type_name::<BTreeMap<String, Option<Vec<Order>>>>(),
                "BTreeMap<String, Option<Vec<Order>>>",
            ),
            (
                type_name::<(&str, [Order; 2], Box<dyn Display>)>(),
                "(&str, [Order; 2], Box<dyn Display>)",
            ),
            (type_name::<()>(), "()"),
        ] {
            assert_eq!(ShortType(full).to_string(), short);
        }
    }
}
