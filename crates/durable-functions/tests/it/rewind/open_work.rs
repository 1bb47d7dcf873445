//! Activities and timers that were open when the instance failed.

use std::time::Duration;

use durable_functions::{Event, OrchestrationContext};

use super::{WORK, again, fan_out};
use crate::support::{Host, actions, orchestrator};

#[test]
fn an_activity_that_was_open_when_the_instance_failed_is_asked_for_again() {
    let mut host = Host::new(fan_out(3), None);
    host.turn();
    host.completed(0, "10").turn();
    host.failed(1, "Broken", "no luck").fail();
    // The result of #2 comes now, and the host throws it away.
    let answer = host.rewound(Some("fixed")).turn();
    let open = again(1, 2);
    assert_eq!(
        actions(&answer),
        ["#1 work(1)".to_owned(), format!("#{open} work(2)")]
    );
    host.completed(1, "11").turn();
    assert_eq!(
        actions(&host.completed(open, "12").turn()),
        ["#3 Completed([10,11,12])"]
    );
}

#[test]
fn of_the_old_and_the_new_activity_the_first_answer_counts_on_every_replay() {
    for old_first in [true, false] {
        let mut host = Host::new(fan_out(2), None);
        host.turn();
        host.completed(0, "10").cut();
        host.rewound(Some("again")).turn();
        let mut ids = [(1, "\"old\""), (again(1, 1), "\"new\"")];
        if !old_first {
            ids.reverse();
        }
        // Both in one turn, so that the second is a duplicate of a task that has ended.
        let [first, second] = ids;
        let answer = host
            .completed(first.0, "21")
            .completed(second.0, "22")
            .turn();
        assert_eq!(actions(&answer), ["#2 Completed([10,21])"]);
    }
}

#[test]
fn what_is_asked_for_again_is_asked_for_once() {
    let mut host = Host::new(fan_out(3), None);
    host.turn();
    host.completed(0, "10").cut();
    assert_eq!(host.rewound(Some("again")).turn().actions.len(), 2);
    assert!(host.completed(again(1, 1), "11").turn().actions.is_empty());
    assert_eq!(
        actions(&host.completed(again(1, 2), "12").turn()),
        ["#3 Completed([10,11,12])"]
    );
}

/// The result of an activity can come between the rewind and its message: then that turn is the first.
#[test]
fn a_late_result_that_comes_before_the_message_of_the_rewind_is_taken_and_the_rest_asked_for() {
    let mut host = Host::new(fan_out(3), None);
    host.turn();
    host.completed(0, "10").cut();
    host.rewound(Some("again"));
    let message = host.inbox.pop().unwrap();
    let answer = host.completed(1, "11").turn();
    assert_eq!(actions(&answer), [format!("#{} work(2)", again(1, 2))]);
    host.inbox.push(message);
    assert!(host.turn().actions.is_empty());
    assert_eq!(
        actions(&host.completed(2, "12").turn()),
        ["#3 Completed([10,11,12])"]
    );
}

#[test]
fn what_was_asked_for_again_and_failed_is_asked_for_under_the_same_id() {
    let mut host = Host::new(fan_out(2), None);
    host.turn();
    host.completed(0, "10").cut();
    host.rewound(Some("again")).turn();
    let id = again(1, 1);
    host.failed(id, "Broken", "still").fail();
    let answer = host.rewound(Some("once more")).turn();
    assert_eq!(actions(&answer), [format!("#{id} work(1)")]);
    assert_eq!(
        actions(&host.completed(id, "11").turn()),
        ["#2 Completed([10,11])"]
    );
}

#[test]
fn a_timer_that_was_open_is_asked_for_again_with_its_time() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let call = ctx.call(WORK, 0);
            ctx.sleep(Duration::from_secs(60)).await;
            Ok(call.await?)
        }),
        None,
    );
    host.turn();
    host.completed(0, "7").cut();
    let timer = again(1, 1);
    assert_eq!(
        actions(&host.rewound(Some("again")).turn()),
        [format!("#{timer} timer +60")]
    );
    assert_eq!(actions(&host.fired(timer).turn()), ["#2 Completed(7)"]);
}

/// A wait of seven days takes three timers; the second was running.
#[test]
fn a_long_wait_goes_on_where_it_was() {
    const DAY: i64 = 24 * 60 * 60;
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.sleep(Duration::from_secs(7 * 24 * 60 * 60)).await;
            Ok("over")
        }),
        None,
    );
    host.turn();
    host.fired(0).turn();
    host.cut();
    let second = again(1, 1);
    assert_eq!(
        actions(&host.rewound(Some("again")).turn()),
        [format!("#{second} timer +{}", 6 * DAY)]
    );
    assert_eq!(
        actions(&host.fired(second).turn()),
        [format!("#2 timer +{}", 7 * DAY)]
    );
    // The one from before the failure fires as well: it has ended already.
    assert!(host.fired(1).turn().actions.is_empty());
    assert_eq!(actions(&host.fired(2).turn()), ["#3 Completed(\"over\")"]);
}

/// The future was dropped, and the host runs the activity whatever the instance does.
#[test]
fn what_is_no_longer_awaited_is_not_asked_for_again() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            drop(ctx.call(WORK, 0));
            Ok(ctx.wait_for(Event::<u32>::new("go")).await?)
        }),
        None,
    );
    host.turn();
    host.cut();
    assert!(host.rewound(Some("again")).turn().actions.is_empty());
    assert_eq!(
        actions(&host.raised("go", Some("1")).turn()),
        ["#1 Completed(1)"]
    );
}
