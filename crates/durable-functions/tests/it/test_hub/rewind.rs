//! Rewinding instances in the test hub: which activities run again, which outcomes the hub throws away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_functions::testing::TestHub;
use durable_functions::{
    Activity, ActivityContext, Failure, OrchestrationContext, Orchestrator, Result, RetryPolicy,
    RuntimeStatus,
};
use futures::future::try_join_all;

const WORK: Activity<String, String> = Activity::new("work");
/// For inputs that begin with `slow`, so that a test can hold them.
const SLOW_WORK: Activity<String, String> = Activity::new("slowWork");
const FAN_OUT: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("fanOut");
const PARENT: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("parent");
const RETRYING: Orchestrator<Vec<String>, Vec<String>> = Orchestrator::new("retrying");

/// What the activities do. A call fails as long as its input is broken.
#[derive(Default)]
struct World {
    broken: Vec<String>,
    runs: HashMap<String, usize>,
}

impl World {
    /// The input and the number of its run.
    fn work(&mut self, input: String) -> Result<String> {
        let run = self.runs.entry(input.clone()).or_default();
        *run += 1;
        if self.broken.contains(&input) {
            return Err(Failure::new("Broken", "no luck").into());
        }
        Ok(format!("{input} {run}"))
    }
}

fn call(ctx: &OrchestrationContext, input: String) -> durable_functions::TaskFuture<String> {
    let is_slow = input.starts_with("slow");
    ctx.call(if is_slow { SLOW_WORK } else { WORK }, input)
}

/// Fails at the first failure.
async fn fan_out(ctx: OrchestrationContext, inputs: Vec<String>) -> Result<Vec<String>> {
    Ok(try_join_all(inputs.into_iter().map(|input| call(&ctx, input))).await?)
}

/// Starts a child, and does the last input itself.
async fn parent(ctx: OrchestrationContext, mut inputs: Vec<String>) -> Result<Vec<String>> {
    let own = inputs.pop().map(|input| call(&ctx, input));
    let mut results = ctx
        .call_orchestrator(FAN_OUT, inputs)
        .with_id("child")
        .await?;
    if let Some(own) = own {
        results.push(own.await?);
    }
    Ok(results)
}

/// Tries a child twice under one instance id.
async fn retrying(ctx: OrchestrationContext, inputs: Vec<String>) -> Result<Vec<String>> {
    let child = FAN_OUT.with_retry(RetryPolicy::new(2, Duration::from_millis(1)));
    Ok(ctx
        .call_orchestrator(child, inputs)
        .with_id("child")
        .await?)
}

/// A hub where the input `bad` is broken.
fn hub() -> (TestHub, Arc<Mutex<World>>) {
    let world = Arc::new(Mutex::new(World {
        broken: vec!["bad".to_owned()],
        ..World::default()
    }));
    let work = |world: &Arc<Mutex<World>>| {
        let world = Arc::clone(world);
        move |_: ActivityContext, input: String| {
            let result = world.lock().unwrap().work(input);
            async move { result }
        }
    };
    let hub = TestHub::new()
        .orchestrator(FAN_OUT, fan_out)
        .orchestrator(PARENT, parent)
        .orchestrator(RETRYING, retrying)
        .activity(WORK, work(&world))
        .activity(SLOW_WORK, work(&world));
    (hub, world)
}

async fn start(
    hub: &mut TestHub,
    orchestrator: Orchestrator<Vec<String>, Vec<String>>,
    input: &[&str],
) {
    let input = input.iter().map(|it| (*it).to_owned()).collect();
    hub.start(orchestrator, &input).with_id("i").await.unwrap();
}

async fn fail(hub: &mut TestHub) {
    let status = hub.run_until_ended("i").await.unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
}

async fn output(hub: &mut TestHub) -> Vec<String> {
    hub.run_until_ended("i").await.unwrap();
    hub.output("i").unwrap()
}

/// Whether the outcome of an activity came to an instance that had failed.
fn has_dropped_an_outcome(hub: &TestHub) -> bool {
    let notices = hub.notices();
    notices
        .iter()
        .any(|it| it.starts_with("the outcome of activity '"))
}

#[tokio::test]
async fn a_fan_out_that_failed_with_an_activity_open_completes_after_a_rewind() {
    let (mut hub, world) = hub();
    hub.hold(SLOW_WORK);
    start(&mut hub, FAN_OUT, &["good", "bad", "slow"]).await;
    fail(&mut hub).await;
    // It ends while the instance is Failed.
    hub.release(SLOW_WORK);
    hub.run_until_idle().await.unwrap();
    assert!(has_dropped_an_outcome(&hub), "{}", hub.report());
    world.lock().unwrap().broken.clear();
    hub.rewind("i", "fixed").unwrap();
    assert_eq!(output(&mut hub).await, ["good 1", "bad 2", "slow 2"]);
}

#[tokio::test]
async fn the_outcome_of_an_activity_that_ran_through_a_rewind_counts() {
    let (mut hub, world) = hub();
    hub.hold(SLOW_WORK);
    start(&mut hub, FAN_OUT, &["bad", "slow"]).await;
    fail(&mut hub).await;
    world.lock().unwrap().broken.clear();
    hub.rewind("i", "early").unwrap();
    let rewound = hub.status("i").unwrap().unwrap();
    assert_eq!(rewound.runtime_status, RuntimeStatus::Pending);
    // Now the call waits twice: from before the rewind and from after it.
    hub.run_until_idle().await.unwrap();
    hub.release(SLOW_WORK);
    assert_eq!(output(&mut hub).await, ["bad 2", "slow 1"]);
}

#[tokio::test]
async fn a_parent_goes_on_when_its_failed_child_was_rewound_with_it() {
    let (mut hub, world) = hub();
    hub.hold(SLOW_WORK);
    start(&mut hub, PARENT, &["good", "bad", "slow"]).await;
    fail(&mut hub).await;
    hub.release(SLOW_WORK);
    hub.run_until_idle().await.unwrap();
    assert!(has_dropped_an_outcome(&hub), "{}", hub.report());
    world.lock().unwrap().broken.clear();
    hub.rewind("i", "fixed").unwrap();
    assert_eq!(output(&mut hub).await, ["good 1", "bad 2", "slow 2"]);
    let child = hub.status("child").unwrap().unwrap();
    assert_eq!(child.runtime_status, RuntimeStatus::Completed);
}

#[tokio::test]
async fn an_instance_that_fails_again_can_be_rewound_again() {
    let (mut hub, world) = hub();
    start(&mut hub, FAN_OUT, &["good", "bad"]).await;
    for _ in 0..3 {
        fail(&mut hub).await;
        hub.rewind("i", "not yet").unwrap();
    }
    fail(&mut hub).await;
    world.lock().unwrap().broken.clear();
    hub.rewind("i", "now").unwrap();
    assert_eq!(output(&mut hub).await, ["good 1", "bad 5"]);
}

/// The second attempt is another execution of the same instance, and the only one that is rewound.
#[tokio::test]
async fn a_parent_goes_on_when_all_attempts_of_its_child_had_one_instance_id() {
    let (mut hub, world) = hub();
    start(&mut hub, RETRYING, &["bad"]).await;
    fail(&mut hub).await;
    world.lock().unwrap().broken.clear();
    hub.rewind("i", "fixed").unwrap();
    assert_eq!(output(&mut hub).await, ["bad 3"]);
    assert!(!hub.notices().iter().any(|it| it.contains("waits for ever")));
}
