//! Workers that are lost.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use durable_functions::worker::Worker;
use durable_functions::{
    Activity, ActivityContext, Entity, EntityFunction, Event, Failure, Operation,
    OrchestrationContext, Orchestrator, Result, RetryPolicy,
};

use super::super::proxy::Proxy;
use super::super::serving::{LIMIT, serve};
use super::super::sidecar::{Sidecar, output, worker_at};

/// Where a worker in a process of its own finds its sidecar.
const SIDECAR: &str = "TEST_SIDECAR";

const ADD_ONE: Activity<u32, u32> = Activity::new("add-one");
const FLAKY: Activity<u32, u32> =
    Activity::new("flaky").with_retry(RetryPolicy::new(5, Duration::from_millis(5)));
const GO: Event<u32> = Event::new("go");
const COUNTER: Entity<u32> = Entity::new("counter");
const ADD: Operation<u32, u32> = Operation::new("add");

/// What each of them makes of 10.
const PROGRAMS: [(Orchestrator<u32, u32>, u32); 8] = [
    (Orchestrator::new("chain"), 13),
    (Orchestrator::new("fan-out"), 55),
    (Orchestrator::new("retry"), 11),
    (Orchestrator::new("timer"), 11),
    (Orchestrator::new("limit"), 10),
    (Orchestrator::new("parent"), 13),
    (Orchestrator::new("again"), 13),
    (Orchestrator::new("entity"), 20),
];
const WAIT: Orchestrator<u32, u32> = Orchestrator::new("wait");

async fn add_one(_: ActivityContext, number: u32) -> Result<u32> {
    // As long as real work, so that there is some at every moment.
    tokio::time::sleep(Duration::from_millis(2)).await;
    Ok(number + 1)
}

async fn chain(ctx: OrchestrationContext, mut number: u32) -> Result<u32> {
    for _ in 0..3 {
        number = ctx.call(ADD_ONE, number).await?;
    }
    Ok(number)
}

async fn fan_out(ctx: OrchestrationContext, count: u32) -> Result<u32> {
    let calls: Vec<_> = (0..count).map(|number| ctx.call(ADD_ONE, number)).collect();
    Ok(ctx.join_all(calls).await?.into_iter().sum())
}

async fn again(ctx: OrchestrationContext, number: u32) -> Result<u32> {
    if number == 13 {
        return Ok(number);
    }
    let number = ctx.call(ADD_ONE, number).await?;
    ctx.continue_as_new(Orchestrator::new("again"), number)
        .await
}

async fn limit(ctx: OrchestrationContext, number: u32) -> Result<u32> {
    let event = ctx.wait_for(GO);
    match ctx.timeout(Duration::from_millis(20), event).await {
        Ok(event) => Ok(event?),
        Err(_) => Ok(number),
    }
}

async fn entity(ctx: OrchestrationContext, number: u32) -> Result<u32> {
    let counter = COUNTER.id(ctx.instance_id());
    ctx.signal_entity(&counter, ADD, number)?;
    Ok(ctx.call_entity(&counter, ADD, number).await?)
}

/// A worker with all of these programs.
fn worker(address: &str) -> Worker {
    let [
        chains,
        fan_outs,
        retries,
        timers,
        limits,
        parents,
        agains,
        entities,
    ] = PROGRAMS.map(|(orchestrator, _)| orchestrator);
    let counter = EntityFunction::new(COUNTER).on(ADD, async |_, count: &mut u32, number| {
        *count += number;
        Ok(*count)
    });
    worker_at(address)
        .activity(ADD_ONE, add_one)
        .activity(FLAKY, |context: ActivityContext, number| async move {
            // The first attempt fails, in whatever process it runs.
            match context.invocation_id().ends_with("/0") {
                true => Err(Failure::new("Busy", "try again").into()),
                false => Ok(number + 1),
            }
        })
        .entity(counter)
        .orchestrator(chains, chain)
        .orchestrator(fan_outs, fan_out)
        .orchestrator(retries, |ctx, number| async move {
            Ok(ctx.call(FLAKY, number).await?)
        })
        .orchestrator(timers, |ctx, number| async move {
            ctx.sleep(Duration::from_millis(20)).await;
            Ok(ctx.call(ADD_ONE, number).await?)
        })
        .orchestrator(limits, limit)
        .orchestrator(parents, |ctx, number| async move {
            Ok(ctx.call_orchestrator(PROGRAMS[0].0, number).await?)
        })
        .orchestrator(agains, again)
        .orchestrator(entities, entity)
        .orchestrator(WAIT, |ctx, number| async move {
            ctx.set_custom_status("waiting");
            Ok(ctx.wait_for(GO).await? + number)
        })
}

/// Starts ten instances of each program, and while they run does `trouble` each time that some more have
/// ended. All of them must reach their results.
async fn complete_all(sidecar: &Sidecar, mut trouble: impl AsyncFnMut()) {
    let client = sidecar.client();
    let mut instances = Vec::new();
    for round in 0..10 {
        for (orchestrator, expected) in PROGRAMS {
            let id = format!("{}-{round}", orchestrator.name());
            let instance = client.start(orchestrator, &10).with_id(id).await.unwrap();
            instances.push((instance, expected));
        }
    }
    // Waits, so that they are open during every trouble; one of them is suspended.
    let (waiting, suspended, terminated) = ("waiting", "suspended", "terminated");
    for id in [waiting, suspended, terminated] {
        client.start(WAIT, &1).with_id(id).await.unwrap();
        sidecar.until_waiting(id).await;
    }
    sidecar.suspend(suspended).await;
    sidecar.raise(suspended, "go", "5").await;
    for part in instances.chunks(16) {
        trouble().await;
        for (instance, expected) in part {
            let status = instance.wait(LIMIT).await.unwrap();
            assert_eq!(output::<u32>(&status), *expected, "{}", instance.id());
        }
    }
    sidecar.raise(waiting, "go", "2").await;
    sidecar.resume(suspended).await;
    sidecar.terminate(terminated, "\"enough\"", false).await;
    trouble().await;
    for (id, expected) in [(waiting, Some(3)), (suspended, Some(6)), (terminated, None)] {
        let status = client.instance(WAIT, id).wait(LIMIT).await.unwrap();
        assert_eq!(status.output().unwrap(), expected, "{id}");
    }
}

pub(super) async fn every_instance_reaches_its_result_although_the_stream_is_cut_again_and_again(
    sidecar: &mut Sidecar,
) {
    let proxy = Proxy::listen(&sidecar.address).await;
    let serving = serve(worker(&proxy.address));
    complete_all(sidecar, async || proxy.cut()).await;
    serving.stop().await;
}

/// A worker in a process of its own.
struct Process(Child);

impl Process {
    fn start(address: &str) -> Self {
        let test = "worker::scenarios::lost::a_worker_in_a_process_of_its_own";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(SIDECAR, address)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Process(child)
    }

    /// As `kill -9` does.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does nothing unless [`Process`] starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_in_a_process_of_its_own() {
    if let Ok(address) = std::env::var(SIDECAR) {
        let never = std::future::pending();
        worker(&address).run_until(never).await.unwrap();
    }
}

pub(super) async fn every_instance_reaches_its_result_although_the_worker_is_killed_again_and_again(
    sidecar: &mut Sidecar,
) {
    let mut process = Process::start(&sidecar.address);
    complete_all(sidecar, async || {
        process.kill();
        process = Process::start(&sidecar.address);
    })
    .await;
    process.kill();
}
