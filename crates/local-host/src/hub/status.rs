//! The state of an instance as clients see it.

use durable_protocol::messages::OrchestrationState;

/// The answer of `GetInstance`. Payloads are in it only on request; version, scheduled start and failure
/// details never (the Azure Storage provider keeps only the output text).
pub(super) fn for_client(state: OrchestrationState, payloads: bool) -> OrchestrationState {
    OrchestrationState {
        instance_id: state.instance_id,
        name: state.name,
        orchestration_status: state.orchestration_status,
        created_timestamp: state.created_timestamp,
        last_updated_timestamp: state.last_updated_timestamp,
        input: state.input.filter(|_| payloads),
        output: state.output.filter(|_| payloads),
        custom_status: state.custom_status.filter(|_| payloads),
        tags: state.tags,
        ..OrchestrationState::default()
    }
}
