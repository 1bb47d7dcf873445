//! Asking for the state of an instance.

use std::time::Duration;

use durable_protocol::messages::{GetInstanceRequest, GetInstanceResponse};
use tonic::Code;

use super::error::check;
use super::rpc::Connection;
use super::{ClientError, rpc};
use crate::Status;

/// `payloads`: whether input, output and custom status are wanted.
pub(super) async fn get<O>(
    connection: &Connection,
    id: &str,
    payloads: bool,
) -> Result<Option<Status<O>>, ClientError> {
    const METHOD: &str = "GetInstance";
    check(id)?;
    let answer: GetInstanceResponse = connection
        .call(METHOD, request(id, payloads))
        .await
        .map_err(|status| rpc::failed(METHOD, &status))?;
    Ok(found(answer))
}

/// What is waited for.
#[derive(Clone, Copy)]
pub(super) enum Until {
    Begun,
    Ended,
}

pub(super) async fn wait<O>(
    connection: &Connection,
    id: &str,
    until: Until,
    limit: Duration,
) -> Result<Status<O>, ClientError> {
    let (method, awaited) = match until {
        Until::Begun => ("WaitForInstanceStart", "begin"),
        Until::Ended => ("WaitForInstanceCompletion", "end"),
    };
    check(id)?;
    let not_ended = || ClientError::NotEnded {
        id: id.to_owned(),
        awaited,
    };
    let answer: Result<GetInstanceResponse, _> = connection
        .call_and_wait(method, request(id, true), limit)
        .await;
    match answer {
        Ok(answer) => found(answer).ok_or_else(not_ended),
        Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {
            Err(not_ended())
        }
        Err(status) => Err(rpc::failed(method, &status)),
    }
}

fn request(id: &str, payloads: bool) -> GetInstanceRequest {
    GetInstanceRequest {
        instance_id: id.to_owned(),
        get_inputs_and_outputs: payloads,
    }
}

fn found<O>(answer: GetInstanceResponse) -> Option<Status<O>> {
    if !answer.exists {
        return None;
    }
    answer.orchestration_state.map(Status::from_state)
}
