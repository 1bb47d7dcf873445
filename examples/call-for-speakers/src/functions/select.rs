//! `select`: the activity that decides the stage Selection by the rules.

use std::sync::Arc;

use durable_functions::{Activity, ActivityContext, Result, State};

use super::process_submission::{RETRY, by_rules};
use crate::{Stage, settings::Settings, submission::Submission};

/// The activity in the folder `select`: its output is whether the submission is approved.
pub const SELECT: Activity<Submission, bool> = Activity::new("select").with_retry(RETRY);

/// Decides about one submission.
///
/// # Errors
/// `InvalidSubmission` for one that is not complete.
pub async fn select(
    _: ActivityContext,
    State(settings): State<Arc<Settings>>,
    submission: Submission,
) -> Result<bool> {
    by_rules(settings.seed, Stage::Selection, &submission)
}
