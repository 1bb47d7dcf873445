//! Starting instances: the same words as those of the client, in the time of the hub.

use std::future::{Future, IntoFuture, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::SystemTime;

use durable_protocol::Timestamp;
use durable_protocol::messages::CreateInstanceRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{TestError, TestErrorKind, TestHub};
use crate::Orchestrator;
use crate::name::check_instance_id;

/// A start that was not sent: `.await` sends it and gives the id of the instance.
#[must_use = "an instance is started by `.await`"]
pub struct Start<'a, O> {
    hub: &'a mut TestHub,
    request: Result<CreateInstanceRequest, TestError>,
    output: PhantomData<fn() -> O>,
}

/// A run that has not begun: `.await` starts the instance, runs until it has ended, and gives its output.
#[must_use = "an instance is run by `.await`"]
pub struct Run<'a, O>(Start<'a, O>);

macro_rules! options {
    ($type:ident, |$it:ident| $request:expr) => {
        impl<O> $type<'_, O> {
            /// Starts the instance under this id. Without it the hub makes one.
            pub fn with_id(mut self, id: impl Into<String>) -> Self {
                let $it = &mut self;
                if let Ok(request) = $request {
                    request.instance_id = id.into();
                }
                self
            }

            /// Adds a tag.
            pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
                let $it = &mut self;
                if let Ok(request) = $request {
                    request.tags.insert(key.into(), value.into());
                }
                self
            }

            /// Lets the instance begin at this time on the hub's clock.
            pub fn scheduled_at(mut self, time: SystemTime) -> Self {
                let $it = &mut self;
                if let Ok(request) = $request {
                    request.scheduled_start_timestamp = Some(Timestamp::from(time).into());
                }
                self
            }
        }
    };
}

options!(Start, |it| &mut it.request);
options!(Run, |it| &mut it.0.request);

impl TestHub {
    /// Starts an instance: `hub.start(ORDER, &input).await?` gives its id. It runs in the calls that let the
    /// functions run.
    ///
    /// # Errors
    /// An instance with the same id is pending, running or suspended; the id is one that a client refuses; the input
    /// cannot be written as JSON.
    pub fn start<I, O>(&mut self, orchestrator: Orchestrator<I, O>, input: &I) -> Start<'_, O>
    where
        I: Serialize,
    {
        let request = self.json(input).map(|input| CreateInstanceRequest {
            name: orchestrator.name.to_owned(),
            version: orchestrator.version.map(str::to_owned),
            input,
            ..CreateInstanceRequest::default()
        });
        Start {
            hub: self,
            request,
            output: PhantomData,
        }
    }

    /// Starts an instance, runs until it has ended, and gives its output: `hub.run(ORDER, &input).await?`.
    ///
    /// # Errors
    /// As [`start`](Self::start) and [`run_until_ended`](Self::run_until_ended); the instance did not complete, or its
    /// output is not an `O`.
    pub fn run<I, O>(&mut self, orchestrator: Orchestrator<I, O>, input: &I) -> Run<'_, O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        Run(self.start(orchestrator, input))
    }
}

impl<'a, O> Start<'a, O> {
    fn send(self) -> (&'a mut TestHub, Result<String, TestError>) {
        let hub = self.hub;
        let id = self.request.and_then(|mut request| {
            if request.instance_id.is_empty() {
                // Not by the hub, so that a start that is repeated after a crash has the same id.
                request.instance_id = hub.random.guid();
            }
            check_instance_id(&request.instance_id).map_err(|failure| {
                hub.error(TestErrorKind::Refused(failure.message().to_owned()))
            })?;
            hub.call(|hub, at| hub.start(at, request.clone()))
        });
        (hub, id)
    }
}

impl<O> IntoFuture for Start<'_, O> {
    type Output = Result<String, TestError>;
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.send().1)
    }
}

impl<'a, O: DeserializeOwned + 'a> IntoFuture for Run<'a, O> {
    type Output = Result<O, TestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (hub, id) = self.0.send();
            let id = id?;
            hub.run_until_ended(&id).await?;
            hub.output(&id)
        })
    }
}
