//! Starting an instance.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use durable_protocol::messages::{CreateInstanceRequest, CreateInstanceResponse};
use durable_protocol::{Timestamp, nonchars};
use serde::Serialize;
use serde_json::Value;
use tonic::Code;

use super::error::{check, check_name};
use super::{ClientError, DurableClient, Instance, ReusePolicy, rpc};
use crate::{Orchestrator, codec};

/// A start that has not been sent yet; see [`DurableClient::start`]. Awaiting it sends it.
#[must_use = "nothing is started until this is awaited"]
pub struct Start<O = Value> {
    client: DurableClient,
    /// The orchestrator of a handle; `None` when its name is known at run time only.
    handle: Option<&'static str>,
    name: Cow<'static, str>,
    version: Option<Cow<'static, str>>,
    input: Result<String, String>,
    id: Option<String>,
    scheduled_at: Option<SystemTime>,
    tags: BTreeMap<String, String>,
    reuse_policy: Option<ReusePolicy>,
    output: PhantomData<fn() -> O>,
}

impl<O> Start<O> {
    pub(super) fn new<I: Serialize>(
        client: DurableClient,
        orchestrator: Orchestrator<I, O>,
        input: &I,
    ) -> Self {
        Start {
            handle: Some(orchestrator.name),
            version: orchestrator.version.map(Cow::Borrowed),
            ..Start::by_name(client, Cow::Borrowed(orchestrator.name), input)
        }
    }

    pub(super) fn by_name<I: Serialize + ?Sized>(
        client: DurableClient,
        name: Cow<'static, str>,
        input: &I,
    ) -> Self {
        Start {
            client,
            handle: None,
            name,
            version: None,
            input: codec::write(input).map_err(|error| error.to_string()),
            id: None,
            scheduled_at: None,
            tags: BTreeMap::new(),
            reuse_policy: None,
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

    /// The version of the instance, instead of that of the handle or of the host's `defaultVersion`. Extension 2.13
    /// ignores it.
    pub fn with_version(mut self, version: impl Into<Cow<'static, str>>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The instance does not begin before this time (UTC). Until then it is pending. A time in the past is now.
    /// Extension 2.13 ignores it and starts the instance at once.
    pub fn scheduled_at(mut self, time: SystemTime) -> Self {
        self.scheduled_at = Some(time);
        self
    }

    /// A tag, which is stored with the instance and shown by its [`Status`](crate::Status). A second one with the same
    /// key replaces the first. Extension 2.13 ignores it.
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Which existing instance with the same id may be replaced. Without it, one that has ended, unless the host's
    /// setting `overridableExistingInstanceStates` says `AnyState`. Extension 2.13 ignores it.
    pub fn with_reuse_policy(mut self, policy: ReusePolicy) -> Self {
        self.reuse_policy = Some(policy);
        self
    }

    async fn send(self) -> Result<Instance<O>, ClientError> {
        const METHOD: &str = "StartInstance";
        let name = self.name;
        let input = self.input.map_err(|detail| ClientError::InvalidInput {
            what: format!("the input of orchestrator '{name}'"),
            detail,
        })?;
        check_name("name of an orchestrator", &name)?;
        if let Some(version) = &self.version {
            check_name("version of an orchestrator", version)?;
        }
        for (key, value) in &self.tags {
            check_name("name of a tag", key)?;
            nonchars::check(value).map_err(|reason| ClientError::InvalidName {
                noun: "value of a tag",
                name: value.clone(),
                reason,
            })?;
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
            name: name.into_owned(),
            version: self.version.map(Cow::into_owned),
            input: codec::unless_null(input),
            scheduled_start_timestamp: self.scheduled_at.map(|time| Timestamp::from(time).into()),
            orchestration_id_reuse_policy: self.reuse_policy.map(ReusePolicy::into_wire),
            tags: self.tags,
            ..Default::default()
        };
        let started = |id| Instance::new(self.client.clone(), self.handle, id);
        let answer: Result<CreateInstanceResponse, _> =
            self.client.connection.call(METHOD, request).await;
        match answer {
            Ok(answer) if answer.instance_id.is_empty() => Ok(started(instance_id)),
            Ok(answer) => Ok(started(answer.instance_id)),
            Err(status) if status.code() == Code::AlreadyExists => {
                Err(ClientError::AlreadyExists { id: instance_id })
            }
            Err(status) if rpc::may_have_arrived(&status) => {
                match look_up(&self.client, &instance_id).await {
                    // Under a chosen id there may be an earlier instance.
                    LookedUp::Exists if !chosen => Ok(started(instance_id)),
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
