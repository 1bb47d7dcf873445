//! `query-activity`: counts the distinct values of a range of days. Through the `DurableClient` of its binding it tells
//! its job how far it is, and looks whether the job has ended.

use durable_functions::{Activity, ActivityContext, Failure, Result};

use crate::{
    audit::{AuditError, AuditTable, Counted, ScanProgress},
    dates::DateRange,
    jobs::{running, watch::Watch},
};

/// The activity in the folder `query-activity`. Its caller says how it is retried.
pub const QUERY_ACTIVITY: Activity<DateRange, Counted> = Activity::new("query-activity");

/// Counts once. Safe to repeat: it only reads.
///
/// # Errors
/// A failure whose type is [`AuditError::code`]; marked as non-retriable unless the error is transient.
pub async fn query_activity(
    context: ActivityContext,
    table: AuditTable,
    range: DateRange,
) -> Result<Counted> {
    // The id of the job, as clients know it.
    let job = context.instance_id().unwrap_or_default();
    tracing::debug!(job, start = %range.start(), end = %range.end(), "scan begins");
    let progress = ScanProgress::default();
    let counted = tokio::select! {
        counted = table.count_distinct(range, &progress) => counted,
        () = unwanted(&context, job, &range, &progress) => {
            tracing::info!(job, "scan stopped, because its job has ended");
            return Err(cancelled().into());
        }
    };
    match counted {
        Ok(counted) => {
            let Counted { values, rows } = counted;
            tracing::info!(job, values, rows, "counted distinct values");
            Ok(counted)
        }
        Err(error) => {
            tracing::error!(job, code = error.code(), "{error}");
            Err(failure(error).into())
        }
    }
}

/// Waits until the scan is to stop, and reports its progress meanwhile.
async fn unwanted(
    context: &ActivityContext,
    job: &str,
    range: &DateRange,
    progress: &ScanProgress,
) {
    let running = running::begin(job);
    let watch = match context.durable_client() {
        Ok(client) => Watch::new(&client, job),
        Err(reason) => {
            tracing::warn!(job, "the scan cannot report to its job: {reason}");
            return running.stopped().await;
        }
    };
    tokio::select! {
        () = running.stopped() => {}
        () = watch.unwanted() => {}
        () = watch.report(range, progress) => {}
    }
}

/// Nobody reads it: the instance has ended. A result would be wrong if it had not.
fn cancelled() -> Failure {
    Failure::new("Cancelled", "The job was cancelled.").non_retriable()
}

fn failure(error: AuditError) -> Failure {
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
