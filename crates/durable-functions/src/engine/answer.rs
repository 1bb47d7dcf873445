//! The answer to a turn: what the orchestrator decided, as actions for the host.

use crate::Failure;
use crate::proto::{
    CompleteOrchestrationAction, OrchestrationStatus, OrchestratorAction, OrchestratorActionType,
};

/// How an execution ended.
#[derive(Debug, Clone)]
pub(crate) enum Completion {
    /// The output as JSON text.
    Completed(String),
    Failed(Failure),
    /// The reason as the client gave it.
    Terminated(Option<String>),
}

/// The completion action. It must be the last of an answer: the host carries out what stands behind
/// it, and an unsupported action there makes it repeat the turn for ever.
pub(crate) fn completion(id: i32, completion: &Completion) -> OrchestratorAction {
    let (status, result, failure_details) = match completion {
        Completion::Completed(result) => {
            (OrchestrationStatus::Completed, Some(result.clone()), None)
        }
        Completion::Failed(failure) => (
            OrchestrationStatus::Failed,
            None,
            Some(failure.to_details()),
        ),
        Completion::Terminated(reason) => (OrchestrationStatus::Terminated, reason.clone(), None),
    };
    OrchestratorAction {
        id,
        orchestrator_action_type: Some(OrchestratorActionType::CompleteOrchestration(Box::new(
            CompleteOrchestrationAction {
                orchestration_status: status.into(),
                result,
                failure_details,
                ..Default::default()
            },
        ))),
    }
}

/// A completion that fails the instance.
pub(crate) fn failed(id: i32, failure: &Failure) -> OrchestratorAction {
    completion(id, &Completion::Failed(failure.clone()))
}
