//! Rewinding: a failed instance goes on, and asks again for what was lost while it was Failed.

mod children;
mod entities;
mod open_work;
mod paths;
mod properties;
mod retries;

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Activity, OrchestrationContext};
use futures::future::try_join_all;

use crate::support::{Host, actions, failure, orchestrator};

const WORK: Activity<u32, u32> = Activity::new("work");

/// The id of the action `number` that is asked for in an epoch.
fn again(epoch: i32, number: i32) -> i32 {
    (epoch << 24) | number
}

/// A fan-out that fails at the first failure.
fn fan_out(count: u32) -> OrchestratorFunction {
    orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        let results = try_join_all((0..count).map(|n| ctx.call(WORK, n))).await?;
        Ok(results)
    })
}

#[test]
fn a_rewind_needs_no_reason() {
    let mut host = Host::new(fan_out(2), None);
    host.turn();
    host.completed(0, "10").cut();
    let answer = host.rewound(None).turn();
    assert_eq!(actions(&answer), [format!("#{} work(1)", again(1, 1))]);
    assert_eq!(
        actions(&host.completed(again(1, 1), "11").turn()),
        ["#2 Completed([10,11])"]
    );
}

#[test]
fn an_instance_can_be_rewound_again_and_again() {
    let mut host = Host::new(fan_out(2), None);
    host.turn();
    host.completed(0, "10").cut();
    for epoch in 1..=5 {
        let answer = host.rewound(Some("again")).turn();
        assert_eq!(actions(&answer), [format!("#{} work(1)", again(epoch, 1))]);
        host.cut();
    }
    let answer = host.rewound(Some("again")).turn();
    assert_eq!(actions(&answer), [format!("#{} work(1)", again(6, 1))]);
    assert_eq!(
        actions(&host.completed(again(4, 1), "11").turn()),
        ["#2 Completed([10,11])"]
    );
}

#[test]
fn too_many_rewinds_fail_the_instance_and_say_so() {
    let mut host = Host::new(fan_out(2), None);
    host.turn();
    host.completed(0, "10").cut();
    for _ in 0..127 {
        assert_eq!(host.rewound(Some("again")).turn().actions.len(), 1);
        host.cut();
    }
    let failed = failure(&host.rewound(Some("again")).turn());
    assert_eq!(failed.error_type, "CannotRewind");
    assert!(failed.error_message.contains("too often"));
}

#[test]
fn a_suspended_instance_does_not_repeat_what_waits_for_its_resumption() {
    let mut host = Host::new(fan_out(3), None);
    host.turn();
    host.suspended().completed(0, "10").turn();
    host.cut();
    let answer = host.rewound(Some("again")).turn();
    let (one, two) = (again(1, 1), again(1, 2));
    assert_eq!(
        actions(&answer),
        [format!("#{one} work(1)"), format!("#{two} work(2)")]
    );
    host.completed(one, "11").completed(two, "12").turn();
    assert_eq!(
        actions(&host.resumed().turn()),
        ["#3 Completed([10,11,12])"]
    );
}
