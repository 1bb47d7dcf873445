//! The stream of work items: connected, read, lost, connected again.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use durable_protocol::messages::{GetWorkItemsRequest, WorkerCapability};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::Limits;
use super::backoff::Backoff;
use super::connection::{Connection, said};
use super::functions::Functions;
use super::item::{self, RawItem};
use crate::client::rpc;

/// How many items may wait for their turn. Then nothing is read, and the connection holds the rest back.
const WAITING: usize = 256;

/// What a running worker's tasks share.
pub(super) struct Running {
    pub(super) connection: Connection,
    pub(super) functions: Functions,
    pub(super) limits: Limits,
    pub(super) turns: Arc<Semaphore>,
    pub(super) activities: Arc<Semaphore>,
    pub(super) batches: Arc<Semaphore>,
    /// One permit for each item that was read and has not ended.
    room: Arc<Semaphore>,
    /// No new work: the worker stops.
    pub(super) stopping: CancellationToken,
    /// The grace is over: what still runs is dropped.
    pub(super) cut: CancellationToken,
    /// Whether the sidecar has ever pinged.
    pinged: AtomicBool,
    /// Names this worker in the sidecar's log.
    id: String,
}

impl Running {
    pub(super) fn new(connection: Connection, functions: Functions, limits: Limits) -> Self {
        let semaphore =
            |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        let at_once = limits.turns.saturating_add(limits.activities);
        let at_once = at_once.saturating_add(limits.batches);
        Running {
            connection,
            functions,
            turns: semaphore(limits.turns),
            activities: semaphore(limits.activities),
            batches: semaphore(limits.batches),
            room: semaphore(at_once.saturating_add(WAITING)),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            pinged: AtomicBool::new(false),
            id: Uuid::new_v4().to_string(),
            limits,
        }
    }

    fn ask(&self) -> GetWorkItemsRequest {
        let number = |limit: usize| i32::try_from(limit).unwrap_or(i32::MAX);
        GetWorkItemsRequest {
            max_concurrent_orchestration_work_items: number(self.limits.turns),
            max_concurrent_activity_work_items: number(self.limits.activities),
            max_concurrent_entity_work_items: number(self.limits.batches),
            capabilities: vec![WorkerCapability::HistoryStreaming.into()],
            work_item_filters: self.limits.filtered.then(|| self.functions.filters()),
            worker_instance_id: self.id.clone(),
        }
    }
}

/// Why a stream ended.
enum End {
    Stopping,
    Closed,
    Silent(Duration),
    Broken(Status),
}

/// Connects and reads work items until the worker stops. Returns soon after that.
pub(super) async fn serve(running: &Arc<Running>, work: &mut JoinSet<()>) {
    let limits = running.limits;
    let mut backoff = Backoff::new(limits.first_pause, limits.longest_pause);
    let authority = running.connection.authority();
    loop {
        let opened = Instant::now();
        let mut received = false;
        let end = session(running, work, &mut received).await;
        if received || opened.elapsed() >= limits.longest_pause.max(Duration::from_secs(1)) {
            backoff.reset();
        }
        let pause = backoff.next();
        match end {
            End::Stopping => return,
            End::Closed => tracing::warn!(
                "the sidecar at {authority} closed the stream; connecting again in {pause:?}"
            ),
            End::Silent(limit) => tracing::warn!(
                "the sidecar at {authority} sent nothing for {limit:?}; connecting again in {pause:?}"
            ),
            End::Broken(status) if rpc::could_not_connect(&status) => tracing::warn!(
                "the sidecar at {authority} cannot be reached: {}; connecting again in {pause:?}",
                said(&status)
            ),
            End::Broken(status) => tracing::warn!(
                "the stream of the sidecar at {authority} failed: {}; connecting again in {pause:?}",
                said(&status)
            ),
        }
        running.connection.renew();
        let pause = running.stopping.run_until_cancelled(sleep(pause));
        if pause.await.is_none() {
            return;
        }
    }
}

/// One connection, from the greeting to its end.
async fn session(running: &Arc<Running>, work: &mut JoinSet<()>, received: &mut bool) -> End {
    // `Empty` has no fields, as `()` in prost.
    let hello = running.connection.call::<(), ()>("Hello", ());
    match running.stopping.run_until_cancelled(hello).await {
        None => return End::Stopping,
        Some(Err(status)) => return End::Broken(status),
        Some(Ok(())) => {}
    }
    let authority = running.connection.authority();
    tracing::info!("connected to the sidecar at {authority}");
    // Some sidecars only answer when they have the first message.
    let opened = running.connection.stream("GetWorkItems", running.ask());
    let mut stream: Streaming<RawItem> = match unless_dead(running, opened).await {
        Ok(stream) => stream,
        Err(end) => return end,
    };
    loop {
        while work.try_join_next().is_some() {}
        let room = Arc::clone(&running.room).acquire_owned();
        let Some(Ok(room)) = running.stopping.run_until_cancelled(room).await else {
            return stop(running, work, stream).await;
        };
        let item = match unless_dead(running, stream.message()).await {
            Ok(Some(item)) => item,
            Ok(None) => return End::Closed,
            Err(End::Stopping) => return stop(running, work, stream).await,
            Err(end) => return end,
        };
        *received = true;
        if item.is_ping() {
            running.pinged.store(true, Ordering::Relaxed);
            continue;
        }
        let running = Arc::clone(running);
        work.spawn(async move {
            item::work(&running, item).await;
            drop(room);
        });
    }
}

/// Waits for what the stream brings, as long as the sidecar is alive and the worker does not stop.
async fn unless_dead<T>(
    running: &Running,
    brought: impl Future<Output = Result<T, Status>>,
) -> Result<T, End> {
    let silence = running.limits.silence;
    let mut brought = pin!(brought);
    loop {
        let next = timeout(silence, &mut brought);
        match running.stopping.run_until_cancelled(next).await {
            None => return Err(End::Stopping),
            Some(Ok(brought)) => return brought.map_err(End::Broken),
            Some(Err(_)) => {}
        }
        match running
            .stopping
            .run_until_cancelled(is_alive(running))
            .await
        {
            None => return Err(End::Stopping),
            Some(false) => return Err(End::Silent(silence)),
            Some(true) => {}
        }
    }
}

/// Whether a silent stream may still bring work.
///
/// A sidecar that has pinged would have pinged again. Another one may just have no work: it is asked over the
/// same connection. A stream that is alive must not be closed, because a sidecar without leases loses the item
/// that it sends at that moment.
async fn is_alive(running: &Running) -> bool {
    if running.pinged.load(Ordering::Relaxed) {
        return false;
    }
    running.connection.call::<(), ()>("Hello", ()).await.is_ok()
}

/// Takes what has arrived already, to abandon it: the sidecar believes that it runs.
async fn stop(
    running: &Arc<Running>,
    work: &mut JoinSet<()>,
    mut stream: Streaming<RawItem>,
) -> End {
    while let Ok(Ok(Some(item))) = timeout(Duration::ZERO, stream.message()).await {
        let running = Arc::clone(running);
        work.spawn(async move { item::work(&running, item).await });
    }
    End::Stopping
}
