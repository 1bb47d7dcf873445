//! Starting an instance.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use durable_protocol::messages::{CreateInstanceRequest, CreateInstanceResponse};
use durable_protocol::nonchars;
use tonic::Code;

use super::error::check;
use super::{ClientError, DurableClient, Instance, rpc};
use crate::{Orchestrator, codec};

/// A start that has not been sent yet; see [`DurableClient::start`]. Awaiting it sends it.
#[must_use = "nothing is started until this is awaited"]
pub struct Start<O> {
    client: DurableClient,
    orchestrator: &'static str,
    version: Option<&'static str>,
    input: Result<String, String>,
    id: Option<String>,
    output: PhantomData<fn() -> O>,
}

impl<O> Start<O> {
    pub(super) fn new<I: serde::Serialize>(
        client: DurableClient,
        orchestrator: Orchestrator<I, O>,
        input: &I,
    ) -> Self {
        Start {
            client,
            orchestrator: orchestrator.name,
            version: orchestrator.version,
            input: codec::write(input).map_err(|error| error.to_string()),
            id: None,
            output: PhantomData,
        }
    }

    /// The id of the instance: 1 to 256 characters (one beyond U+FFFF counts as two), not only blanks,
    /// none of `/ \ # ? +` and no control characters, not beginning with `@`, and not `.` or `..`,
    /// which no URL reaches. Without it the instance gets a random UUID.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    async fn send(self) -> Result<Instance<O>, ClientError> {
        const METHOD: &str = "StartInstance";
        let input = self.input.map_err(|detail| ClientError::InvalidInput {
            orchestrator: self.orchestrator,
            detail,
        })?;
        for name in [Some(self.orchestrator), self.version]
            .into_iter()
            .flatten()
        {
            nonchars::check(name).map_err(|reason| ClientError::InvalidName { name, reason })?;
        }
        let chosen = self.id.is_some();
        let instance_id = match self.id {
            Some(chosen) => {
                check(&chosen)?;
                chosen
            }
            // Made here and not by the host, so that it is known even if the answer is lost.
            None => uuid::Uuid::new_v4().to_string(),
        };
        let request = CreateInstanceRequest {
            instance_id: instance_id.clone(),
            name: self.orchestrator.to_owned(),
            version: self.version.map(str::to_owned),
            input: codec::unless_null(input),
            ..Default::default()
        };
        let answer: Result<CreateInstanceResponse, _> =
            self.client.connection.call(METHOD, request, None).await;
        match answer {
            Ok(answer) if answer.instance_id.is_empty() => {
                Ok(Instance::new(self.client, instance_id))
            }
            Ok(answer) => Ok(Instance::new(self.client, answer.instance_id)),
            Err(status) if status.code() == Code::AlreadyExists => {
                Err(ClientError::AlreadyExists { id: instance_id })
            }
            Err(status) if rpc::may_have_arrived(&status) => {
                match look_up(&self.client, &instance_id).await {
                    // Under a chosen id there may be an earlier instance.
                    LookedUp::Exists if !chosen => Ok(Instance::new(self.client, instance_id)),
                    LookedUp::Absent => Err(rpc::failed(METHOD, &status)),
                    LookedUp::Exists | LookedUp::Unknown => Err(ClientError::StartUnknown {
                        id: instance_id,
                        message: status.message().to_owned(),
                    }),
                }
            }
            Err(status) => Err(rpc::failed(METHOD, &status)),
        }
    }
}

enum LookedUp {
    Exists,
    Absent,
    Unknown,
}

/// Whether an instance exists whose start got no answer.
///
/// It asks several times: on a new connection the first question can arrive before the start does, and
/// a host that restarts needs some time.
async fn look_up(client: &DurableClient, id: &str) -> LookedUp {
    const PAUSES: [Duration; 4] = [
        Duration::ZERO,
        Duration::from_millis(100),
        Duration::from_millis(400),
        Duration::from_millis(1500),
    ];
    let mut found = LookedUp::Unknown;
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        found = match client.status(id).await {
            Ok(Some(_)) => return LookedUp::Exists,
            Ok(None) => LookedUp::Absent,
            Err(_) => LookedUp::Unknown,
        };
    }
    found
}

impl<O: 'static> IntoFuture for Start<O> {
    type Output = Result<Instance<O>, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
