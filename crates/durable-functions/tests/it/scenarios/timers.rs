//! Durable timers.

use std::time::Duration;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext};
use futures::future::{Either, select};

use crate::support::{Host, actions, orchestrator};

const WORK: Activity<(), u32> = Activity::new("work");
const DAY: u64 = 24 * 60 * 60;

fn wait_a_second() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        ctx.sleep(Duration::from_secs(1)).await;
        Ok("done")
    })
}

#[test]
fn s08_a_timer_is_one_action_at_the_start_plus_the_delay() {
    let mut host = Host::new(wait_a_second(), None);
    host.clock = 100;
    assert_eq!(actions(&host.turn()), ["#0 timer +101"]);
}

#[test]
fn s09_the_firing_of_a_timer_resumes_the_orchestrator() {
    let mut host = Host::new(wait_a_second(), None);
    host.turn();
    assert_eq!(actions(&host.fired(0).turn()), [r#"#1 Completed("done")"#]);
}

/// The work of three turns after which a timer has lost.
fn race_against(delay: Duration) -> OrchestratorFunction {
    orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        let winner = match select(ctx.sleep(delay), ctx.call(WORK, ())).await {
            Either::Left(_) => 0,
            Either::Right((result, timer)) => {
                // Nothing but a drop: it is forgotten.
                drop(timer);
                result?
            }
        };
        Ok(winner + ctx.call(WORK, ()).await?)
    })
}

#[test]
fn s12_a_long_timer_that_lost_a_race_can_be_forgotten() {
    let mut host = Host::new(race_against(Duration::from_secs(10 * DAY)), None);
    let three_days = 3 * DAY;
    assert_eq!(
        actions(&host.turn()),
        [format!("#0 timer +{three_days}"), "#1 work()".to_owned()]
    );
    assert_eq!(actions(&host.completed(1, "5").turn()), ["#2 work()"]);
    assert_eq!(
        actions(&host.completed(2, "6").turn()),
        ["#3 Completed(11)"]
    );
}

#[test]
fn s13_a_timer_that_lost_a_race_can_be_forgotten_and_may_fire() {
    let mut host = Host::new(race_against(Duration::from_secs(60)), None);
    assert_eq!(actions(&host.turn()), ["#0 timer +60", "#1 work()"]);
    host.completed(1, "5").turn();
    assert!(host.fired(0).turn().actions.is_empty());
    assert_eq!(
        actions(&host.completed(2, "6").turn()),
        ["#3 Completed(11)"]
    );
}
