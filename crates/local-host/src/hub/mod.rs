//! The task hub: runs orchestrations, activities and entities as the Durable Functions extension 3.x with the
//! Azure Storage provider does.
//!
//! The rules are in the crate `task-hub`, a state machine over a store. This module drives it, runs its work in the
//! handler, and has the gRPC service that durable clients call (`TaskHubSidecarService`). It follows the extension's
//! protocol exactly, because handlers are tested against it, but has no delays of a storage queue. Where a real host
//! would hang or lose something silently, the hub fails at once or logs a warning, and says what a real host would
//! do.
//!
//! Every instance has at most one turn under way. Different instances run in parallel, as many as in a real
//! host: ten turns, ten activities and ten entity batches for each CPU.
//!
//! - `driver`: the thread that owns the state machine, its store and the clock; `lease`: work that it handed out;
//!   `storage`: which store it is
//! - `workers`: who runs the functions. Either the handler: `turn`, `activity`, `batch` call it and read its answers,
//!   `http_activity` is the host's own activity. Or `streams`: workers that ask for work over gRPC
//! - `notices`, `refusal`, `failure`: the words of log lines and failures
//! - `nonchars`: the two characters that messages cannot contain; `version`: which instances the app may run
//! - `grpc`: the service that clients call; `management`: the same over HTTP; `binding`: the addresses that they get

mod activity;
mod batch;
mod binding;
mod driver;
mod extension;
mod failure;
mod functions;
mod grpc;
mod http_activity;
mod lease;
mod management;
mod nonchars;
mod notices;
mod payload;
mod refusal;
mod request;
mod status;
mod storage;
mod streams;
mod turn;
mod version;
mod workers;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use driver::{Driver, TaskHub};
use durable_protocol::messages::{EntityMetadata, OrchestrationState, OrchestrationStatus};
use functions::Functions;
use lease::Lease;
use streams::Streams;
use task_hub::options::Limits;
use task_hub::query::{InstanceFilter, PageRequest};
use task_hub::work::WorkItem;
use task_hub::{Kind, Options, Store as _};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;
use workers::Workers;

use crate::invoke::Invoke;
use crate::log::LogLevel;

/// How long connections of clients may take to close when the hub stops. All their calls have an answer then.
const CLOSING: Duration = Duration::from_secs(1);

/// How many instances that continue are named at the start.
const NAMED_INSTANCES: usize = 5;

/// Receives the log messages of the hub.
type Log = Arc<dyn Fn(LogLevel, String) + Send + Sync>;

pub use extension::Extension;
pub use functions::{DurableFunction, DurableKind, Input, InputSource};

pub use management::{ManagementReply, ManagementRequest};
pub use storage::{OpenStorage, Storage};

/// How the hub behaves.
#[derive(Clone, Debug, Default)]
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
    /// Where the instances are kept.
    pub storage: Storage,
    /// The version of the extension that the hub behaves as.
    pub extension: Extension,
}

/// Instances that have not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Continued {
    /// How many.
    pub count: usize,
    /// The ids of the first few, in their order.
    pub first: Vec<String>,
}

/// A running task hub. Clones are handles to the same hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

/// What all parts of the hub share.
struct Inner {
    options: HubOptions,
    functions: Arc<Functions>,
    workers: Workers,
    log: Log,
    /// The value of `code` in management URLs; it is new for every hub.
    key: String,
    rpc_address: SocketAddr,
    /// The fields of every `OrchestratorRequest` after its events.
    request_tail: Vec<u8>,
    driver: Driver,
    /// The instances of an earlier run that go on.
    continued: Continued,
    http: http_activity::Transport,
    runtime: Handle,
    /// All tasks. `None` once the hub has stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
    /// The gRPC service. `None` once the hub has stopped.
    server: Mutex<Option<JoinHandle<()>>>,
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
    /// No port or thread can be opened, the storage cannot be used, or two functions of one kind have the same
    /// name.
    pub async fn start(
        options: HubOptions,
        functions: Vec<DurableFunction>,
        invoke: Arc<dyn Invoke>,
        log: Arc<dyn Fn(LogLevel, String) + Send + Sync>,
    ) -> anyhow::Result<Self> {
        let storage = options.storage.open(&options.task_hub_name)?;
        Self::start_on(storage, options, functions, invoke, log).await
    }

