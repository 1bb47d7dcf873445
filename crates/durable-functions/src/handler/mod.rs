//! Orchestrators, activities, entities and the durable client as functions of a custom handler.
//!
//! Invariant: a failure of an orchestrator or entity does not fail its invocation, because the host would
//! fail the orchestration for good and lose the operations of the batch. Their failures are part of a
//! valid answer. A failing activity fails its invocation, and its failure is in the text of the answer.

mod activity;
mod client;
mod entity;
mod orchestrator;
mod trigger;

use std::future::Future;
use std::sync::Arc;

pub use client::ClientRejection;
use functions_handler::App;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::{
    Activity, ActivityContext, EntityFunction, OrchestrationContext, Orchestrator, Result, turns,
};

/// Registers orchestrators, activities and entities with an [`App`].
///
/// ```no_run
/// use durable_functions::{Activity, ActivityContext, AppExt, OrchestrationContext, Orchestrator, Result};
/// use functions_handler::App;
///
/// const GREET: Activity<String, String> = Activity::new("greet");
/// const HELLO: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("hello");
///
/// async fn greet(_: ActivityContext, name: String) -> Result<String> {
///     Ok(format!("Hello, {name}!"))
/// }
///
/// async fn hello(ctx: OrchestrationContext, names: Vec<String>) -> Result<Vec<String>> {
///     let mut greetings = Vec::new();
///     for name in names {
///         greetings.push(ctx.call(GREET, name).await?);
///     }
///     Ok(greetings)
/// }
///
/// # async fn run() {
/// App::new()
///     .orchestrator(HELLO, hello)
///     .activity(GREET, greet)
///     .serve()
///     .await
///     .exit()
/// # }
/// ```
///
/// # When there is no time left
///
/// | | `functionTimeout` passes | handler stops |
/// |---|---|---|
/// | activity | fails with the retriable failure `ActivityTimeout`, see [`ActivityContext`] | fails with the retriable failure `HandlerStopping`; a host that stops too delivers it again instead |
/// | orchestrator | the host is asked to deliver the turn again | the same |
/// | entity | the operations of the batch fail, the state stays | the host is asked to deliver the batch again |
///
/// Invocations that arrive while the handler stops are treated the same, without being run.
pub trait AppExt: Sized {
    /// Registers the orchestrator whose function folder has the name of `handle`.
    #[must_use]
    fn orchestrator<I, O, F, Fut>(self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static;

    /// Registers the activity whose function folder has the name of `handle`.
    #[must_use]
    fn activity<I, O, F, Fut>(self, handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static;

    /// Registers the entity whose function folder has the name of `function`'s handle. Its
    /// function.json has the binding `{"type": "entityTrigger", "direction": "in", "name": "context"}`.
    #[must_use]
    fn entity<T>(self, function: EntityFunction<T>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static;
}

impl<S: Clone + Send + Sync + 'static> AppExt for App<S> {
    fn orchestrator<I, O, F, Fut>(self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        turns::read_settings();
        let function = OrchestratorFunction::new(handle, function);
        self.function(handle.name(), orchestrator::Handler(function))
    }

    fn activity<I, O, F, Fut>(self, handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let function = ActivityFunction::new(handle, function);
        self.function(handle.name(), activity::Handler(function))
    }

    fn entity<T>(self, function: EntityFunction<T>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static,
    {
        self.function(function.name(), entity::Handler(Arc::new(function)))
    }
}
