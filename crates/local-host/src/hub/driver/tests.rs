//! The driver over a store in memory, without workers.

use std::sync::Weak;
use std::time::{Duration, SystemTime};

use durable_protocol::messages::{CreateInstanceRequest, OrchestrationStatus};
use prost_types::Timestamp;
use task_hub::{MemoryStore, Options, StoreErrorKind};

use super::{Driver, OperationError, RandomIds, Settings, TaskHub, Unavailable, spawn};

fn driver(store: MemoryStore) -> Driver {
    let hub = TaskHub::open(Box::new(store), Options::default(), &mut RandomIds).unwrap();
    let (driver, inputs) = Driver::new();
    let settings = Settings {
        finished_instances: None,
    };
    spawn(hub, inputs, Weak::new(), &settings).unwrap();
    driver
}

fn request(id: &str, ahead: Option<Duration>) -> CreateInstanceRequest {
    CreateInstanceRequest {
        instance_id: id.into(),
        name: "o".into(),
        scheduled_start_timestamp: ahead.map(|it| Timestamp::from(SystemTime::now() + it)),
        ..CreateInstanceRequest::default()
    }
}

async fn start(driver: &Driver, id: &str) -> Result<String, OperationError> {
    let request = request(id, None);
    driver.operate(|hub, at| hub.start(at, request)).await
}

#[tokio::test]
async fn the_calls_of_a_failed_commit_fail_and_later_ones_succeed() {
    let mut store = MemoryStore::recoverable();
    store.fail_next_commit();
    let driver = driver(store);
    let waits = {
        let driver = driver.clone();
        tokio::spawn(async move { driver.wait_for("a", |_| true).await })
    };
    let failed = Unavailable::Store(StoreErrorKind::Full);
    assert_eq!(start(&driver, "a").await, Err(failed.into()));
    let read = driver.read(|hub| hub.state("a")).await;
    assert_eq!(read, Ok(None), "the step is undone, and reads work");
    assert!(!waits.is_finished());
    // Until the pause is over, steps fail at once.
    while let Err(error) = start(&driver, "a").await {
        assert_eq!(error, failed.into());
    }
    let state = waits.await.unwrap().unwrap();
    assert_eq!(state.orchestration_status(), OrchestrationStatus::Pending);
    driver.stop().await;
}

#[tokio::test]
async fn a_refused_operation_does_not_fail_the_others_of_its_group() {
    let driver = driver(MemoryStore::new());
    let starts = ["a", "a", "@e@k", "b"].map(|id| start(&driver, id));
    let [first, again, entity, other] = futures::future::join_all(starts).await.try_into().unwrap();
    assert_eq!(first, Ok("a".into()));
    assert!(matches!(again, Err(OperationError::Refused(_))));
    assert!(matches!(entity, Err(OperationError::Refused(_))));
    assert_eq!(other, Ok("b".into()));
    driver.stop().await;
}

#[tokio::test]
async fn a_timer_fires_at_its_time_without_a_call() {
    let driver = driver(MemoryStore::new());
    let request = request("a", Some(Duration::from_millis(200)));
    let due = request.scheduled_start_timestamp.unwrap();
    let due = durable_protocol::Timestamp::from(due).in_ticks();
    driver
        .operate(|hub, at| hub.start(at, request))
        .await
        .unwrap();
    // Asked when it begins to wait, and again when the start has arrived.
    let mut asked = 0;
    let arrived = driver.wait_for("a", move |_| {
        asked += 1;
        asked == 2
    });
    arrived.await.unwrap();
    let turn = driver.step(|hub, at| hub.take_turn(at.now)).await.unwrap();
    assert!(turn.unwrap().began >= due);
    driver.stop().await;
}

#[tokio::test]
async fn calls_after_a_stop_fail_with_that_reason() {
    let driver = driver(MemoryStore::new());
    let waits = driver.wait_for("a", |_| true);
    let (waited, ()) = tokio::join!(waits, driver.stop());
    assert_eq!(waited, Err(Unavailable::Stopping));
    assert_eq!(start(&driver, "a").await, Err(Unavailable::Stopping.into()));
}
