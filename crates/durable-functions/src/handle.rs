//! Handles: names with types, for what an orchestrator calls, the app registers and the client starts.
//!
//! A handle is a constant that ties a function's name to its input and output, so that the compiler
//! checks both sides of a call. The name is spelled out because it is persisted in histories and
//! must equal the function's folder; a name derived from a Rust item would change with a refactoring.

use std::fmt;
use std::marker::PhantomData;

use crate::RetryPolicy;

macro_rules! handle_traits {
    ($name:ident<$($parameter:ident),+>) => {
        impl<$($parameter),+> Clone for $name<$($parameter),+> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($parameter),+> Copy for $name<$($parameter),+> {}

        impl<$($parameter),+> fmt::Debug for $name<$($parameter),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.name).finish()
            }
        }
    };
}

pub(crate) use handle_traits;

/// An activity function: its name, its input `I` and its output `O`, both JSON.
///
/// Give every activity a retry policy: [the guide](crate::guide::errors) says what fails without one.
///
/// ```
/// use std::time::Duration;
/// use durable_functions::{Activity, RetryPolicy};
///
/// const COPY_FILE: Activity<String, u64> = Activity::new("copy-file")
///     .with_retry(RetryPolicy::new(4, Duration::from_secs(2)).backoff(2.0));
/// ```
pub struct Activity<I, O> {
    pub(crate) name: &'static str,
    pub(crate) retry: Option<RetryPolicy>,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Activity<I, O> {
    /// The activity in the function folder `name`.
    pub const fn new(name: &'static str) -> Self {
        Activity {
            name,
            retry: None,
            types: PhantomData,
        }
    }

    /// The same activity, retried by `policy` when it fails.
    #[must_use]
    pub const fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// The name of the function.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

handle_traits!(Activity<I, O>);

/// An orchestrator function: its name, its input `I` and its output `O`, both JSON.
///
/// The same constant is used to register the function, by clients that start it, and by orchestrators that call it, so
/// that the compiler checks all of them.
///
/// ```
/// use durable_functions::{OrchestrationContext, Orchestrator, Result};
///
/// const GREET: Orchestrator<String, String> = Orchestrator::new("greet");
///
/// async fn greet(_: OrchestrationContext, name: String) -> Result<String> {
///     Ok(format!("Hello, {name}!"))
/// }
/// ```
pub struct Orchestrator<I, O> {
    pub(crate) name: &'static str,
    pub(crate) version: Option<&'static str>,
    pub(crate) retry: Option<RetryPolicy>,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Orchestrator<I, O> {
    /// The orchestrator in the function folder `name`.
    pub const fn new(name: &'static str) -> Self {
        Orchestrator {
            name,
            version: None,
            retry: None,
            types: PhantomData,
        }
    }

    /// The same orchestrator, retried by `policy` when it fails as a sub-orchestration. Each
    /// attempt is a new instance unless you give it an id.
    #[must_use]
    pub const fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// The same orchestrator; instances that are started through this handle get `version` instead
    /// of the host's `defaultVersion`.
    ///
    /// With the host's default settings, an instance whose version is higher than the app's
    /// `defaultVersion` in host.json never runs, and no error is reported. [The guide](crate::guide::versioning) has
    /// the rules.
    #[must_use]
    pub const fn with_version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }

    /// The name of the function.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

handle_traits!(Orchestrator<I, O>);

/// An external event: its name and its payload `T`, JSON. Names match without regard to letter case.
///
/// ```
/// use durable_functions::{Event, OrchestrationContext, Result};
///
/// const APPROVED: Event<bool> = Event::new("Approved");
///
/// async fn ask(ctx: OrchestrationContext, _: ()) -> Result<bool> {
///     Ok(ctx.wait_for(APPROVED).await?)
/// }
/// ```
pub struct Event<T> {
    pub(crate) name: &'static str,
    types: PhantomData<fn() -> T>,
}

impl<T> Event<T> {
    /// The event with this name.
    pub const fn new(name: &'static str) -> Self {
        Event {
            name,
            types: PhantomData,
        }
    }

    /// The name of the event.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

handle_traits!(Event<T>);
