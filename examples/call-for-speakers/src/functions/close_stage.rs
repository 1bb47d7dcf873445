//! `close-stage`: the activity that ends the time for a decision of people.
//!
//! It records that nobody decided, in the same way as `submit-decision` records a decision. So the task hub accepts one of
//! the two, also when they come at the same moment: a decision that was answered with 202 counts. It counts too when
//! `record-decision` could not send it, because its host failed it: what was recorded is read from its input.

use durable_functions::{
    Activity, ActivityContext, ClientError, DurableClient, Failure, Result, ReusePolicy,
};
use serde::{Deserialize, Serialize};

use super::{
    process_submission::{NO_DECISION, RETRY},
    record_decision::{RECORD_DECISION, RecordedDecision},
};
use crate::{Decision, Stage};

/// The activity in the folder `close-stage`: its output is the decision that was recorded first.
pub const CLOSE_STAGE: Activity<Closing, Decision> = Activity::new("close-stage").with_retry(RETRY);

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
pub async fn close_stage(context: ActivityContext, closing: Closing) -> Result<Decision> {
    let client = context.durable_client()?;
    let id = RecordedDecision::id(&closing.submission, closing.stage);
    // Extension 2.13 ignores the reuse policy of the start below: it would replace the record.
    if let Some(decision) = recorded(&client, &id).await? {
        return Ok(decision);
    }
    let record = RecordedDecision {
        submission: closing.submission,
        stage: closing.stage,
        decision: Decision {
            approved: false,
            reason: Some(NO_DECISION.to_owned()),
        },
    };
    let start = client
        .start(RECORD_DECISION, &record)
        .with_id(&id)
        .with_reuse_policy(ReusePolicy::create_only());
    match start.await {
        Ok(_) => Ok(record.decision),
        // Somebody has decided since. With a retry the decision is found.
        Err(reason) => Err(unavailable(&reason).into()),
    }
}

/// The decision in the record with this id.
async fn recorded(client: &DurableClient, id: &str) -> Result<Option<Decision>> {
    let record = client.instance(RECORD_DECISION, id).status().await;
    let Some(record) = record.map_err(|reason| unavailable(&reason))? else {
        return Ok(None);
    };
    let record: Option<RecordedDecision> = record.input_as()?;
    Ok(record.map(|record| record.decision))
}

fn unavailable(reason: &ClientError) -> Failure {
    Failure::new("Unavailable", reason.to_string())
}
