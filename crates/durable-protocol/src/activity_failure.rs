//! The body with which an activity of `durable-functions` reports a failure to the host.
//!
//! It is `Type: message <activityFailure BASE64>`. The host puts it into the message of a failure; the
//! orchestrator finds the marker in it and decodes the JSON behind it.

/// The beginning of the marker, in front of the base64.
pub const MARKER: &str = "<activityFailure ";

/// The end of the marker.
pub const END: char = '>';

/// The text for people in such a body, which is before the marker. `None` for other bodies.
#[must_use]
pub fn line_for_people(body: &str) -> Option<&str> {
    let (line, _) = body.split_once(MARKER)?;
    line.strip_suffix(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_people_is_before_the_marker() {
        let line = line_for_people("Busy: try 1 <activityFailure eyJh>");
        assert_eq!(line, Some("Busy: try 1"));
        assert_eq!(line_for_people("Busy: try 1"), None);
    }
}
