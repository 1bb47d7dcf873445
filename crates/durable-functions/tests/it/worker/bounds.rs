//! No more work runs at once than allowed, and no more is read than can wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use durable_functions::{Activity, Entity, EntityFunction, Operation, Orchestrator};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::fake::{Fake, serve};
use super::items::{batch, first_turn, turn_of};

const WORK: Activity<(), u32> = Activity::new("work");

/// Counts how much runs at once.
#[derive(Clone)]
struct Gauge {
    begun: UnboundedSender<()>,
    go: Arc<Semaphore>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Gauge {
    fn new() -> (Self, UnboundedReceiver<()>) {
        let (begun, running) = unbounded_channel();
        let gauge = Gauge {
            begun,
            go: Arc::new(Semaphore::new(0)),
            now: Arc::default(),
            most: Arc::default(),
        };
        (gauge, running)
    }

    fn enter(&self) {
        let at_once = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(at_once, Ordering::SeqCst);
        self.begun.send(()).unwrap();
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    /// Runs until the test lets one go on.
    async fn run(&self) {
        self.enter();
        self.go.acquire().await.unwrap().forget();
        self.leave();
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn no_more_activities_run_at_once_than_allowed() {
    let mut sidecar = Fake::listen().await;
    let (gauge, mut running) = Gauge::new();
    let counted = gauge.clone();
    let worker = sidecar
        .worker()
        .max_activities(2)
        .activity(WORK, move |_, ()| {
            let gauge = counted.clone();
            async move {
                gauge.run().await;
                Ok(0)
            }
        });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    assert_eq!(stream.asked.max_concurrent_activity_work_items, 2);
    for task in 0..6 {
        stream.call(WORK, task);
    }
    for _ in 0..2 {
        running.recv().await.unwrap();
    }
    for ended in 0..6 {
        gauge.go.add_permits(1);
        sidecar.activity().await;
        if ended < 4 {
            running.recv().await.unwrap();
        }
    }
    assert_eq!(gauge.most(), 2);
    serving.stop().await;
}

#[tokio::test]
async fn no_more_entity_batches_run_at_once_than_allowed() {
    const COUNTER: Entity<u32> = Entity::new("counter");
    const WAIT: Operation<(), ()> = Operation::new("wait");
    let mut sidecar = Fake::listen().await;
    let (gauge, mut running) = Gauge::new();
    let counted = gauge.clone();
    let counter = EntityFunction::new(COUNTER).on(WAIT, async move |_, _: &mut u32, ()| {
        counted.run().await;
        Ok(())
    });
    let serving = serve(sidecar.worker().max_batches(2).entity(counter));
    let stream = sidecar.accept().await;
    assert_eq!(stream.asked.max_concurrent_entity_work_items, 2);
    for key in 0..6 {
        stream.send(&key.to_string(), batch(&format!("@counter@{key}"), "wait"));
    }
    for _ in 0..2 {
        running.recv().await.unwrap();
    }
    for ended in 0..6 {
        gauge.go.add_permits(1);
        sidecar.end().await;
        if ended < 4 {
            running.recv().await.unwrap();
        }
    }
    assert_eq!(gauge.most(), 2);
    serving.stop().await;
}

/// A turn does not wait for anything but its thread, so these block theirs.
#[tokio::test]
async fn no_more_turns_run_at_once_than_allowed() {
    const BLOCK: Orchestrator<u32, u32> = Orchestrator::new("block");
    let mut sidecar = Fake::listen().await;
    let (gauge, mut running) = Gauge::new();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let counted = gauge.clone();
    let worker = sidecar
        .worker()
        .max_turns(1)
        .activity(WORK, |_, ()| async { Ok(0) })
        .orchestrator(BLOCK, move |_, number| {
            counted.enter();
            wait.lock().unwrap().recv().unwrap();
            counted.leave();
            async move { Ok(number) }
        });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    assert_eq!(stream.asked.max_concurrent_orchestration_work_items, 1);
    // Of so many instances, some have other threads.
    for instance in 0..12 {
        let id = instance.to_string();
        stream.send(&id, turn_of(&id, first_turn("block")));
    }
    running.recv().await.unwrap();
    // It was read after the turns, so that each of them could have begun.
    stream.call(WORK, 1);
    sidecar.activity().await;
    for instance in 0..12 {
        go.send(()).unwrap();
        sidecar.end().await;
        if instance < 11 {
            running.recv().await.unwrap();
        }
    }
    assert_eq!(gauge.most(), 1);
    serving.stop().await;
}

#[tokio::test]
async fn no_more_work_is_read_than_can_run_and_256_items_that_wait() {
    const BULKY: Activity<(), u32> = Activity::new("bulky");
    const SIZE: usize = 64 * 1024;
    const ITEMS: i32 = 600;
    // What runs, what waits, and what the transport has buffered.
    const READ: usize = 3 + 256;
    const BUFFERED: usize = 8 * 1024 * 1024 / SIZE;
    let mut sidecar = Fake::listen().await;
    let (gauge, mut running) = Gauge::new();
    let counted = gauge.clone();
    let worker = sidecar
        .worker()
        .max_activities(1)
        .max_turns(1)
        .max_batches(1)
        .activity(BULKY, move |_, _| {
            let gauge = counted.clone();
            async move {
                gauge.run().await;
                Ok(0)
            }
        });
    let serving = serve(worker);
    let stream = sidecar.accept().await;
    let input = serde_json::to_string(&"x".repeat(SIZE)).unwrap();
    for task in 0..ITEMS {
        stream.call_with(BULKY, task, Some(input.clone()));
    }
    running.recv().await.unwrap();
    while stream.taken() < READ {
        tokio::task::yield_now().await;
    }
    // Time enough to read all of them.
    for _ in 0..50 {
        gauge.go.add_permits(1);
        sidecar.activity().await;
    }
    let most = READ + 50 + BUFFERED;
    assert!(stream.taken() <= most, "{} > {most}", stream.taken());
    // Everything that was held back is read in the end.
    gauge.go.add_permits(ITEMS as usize);
    for _ in 50..ITEMS {
        sidecar.activity().await;
    }
    serving.stop().await;
}
