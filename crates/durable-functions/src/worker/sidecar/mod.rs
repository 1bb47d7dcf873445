//! The worker: orchestrators, activities and entities for a sidecar of the Durable Task protocol.
//!
//! A sidecar is the Durable Task Scheduler, its emulator, or another engine that serves
//! `TaskHubSidecarService`. The worker connects to it, and the sidecar sends work over one stream.
//!
//! Invariant: every work item that was read ends with a `Complete…` or an `Abandon…` call, unless the
//! sidecar cannot be reached. No failure of user code, no panic and no broken connection ends the worker;
//! only its shutdown does.

mod backoff;
mod connection;
mod entities;
mod functions;
mod item;
mod parts;
mod rewind;
mod stream;
mod turn;
mod version;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use durable_protocol::service;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::activity::ActivityFunction;
use crate::engine::{KeptLimits, OrchestratorFunction};
use crate::functions::Registered;
use crate::{
    Activity, ActivityContext, EntityFunction, OrchestrationContext, Orchestrator, Result, turns,
};
use connection::Connection;
use functions::Functions;
use stream::Running;
use version::Versioning;
pub use version::{VersionMatch, VersionMismatch};

/// Below the 4 MiB that gRPC servers take unless they are set up otherwise, with room for metadata.
const MESSAGE_LIMIT: usize = 3900 * 1024;

/// How long the `Abandon…` calls of a stop may take.
const ABANDON_LIMIT: Duration = Duration::from_secs(5);

/// Runs orchestrators, activities and entities for a sidecar of the Durable Task protocol, over gRPC.
///
/// The same functions run in a custom handler ([`AppExt`](crate::AppExt)) and here.
///
/// ```no_run
/// use durable_functions::{Activity, ActivityContext, OrchestrationContext, Orchestrator, Result};
/// use durable_functions::worker::Worker;
///
/// const GREET: Activity<String, String> = Activity::new("greet");
/// const HELLO: Orchestrator<String, String> = Orchestrator::new("hello");
///
/// async fn greet(_: ActivityContext, name: String) -> Result<String> {
///     Ok(format!("Hello, {name}!"))
/// }
///
/// async fn hello(ctx: OrchestrationContext, name: String) -> Result<String> {
///     Ok(ctx.call(GREET, name).await?)
/// }
///
/// # async fn run(shutdown: impl Future<Output = ()>) -> Result<()> {
/// Worker::new("http://localhost:8080")
///     .task_hub("default")
///     .orchestrator(HELLO, hello)
///     .activity(GREET, greet)
///     .run_until(shutdown)
///     .await?;
/// # Ok(()) }
/// ```
///
/// # Delivery
///
/// A sidecar delivers at least once: after a lost connection it can send the same work again, while the
/// first delivery still runs. Activities should be safe to repeat.
///
/// # TLS
///
/// An endpoint that begins with `https://` needs the feature `tls`. The certificates that the system trusts
/// are trusted. A scheduler in Azure also needs a token in the metadata `authorization`; this worker sends the
/// [metadata](Self::metadata) that it was given at the start, and does not renew a token.
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    endpoint: String,
    metadata: Vec<(String, String)>,
    functions: Functions,
    limits: Limits,
    kept: Option<KeptLimits>,
}

/// How much a worker does at once, and how long it waits.
#[derive(Clone, Copy, Debug)]
struct Limits {
    turns: usize,
    activities: usize,
    batches: usize,
    grace: Duration,
    silence: Duration,
    first_pause: Duration,
    longest_pause: Duration,
    /// The largest message that is sent, in bytes.
    message: usize,
    filtered: bool,
}

