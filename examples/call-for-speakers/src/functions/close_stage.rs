//! `close-stage`: the activity that ends the time for a decision of people.
//!
//! It records that nobody decided, in the same way as `submit-decision` records a decision. So the task hub accepts one of
//! the two, also when they come at the same moment: a decision that was answered with 202 counts.

use durable_functions::{Activity, ActivityContext, ClientError, Failure, Result, ReusePolicy};
use serde::{Deserialize, Serialize};

use super::{
    process_submission::{NO_DECISION, RETRY},
    record_decision::{RECORD_DECISION, RecordedDecision},
};
use crate::{Decision, Stage};

/// The activity in the folder `close-stage`. Its output says nothing: the decision comes as the event of the stage,
/// whoever made it.
pub const CLOSE_STAGE: Activity<Closing, ()> = Activity::new("close-stage").with_retry(RETRY);

/// A stage whose deadline has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The id of the submission.
    pub submission: String,
    /// The stage.
    pub stage: Stage,
}

/// Closes one stage. Safe to repeat.
///
/// # Errors
/// `Unavailable` when the task hub does not answer.
pub async fn close_stage(context: ActivityContext, closing: Closing) -> Result<()> {
    let Closing { submission, stage } = closing;
    let client = context.durable_client()?;
    let id = RecordedDecision::id(&submission, stage);
    let unavailable = |reason: ClientError| Failure::new("Unavailable", reason.to_string());
    // Extension 2.13 ignores the reuse policy of the start below: it would replace the record.
    let record = client.instance(RECORD_DECISION, &id).status().await;
    if record.map_err(unavailable)?.is_some() {
        return Ok(());
    }
    let record = RecordedDecision {
        submission,
        stage,
        decision: Decision {
            approved: false,
            reason: Some(NO_DECISION.to_owned()),
        },
    };
    let start = client
        .start(RECORD_DECISION, &record)
        .with_id(id)
        .with_reuse_policy(ReusePolicy::create_only());
    match start.await {
        Ok(_) | Err(ClientError::AlreadyExists { .. }) => Ok(()),
        Err(reason) => Err(unavailable(reason).into()),
    }
}
