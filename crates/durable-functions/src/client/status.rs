//! The state of an instance.

use std::time::{Duration, SystemTime};

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    GetInstanceRequest, GetInstanceResponse, OrchestrationState,
    OrchestrationStatus as RuntimeStatus,
};
use serde::de::DeserializeOwned;
use tonic::Code;

use super::error::check;
use super::rpc::Connection;
use super::{ClientError, rpc};
use crate::{Failure, codec};

/// What the task hub knows of an instance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// The id of the instance.
    pub instance_id: String,
    /// The name of the orchestrator, spelled as the client that started it spelled it.
    pub name: String,
    /// Where the instance stands.
    pub runtime_status: RuntimeStatus,
    /// The input as JSON text.
    pub input: Option<String>,
    /// The output as JSON text when completed. When failed, the text `Type: message`, or, when the
    /// host itself failed the instance, a JSON object with its internal texts. When terminated or
    /// suspended, the reason as the client gave it.
    pub output: Option<String>,
    /// The custom status as JSON text; `None` when there is none.
    pub custom_status: Option<String>,
    /// When the instance was started (UTC).
    pub created_at: SystemTime,
    /// When its state last changed (UTC).
    pub last_updated_at: SystemTime,
    /// The failure of a failed instance, on backends that store it; Azure Storage does not.
    pub failure: Option<Failure>,
}

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

    fn from_state(state: OrchestrationState) -> Self {
        let time = |time: Option<prost_types::Timestamp>| {
            time.map_or(SystemTime::UNIX_EPOCH, |time| {
                Timestamp {
                    seconds: time.seconds,
                    nanos: time.nanos.clamp(0, 999_999_999),
                }
                .to_system_time()
            })
        };
        InstanceStatus {
            runtime_status: state.orchestration_status(),
            instance_id: state.instance_id,
            name: state.name,
            input: state.input,
            output: state.output,
            // An instance without a custom status has the text `null`.
            custom_status: state
                .custom_status
                .filter(|status| !status.is_empty() && status != "null"),
            created_at: time(state.created_timestamp),
            last_updated_at: time(state.last_updated_timestamp),
            failure: state.failure_details.map(Failure::from_details),
        }
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