/// Why a worker cannot be run. A sidecar that cannot be reached is no reason: the worker waits for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The endpoint is not the address of a sidecar. It is not repeated here: it may hold a password.
    #[error("the endpoint is not valid: {reason}")]
    #[non_exhaustive]
    InvalidEndpoint {
        /// What it must be.
        reason: &'static str,
    },
    /// The metadata cannot be sent.
    #[error("the metadata '{name}' cannot be sent: name and value must be printable ASCII")]
    #[non_exhaustive]
    InvalidMetadata {
        /// The name. The value may be a secret.
        name: String,
    },
    /// Two functions of one kind have the same name; letter case does not count.
    #[error("there are two functions of kind {kind} with the name '{name}'")]
    #[non_exhaustive]
    DuplicateFunction {
        /// `orchestrator`, `activity` or `entity`.
        kind: &'static str,
        /// The name.
        name: &'static str,
    },
}

impl Worker {
    /// A worker for the sidecar at `endpoint`, for example `http://localhost:4001`. Nothing is sent before
    /// [`run_until`](Self::run_until).
    pub fn new(endpoint: impl Into<String>) -> Self {
        Worker {
            endpoint: endpoint.into(),
            metadata: Vec::new(),
            functions: Functions::default(),
            limits: Limits {
                turns: 100,
                activities: 100,
                batches: 100,
                grace: Duration::from_secs(30),
                silence: Duration::from_secs(120),
                first_pause: Duration::from_millis(500),
                longest_pause: Duration::from_secs(30),
                message: MESSAGE_LIMIT,
                filtered: false,
            },
            kept: None,
        }
    }

    /// The task hub, as the Durable Task Scheduler and its emulator want it: metadata `taskhub` of every
    /// call.
    pub fn task_hub(self, name: impl Into<String>) -> Self {
        self.metadata(service::SIDECAR_TASK_HUB, name)
    }

    /// Metadata that is sent with every call. It is never logged.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// Registers an orchestrator.
    pub fn orchestrator<I, O, F, Fut>(mut self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        let function = OrchestratorFunction::new(handle, function);
        self.functions.add(Registered::Orchestrator(function));
        self
    }

    /// Registers an activity.
    pub fn activity<I, O, F, Fut>(mut self, handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let function = ActivityFunction::new(handle, function);
        self.functions.add(Registered::Activity(function));
        self
    }

    /// Registers an entity function.
    pub fn entity<S>(mut self, function: EntityFunction<S>) -> Self
    where
        S: Default + Serialize + DeserializeOwned + 'static,
    {
        self.functions.add(Registered::Entity(Arc::new(function)));
        self
    }

    /// Registers functions that are registered elsewhere as well, such as in an `App`, with their
    /// [state](crate::Functions::with_state).
    pub fn functions(mut self, functions: crate::Functions) -> Self {
        for function in functions.bind(&()) {
            self.functions.add(function);
        }
        self
    }

    /// Asks the sidecar for work of the registered functions only. Then workers of different functions can
    /// share a task hub, and work for a function that no worker has waits for one. Without this, such work
    /// fails. Some sidecars ignore it.
    pub fn filtered(mut self) -> Self {
        self.limits.filtered = true;
        self
    }

    /// At most so many turns of orchestrators at once; 100 unless set, at least 1. They run on a few
    /// threads.
    pub fn max_turns(mut self, turns: usize) -> Self {
        self.limits.turns = turns.max(1);
        self
    }

    /// At most so many activities at once; 100 unless set, at least 1.
    pub fn max_activities(mut self, activities: usize) -> Self {
        self.limits.activities = activities.max(1);
        self
    }

    /// At most so many batches of entity operations at once; 100 unless set, at least 1. Each has a thread
    /// of tokio's blocking pool.
    pub fn max_batches(mut self, batches: usize) -> Self {
        self.limits.batches = batches.max(1);
        self
    }

