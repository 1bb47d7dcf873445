//! The task hub: runs orchestrations, activities and entities as the Durable Functions extension 3.x with the
//! Azure Storage provider does, in memory and driven by events.
//!
//! It owns the instances, their histories and messages, and the gRPC service that durable clients call
//! (`TaskHubSidecarService`). It follows the extension's protocol exactly, because handlers are tested
//! against it, but has no delays of a storage queue. Where a real host would hang or lose something silently,
//! the hub fails at once or logs a warning, and says what a real host would do.
//!
//! Every instance has at most one turn under way. Different instances run in parallel, as many as in a real
//! host: ten turns, ten activities and ten entity batches for each CPU.
//!
//! - `instance`: one instance; `history`: its events as bytes; `turn`: sends a turn and reads the answer;
//!   `actions`: reads the actions in it; `commit`, `effects`: persist and carry them out
//! - `activity`, `http_activity`, `timers`: the work that turns start
//! - `entity`: entities, their batches and locks
//! - `rewind`, `undo`: make failed instances run again
//! - `nonchars`: the two characters that messages cannot contain
//! - `client`: the operations of clients; `grpc`: the service that they call; `binding`: the addresses that
//!   they get

mod actions;
mod activity;
mod backoff;
mod binding;
mod client;
mod clock;
mod commit;
mod effects;
mod entity;
mod events;
mod failure;
mod finished;
mod functions;
mod grpc;
mod history;
mod http_activity;
mod instance;
mod nonchars;
mod payload;
mod request;
mod rewind;
mod status;
#[cfg(test)]
mod tests;
mod timers;
mod turn;
mod undo;
mod version;

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use durable_protocol::messages::{
    EntityMetadata, EventType, ExecutionStartedEvent, OrchestrationState, OrchestrationStatus,
};
use entity::Entity;
use finished::Finished;
use functions::Functions;
use instance::{Delivery, Instance, Message};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use crate::invoke::Invoke;
use crate::log::LogLevel;

/// A real host runs ten turns, ten activities and ten entity batches at a time for each CPU.
const PLACES_PER_CPU: usize = 10;

/// Receives the log messages of the hub.
type Log = Arc<dyn Fn(LogLevel, String) + Send + Sync>;

pub use functions::{DurableFunction, DurableKind};

pub(crate) use finished::FINISHED_INSTANCES;

/// How the hub behaves.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// `extensions.durableTask.hubName` of host.json.
    pub task_hub_name: String,
    /// The address of the development host, for example `http://localhost:7071`.
    pub base_url: String,
    /// `functionTimeout` of host.json. [`Invoke`] enforces it and reports
    /// [`crate::invoke::InvokeError::Timeout`]; the hub sets no limit of its own.
    pub function_timeout: Option<Duration>,
    /// `extensions.durableTask.defaultVersion` of host.json.
    pub default_version: Option<String>,
    /// `extensions.durableTask.storageProvider.queueClientMessageEncoding` of host.json is `Base64`:
    /// U+FFFE and U+FFFF are harmless in messages.
    pub base64_queue_messages: bool,
    /// How many finished instances are kept; the oldest ones beyond that are removed.
    pub finished_instances: usize,
}

/// A running task hub. Clones are handles to the same hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

/// What all parts of the hub share.
struct Inner {
    options: HubOptions,
    functions: Functions,
    invoke: Arc<dyn Invoke>,
    log: Log,
    /// The value of `code` in management URLs; it is new for every hub.
    key: String,
    rpc_address: SocketAddr,
    /// The fields of every `OrchestratorRequest` after its events.
    request_tail: Vec<u8>,
    instances: Mutex<HashMap<String, Arc<Instance>>>,
    /// Locked before `instances`.
    finished: Mutex<Finished>,
    /// Wakes callers that wait for an instance that does not exist.
    created: Notify,
    turns: Semaphore,
    activities: Semaphore,
    entity_batches: Semaphore,
    entities: Mutex<HashMap<String, Arc<Entity>>>,
    http: http_activity::Transport,
    /// All tasks. `None` once the hub has stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
    /// Ends the open calls of clients when the hub stops.
    stopped: watch::Sender<bool>,
}

impl Hub {
    /// Starts the hub and its gRPC service on a free port of 127.0.0.1.
    ///
    /// `functions` are the durable functions of the app, `invoke` calls the handler, `log` gets
    /// messages for the developer.
    ///
    /// # Errors
    /// No port can be opened, or two functions of one kind have the same name.
    pub async fn start(
        options: HubOptions,
        functions: Vec<DurableFunction>,
        invoke: Arc<dyn Invoke>,
        log: Arc<dyn Fn(LogLevel, String) + Send + Sync>,
    ) -> anyhow::Result<Self> {
        let functions = Functions::new(functions)?;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let places = PLACES_PER_CPU
            * std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let hub = Self {
            inner: Arc::new(Inner {
                request_tail: request::tail(options.default_version.as_deref()),
                options,
                functions,
                invoke,
                log,
                key: Uuid::new_v4().simple().to_string(),
                rpc_address: listener.local_addr()?,
                instances: Mutex::default(),
                finished: Mutex::default(),
                created: Notify::new(),
                turns: Semaphore::new(places),
                activities: Semaphore::new(places),
                entity_batches: Semaphore::new(places),
                entities: Mutex::default(),
                http: http_activity::Transport::new(),
                tasks: Mutex::new(Some(JoinSet::new())),
                stopped: watch::Sender::new(false),
            }),
        };
        hub.inner.spawn(grpc::serve(hub.clone(), listener));
        Ok(hub)
    }

