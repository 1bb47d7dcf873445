//! `clear-activity`: removes what the slices of a job have spilled.

use durable_functions::{Activity, ActivityContext, Result};

use super::query_activity::failure;
use crate::scratch::{Scope, Scratch};

/// The activity in the folder `clear-activity`. Its caller says how it is retried.
pub const CLEAR_ACTIVITY: Activity<Scope, ()> = Activity::new("clear-activity");

/// Removes everything of one scope. Safe to repeat.
///
/// # Errors
/// A failure whose type is [`AuditError::code`](crate::audit::AuditError::code); marked as non-retriable unless the error is transient.
pub async fn clear_activity(
    context: ActivityContext,
    scratch: Scratch,
    scope: Scope,
) -> Result<()> {
    let job = context.instance_id().unwrap_or_default();
    scratch.clear(&scope).await.map_err(|error| {
        tracing::warn!(
            job,
            code = error.code(),
            "spilled values are not removed yet: {error}"
        );
        failure(error).into()
    })
}
