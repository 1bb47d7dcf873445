//! The state of an instance as clients see it.

use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestrationState, OrchestrationStatus, TaskFailureDetails,
};
use prost::Message as _;
use task_hub::{Store as _, StoreError};

use super::Inner;
use super::driver::{TaskHub, Unavailable};
use super::workers::Workers;

/// The answer of `GetInstance`. Payloads are in it only on request; version and scheduled start never. Clients of
/// workers also get the failure; those of a real host do not, because the Azure Storage provider keeps only the output
/// text.
pub(super) async fn for_client(
    hub: &Inner,
    state: OrchestrationState,
    payloads: bool,
) -> Result<OrchestrationState, Unavailable> {
    let shows_failure = payloads
        && state.orchestration_status() == OrchestrationStatus::Failed
        && matches!(hub.workers, Workers::Streams(_));
    let failure_details = if shows_failure {
        let id = state.instance_id.clone();
        hub.driver.read(move |hub| failure(hub, &id)).await?
    } else {
        None
    };
    Ok(OrchestrationState {
        instance_id: state.instance_id,
        name: state.name,
        orchestration_status: state.orchestration_status,
        created_timestamp: state.created_timestamp,
        last_updated_timestamp: state.last_updated_timestamp,
        input: state.input.filter(|_| payloads),
        output: state.output.filter(|_| payloads),
        custom_status: state.custom_status.filter(|_| payloads),
        failure_details,
        tags: state.tags,
        ..OrchestrationState::default()
    })
}

/// The failure at the end of a history.
fn failure(hub: &TaskHub, id: &str) -> Result<Option<TaskFailureDetails>, StoreError> {
    let events = hub.store().history(id)?;
    let mut events = events.into_iter().rev();
    Ok(events
        .find_map(
            |event| match HistoryEvent::decode(event).ok()?.event_type? {
                EventType::ExecutionCompleted(end) => Some(end.failure_details),
                _ => None,
            },
        )
        .flatten())
}