    /// The same on a storage that was opened for the task hub of this name: before the handler is started, because one
    /// that cannot be opened ends the start.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_on(
        storage: OpenStorage,
        options: HubOptions,
        functions: Vec<DurableFunction>,
        invoke: Arc<dyn Invoke>,
        log: Arc<dyn Fn(LogLevel, String) + Send + Sync>,
    ) -> anyhow::Result<Self> {
        let functions = Arc::new(Functions::new(functions)?);
        let rules = rules(&options, Arc::clone(&functions));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::open(
            storage,
            options,
            functions,
            rules,
            Workers::handler(invoke),
            address,
            log,
        )
        .await
    }

    /// Starts a hub for workers that call `GetWorkItems` on `address`, in any language. They bring their functions, and
    /// the limits of a real host's storage do not apply.
    ///
    /// # Errors
    /// The address cannot be listened on, the thread cannot be started, or the storage cannot be used.
    pub async fn serve_workers(
        task_hub_name: String,
        storage: Storage,
        address: SocketAddr,
        log: Arc<dyn Fn(LogLevel, String) + Send + Sync>,
    ) -> anyhow::Result<Self> {
        let options = HubOptions {
            task_hub_name,
            base_url: String::new(),
            function_timeout: None,
            default_version: None,
            base64_queue_messages: true,
            storage,
            extension: Extension::default(),
        };
        let functions = Arc::new(Functions::new(Vec::new())?);
        let mut rules = rules(&options, Arc::clone(&functions));
        rules.limits = Limits::none();
        let none = Arc::clone(&functions);
        rules.refusal_output =
            Arc::new(move |name, refused| refusal::for_workers(&none, name, refused));
        let workers = Workers::Streams(Streams::default());
        let storage = options.storage.open(&options.task_hub_name)?;
        Self::open(storage, options, functions, rules, workers, address, log).await
    }

    async fn open(
        OpenStorage(store): OpenStorage,
        options: HubOptions,
        functions: Arc<Functions>,
        rules: Options,
        workers: Workers,
        address: SocketAddr,
        log: Log,
    ) -> anyhow::Result<Self> {
        let machine = TaskHub::open(store, rules, &mut driver::RandomIds)?;
        let continued = unfinished(&machine)?;
        let settings = driver::Settings {
            finished_instances: options.storage.finished_instances(),
        };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the task hub cannot listen on {address}"))?;
        let (driver, inputs) = Driver::new();
        let extension = options.extension;
        let hub = Self {
            inner: Arc::new(Inner {
                request_tail: request::tail(options.default_version.as_deref()),
                options,
                functions,
                workers,
                log,
                key: Uuid::new_v4().simple().to_string(),
                rpc_address: listener.local_addr()?,
                driver,
                continued,
                http: http_activity::Transport::new(extension),
                runtime: Handle::current(),
                tasks: Mutex::new(Some(JoinSet::new())),
                server: Mutex::default(),
                stopped: watch::Sender::new(false),
            }),
        };
        driver::spawn(machine, inputs, Arc::downgrade(&hub.inner), &settings)?;
        let server = tokio::spawn(grpc::serve(hub.clone(), listener));
        *lock(&hub.inner.server) = Some(server);
        Ok(hub)
    }

    /// Where the gRPC service listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.rpc_address
    }

    /// The value of a `durableClient` binding: JSON text with the addresses that a client needs.
    /// `task_hub` and `connection` are `taskHub` and `connectionName` of the binding.
    #[must_use]
    pub fn client_binding(&self, task_hub: Option<&str>, connection: Option<&str>) -> String {
        self.inner.client_binding(task_hub, connection)
    }

    /// Waits until the state of an instance, with all its payloads, meets `condition`; also for an instance that
    /// does not exist yet. There is no time limit: the caller sets one. It waits for ever when the hub has stopped.
    pub async fn wait_for(
        &self,
        id: &str,
        condition: impl FnMut(&OrchestrationState) -> bool + Send + 'static,
    ) -> OrchestrationState {
        match self.inner.driver.wait_for(id, condition).await {
            Ok(state) => state,
            Err(_) => std::future::pending().await,
        }
    }

    /// The same for what clients see of an entity, its state included.
    pub async fn wait_for_entity(
        &self,
        id: &str,
        condition: impl FnMut(&EntityMetadata) -> bool + Send + 'static,
    ) -> EntityMetadata {
        match self.inner.driver.wait_for_entity(id, condition).await {
            Ok(seen) => seen,
            Err(_) => std::future::pending().await,
        }
    }

    /// Where the instances are kept.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.inner.options.storage
    }

    /// The instances of an earlier run that had not ended when the hub started, and go on.
    #[must_use]
    pub fn continued_instances(&self) -> &Continued {
        &self.inner.continued
    }

    /// How many instances have not ended.
    ///
    /// # Errors
    /// The hub has stopped.
    pub async fn unfinished_instances(&self) -> anyhow::Result<usize> {
        Ok(self.inner.driver.read(unfinished).await?.count)
    }

    /// Stops the hub. Turns and activities under way are abandoned, and calls of clients end with UNAVAILABLE.
    /// Instances in memory are lost; those in a folder go on when it is opened again.
    pub async fn stop(&self) {
        self.inner.stopped.send_replace(true);
        self.inner.workers.close();
        let tasks = lock(&self.inner.tasks).take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
        let server = lock(&self.inner.server).take();
        if let Some(mut server) = server
            && tokio::time::timeout(CLOSING, &mut server).await.is_err()
        {
            server.abort();
        }
        self.inner.driver.stop().await;
    }
}

