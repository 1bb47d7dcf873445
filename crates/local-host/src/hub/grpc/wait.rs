//! `WaitForInstanceStart`, `WaitForInstanceCompletion`.
//!
//! Both wait without limit, also for an id that does not exist: the client's deadline ends the call. A real
//! host polls; this one answers as soon as the status changes.

use std::sync::Arc;

use durable_protocol::messages::{
    GetInstanceRequest, GetInstanceResponse, OrchestrationState, OrchestrationStatus,
};
use tonic::Status;

use super::super::driver::TaskHub;
use super::super::{Inner, status};
use super::call::{Call, unavailable};

/// Waits until the first turn is done.
pub(super) async fn for_start(
    hub: Arc<Inner>,
    call: Call<GetInstanceRequest>,
) -> Result<GetInstanceResponse, Status> {
    wait(hub, call, |state| {
        state.orchestration_status() != OrchestrationStatus::Pending
    })
    .await
}

/// Waits until the instance has ended.
pub(super) async fn for_completion(
    hub: Arc<Inner>,
    call: Call<GetInstanceRequest>,
) -> Result<GetInstanceResponse, Status> {
    wait(hub, call, |state| {
        state.orchestration_status().is_terminal()
    })
    .await
}

async fn wait(
    hub: Arc<Inner>,
    call: Call<GetInstanceRequest>,
    condition: fn(&OrchestrationState) -> bool,
) -> Result<GetInstanceResponse, Status> {
    if call.other_hub.is_some() {
        // No instance ever runs in another hub.
        std::future::pending::<()>().await;
    }
    let GetInstanceRequest {
        instance_id: id,
        get_inputs_and_outputs: payloads,
    } = call.message;
    let waited = hub.driver.wait_for(&id, condition).await;
    let state = waited.map_err(unavailable)?;
    let read = move |hub: &TaskHub| match hub.instance(&id)? {
        Some(record) => status::of_sidecar(hub, record, payloads).map(Some),
        None => Ok(None),
    };
    let shown = if hub.serves_workers() {
        hub.driver.read(read).await.map_err(unavailable)?
    } else {
        None
    };
    Ok(GetInstanceResponse {
        exists: true,
        // It can be purged by now.
        orchestration_state: shown
            .or_else(|| Some(status::of_real_host(state, payloads, hub.options.extension))),
    })
}
