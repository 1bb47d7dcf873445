//! Which instance ids are safe. The rule holds for every instance id that a worker starts, asks for or
//! sends to, and for the two parts of an entity id.
//!
//! The extension checks no ids over gRPC since its version 3, nor those of sub-orchestrations. Some
//! then cannot be addressed over HTTP, and some poison the task hub. Ids that other clients have
//! chosen against this rule cannot be asked for either: the price of having one rule.

use crate::nonchars;

/// The most characters of an id, counted as .NET counts them: a character beyond U+FFFF is two.
const MOST_CHARACTERS: usize = 256;

/// Checks an instance id.
///
/// # Errors
/// What an id must be, as the end of a message: `it must not be empty or blank`.
pub fn check(id: &str) -> Result<(), &'static str> {
    check_part(id)?;
    if id.starts_with('@') {
        Err("it must not begin with '@', which marks entities")
    } else if length(id) > MOST_CHARACTERS {
        Err("it must have at most 256 characters")
    } else {
        Ok(())
    }
}

/// Checks what is a path segment of its own in the host's URLs: an instance id, an entity's name, an
/// entity's key.
///
/// # Errors
/// What it must be, as in [`check`].
pub fn check_part(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        // An empty instance id poisons the task hub.
        Err("it must not be empty or blank")
    } else if is_dot_segment(text) {
        Err("it must not be '.' or '..', also with '%2e' for a dot: no URL reaches it")
    } else if text.contains(is_forbidden) {
        Err("it must not contain / \\ # ? + or control characters")
    } else {
        nonchars::check(text)
    }
}

/// The length of an id as the host counts it.
fn length(id: &str) -> usize {
    id.encode_utf16().count()
}

/// Whether an entity's id, `@name@key`, is too long.
pub(crate) fn is_too_long(name: &str, key: &str) -> bool {
    length(name) + length(key) + 2 > MOST_CHARACTERS
}

/// `+` is read as a blank by the host's HTTP API, even as `%2B`.
fn is_forbidden(c: char) -> bool {
    matches!(c, '/' | '\\' | '#' | '?' | '+') || c.is_control()
}

/// Whether clients and servers take this segment out of a URL, with the one before it if it is two
/// dots. `%2e` is a dot there (URL Standard, "single-dot" and "double-dot URL path segment"); three
/// dots are a name like any other.
fn is_dot_segment(text: &str) -> bool {
    match after_dot(text) {
        Some("") => true,
        Some(rest) => after_dot(rest) == Some(""),
        None => false,
    }
}

fn after_dot(text: &str) -> Option<&str> {
    let mut dots = [".", "%2e", "%2E"].into_iter();
    dots.find_map(|dot| text.strip_prefix(dot))
}

#[cfg(test)]
mod tests {
    use super::{check, is_dot_segment};

    #[test]
    fn ids_that_the_host_cannot_handle_are_refused() {
        for id in [
            "",
            " ",
            "@counter@k",
            "a/b",
            "a\\b",
            "a#b",
            "a?b",
            "a+b",
            "a\nb",
            "a\u{85}",
            "a\u{fffe}",
            "a\u{ffff}",
        ] {
            assert!(check(id).is_err(), "{id:?}");
        }
        assert!(check(&"x".repeat(257)).is_err());
        assert!(check(&"\u{1f600}".repeat(129)).is_err());
    }

    #[test]
    fn ordinary_ids_are_accepted() {
        for id in ["a", "2021-01-31", "käse 1", "a@b", "8d0d835f-2308-4723"] {
            assert!(check(id).is_ok(), "{id:?}");
        }
        assert!(check(&"x".repeat(256)).is_ok());
        assert!(check(&"\u{1f600}".repeat(128)).is_ok());
    }

    #[test]
    fn ids_that_disappear_from_a_url_are_refused() {
        for id in [".", "..", "%2e", "%2E", ".%2e", "%2E.", "%2e%2E", "%2e%2e"] {
            assert!(is_dot_segment(id), "{id}");
            assert!(check(id).unwrap_err().contains("no URL reaches it"), "{id}");
        }
        for id in [
            "...",
            ".a",
            "a.",
            "..a",
            "%2e%2e%2e",
            "%2f",
            "%",
            "2e",
            "%252e",
        ] {
            assert!(check(id).is_ok(), "{id}");
        }
    }
}
