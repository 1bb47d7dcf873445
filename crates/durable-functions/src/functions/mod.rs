//! The functions of an app before they are served: with their handles and, where they take it, the app's state.
//!
//! Invariant: a function that takes state cannot be served without it. The type of the state is a parameter until
//! [`Functions::with_state`] provides a value, and only then can it be served.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use axum::extract::{FromRef, State};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::entity::AnyEntity;
use crate::{
    Activity, ActivityContext, EntityFunction, OrchestrationContext, Orchestrator, Result,
};

/// Orchestrators, activities and entities that are registered together, for every place that runs them: an
/// `App` behind a Functions host, a `Worker` of a sidecar, a `TestHub`.
///
/// `S` is the app's state. Functions that take it are registered with the methods `…_with_state`; each takes a
/// part of it as axum's [`State`], which [`FromRef`] gets out of `S`. In an `App<S>` the state is the app's own.
/// Elsewhere [`with_state`](Self::with_state) provides it.
///
/// ```
/// use durable_functions::{
///     Activity, ActivityContext, FromRef, Functions, OrchestrationContext, Orchestrator, Result, State,
/// };
///
/// const GREET: Activity<String, String> = Activity::new("greet");
/// const HELLO: Orchestrator<String, String> = Orchestrator::new("hello");
///
/// #[derive(Clone)]
/// struct Greeting(&'static str);
///
/// #[derive(Clone)]
/// struct AppState {
///     greeting: Greeting,
/// }
///
/// impl FromRef<AppState> for Greeting {
///     fn from_ref(state: &AppState) -> Self {
///         state.greeting.clone()
///     }
/// }
///
/// async fn greet(_: ActivityContext, State(word): State<Greeting>, name: String) -> Result<String> {
///     Ok(format!("{}, {name}!", word.0))
/// }
///
/// async fn hello(ctx: OrchestrationContext, name: String) -> Result<String> {
///     Ok(ctx.call(GREET, name).await?)
/// }
///
/// fn functions() -> Functions<AppState> {
///     Functions::new()
///         .orchestrator(HELLO, hello)
///         .activity_with_state(GREET, greet)
/// }
///
/// # #[cfg(all(feature = "handler", feature = "testing"))]
/// # async fn run() -> Result<()> {
/// let state = AppState { greeting: Greeting("Hello") };
///
/// // In a test:
/// # use durable_functions::testing::TestHub;
/// let mut hub = TestHub::new().functions(functions().with_state(state.clone()));
/// assert_eq!(hub.run(HELLO, &"Ada".to_owned()).await?, "Hello, Ada!");
///
/// // In `main`:
/// # use durable_functions::AppExt;
/// # use functions_handler::App;
/// App::with_state(state).functions(functions()).serve().await.exit();
/// # }
/// ```
#[must_use = "functions do nothing until they are served"]
pub struct Functions<S = ()> {
    functions: Vec<Unbound<S>>,
}

/// A function that has its state, without its types.
pub(crate) enum Registered {
    Orchestrator(OrchestratorFunction),
    Activity(ActivityFunction),
    Entity(Arc<dyn AnyEntity>),
}

/// A function that gets its state, if it takes some, when it is bound to it.
struct Unbound<S> {
    name: &'static str,
    bind: Box<dyn FnOnce(&S) -> Registered + Send + Sync>,
}

impl<S: Clone + Send + Sync + 'static> Functions<S> {
    /// No functions.
    pub const fn new() -> Self {
        Functions {
            functions: Vec::new(),
        }
    }

    /// Registers an orchestrator.
    pub fn orchestrator<I, O, F, Fut>(self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        let function = OrchestratorFunction::new(handle, function);
        self.add(function.name(), |_| Registered::Orchestrator(function))
    }

    /// Registers an orchestrator that takes a part of the app's state.
    ///
    /// The state must be data that is the same for as long as any instance runs, also after a restart and on
    /// every other machine: a limit, a feature that is on, an address. An orchestrator runs again from its start
    /// on every turn, and whatever it decides by the state it must decide again. What changes or does something
    /// (a clock, a connection, a cache) belongs in an activity.
    pub fn orchestrator_with_state<T, I, O, F, Fut>(
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
        self.add(handle.name(), move |state| {
            let state = T::from_ref(state);
            let function = move |ctx, input| function(ctx, State(state.clone()), input);
            Registered::Orchestrator(OrchestratorFunction::new(handle, function))
        })
    }

    /// Registers an activity.
    pub fn activity<I, O, F, Fut>(self, handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let function = ActivityFunction::new(handle, function);
        self.add(function.name(), |_| Registered::Activity(function))
    }

    /// Registers an activity that takes a part of the app's state, which each call gets as a clone.
    pub fn activity_with_state<T, I, O, F, Fut>(self, handle: Activity<I, O>, function: F) -> Self
    where
        T: FromRef<S> + Clone + Send + Sync + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, State<T>, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        self.add(handle.name(), move |state| {
            let state = T::from_ref(state);
            let function = move |context, input| function(context, State(state.clone()), input);
            Registered::Activity(ActivityFunction::new(handle, function))
        })
    }

    /// Registers an entity.
    pub fn entity<T>(self, function: EntityFunction<T>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static,
    {
        self.add(function.name(), |_| Registered::Entity(Arc::new(function)))
    }

    /// Registers an entity whose operations take parts of the app's state: see
    /// [`EntityFunction::on_with_state`].
    pub fn entity_with_state<T>(self, function: EntityFunction<T, S>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static,
    {
        self.add(function.name(), move |state: &S| {
            Registered::Entity(Arc::new(function.with_state(state.clone())))
        })
    }

    /// Adds the functions of another part of the app.
    pub fn merge(mut self, other: Functions<S>) -> Self {
        self.functions.extend(other.functions);
        self
    }

    /// Gives the functions their state. What it returns needs none, and can be served anywhere.
    pub fn with_state(self, state: S) -> Functions {
        self.functions
            .into_iter()
            .fold(Functions::new(), |bound, function| {
                let registered = (function.bind)(&state);
                bound.add(function.name, |_| registered)
            })
    }

    /// The functions with their state, in the order of their registration.
    pub(crate) fn bind(self, state: &S) -> impl Iterator<Item = Registered> {
        self.functions
            .into_iter()
            .map(|function| (function.bind)(state))
    }

    fn add(
        mut self,
        name: &'static str,
        bind: impl FnOnce(&S) -> Registered + Send + Sync + 'static,
    ) -> Self {
        self.functions.push(Unbound {
            name,
            bind: Box::new(bind),
        });
        self
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Functions<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Functions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.functions.iter().map(|it| it.name).collect();
        f.debug_tuple("Functions").field(&names).finish()
    }
}
