//! How the failure of an activity passes through the host.
//!
//! A host throws the body of an error status away, so type and message would be lost. A failure
//! inside a successful answer keeps them, but then the host's log and its metrics say that the
//! activity succeeded, the history says `TaskCompleted`, and a rewind does not run it again. A host
//! puts the *whole* body of an answer that is not JSON into the message of the exception with which
//! it fails the invocation, and that message into the history's `TaskFailed`. So the answer is a text:
//!
//! ```text
//! Throttled: the table is busy <activityFailure eyJhY3Rpdml0eUZhaWx1cmUiOns…>
//! ```
//!
//! First one line for people, who read it in the host's log and in the history; then a marker with
//! the failure as JSON in base64, for the orchestrator.
//!
//! Invariant: the host's redaction does not reach the marker. It hides what looks like a credential
//! (`AccountKey=`, `Password=` …), from there to the next `<`, `"` or `'`. The line holds no `<`, the
//! marker begins with one, and nothing inside it looks like a credential, because all that the host
//! looks for has a `=` or a `:`.

use std::iter::{repeat_n, successors};

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use durable_protocol::activity_failure::{END, MARKER};
use durable_protocol::messages::TaskFailureDetails;
use durable_protocol::nonchars;

use super::record;
use crate::Failure;

/// The longest line for people, in characters: logs cut longer ones. The marker has the whole text.
const LONGEST_LINE: usize = 1_000;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The body of the answer of an activity that failed.
pub(crate) fn of(failure: &Failure) -> String {
    let mut json = record::to_json(failure);
    // Base64 of whole groups of three bytes ends without `=`; JSON may end in blanks.
    let blanks = json.len().next_multiple_of(3) - json.len();
    json.extend(repeat_n(' ', blanks));
    let mut text = line(failure);
    text.push(' ');
    text.push_str(MARKER);
    BASE64.encode_string(json, &mut text);
    text.push(END);
    text
}

/// The failure that an activity reported, if one of the messages that the host made of it holds the
/// whole marker. Otherwise only the host's own failure is known.
pub(crate) fn failure_in(details: &TaskFailureDetails) -> Option<Failure> {
    successors(Some(details), |details| details.inner_failure.as_deref())
        .find_map(|details| marked(&details.error_message))
}

fn marked(text: &str) -> Option<Failure> {
    let (_, marker) = text.rsplit_once(MARKER)?;
    let (base64, _) = marker.split_once(END)?;
    let json = BASE64.decode(base64).ok()?;
    record::from_json(std::str::from_utf8(&json).ok()?)?.ok()
}

/// `Type: message`, on one line.
fn line(failure: &Failure) -> String {
    let text = failure.to_string();
    let text = nonchars::replaced(&text);
    let mut chars = text.chars();
    let mut line: String = chars.by_ref().take(LONGEST_LINE).map(harmless).collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

fn harmless(char: char) -> char {
    match char {
        '<' => '‹',
        '>' => '›',
        '\u{2028}' | '\u{2029}' => ' ',
        char if char.is_control() => ' ',
        char => char,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a real host stores it; `text` is what the exception says.
    fn through_the_host(text: &str) -> TaskFailureDetails {
        TaskFailureDetails {
            error_type: "Microsoft.Azure.WebJobs.Host.FunctionInvocationException".to_owned(),
            error_message: "Exception while executing function: Functions.busy".to_owned(),
            inner_failure: Some(Box::new(TaskFailureDetails {
                error_type: "System.InvalidOperationException".to_owned(),
                error_message: format!(
                    "Invalid HttpResponseMessage:\nStatusCode: 200\n {}",
                    redacted(text)
                ),
                ..Default::default()
            })),
            ..Default::default()
        }
    }

    /// What every version of the host so far looks for.
    const CREDENTIALS: &[&str] = &[
        "Token=",
        "DefaultEndpointsProtocol=http",
        "AccountKey=",
        "Data Source=",
        "Server=",
        "Password=",
        "pwd=",
        "&amp;sig=",
        "&sig=",
        "?sig=",
        "SharedAccessKey=",
        "&amp;code=",
        "&code=",
        "?code=",
        "/code=",
        "key=",
    ];

    fn redacted(text: &str) -> String {
        let mut text = text.to_owned();
        for credential in CREDENTIALS {
            while let Some(start) = text
                .to_ascii_lowercase()
                .find(&credential.to_ascii_lowercase())
            {
                let end = text[start..]
                    .find(['<', '"', '\''])
                    .map_or(text.len(), |end| start + end);
                text.replace_range(start..end, "[Hidden Credential]");
            }
        }
        text
    }

    #[test]
    fn a_report_is_one_line_and_a_marker_with_everything() {
        let failure = Failure::new("Busy", "try\n<b>\u{ffff}\u{85}1")
            .non_retriable()
            .with_cause(Failure::new("Http", "503"));
        let text = of(&failure);
        assert!(
            text.starts_with("Busy: try ‹b›\u{fffd} 1 <activityFailure eyJ"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
        assert_eq!(failure_in(&through_the_host(&text)), Some(failure));
    }

    #[test]
    fn a_long_line_is_cut_and_the_marker_has_all_of_it() {
        let failure = Failure::new("Long", "ä".repeat(100_000));
        let text = of(&failure);
        assert_eq!(
            text.chars().take_while(|&char| char != '<').count(),
            LONGEST_LINE + 2
        );
        assert_eq!(failure_in(&through_the_host(&text)), Some(failure));
    }

    #[test]
    fn a_failure_of_any_depth_keeps_as_many_causes_as_travel() {
        let mut failure = Failure::new("Root", "0");
        for depth in 1..200 {
            failure = Failure::new("E", depth.to_string()).with_cause(failure);
        }
        let failure = failure_in(&through_the_host(&of(&failure))).unwrap();
        assert_eq!(failure.message(), "199");
        let causes = successors(failure.cause(), |cause| cause.cause());
        assert_eq!(causes.count(), crate::failure::MOST_CAUSES);
    }

    #[test]
    fn a_marker_that_was_cut_or_damaged_is_none() {
        let text = of(&Failure::new("Busy", "try 1"));
        for cut in 1..text.len() {
            assert_eq!(marked(&text[..text.len() - cut]), None, "{cut}");
        }
        for damaged in [
            "<activityFailure >",
            "<activityFailure not base64!>",
            "<activityFailure eyJhIjoxfQ==>",
            "<activityFailure gICA>",
            "<activityFailure eyJhY3Rpdml0eUZhaWx1cmUiOnsiZXJyb3JUeXBlIjo3fX0=>",
        ] {
            assert_eq!(marked(damaged), None, "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn every_failure_survives_the_redaction_of_the_host(
            kind in "\\PC{1,20}",
            message in any::<String>(),
            credential in proptest::sample::select(CREDENTIALS),
            rest in "[ -~]{0,40}",
            fatal: bool,
        ) {
            let message = format!("{message}{credential}{rest}");
            let mut failure = Failure::new(kind, message).with_cause(Failure::new("C", credential));
            if fatal {
                failure = failure.non_retriable();
            }
            let text = of(&failure);
            prop_assert_eq!(text.matches('<').count(), 1);
            prop_assert!(!text.contains(char::is_control));
            let harmful = ['\u{fffe}', '\u{ffff}', '\u{2028}', '\u{2029}'];
            prop_assert!(!text.contains(harmful));
            prop_assert_eq!(failure_in(&through_the_host(&text)), Some(failure));
        }

        #[test]
        fn arbitrary_messages_never_panic(text: String) {
            let _ = marked(&text);
            let _ = marked(&format!("{MARKER}{text}{END}"));
        }
    }
}
