//! `Hello`, `CreateTaskHub`, `DeleteTaskHub`, `GetInstance`.

use std::sync::Arc;

use durable_protocol::messages::{GetInstanceRequest, GetInstanceResponse};
use tonic::Status;

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
    let request = call.message;
    let id = request.instance_id;
    let found = hub.driver.read(move |hub| hub.state(&id)).await;
    let state = match found.map_err(unavailable)? {
        None => None,
        Some(state) => {
            let shown = status::for_client(&hub, state, request.get_inputs_and_outputs);
            Some(shown.await.map_err(unavailable)?)
        }
    };
    Ok(GetInstanceResponse {
        exists: state.is_some(),
        orchestration_state: state,
    })
}
