//! `record-decision`: the orchestrator that brings the decision of people to the stage that waits for it.
//!
//! Its instance id follows from the submission and the stage, so it can be started only once for a stage: of two people
//! who decide at the same moment, or of one and the deadline, the task hub accepts one. An event alone cannot do that. Whoever raises one learns
//! nothing of an earlier one.

use durable_functions::{OrchestrationContext, Orchestrator, Result};
use serde::{Deserialize, Serialize};

use crate::{Decision, Stage};

/// The orchestrator in the folder `record-decision`.
pub const RECORD_DECISION: Orchestrator<RecordedDecision, ()> =
    Orchestrator::new("record-decision");

/// A decision about a stage of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedDecision {
    /// The id of the submission.
    pub submission: String,
    /// The stage that it is about.
    pub stage: Stage,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
}

impl RecordedDecision {
    /// The id of its instance.
    #[must_use]
    pub fn id(submission: &str, stage: Stage) -> String {
        format!("{submission}.{}", stage.name())
    }
}

/// Sends the decision. A submission that does not get it reads it from the input at the deadline.
///
/// # Errors
/// None for a submission that `submit` has started.
pub async fn record_decision(ctx: OrchestrationContext, record: RecordedDecision) -> Result<()> {
    ctx.send_event(record.submission, record.stage.event(), record.decision)?;
    Ok(())
}
