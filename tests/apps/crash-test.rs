//! The function app of the crash tests: one orchestrator of each kind, whose result shows whether something was lost or
//! applied twice. The function folders are in tests/apps/crash-test.
//!
//! An activity may run more than once for one call, but one of its runs counts. So each run has an id of its own, which
//! it writes to a journal outside the task hub and returns. Orchestrators return the ids that they got, and pass each on
//! to the next activity: if a result were forgotten after it had been used, the journal would show two runs of one step
//! with different inputs.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use axum::http::StatusCode;
use durable_functions::{
    Activity, ActivityContext, AppExt, ClientError, DurableClient, Entity, EntityContext,
    EntityFunction, Event, Failure, Operation, OrchestrationContext, Orchestrator, Result,
    RetryPolicy, is_replaying,
};
use functions_handler::routing::{get, post};
use functions_handler::{App, Invocation, Params, logs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The folder for the journal.
const JOURNAL_FOLDER: &str = "JOURNAL_FOLDER";

/// Activities fail when their handler dies. They are tried again, because the tests kill handlers as well.
const AGAIN: RetryPolicy = RetryPolicy::new(100, Duration::from_millis(50));

const STEP: Activity<Step, String> = Activity::new("step").with_retry(AGAIN);
const FLAKY: Activity<Step, String> = Activity::new("flaky").with_retry(AGAIN);
const CHILD: Orchestrator<Child, String> = Orchestrator::new("child");
const NEXT: Event<u32> = Event::new("next");
const DONE: Event<u32> = Event::new("done");
const COUNTER: Entity<Count> = Entity::new("counter");
const ADD: Operation<i64, i64> = Operation::new("add");

/// How many counters the orchestrators signal, and how many they move amounts between.
const SHARED: u32 = 4;
/// So many events are taken by one execution of `events`.
const EVENTS_OF_ONE: usize = 3;

/// The input of every orchestrator that clients start.
#[derive(Clone, Deserialize, Serialize)]
struct Work {
    /// How many steps there are.
    count: u32,
    /// How long each waits, in milliseconds.
    pause: u64,
    /// The run ids of earlier executions.
    #[serde(default)]
    runs: Vec<String>,
    /// The events of earlier executions.
    #[serde(default)]
    events: Vec<u32>,
}

/// What is to be started.
#[derive(Deserialize)]
struct Target {
    orchestrator: String,
    id: String,
}

#[derive(Deserialize, Serialize)]
struct Step {
    /// One call of an activity: no other call has this name.
    name: String,
    /// The id of the run before.
    after: String,
}

#[derive(Deserialize, Serialize)]
struct Child {
    parent: String,
    number: u32,
    pause: u64,
}

#[derive(Default, Deserialize, Serialize)]
struct Count {
    total: i64,
    operations: u64,
}

#[tokio::main]
async fn main() -> Result<(), logs::InitError> {
    logs::Builder::new().silence_when(is_replaying).init()?;
    let add = async |_: EntityContext, count: &mut Count, amount: i64| {
        count.total += amount;
        count.operations += 1;
        Ok(count.total)
    };
    App::new()
        .http("start", post(start).with_route("start/{orchestrator}/{id}"))
        .http(
            "client-binding",
            get(client_binding).with_route("client-binding"),
        )
        .orchestrator(of("chain"), chain)
        .orchestrator(of("fan-out"), fan_out)
        .orchestrator(of("timers"), timers)
        .orchestrator(of("events"), events)
        .orchestrator(of("children"), children)
        .orchestrator(CHILD, child)
        .orchestrator(of("entities"), entities)
        .orchestrator(of("generations"), generations)
        .activity(STEP, step)
        .activity(FLAKY, flaky)
        .entity(EntityFunction::new(COUNTER).on(ADD, add))
        .serve()
        .await
        .exit()
}

const fn of(name: &'static str) -> Orchestrator<Work, Value> {
    Orchestrator::new(name)
}

/// Starts `{orchestrator}` as `{id}`. With 202 it has started.
async fn start(
    client: DurableClient,
    Params(Target { orchestrator, id }): Params<Target>,
    axum::Json(work): axum::Json<Work>,
) -> (StatusCode, String) {
    const KINDS: [&str; 7] = [
        "chain",
        "fan-out",
        "timers",
        "events",
        "children",
        "entities",
        "generations",
    ];
    let Some(name) = KINDS.into_iter().find(|name| *name == orchestrator) else {
        return (StatusCode::NOT_FOUND, orchestrator);
    };
    match client.start(of(name), &work).with_id(id).await {
        Ok(instance) => (StatusCode::ACCEPTED, instance.id().to_owned()),
        Err(error @ ClientError::AlreadyExists { .. }) => (StatusCode::CONFLICT, error.to_string()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

/// Answers with the address of the task hub, for tests. No real function may do that.
async fn client_binding(invocation: Invocation) -> String {
    let binding = invocation.data("starter").map(|value| value.text());
    match binding {
        Some(Ok(Some(text))) => text.into_owned(),
        _ => String::new(),
    }
}

async fn chain(ctx: OrchestrationContext, work: Work) -> Result<Value> {
    let mut runs = Vec::new();
    for number in 0..work.count {
        let step = next_step(&ctx, &number.to_string(), &runs);
        runs.push(ctx.call(STEP, step).await?);
        ctx.sleep(Duration::from_millis(work.pause)).await;
    }
    Ok(json!({ "runs": runs }))
}

/// One fan-out after the other. The first run of each activity fails.
async fn fan_out(ctx: OrchestrationContext, work: Work) -> Result<Value> {
    const WIDTH: u32 = 5;
    let mut runs = Vec::new();
    for round in 0..work.count {
        let branches = (0..WIDTH).map(|branch| {
            let step = next_step(&ctx, &format!("{round}.{branch}"), &runs);
            ctx.call(FLAKY, step)
        });
        let branches: Vec<_> = branches.collect();
        runs.extend(ctx.join_all(branches).await?);
        ctx.sleep(Duration::from_millis(work.pause)).await;
    }
    Ok(json!({ "runs": runs }))
}

/// Returns how long each timer took, in milliseconds, on the orchestration's clock.
async fn timers(ctx: OrchestrationContext, work: Work) -> Result<Value> {
    let mut took = Vec::new();
    for _ in 0..work.count {
        let begin = ctx.now();
        let pause = Duration::from_millis(work.pause);
        futures::future::join_all((1..=3).map(|part| ctx.sleep(pause * part / 3))).await;
        let end = ctx.now().duration_since(begin).unwrap_or_default();
        took.push(end.as_millis());
    }
    Ok(json!({ "took": took }))
}

/// Takes events until each number below `count` has come, and returns all that came. It continues as new between them,
/// so events that were not taken go on to the next execution.
async fn events(ctx: OrchestrationContext, mut work: Work) -> Result<Value> {
    for _ in 0..EVENTS_OF_ONE {
        work.events.push(ctx.wait_for(NEXT).await?);
        if (0..work.count).all(|number| work.events.contains(&number)) {
            return Ok(json!({ "events": work.events }));
        }
    }
    ctx.continue_as_new(of("events"), work).await
}

/// Each child has a result and sends an event. Both come once.
async fn children(ctx: OrchestrationContext, work: Work) -> Result<Value> {
    let (parent, pause) = (ctx.instance_id(), work.pause);
    let children = (0..work.count).map(|number| {
        let parent = parent.clone();
        let child = Child {
            parent,
            number,
            pause,
        };
        ctx.call_orchestrator(CHILD, child)
    });
    let children: Vec<_> = children.collect();
    let runs = ctx.join_all(children).await?;
    let mut events = Vec::new();
    for _ in 0..work.count {
        events.push(ctx.wait_for(DONE).await?);
    }
    let second = ctx.timeout(Duration::from_millis(pause), ctx.wait_for(DONE));
    if let Ok(second) = second.await {
        events.push(second?);
    }
    Ok(json!({ "runs": runs, "events": events }))
}

async fn child(ctx: OrchestrationContext, child: Child) -> Result<String> {
    let name = format!("{}/{}", child.parent, child.number);
    let after = String::new();
    let run = ctx.call(STEP, Step { name, after }).await?;
    ctx.sleep(Duration::from_millis(child.pause)).await;
    ctx.send_event(child.parent, DONE, child.number)?;
    Ok(run)
}

/// Calls a counter of its own, whose answers it returns, signals shared ones, and moves amounts between two others under
/// a lock.
async fn entities(ctx: OrchestrationContext, work: Work) -> Result<Value> {
    let own = COUNTER.id(ctx.instance_id());
    let mut totals = Vec::new();
    for number in 1..=work.count {
        ctx.signal_entity(COUNTER.id(format!("shared-{}", number % SHARED)), ADD, 1)?;
        totals.push(ctx.call_entity(&own, ADD, i64::from(number)).await?);
        let from = COUNTER.id(format!("account-{}", number % SHARED));
        let to = COUNTER.id(format!("account-{}", (number + 1) % SHARED));
        let lock = ctx.lock([&from, &to]).await?;
        let amount = i64::from(number);
        ctx.call_entity(&from, ADD, -amount).await?;
        ctx.call_entity(&to, ADD, amount).await?;
        lock.release();
        ctx.sleep(Duration::from_millis(work.pause)).await;
    }
    Ok(json!({ "totals": totals }))
}

/// One step for each execution.
async fn generations(ctx: OrchestrationContext, mut work: Work) -> Result<Value> {
    let step = next_step(&ctx, &work.runs.len().to_string(), &work.runs);
    work.runs.push(ctx.call(STEP, step).await?);
    if work.runs.len() == work.count as usize {
        return Ok(json!({ "runs": work.runs }));
    }
    ctx.sleep(Duration::from_millis(work.pause)).await;
    ctx.continue_as_new(of("generations"), work).await
}

fn next_step(ctx: &OrchestrationContext, name: &str, runs: &[String]) -> Step {
    Step {
        name: format!("{}/{name}", ctx.instance_id()),
        after: runs.last().cloned().unwrap_or_default(),
    }
}

async fn step(_: ActivityContext, step: Step) -> Result<String> {
    let run = uuid::Uuid::new_v4().simple().to_string();
    let line = format!("{}\t{}\t{run}\n", step.name, step.after);
    let path = journal_folder()?.join("journal");
    let mut journal = OpenOptions::new().append(true).create(true).open(path)?;
    // One write, so that a kill leaves a whole line or none.
    journal.write_all(line.as_bytes())?;
    // So that processes often die between a run and its answer.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(run)
}

/// The same, but its first run fails.
async fn flaky(context: ActivityContext, input: Step) -> Result<String> {
    let mark = journal_folder()?.join(input.name.replace('/', "."));
    match OpenOptions::new().write(true).create_new(true).open(mark) {
        Ok(_) => Err(Failure::new("FirstRun", "the first run fails").into()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => step(context, input).await,
        Err(error) => Err(error.into()),
    }
}

fn journal_folder() -> Result<PathBuf> {
    let folder = std::env::var_os(JOURNAL_FOLDER);
    let folder = folder.ok_or_else(|| Failure::new("NoJournal", "JOURNAL_FOLDER is not set"))?;
    Ok(folder.into())
}
