//! The answers of get-status, byte for byte.

use function_app::jobs::progress::{Progress, Stage};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::support::http::{Answer, JSON};

/// The custom status of a job that has called its activity. How far it is depends on the moment, so this stands for any
/// [`Progress`] of this stage.
pub(crate) const QUERYING: &str = "querying";
/// The same of a job that has failed.
pub(crate) const STOPPING: &str = "stopping";
/// The same of a job that has its result.
pub(crate) const DONE: &str = "done";

/// Compares an answer with a state, its result and its custom status as JSON texts, and the error of a failed job. The
/// custom status may be one of the constants above.
///
/// The whole body is compared, the order of its members included. The times are not known; they must be UTC and in
/// order.
#[track_caller]
pub(crate) fn assert_status(
    answer: &Answer,
    id: &str,
    status: &str,
    result: &str,
    custom_status: &str,
    error: Option<(&str, &str)>,
) {
    let ended = matches!(status, "Completed" | "Failed" | "Terminated" | "Canceled");
    assert_eq!(answer.status, if ended { 200 } else { 202 }, "{answer:?}");
    assert_eq!(answer.header("Content-Type"), JSON);
    assert_eq!(answer.header("Location").is_empty(), ended, "{answer:?}");
    assert_eq!(answer.header("Retry-After").is_empty(), ended, "{answer:?}");

    let body = answer.json();
    let (created, updated) = (time(&body["createdTime"]), time(&body["lastUpdatedTime"]));
    assert!(created.1 <= updated.1, "{answer:?}");
    let stage = match custom_status {
        QUERYING => Some(Stage::Querying),
        STOPPING => Some(Stage::Stopping),
        DONE => Some(Stage::Done),
        _ => None,
    };
    let custom_status = match stage {
        Some(stage) => &progress(&answer.body, stage),
        None => custom_status,
    };
    let error = error.map_or_else(String::new, |(code, message)| {
        format!(r#","error":{{"code":"{code}","message":"{message}"}}"#)
    });
    let expected = format!(
        r#"{{"id":"{id}","status":"{status}","result":{result},"customStatus":{custom_status},"createdTime":"{}","lastUpdatedTime":"{}"{error}}}"#,
        created.0, updated.0
    );
    assert_eq!(answer.body, expected);
}

/// The custom status in the body, which must be the progress of this stage, byte for byte as the app writes it.
#[track_caller]
fn progress(body: &str, stage: Stage) -> String {
    let (_, rest) = body.split_once(r#""customStatus":"#).unwrap();
    let (text, _) = rest.split_once(r#","createdTime""#).unwrap();
    let progress = Progress::read(text).unwrap_or_else(|| panic!("no progress: {body}"));
    assert_eq!(progress.stage, stage, "{body}");
    assert!(progress.completed <= progress.total, "{body}");
    let percent = u64::from(progress.completed) * 100 / u64::from(progress.total);
    assert_eq!(u64::from(progress.percent), percent, "{body}");
    if stage == Stage::Done {
        assert_eq!((progress.percent, progress.eta), (100, None), "{body}");
    }
    serde_json::to_string(&progress).unwrap()
}

fn time(value: &Value) -> (&str, OffsetDateTime) {
    let text = value.as_str().unwrap();
    assert!(text.ends_with('Z'), "{text}");
    (text, OffsetDateTime::parse(text, &Rfc3339).unwrap())
}