    /// The value of a `durableClient` binding: JSON text with the addresses that a client needs.
    /// `task_hub` and `connection` are `taskHub` and `connectionName` of the binding.
    #[must_use]
    pub fn client_binding(&self, task_hub: Option<&str>, connection: Option<&str>) -> String {
        let hub = &self.inner;
        binding::client_binding(
            task_hub.unwrap_or(&hub.options.task_hub_name),
            connection,
            &hub.key,
            hub.rpc_address,
            &hub.options.base_url,
        )
    }

    /// The state of an instance with all its payloads; `None` when there is none with this id.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<OrchestrationState> {
        self.inner.instance(id).map(|instance| instance.state())
    }

    /// Waits until the state of an instance meets `condition`; also for an instance that does not
    /// exist yet. There is no time limit: the caller sets one.
    pub async fn wait_for(
        &self,
        id: &str,
        condition: impl FnMut(&OrchestrationState) -> bool,
    ) -> OrchestrationState {
        self.inner.wait_for(id, condition).await
    }

    /// Waits until what clients see of an entity, its state included, meets `condition`. There is no
    /// time limit: the caller sets one.
    pub async fn wait_for_entity(
        &self,
        id: &str,
        condition: impl FnMut(&EntityMetadata) -> bool,
    ) -> EntityMetadata {
        self.inner.wait_for_entity(id, condition).await
    }

    /// How many instances have not ended.
    #[must_use]
    pub fn unfinished_instances(&self) -> usize {
        let instances = lock(&self.inner.instances);
        let has_not_ended = |instance: &&Arc<Instance>| !instance.status().is_terminal();
        instances.values().filter(has_not_ended).count()
    }

    /// Stops the hub. Turns and activities under way are abandoned, calls of clients end with UNAVAILABLE,
    /// and all instances are lost.
    pub async fn stop(&self) {
        self.inner.stopped.send_replace(true);
        let tasks = lock(&self.inner.tasks).take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }
}

impl Inner {
    fn log(&self, level: LogLevel, message: String) {
        (self.log)(level, message);
    }

    /// Logs why there is no function `name` of this kind, if function.json shows it. A real host does not look.
    fn explain_missing(&self, name: &str, kind: DurableKind) {
        if let Some(help) = self.functions.help(name, kind) {
            self.log(LogLevel::Warning, format!("'{name}' cannot run: {help}"));
        }
    }

    /// Runs `task` until the hub stops; `None` when it has stopped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut tasks = lock(&self.tasks);
        let tasks = tasks.as_mut()?;
        // Finished tasks keep their memory until they are joined.
        while tasks.try_join_next().is_some() {}
        Some(tasks.spawn(task))
    }

    fn instance(&self, id: &str) -> Option<Arc<Instance>> {
        lock(&self.instances).get(id).map(Arc::clone)
    }

    fn is_running(&self, id: &str) -> bool {
        self.instance(id)
            .is_some_and(|instance| !instance.status().is_terminal())
    }

    /// Starts an execution under `id`, unless an instance exists whose status `blocks`.
    fn start(
        self: &Arc<Self>,
        id: &str,
        start: ExecutionStartedEvent,
        blocks: impl FnOnce(OrchestrationStatus) -> bool,
    ) -> bool {
        let created = clock::now();
        let instance = {
            let mut instances = lock(&self.instances);
            match instances.get(id) {
                Some(instance) => {
                    if !instance.restart(&start, created, blocks) {
                        return false;
                    }
                    Arc::clone(instance)
                }
                None => {
                    let instance = Arc::new(Instance::new(id.to_owned(), &start, created));
                    instances.insert(id.to_owned(), Arc::clone(&instance));
                    instance
                }
            }
        };
        self.not_finished(id);
        self.created.notify_waiters();
        let execution = start
            .orchestration_instance
            .as_ref()
            .and_then(|it| it.execution_id.clone());
        let scheduled = start.scheduled_start_timestamp;
        let message = Message {
            execution: execution.clone(),
            event: events::host_event(created, EventType::ExecutionStarted(Box::new(start))),
        };
        match scheduled {
            Some(time) => {
                timers::set(
                    self,
                    &instance,
                    &execution.unwrap_or_default(),
                    time,
                    message,
                );
            }
            None => {
                self.deliver(id, message);
            }
        }
        true
    }

    /// Sends a message; `None` when there is no instance with this id.
    fn deliver(self: &Arc<Self>, id: &str, message: Message) -> Option<Delivery> {
        let instance = self.instance(id)?;
        let delivery = instance.deliver(message);
        if delivery == Delivery::Start {
            self.spawn(turn::run(Arc::clone(self), instance));
        }
        Some(delivery)
    }

    async fn wait_for(
        &self,
        id: &str,
        condition: impl FnMut(&OrchestrationState) -> bool,
    ) -> OrchestrationState {
        let instance = loop {
            let created = self.created.notified();
            if let Some(instance) = self.instance(id) {
                break instance;
            }
            created.await;
        };
        let mut states = instance.watch();
        match states.wait_for(condition).await {
            Ok(state) => state.clone(),
            // The sender is in `instance`.
            Err(_) => instance.state(),
        }
    }
}

/// No code panics while it holds one of the hub's locks, so the data of a poisoned one are still valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
