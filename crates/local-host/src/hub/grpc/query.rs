//! `Hello`, `GetInstance`.

use std::sync::Arc;

use durable_protocol::messages::{GetInstanceRequest, GetInstanceResponse};
use tonic::Status;

use super::super::{Inner, status};
use super::call::{Call, unavailable};

/// Does nothing: a client can check that the service is reachable.
pub(super) async fn hello(_: Arc<Inner>, _: Call<()>) -> Result<(), Status> {
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
    let state = found
        .map_err(unavailable)?
        .map(|state| status::for_client(state, request.get_inputs_and_outputs));
    Ok(GetInstanceResponse {
        exists: state.is_some(),
        orchestration_state: state,
    })
}
