//! Names and ids that users give: which names are the same, and what may go to the host.

use durable_protocol::{instance_id, nonchars};

use crate::{Failure, error_type};

/// Whether two names are the same to the host, which compares them without regard to letter case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a == b || a.eq_ignore_ascii_case(b) || (!a.is_ascii() && a.to_lowercase() == b.to_lowercase())
}

/// Checks an instance id that was given by the user.
pub(crate) fn check_instance_id(id: &str) -> Result<(), Failure> {
    instance_id::check(id).map_err(|reason| {
        Failure::new(
            error_type::INVALID_INSTANCE_ID,
            format!("'{id}' is not a valid instance id: {reason}"),
        )
        .non_retriable()
    })
}

/// Checks a name, or a version, that goes to the host.
pub(crate) fn check_name(noun: &str, name: &str) -> Result<(), Failure> {
    nonchars::check(name).map_err(|reason| {
        Failure::new(
            error_type::INVALID_NAME,
            format!("{noun} '{name}': {reason}"),
        )
        .non_retriable()
    })
}
