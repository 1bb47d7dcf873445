//! `query-activity`: reads one slice of a job. Through the `DurableClient` of its binding it looks whether the job still
//! wants it, and whether the job has its result already.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use durable_functions::{Activity, ActivityContext, Failure, Result};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{
        AuditError, AuditTable, Part, Slice, SliceLimits, Spilled, Spiller, ValueHash, Values,
    },
    dates::DateRange,
    jobs::{
        finished,
        watch::{Unwanted, cancelled, unwanted},
    },
    scratch::{Scope, Scratch},
};

/// The activity in the folder `query-activity`. Its caller says how it is retried.
pub const QUERY_ACTIVITY: Activity<QueryInput, Queried> = Activity::new("query-activity");

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryInput {
    /// All days of the job.
    pub range: DateRange,
    /// The days of them to read.
    pub slice: Slice,
    /// Where values go that are too many for the result.
    pub scope: Scope,
    /// Whether an earlier slice of the job has put any there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_spilled: bool,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queried {
    /// The hash of the JSON of the slice that was to be read, by which its result is found again.
    pub slice: ValueHash,
    /// The entities that were read, those without a value in the counted column included.
    pub rows: u64,
    /// The distinct values, but those that were spilled.
    pub values: Values,
    /// What was spilled.
    #[serde(default, skip_serializing_if = "Spilled::is_empty")]
    pub spilled: Spilled,
    /// What was not read in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rest: Vec<Part>,
}

/// Reads one slice. Safe to repeat: what an attempt has spilled counts only with its result.
///
/// # Errors
/// A failure whose type is [`AuditError::code`]; marked as non-retriable unless the error is transient.
pub async fn query_activity(
    context: ActivityContext,
    (table, scratch): (AuditTable, Scratch),
    limits: SliceLimits,
    input: QueryInput,
) -> Result<Queried> {
    // The id of the job, as clients know it.
    let job = context.instance_id().unwrap_or_default();
    let id = slice_id(&input.slice)?;
    let has_begun = AtomicBool::new(input.has_spilled);
    let read = async {
        if let Some(queried) = finished::find(&context, job, |it: &Queried| it.slice == id).await {
            tracing::info!(
                job,
                "slice was read before: its result is taken from the history"
            );
            return Ok(queried);
        }
        let spiller = Spiller::new(&scratch, &input.scope, job, &has_begun);
        let read = table
            .read_slice(&input.range, &input.slice, spiller, &limits)
            .await?;
        tracing::info!(
            job,
            rows = read.rows,
            spilled = read.spilled.values,
            parts_left = read.rest.len(),
            "slice read"
        );
        Ok(Queried {
            slice: id,
            rows: read.rows,
            values: read.values,
            spilled: read.spilled,
            rest: read.rest,
        })
    };
    let outcome = tokio::select! {
        outcome = read => outcome,
        reason = unwanted(&context, job) => {
            tracing::info!(job, "scan stopped, because its job has ended");
            if reason == Unwanted::Ended && has_begun.load(Relaxed) {
                clear(&scratch, &input.scope, job).await;
            }
            return Err(cancelled().into());
        }
    };
    outcome.map_err(|error: AuditError| {
        tracing::error!(job, code = error.code(), "{error}");
        failure(error).into()
    })
}

/// The same for the same slice of a job, whatever else a later version puts into an input.
fn slice_id(slice: &Slice) -> Result<ValueHash> {
    let text = serde_json::to_string(slice);
    let text =
        text.map_err(|_| Failure::new("InvalidInput", "the slice cannot be written as JSON"))?;
    Ok(ValueHash::of(&text))
}

/// Removes what an ended job has spilled. What is left, the sweep removes.
pub(super) async fn clear(scratch: &Scratch, scope: &Scope, job: &str) {
    match scratch.clear(scope).await {
        Ok(()) => tracing::info!(job, "the values that the ended job had spilled are removed"),
        Err(error) => tracing::warn!(job, "spilled values are not removed yet: {error}"),
    }
}

/// The failure for an error, which a caller's retries repeat if the error is transient.
pub(super) fn failure(error: AuditError) -> Failure {
    let failure = Failure::new(error.code(), error.to_string());
    if error.is_transient() {
        failure
    } else {
        failure.non_retriable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_errors_are_retried() {
        for error in AuditError::ALL {
            let failure = failure(error);
            assert_eq!(failure.error_type(), error.code());
            assert_eq!(failure.message(), error.to_string());
            assert_eq!(failure.is_non_retriable(), !error.is_transient());
        }
    }
}