/// What an answer may contain, and the words for one that is refused.
fn rules(options: &HubOptions, functions: Arc<Functions>) -> Options {
    Options {
        limits: Limits {
            noncharacters: options.base64_queue_messages,
            ..Limits::azure_storage()
        },
        default_version: options.default_version.clone(),
        tags_restarts: options.extension >= Extension::V3_19,
        refusal_output: Arc::new(move |name, refused| {
            refusal::failure(&functions, name, refused).output()
        }),
        ..Options::default()
    }
}

fn unfinished(hub: &TaskHub) -> Result<Continued, task_hub::StoreError> {
    let filter = InstanceFilter {
        statuses: vec![
            OrchestrationStatus::Pending,
            OrchestrationStatus::Running,
            OrchestrationStatus::Suspended,
            OrchestrationStatus::ContinuedAsNew,
        ],
        ..InstanceFilter::default()
    };
    let mut request = PageRequest {
        after: None,
        limit: 1_000,
    };
    let mut continued = Continued::default();
    loop {
        let page = hub.store().instances(&filter, &request)?;
        continued.count += page.rows.len();
        let free = NAMED_INSTANCES.saturating_sub(continued.first.len());
        let ids = page.rows.into_iter().map(|row| row.id);
        continued.first.extend(ids.take(free));
        if page.next.is_none() {
            return Ok(continued);
        }
        request.after = page.next;
    }
}

impl Inner {
    /// The JSON text of a `durableClient` binding with these properties.
    fn client_binding(&self, task_hub: Option<&str>, connection: Option<&str>) -> String {
        binding::client_binding(
            task_hub.unwrap_or(&self.options.task_hub_name),
            connection,
            &self.key,
            self.rpc_address,
            &self.options.base_url,
            self.options.extension,
        )
    }

    fn log(&self, level: LogLevel, message: String) {
        (self.log)(level, message);
    }

    /// Whether the functions are those of workers, and not of a handler.
    fn serves_workers(&self) -> bool {
        matches!(self.workers, Workers::Streams(_))
    }

    /// Logs why there is no function `name` of this kind, if function.json shows it. A real host does not look.
    fn explain_missing(&self, name: &str, kind: DurableKind) {
        if let Some(help) = self.functions.help(name, kind) {
            self.log(LogLevel::Warning, format!("'{name}' cannot run: {help}"));
        }
    }

    /// Runs `task` until the hub stops; not at all when it has stopped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = lock(&self.tasks).as_mut() {
            // Finished tasks keep their memory until they are joined.
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(task, &self.runtime);
        }
    }

    /// Begins work that the driver handed out for the handler.
    fn begin(
        self: &Arc<Self>,
        invoke: &Arc<dyn Invoke>,
        item: WorkItem,
        place: OwnedSemaphorePermit,
    ) {
        let invoke = Arc::clone(invoke);
        let hub = Arc::clone(self);
        let lease = |kind, token: &task_hub::Token| {
            Lease::new(self.driver.clone(), kind, token.clone(), place)
        };
        match item {
            WorkItem::Turn(turn) => {
                let lease = lease(Kind::Turn, &turn.token);
                self.spawn(turn::run(hub, invoke, turn, lease));
            }
            WorkItem::Activity(activity) => {
                let lease = lease(Kind::Activity, &activity.token);
                self.spawn(activity::run(hub, invoke, activity.task, lease));
            }
            WorkItem::EntityBatch(batch) => {
                let lease = lease(Kind::Batch, &batch.token);
                self.spawn(batch::run(hub, invoke, batch, lease));
            }
        }
    }
}

/// No code panics while it holds one of the hub's locks, so the data of a poisoned one are still valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
