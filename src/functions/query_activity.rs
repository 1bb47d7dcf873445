//! `query-activity`: counts the distinct values of a range of days.

use std::time::Duration;

use durable_functions::{Activity, ActivityContext, Failure, Result, RetryPolicy};

use crate::{
    audit::{AuditError, AuditTable, Counted},
    dates::DateRange,
    jobs::running,
};

/// The activity in the folder `query-activity`. The table client retries single requests by itself. The durable
/// retries are for longer outages, such as a restart of the app: they last half a minute, and a job survives four
/// restarts.
pub const QUERY_ACTIVITY: Activity<DateRange, Counted> = Activity::new("query-activity")
    .with_retry(RetryPolicy::new(5, Duration::from_secs(2)).backoff(2.0));

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
    let (start, end) = (range.start(), range.end());
    let running = running::begin(job);
    let counted = tokio::select! {
        counted = table.count_distinct(range) => counted,
        () = running.stopped() => {
            tracing::info!(job, %start, %end, "scan stopped, because the job was cancelled");
            return Err(cancelled().into());
        }
    };
    match counted {
        Ok(counted) => {
            let Counted { values, rows } = counted;
            tracing::info!(job, %start, %end, values, rows, "counted distinct values");
            Ok(counted)
        }
        Err(error) => {
            tracing::error!(job, %start, %end, code = error.code(), "{error}");
            Err(failure(error).into())
        }
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
