//! Names of functions, operations and events: which of them are the same, and which may go to the
//! host.

use durable_protocol::nonchars;

use crate::Failure;

/// Whether two names are the same to the host, which compares them without regard to letter case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a == b || a.eq_ignore_ascii_case(b) || (!a.is_ascii() && a.to_lowercase() == b.to_lowercase())
}

/// Checks a name, or a version, that goes to the host.
pub(crate) fn check_name(noun: &str, name: &str) -> Result<(), Failure> {
    nonchars::check(name).map_err(|reason| {
        Failure::new("InvalidName", format!("{noun} '{name}': {reason}")).non_retriable()
    })
}