    /// How many instances are kept between their turns, how much memory they take, and how often a kept one is
    /// compared with a replay.
    ///
    /// For the whole process, because its orchestrators share a few threads. The environment variables
    /// `DURABLE_FUNCTIONS_KEPT_INSTANCES` and `DURABLE_FUNCTIONS_VERIFY_EVERY` count more. After the first turn of the
    /// process it has no effect.
    pub fn kept_instances(mut self, limits: KeptLimits) -> Self {
        self.kept = Some(limits);
        self
    }

    /// How long work that runs at the shutdown may go on; 30 seconds unless set.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.limits.grace = grace;
        self
    }

    /// The largest message that the sidecar takes, in bytes; 3.9 MB unless set. A larger answer to a turn is
    /// sent in parts, which not every sidecar understands. The result of an activity, the answer of an entity
    /// and the single action of a turn cannot be sent in parts: they fail with
    /// [`ANSWER_TOO_LARGE`](crate::error_type::ANSWER_TOO_LARGE).
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.limits.message = bytes;
        self
    }

    /// The version of this worker: which orchestrations it runs, and what it does with others. With
    /// [`filtered`](Self::filtered) and [`VersionMatch::Strict`], the sidecar is asked for that version only.
    pub fn version(
        mut self,
        version: impl Into<String>,
        runs: VersionMatch,
        otherwise: VersionMismatch,
    ) -> Self {
        self.functions.versioning = Some(Versioning {
            version: version.into(),
            runs,
            otherwise,
        });
        self
    }

    /// The version of sub-orchestrations that their handle gives none. Activities have the version of the
    /// orchestration that calls them.
    pub fn default_version(mut self, version: impl Into<String>) -> Self {
        self.functions.default_version = Some(version.into());
        self
    }

    /// How long the sidecar may be silent before the worker looks whether the stream is alive; two minutes
    /// unless set. If the sidecar has pinged before, or does not answer a call over the same connection, the
    /// worker connects again.
    pub fn silence_limit(mut self, limit: Duration) -> Self {
        self.limits.silence = limit;
        self
    }

    /// The pauses between attempts to connect: at most `first` before the second, then twice as long each
    /// time, up to `longest`; half a second and 30 seconds unless set. The real pause is random, so that
    /// many workers do not connect at the same moment.
    pub fn reconnect_pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.limits.first_pause = first;
        self.limits.longest_pause = longest;
        self
    }

    /// Serves the sidecar until `shutdown` is ready. Needs a tokio runtime with I/O and time.
    ///
    /// At the shutdown, work that has not begun is abandoned at once, so that the sidecar delivers it to
    /// another worker. The cancellation token of what runs fires, and it has the [grace](Self::grace) to
    /// end. What then still runs is dropped and abandoned as well.
    ///
    /// When the returned future is dropped, all work is dropped with it, and nothing is abandoned: the
    /// sidecar notices by itself, often only after minutes.
    ///
    /// # Errors
    /// [`WorkerError`], before anything is sent.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), WorkerError> {
        self.functions.check()?;
        let connection = Connection::new(&self.endpoint, &self.metadata)?;
        turns::read_settings();
        if let Some(limits) = self.kept {
            turns::set_limits(limits);
        }
        let grace = self.limits.grace;
        let running = Arc::new(Running::new(connection, self.functions, self.limits));
        let mut work = JoinSet::new();
        {
            let mut serving = std::pin::pin!(stream::serve(&running, &mut work));
            tokio::select! {
                biased;
                () = shutdown => {
                    running.stopping.cancel();
                    serving.await;
                }
                () = &mut serving => {}
            }
        }
        if timeout(grace, all(&mut work)).await.is_err() {
            running.cut.cancel();
            // Dropping the set aborts what does not end even then.
            let _ = timeout(ABANDON_LIMIT, all(&mut work)).await;
        }
        tracing::info!("the worker has stopped");
        Ok(())
    }
}

async fn all(work: &mut JoinSet<()>) {
    while work.join_next().await.is_some() {}
}

/// Shows neither endpoint nor metadata: both can hold secrets.
impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("functions", &self.functions)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
