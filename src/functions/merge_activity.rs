//! `merge-activity`: counts the distinct values of some buckets that the slices of a job have spilled. Through the
//! `DurableClient` of its binding it looks whether the job still wants it, and whether the job has its result already.

use durable_functions::{Activity, ActivityContext, Result};
use serde::{Deserialize, Serialize};

use super::query_activity::{clear, failure};
use crate::{
    audit::{AuditError, Spilled, ValueHash},
    jobs::{
        finished,
        watch::{Unwanted, cancelled, unwanted},
    },
    scratch::{Buckets, Scope, Scratch},
};

/// The activity in the folder `merge-activity`. Its caller says how it is retried.
pub const MERGE_ACTIVITY: Activity<MergeInput, Merged> = Activity::new("merge-activity");

/// What is to be merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeInput {
    /// Where the values are.
    pub scope: Scope,
    /// Which of them.
    pub buckets: Buckets,
    /// Values of these buckets that were not spilled.
    pub values: Vec<ValueHash>,
    /// All that was spilled, for all buckets.
    pub spilled: Spilled,
}

/// What was merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The buckets.
    pub buckets: Buckets,
    /// The distinct values in them.
    pub distinct: u64,
    /// The spilled values that were found in them, those that were spilled twice counted twice.
    pub read: u64,
}

/// Merges once. Safe to repeat: it only reads.
///
/// # Errors
/// A failure whose type is [`AuditError::code`]; marked as non-retriable unless the error is transient.
pub async fn merge_activity(
    context: ActivityContext,
    scratch: Scratch,
    input: MergeInput,
) -> Result<Merged> {
    let job = context.instance_id().unwrap_or_default();
    let merge = async {
        let is_done = |it: &Merged| it.buckets == input.buckets;
        if let Some(merged) = finished::find(&context, job, is_done).await {
            return Ok(merged);
        }
        let counted = scratch
            .count(&input.scope, input.buckets, &input.values, &input.spilled)
            .await?;
        tracing::info!(
            job,
            distinct = counted.distinct,
            read = counted.read,
            "spilled values merged"
        );
        Ok(Merged {
            buckets: input.buckets,
            distinct: counted.distinct,
            read: counted.read,
        })
    };
    let outcome = tokio::select! {
        outcome = merge => outcome,
        reason = unwanted(&context, job) => {
            tracing::info!(job, "merge stopped, because its job has ended");
            if reason == Unwanted::Ended {
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
