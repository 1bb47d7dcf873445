//! `Hello`, `CreateTaskHub`, `DeleteTaskHub`, `GetInstance`.

use std::sync::Arc;

use durable_protocol::messages::{GetInstanceRequest, GetInstanceResponse};
use tonic::Status;

use super::super::driver::TaskHub;
use super::super::{Inner, status};
use super::call::{Call, unavailable};
use crate::log::LogLevel;

/// Does nothing: a client can check that the service is reachable.
pub(super) async fn hello(_: Arc<Inner>, _: Call<()>) -> Result<(), Status> {
    Ok(())
}

/// Does nothing: the task hub is there as long as local-host runs. A real host creates its tables.
pub(super) async fn create_task_hub(_: Arc<Inner>, _: Call<()>) -> Result<(), Status> {
    Ok(())
}

/// Does nothing: one call of a client must not lose all instances.
pub(super) async fn delete_task_hub(hub: Arc<Inner>, _: Call<()>) -> Result<(), Status> {
    hub.log(
        LogLevel::Warning,
        "A client asked to delete the task hub. local-host does not: remove the folder with its state instead."
            .to_owned(),
    );
    Ok(())
}

/// The state of an instance. An unknown id is no error.
pub(super) async fn get_instance(
    hub: Arc<Inner>,
    call: Call<GetInstanceRequest>,
) -> Result<GetInstanceResponse, Status> {
    if call.other_hub.is_some() {
        return Ok(GetInstanceResponse::default());
    }
    let GetInstanceRequest {
        instance_id: id,
        get_inputs_and_outputs: payloads,
    } = call.message;
    let state = if hub.serves_workers() {
        let read = move |hub: &TaskHub| {
            let record = hub.instance(&id)?;
            record
                .map(|record| status::of_sidecar(hub, record, payloads))
                .transpose()
        };
        hub.driver.read(read).await.map_err(unavailable)?
    } else {
        let read = move |hub: &TaskHub| status::of_instance_or_entity(hub, &id);
        let state = hub.driver.read(read).await.map_err(unavailable)?;
        state.map(|state| status::of_real_host(state, payloads, hub.options.extension))
    };
    Ok(GetInstanceResponse {
        exists: state.is_some(),
        orchestration_state: state,
    })
}
