//! Which instance ids are safe.

/// Checks an instance id; the error says what an id must be.
///
/// The extension checks no ids over gRPC since its version 3, nor those of sub-orchestrations. Some
/// then cannot be addressed over HTTP (`/ \ # ? +`), and some poison the task hub (an empty one; a
/// leading `@` makes it an entity's).
pub(crate) fn check(id: &str) -> Result<(), &'static str> {
    if id.trim().is_empty() || id.chars().count() > 256 {
        Err("it must have 1 to 256 characters, not only blanks")
    } else if id.starts_with('@') {
        Err("it must not begin with '@', which marks entities")
    } else if id
        .chars()
        .any(|c| matches!(c, '/' | '\\' | '#' | '?' | '+') || c.is_control())
    {
        Err("it must not contain / \\ # ? + or control characters")
    } else {
        Ok(())
    }
}
#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn ids_that_the_host_cannot_handle_are_refused() {
        for id in ["", "@counter@k", "a/b", "a\\b", "a#b", "a?b", "a+b", "a\nb"] {
            assert!(check(id).is_err(), "{id:?}");
        }
        assert!(check(&"x".repeat(257)).is_err());
    }

    #[test]
    fn ordinary_ids_are_accepted() {
        for id in ["a", "2021-01-31", "käse 1", "a@b", "8d0d835f-2308-4723"] {
            assert!(check(id).is_ok(), "{id:?}");
        }
        assert!(check(&"x".repeat(256)).is_ok());
    }
}
