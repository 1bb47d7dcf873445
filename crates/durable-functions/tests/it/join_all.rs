//! The fan-in of the context: it waits for all tasks, and then gives the first failure.

use std::time::Duration;

use crate::support::{Host, actions, orchestrator};
use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator};

const ECHO: Activity<u32, u32> = Activity::new("echo");
const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");

fn fan_out() -> Host {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.join_all((0..3).map(|n| ctx.call(ECHO, n))).await?)
    });
    let mut host = Host::new(function, None);
    let first = actions(&host.turn());
    assert_eq!(first, ["#0 echo(0)", "#1 echo(1)", "#2 echo(2)"]);
    host
}

#[test]
fn results_come_in_the_order_of_the_tasks() {
    let mut host = fan_out();
    host.completed(2, "12").completed(0, "10");
    assert!(host.turn().actions.is_empty());
    let end = host.completed(1, "11").turn();
    assert_eq!(actions(&end), ["#3 Completed([10,11,12])"]);
}

#[test]
fn a_failure_waits_until_every_task_has_ended() {
    let mut host = fan_out();
    assert!(host.failed(1, "E", "one").turn().actions.is_empty());
    assert!(host.completed(0, "10").turn().actions.is_empty());
    let end = actions(&host.completed(2, "12").turn());
    assert_eq!(end.len(), 1);
    assert!(
        end.iter()
            .all(|end| end.contains("Failed") && end.contains("one")),
        "{end:?}"
    );
}

#[test]
fn of_several_failures_the_first_in_the_order_of_the_tasks_is_given() {
    let mut host = fan_out();
    host.failed(2, "E", "two").turn();
    host.failed(1, "E", "one").turn();
    let end = actions(&host.completed(0, "10").turn());
    assert!(end.iter().all(|end| end.contains("one")), "{end:?}");
}

#[test]
fn without_tasks_there_is_nothing_to_wait_for() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let none = std::iter::empty::<durable_functions::TaskFuture<u32>>();
        Ok(ctx.join_all(none).await?)
    });
    assert_eq!(
        actions(&Host::new(function, None).turn()),
        ["#0 Completed([])"]
    );
}

#[test]
fn it_takes_everything_that_the_context_gives() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let events = ["a", "b"].map(|name| ctx.wait_for(Event::<u32>::new(name)));
        let children = [ctx.call_orchestrator(CHILD, 1)];
        let pauses = [ctx.sleep(Duration::from_secs(1))];
        let events = ctx.join_all(events).await?;
        let children = ctx.join_all(children).await?;
        ctx.join_all(pauses).await?;
        Ok((events, children))
    });
    let mut host = Host::new(function, None);
    host.turn();
    host.fired(1).child_completed(0, "7").raised("b", Some("2"));
    assert!(host.turn().actions.is_empty());
    let end = host.raised("a", Some("1")).turn();
    assert_eq!(actions(&end), ["#2 Completed([[1,2],[7]])"]);
}
