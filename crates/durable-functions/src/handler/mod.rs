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

use axum::extract::{FromRef, State};
pub use client::ClientRejection;
use functions_handler::App;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::KeptLimits;
use crate::functions::Registered;
use crate::{
    Activity, ActivityContext, EntityFunction, Functions, OrchestrationContext, Orchestrator,
    Result, turns,
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
///
/// # State
///
/// Functions take parts of the app's state as HTTP functions do, as axum's [`State`]. They are registered with the
/// methods `…_with_state`. `S` is the state of the `App`; [`Functions`] says more.
pub trait AppExt<S: Clone + Send + Sync + 'static>: Sized {
    /// Registers functions that are registered elsewhere as well, such as in a `TestHub`. Each has a function
    /// folder with the name of its handle.
    #[must_use]
    fn functions(self, functions: Functions<S>) -> Self;

    /// How many instances are kept between their turns, how much memory they take, and how often a kept one is
    /// compared with a replay.
    ///
    /// For the whole process, because its orchestrators share a few threads. The app settings
    /// `DURABLE_FUNCTIONS_KEPT_INSTANCES` and `DURABLE_FUNCTIONS_VERIFY_EVERY` count more, so that they can be changed
    /// without a build. After the first turn of the process it has no effect.
    ///
    /// ```
    /// use durable_functions::AppExt;
    /// use durable_functions::worker::KeptLimits;
    /// use functions_handler::App;
    ///
    /// let app = App::new().kept_instances(KeptLimits::default().instances(200).bytes(16 * 1024 * 1024));
    /// ```
    #[must_use]
    fn kept_instances(self, limits: KeptLimits) -> Self;

    /// Registers the orchestrator whose function folder has the name of `handle`.
    #[must_use]
    fn orchestrator<I, O, F, Fut>(self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        self.functions(Functions::new().orchestrator(handle, function))
    }

    /// Registers an orchestrator that takes a part of the app's state: data that must not change while instances
    /// run, see [`Functions::orchestrator_with_state`].
    #[must_use]
    fn orchestrator_with_state<T, I, O, F, Fut>(
        self,
        handle: Orchestrator<I, O>,
        function: F,
    ) -> Self
    where
        T: FromRef<S> + Clone + Send + Sync + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, State<T>, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        self.functions(Functions::new().orchestrator_with_state(handle, function))
    }

    /// Registers the activity whose function folder has the name of `handle`.
    #[must_use]
    fn activity<I, O, F, Fut>(self, handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        self.functions(Functions::new().activity(handle, function))
    }

    /// Registers an activity that takes a part of the app's state.
    #[must_use]
    fn activity_with_state<T, I, O, F, Fut>(self, handle: Activity<I, O>, function: F) -> Self
    where
        T: FromRef<S> + Clone + Send + Sync + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, State<T>, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        self.functions(Functions::new().activity_with_state(handle, function))
    }

    /// Registers the entity whose function folder has the name of `function`'s handle.
    #[must_use]
    fn entity<T>(self, function: EntityFunction<T>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static,
    {
        self.functions(Functions::new().entity(function))
    }

    /// Registers an entity whose operations take parts of the app's state.
    #[must_use]
    fn entity_with_state<T>(self, function: EntityFunction<T, S>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static,
    {
        self.functions(Functions::new().entity_with_state(function))
    }
}

impl<S: Clone + Send + Sync + 'static> AppExt<S> for App<S> {
    fn functions(self, functions: Functions<S>) -> Self {
        let state = self.state().clone();
        functions.bind(&state).fold(self, add)
    }

    fn kept_instances(self, limits: KeptLimits) -> Self {
        turns::set_limits(limits);
        self
    }
}

fn add<S: Clone + Send + Sync + 'static>(app: App<S>, function: Registered) -> App<S> {
    match function {
        Registered::Orchestrator(function) => {
            turns::read_settings();
            app.function(function.name(), orchestrator::Handler(function))
        }
        Registered::Activity(function) => {
            app.function(function.name(), activity::Handler(function))
        }
        Registered::Entity(function) => app.function(function.name(), entity::Handler(function)),
    }
}
