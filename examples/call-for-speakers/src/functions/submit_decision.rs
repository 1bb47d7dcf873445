//! `submit-decision`: the decision of people about the stage that waits for one.
//! `POST /api/submissions/{id}/decision` with `{"stage":"Moderation","approved":false,"reason":"…"}`.
//!
//! 202 when the decision was taken; 404 for an id that is no submission's; 409 when the stage does not wait for a
//! decision, or has one.
//!
//! Invariant: a stage has one decision, also when two people decide at the same moment.

use axum::{
    Json,
    body::Bytes,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use durable_functions::{ClientError, DurableClient, ReusePolicy, Status};
use job_api::{ApiError, ApiRequest, JobTarget};
use serde::{Deserialize, Serialize};

use super::{
    process_submission::{Input, PROCESS_SUBMISSION, Review},
    record_decision::{RECORD_DECISION, RecordedDecision},
};
use crate::{Decision, Stage, body::read_json, submission::holds_address};

/// Below the route prefix of host.json.
pub(crate) const ROUTE: &str = "submissions/{id}/decision";

/// The most characters of a reason.
const MOST_OF_A_REASON: usize = 200;

/// The body of a request.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Body {
    stage: String,
    approved: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Body {
    fn check(self) -> Result<(Stage, Decision), ApiError> {
        let invalid =
            |text: &'static str| ApiError::new(StatusCode::BAD_REQUEST, "InvalidDecision", text);
        let stage = Stage::of_name(&self.stage)
            .ok_or_else(|| invalid("stage: expected Moderation, Shortlisting or Selection."))?;
        let reason = self.reason.map(|reason| reason.trim().to_owned());
        let reason = reason.filter(|reason| !reason.is_empty());
        if let Some(reason) = &reason {
            let is_short = reason.chars().count() <= MOST_OF_A_REASON;
            if !is_short || reason.chars().any(char::is_control) {
                return Err(invalid(
                    "reason: expected one line of at most 200 characters.",
                ));
            }
            // The speaker sees it, and so does everybody who knows the id.
            if holds_address(reason) {
                return Err(invalid(
                    "reason: expected a text without an e-mail address.",
                ));
            }
            if self.approved {
                return Err(invalid("reason: expected for a rejection only."));
            }
        }
        let decision = Decision {
            approved: self.approved,
            reason,
        };
        Ok((stage, decision))
    }
}

/// Answers one request.
pub async fn submit_decision(request: ApiRequest, target: JobTarget, body: Bytes) -> Response {
    let outcome = async {
        let (id, client) = target.read()?;
        let body: Body = read_json(request.headers(), &body)?;
        let (stage, decision) = body.check()?;
        let retry_after = request.api().status().retry_after.as_secs();
        decide(&client, &id, stage, decision, retry_after).await?;
        let address = request.links().status(&id);
        let body = Json(serde_json::json!({ "id": id, "stage": stage }));
        Ok((StatusCode::ACCEPTED, [(header::LOCATION, address)], body).into_response())
    };
    request.answer(outcome.await)
}

async fn decide(
    client: &DurableClient,
    id: &str,
    stage: Stage,
    decision: Decision,
    retry_after: u64,
) -> Result<(), ApiError> {
    let not_taken = |reason: &ClientError| {
        tracing::error!(id, "decision not taken: {reason}");
        // A decision that was taken nevertheless is answered with 409 then.
        let text = "The decision could not be taken. Try again later.";
        ApiError::unavailable(text, retry_after)
    };
    let submission = client.instance(PROCESS_SUBMISSION, id).status().await;
    let submission = match submission {
        Ok(Some(status)) => status,
        Ok(None) | Err(ClientError::InvalidId { .. }) => return Err(ApiError::job_not_found()),
        Err(reason) => return Err(not_taken(&reason)),
    };
    let record_id = RecordedDecision::id(id, stage);
    // Extension 2.13 ignores the reuse policy of the start below: it would replace the record.
    let record = client.instance(RECORD_DECISION, &record_id).status().await;
    if record.map_err(|reason| not_taken(&reason))?.is_some() {
        return Err(already_decided());
    }
    check_waits(&submission, stage)?;
    let record = RecordedDecision {
        submission: id.to_owned(),
        stage,
        decision,
    };
    let start = client
        .start(RECORD_DECISION, &record)
        .with_id(record_id)
        .with_reuse_policy(ReusePolicy::create_only());
    match start.await {
        Ok(_) => {
            let approved = record.decision.approved;
            tracing::info!(id, stage = stage.name(), approved, "Submission decided");
            Ok(())
        }
        Err(ClientError::AlreadyExists { .. }) => Err(already_decided()),
        Err(reason) => Err(not_taken(&reason)),
    }
}

/// Whether the submission waits for the decision of people about this stage.
fn check_waits(submission: &Status<bool>, stage: Stage) -> Result<(), ApiError> {
    let conflict = |code, text: String| Err(ApiError::new(StatusCode::CONFLICT, code, text));
    if submission.runtime_status.is_terminal() {
        return conflict("SubmissionEnded", "The submission has ended.".to_owned());
    }
    let input = submission.input_as::<Input>().ok().flatten();
    if !input.is_some_and(|input| matches!(input.review, Review::People { .. })) {
        let text = "The rules decide about this submission.";
        return conflict("NotDecidedByPeople", text.to_owned());
    }
    let current = submission.custom_status_as::<String>().ok().flatten();
    match current {
        Some(current) if current == stage.name() => Ok(()),
        Some(current) => conflict(
            "WrongStage",
            format!("The submission waits for a decision about {current}."),
        ),
        None => conflict(
            "WrongStage",
            "The submission is in no stage yet.".to_owned(),
        ),
    }
}

fn already_decided() -> ApiError {
    let text = "The stage has been decided, or its deadline has passed.";
    ApiError::new(StatusCode::CONFLICT, "AlreadyDecided", text)
}
