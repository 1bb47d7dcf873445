//! Asking for the state of an instance.

use std::time::Duration;

use durable_protocol::messages::{
    GetInstanceRequest, GetInstanceResponse, OrchestrationStatus as RuntimeStatus,
};
use serde::de::DeserializeOwned;
use tonic::Code;

use super::error::check;
use super::rpc::Connection;
use super::{ClientError, rpc};
use crate::{InstanceStatus, codec};

impl InstanceStatus {
    /// The output of a completed instance; `None` unless it is completed.
    ///
    /// # Errors
    /// [`ClientError::UnexpectedOutput`] when the output is not an `O`.
    pub fn decode_output<O: DeserializeOwned>(&self) -> Result<Option<O>, ClientError> {
        if self.runtime_status != RuntimeStatus::Completed {
            return Ok(None);
        }
        codec::read(self.output.as_deref().unwrap_or("null").as_bytes())
            .map(Some)
            .map_err(|error| ClientError::UnexpectedOutput {
                id: self.instance_id.clone(),
                expected: std::any::type_name::<O>(),
                detail: error.to_string(),
            })
    }
}

pub(super) async fn get(
    connection: &Connection,
    id: &str,
) -> Result<Option<InstanceStatus>, ClientError> {
    const METHOD: &str = "GetInstance";
    check(id)?;
    let answer: GetInstanceResponse = connection
        .call(METHOD, request(id), None)
        .await
        .map_err(|status| rpc::failed(METHOD, &status))?;
    Ok(found(answer))
}

pub(super) async fn wait(
    connection: &Connection,
    id: &str,
    limit: Duration,
) -> Result<InstanceStatus, ClientError> {
    const METHOD: &str = "WaitForInstanceCompletion";
    check(id)?;
    let answer: Result<GetInstanceResponse, _> =
        connection.call(METHOD, request(id), Some(limit)).await;
    match answer {
        Ok(answer) => found(answer).ok_or_else(|| ClientError::NotEnded { id: id.to_owned() }),
        Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {
            Err(ClientError::NotEnded { id: id.to_owned() })
        }
        Err(status) => Err(rpc::failed(METHOD, &status)),
    }
}

fn request(id: &str) -> GetInstanceRequest {
    GetInstanceRequest {
        instance_id: id.to_owned(),
        get_inputs_and_outputs: true,
    }
}

fn found(answer: GetInstanceResponse) -> Option<InstanceStatus> {
    if !answer.exists {
        return None;
    }
    answer.orchestration_state.map(InstanceStatus::from_state)
}
