//! What is worth showing of a panic's backtrace.
//!
//! A release build without symbols has `<unknown>` frames only. A build with symbols has the panic's own
//! machinery on top. Both hide the frames that somebody can act on.

/// The frames that have names, below the machinery of the panic; `None` when there are none.
pub(super) fn named_frames(backtrace: &str) -> Option<String> {
    let mut frames: Vec<Vec<&str>> = Vec::new();
    for line in backtrace.lines() {
        match frames.last_mut() {
            // `at file:line:column` belongs to the frame above.
            Some(frame) if name(line).is_none() => frame.push(line),
            _ => frames.push(vec![line]),
        }
    }
    let named = |frame: &&Vec<&str>| {
        let name = frame.first().and_then(|line| name(line));
        name.is_some_and(|name| name != "<unknown>")
    };
    // The functions that catch panics are machinery as well, but they are below the code that panicked.
    let is_machinery = |frame: &Vec<&str>| {
        let first = frame.first().copied().unwrap_or_default();
        ["core::panicking::", "std::panicking::", "rust_begin_unwind"]
            .iter()
            .any(|part| first.contains(part))
            && !first.contains("catch_unwind")
            && !first.contains("panicking::try")
    };
    let below = frames
        .iter()
        .rposition(is_machinery)
        .map_or(0, |last| last + 1);
    let kept: Vec<&str> = frames
        .iter()
        .skip(below)
        .filter(named)
        .flatten()
        .copied()
        .collect();
    (!kept.is_empty()).then(|| kept.join("\n"))
}

/// The name in a frame's first line: `  12: name`.
fn name(line: &str) -> Option<&str> {
    let (number, name) = line.trim_start().split_once(": ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::named_frames;

    #[test]
    fn frames_without_names_and_the_machinery_are_left_out() {
        let backtrace = "   0: std::backtrace::Backtrace::create\n   1: <unknown>\n   \
            2: core::panicking::panic_fmt\n             at /rustc/x/library/core/src/panicking.rs:75:14\n   \
            3: app::submit::{{closure}}\n             at ./src/submit.rs:7:9\n   4: <unknown>\n   5: main\n";
        assert_eq!(
            named_frames(backtrace).unwrap(),
            "   3: app::submit::{{closure}}\n             at ./src/submit.rs:7:9\n   5: main"
        );
    }

    #[test]
    fn the_code_that_panicked_is_kept_whoever_catches_the_panic_below_it() {
        let backtrace = "   0: std::panicking::panic_with_hook\n   1: core::panicking::panic_fmt\n   \
            2: app::submit\n   3: std::panicking::catch_unwind::do_call\n   4: std::panic::catch_unwind\n   5: main\n";
        let kept = named_frames(backtrace).unwrap();
        assert!(kept.starts_with("   2: app::submit\n"), "{kept}");
    }

    #[test]
    fn a_backtrace_of_unknown_frames_is_none() {
        let frames: Vec<String> = (0..20).map(|n| format!("  {n:2}: <unknown>")).collect();
        assert_eq!(named_frames(&frames.join("\n")), None);
        assert_eq!(named_frames(""), None);
    }
}
