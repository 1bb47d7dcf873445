//! The registered functions, by name, and the rule for those names.
//!
//! Invariant: filled before the app takes invocations, and read only from then on, so that invocations
//! share no lock.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use crate::function::{BoxFuture, Function};

/// The registered functions, each under the name of its folder.
pub(crate) type Functions = HashMap<String, Registered>;

/// An axum handler with its state, its types erased.
pub(crate) type HttpHandler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Registered {
    Http(HttpHandler),
    Other(Arc<dyn Function>),
}

/// Whether a function can have this name. A Functions host ignores a folder with any other: a letter,
/// then up to 127 letters, digits, `_` or `-`, all of ASCII, and not `host` in any case.
#[must_use]
pub fn is_function_name(name: &str) -> bool {
    name.len() <= 128
        && !name.eq_ignore_ascii_case("host")
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_name_is_a_letter_and_up_to_127_letters_digits_underscores_and_hyphens() {
        let longest = "a".repeat(128);
        for name in ["f", "F1", "get-status", "get_status", "hosts", &longest] {
            assert!(is_function_name(name), "{name}");
        }
        let longer = "a".repeat(129);
        for name in [
            "", "1f", "-f", "_f", "a b", "a/b", "é", "host", "Host", &longer,
        ] {
            assert!(!is_function_name(name), "{name}");
        }
    }
}
