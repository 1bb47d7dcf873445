//! `moderate`: the activity that decides the stage Moderation by the rules.

use std::sync::Arc;

use durable_functions::{Activity, ActivityContext, Result, State};

use super::process_submission::{RETRY, by_rules};
use crate::{Stage, settings::Settings, submission::Submission};

/// The activity in the folder `moderate`: its output is whether the submission is approved.
pub const MODERATE: Activity<Submission, bool> = Activity::new("moderate").with_retry(RETRY);

/// Decides about one submission.
///
/// # Errors
/// `InvalidSubmission` for one that is not complete.
pub async fn moderate(
    _: ActivityContext,
    State(settings): State<Arc<Settings>>,
    submission: Submission,
) -> Result<bool> {
    by_rules(settings.seed, Stage::Moderation, &submission)
}
