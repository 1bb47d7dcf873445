//! `process-submission`: the orchestrator of a submission.
//!
//! Its custom status is the name of the stage, then `Approved` or `Rejected`; a rejection with a reason is
//! `{"stage":"Rejected","reason":"…"}`. Its output is whether the submission was approved.

use std::{pin::pin, time::Duration};

use durable_functions::{
    Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy, TaskError,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    close_stage::{CLOSE_STAGE, Closing},
    moderate::MODERATE,
    select::SELECT,
    shortlist::SHORTLIST,
};
use crate::{Decision, Stage, rules, submission::Submission};

/// The orchestrator in the folder `process-submission`.
pub const PROCESS_SUBMISSION: Orchestrator<Input, bool> = Orchestrator::new("process-submission");

/// The failure type of a submission that is not complete.
pub(crate) const INVALID_SUBMISSION: &str = "InvalidSubmission";

/// The stages are activities that fail when the process ends under them. Half a minute is enough for a restart.
pub(super) const RETRY: RetryPolicy = RetryPolicy::new(5, Duration::from_secs(2)).backoff(2.0);

/// What becomes of a submission when nobody decides.
pub const NO_DECISION: &str = "Nobody decided before the deadline.";

/// The input of the orchestration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What was submitted.
    pub submission: Submission,
    /// Who decides.
    pub review: Review,
}

/// Who decides, and how long that takes.
///
/// It is part of the input, and not read from the settings, because a replay must come to the same decisions after a
/// setting has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Review {
    /// The rules, when so many milliseconds have passed in each stage.
    Rules {
        /// One number for each of [`Stage::ALL`].
        millis: [u64; 3],
    },
    /// People.
    People {
        /// How long they have for each stage, in milliseconds.
        deadline_millis: u64,
    },
}

/// Runs one submission through the stages, up to the first that rejects it.
///
/// # Errors
/// The failure of an activity after its retries.
pub async fn process_submission(ctx: OrchestrationContext, input: Input) -> Result<bool> {
    let Input {
        mut submission,
        review,
    } = input;
    submission.id = ctx.instance_id();
    tracing::info!(id = submission.id, "Submission process started");
    for (index, stage) in Stage::ALL.into_iter().enumerate() {
        ctx.set_custom_status(stage.name());
        let decision = match review {
            Review::Rules { millis } => {
                let millis = millis.get(index).copied().unwrap_or_default();
                ctx.sleep(Duration::from_millis(millis)).await;
                let activity = match stage {
                    Stage::Moderation => MODERATE,
                    Stage::Shortlisting => SHORTLIST,
                    Stage::Selection => SELECT,
                };
                let approved = ctx.call(activity, submission.clone()).await;
                Decision {
                    approved: approved.map_err(TaskError::into_failure)?,
                    reason: None,
                }
            }
            Review::People { deadline_millis } => {
                by_people(&ctx, stage, Duration::from_millis(deadline_millis)).await?
            }
        };
        if !decision.approved {
            ended(&submission, stage, "Rejected", decision.reason.as_deref());
            match decision.reason {
                Some(reason) => {
                    ctx.set_custom_status(json!({ "stage": "Rejected", "reason": reason }));
                }
                None => ctx.set_custom_status("Rejected"),
            }
            return Ok(false);
        }
    }
    ended(&submission, Stage::Selection, "Approved", None);
    ctx.set_custom_status("Approved");
    Ok(true)
}

/// The one tracking line of a submission. The log is silent in a replay, so that it is there once.
fn ended(submission: &Submission, stage: Stage, status: &str, reason: Option<&str>) {
    tracing::info!(
        id = submission.id,
        status,
        stage = stage.name(),
        reason,
        title = submission.title,
        track = submission.track,
        country = submission.speaker.country,
        isTrackingEvent = true,
        "Submission processed"
    );
}

/// Waits for the decision of people. Half of the time before the deadline a reminder is logged.
///
/// At the deadline the stage is closed with what was recorded first: a decision of the last moment, one whose event was lost
/// with its host, or that there is none.
async fn by_people(ctx: &OrchestrationContext, stage: Stage, limit: Duration) -> Result<Decision> {
    let mut decision = pin!(next_decision(ctx, stage));
    let half = limit / 2;
    if let Ok(decision) = ctx.timeout(half, decision.as_mut()).await {
        return Ok(decision);
    }
    let id = ctx.instance_id();
    tracing::warn!(
        id,
        stage = stage.name(),
        "Submission waits for a decision: half of the time has passed"
    );
    if let Ok(decision) = ctx.timeout(limit - half, decision.as_mut()).await {
        return Ok(decision);
    }
    let closing = Closing {
        submission: id,
        stage,
    };
    let closed = ctx.call(CLOSE_STAGE, closing).await;
    Ok(closed.map_err(TaskError::into_failure)?)
}

/// The next event of the stage that is a decision. Whoever has a key of the task hub can raise any other, which must not
/// end a submission.
async fn next_decision(ctx: &OrchestrationContext, stage: Stage) -> Decision {
    loop {
        match ctx.wait_for(stage.event()).await {
            Ok(decision) => return decision,
            // The reason may repeat the content, which may be an address.
            Err(_) => tracing::warn!(
                id = ctx.instance_id(),
                stage = stage.name(),
                "An event that is no decision was left out: expected {{\"approved\": true or false}}"
            ),
        }
    }
}

/// What an activity decides. An operator can start an orchestration without `submit`, so it checks what it gets.
pub(super) fn by_rules(seed: u32, stage: Stage, submission: &Submission) -> Result<bool> {
    if let Err(problems) = submission.check() {
        return Failure::new(INVALID_SUBMISSION, problems.to_string())
            .non_retriable()
            .fail();
    }
    Ok(rules::approves(seed, stage, submission))
}
