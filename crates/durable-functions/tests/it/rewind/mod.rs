//! Rewinding: a failed instance goes on, with what was lost while it was Failed asked for again.

mod properties;

use std::time::Duration;

use crate::support::{Host, actions, failure, orchestrator};
use durable_functions::{
    Activity, Entity, Event, Operation, OrchestrationContext, Orchestrator, OrchestratorFunction,
    RetryPolicy,
};
use futures::future::{try_join, try_join_all};

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
fn a_rewind_without_a_reason_is_one_as_well() {
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

fn retried() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let work = WORK.with_retry(RetryPolicy::new(3, Duration::from_secs(5)));
        let (first, second) = try_join(ctx.call(work, 0), ctx.call(WORK, 1)).await?;
        Ok((first, second))
    })
}

/// The attempts that failed are undone, but not the timers between them: those belong to a path
/// that the code does not take any more.
#[test]
fn an_instance_that_failed_after_retries_goes_on() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let work = WORK.with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            let first = ctx.call(work, 0).await?;
            Ok((first, ctx.call(WORK, 1).await?))
        }),
        None,
    );
    host.turn();
    assert_eq!(
        actions(&host.failed(0, "Broken", "1").turn()),
        ["#1 timer +6"]
    );
    assert_eq!(actions(&host.fired(1).turn()), ["#2 work(0)"]);
    host.failed(2, "Broken", "2").fail();
    let first = again(1, 0);
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{first} work(0)")]
    );
    // What comes late for the path that was left is nobody's.
    assert!(host.fired(1).completed(2, "0").turn().actions.is_empty());
    let second = again(1, 1);
    assert_eq!(
        actions(&host.completed(first, "5").turn()),
        [format!("#{second} work(1)")]
    );
    assert_eq!(
        actions(&host.completed(second, "6").turn()),
        [format!("#{} Completed([5,6])", again(1, 2))]
    );
}

#[test]
fn the_retries_of_an_open_attempt_go_on_where_they_were() {
    let mut host = Host::new(retried(), None);
    host.turn();
    // The first attempt of three is under way.
    host.cut();
    let (first, second) = (again(1, 0), again(1, 1));
    assert_eq!(
        actions(&host.rewound(Some("again")).turn()),
        [format!("#{first} work(0)"), format!("#{second} work(1)")]
    );
    assert_eq!(
        actions(&host.failed(first, "Broken", "1").turn()),
        ["#2 timer +8"]
    );
    // The same attempt, reported once more under its old id, is no second failure.
    assert!(host.failed(0, "Broken", "1").turn().actions.is_empty());
    assert_eq!(actions(&host.fired(2).turn()), ["#3 work(0)"]);
    assert_eq!(
        actions(&host.failed(3, "Broken", "2").turn()),
        ["#4 timer +11"]
    );
    host.fired(4).turn();
    let failed = failure(&host.failed(5, "Broken", "3").turn());
    assert_eq!(failed.error_message, "activity 'work' (#0) failed: 3");
}

/// What was done after a failure that the code had caught is done again: the code waits at the failed
/// call now, and the history does not say what the rest was for.
#[test]
fn an_instance_that_had_caught_a_failure_goes_on() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let first = match ctx.call(WORK, 0).await {
                Ok(result) => result,
                Err(_) => ctx.call(Activity::<u32, u32>::new("instead"), 0).await?,
            };
            Ok((first, ctx.call(WORK, 1).await?))
        }),
        None,
    );
    host.turn();
    assert_eq!(
        actions(&host.failed(0, "Broken", "no luck").turn()),
        ["#1 instead(0)"]
    );
    assert_eq!(actions(&host.completed(1, "3").turn()), ["#2 work(1)"]);
    host.failed(2, "Broken", "no luck").fail();
    let first = again(1, 0);
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{first} work(0)")]
    );
    let second = again(1, 1);
    assert_eq!(
        actions(&host.completed(first, "4").turn()),
        [format!("#{second} work(1)")]
    );
    // A second failure and a second rewind.
    host.failed(second, "Broken", "again").fail();
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{second} work(1)")]
    );
    assert_eq!(
        actions(&host.completed(second, "5").turn()),
        [format!("#{} Completed([4,5])", again(1, 2))]
    );
}

/// What had succeeded before a failure and beside it stays done.
#[test]
fn what_has_succeeded_is_not_done_again() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let chains = (0..3).map(|n| {
                let ctx = ctx.clone();
                async move {
                    let first = ctx.call(WORK, n).await?;
                    ctx.call(Activity::<u32, u32>::new("then"), first).await
                }
            });
            let ends = futures::future::join_all(chains).await;
            Ok(ends
                .into_iter()
                .collect::<std::result::Result<Vec<_>, _>>()?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "no luck")
        .completed(1, "11")
        .turn();
    host.completed(2, "12").completed(3, "21").turn();
    host.completed(4, "22").fail();
    assert_eq!(actions(&host.rewound(Some("fixed")).turn()), ["#0 work(0)"]);
    assert_eq!(actions(&host.completed(0, "10").turn()), ["#5 then(10)"]);
    assert_eq!(
        actions(&host.completed(5, "20").turn()),
        ["#6 Completed([20,21,22])"]
    );
}

fn with_a_child() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let child = ctx.call_orchestrator(Orchestrator::<u32, u32>::new("child"), 1);
        let (child, own) = try_join(child, ctx.call(WORK, 2)).await?;
        Ok((child, own))
    })
}

/// Only the child is told of the rewind; its parent has its next turn when the child has ended.
#[test]
fn the_parent_of_a_failed_child_asks_again_in_its_next_turn() {
    let mut host = Host::new(with_a_child(), None);
    host.turn();
    host.child_failed(0, None).fail();
    host.rewound_silently().child_completed(0, "5");
    let own = again(1, 1);
    assert_eq!(actions(&host.turn()), [format!("#{own} work(2)")]);
    assert_eq!(
        actions(&host.completed(own, "6").turn()),
        ["#2 Completed([5,6])"]
    );
}

/// In the turn of the failure the path that was left and the one that goes on used the same numbers.
#[test]
fn results_of_a_path_that_was_left_are_nobodys() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let first = async {
                match ctx.call(WORK, 0).await {
                    Ok(result) => Ok(result),
                    Err(_) => {
                        drop(ctx.call_orchestrator(Orchestrator::<u32, u32>::new("bad"), 1));
                        ctx.call(Activity::<u32, u32>::new("instead"), 0).await
                    }
                }
            };
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                let child = ctx.call_orchestrator(Orchestrator::<u32, u32>::new("good"), result);
                let then = ctx.call(Activity::<u32, u32>::new("then"), result);
                try_join(child, then).await
            };
            Ok(try_join(first, second).await?)
        }),
        None,
    );
    host.turn();
    let answer = host
        .failed(0, "Broken", "no luck")
        .completed(1, "11")
        .turn();
    assert_eq!(
        actions(&answer),
        [
            "#2 child e1:0002 bad(1)",
            "#3 instead(0)",
            "#4 child e1:0004 good(11)",
            "#5 then(11)"
        ]
    );
    host.child_completed(2, "80").completed(3, "81").turn();
    host.cut();
    let (work, child, then) = (again(1, 0), again(1, 2), again(1, 3));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [
            format!("#{work} work(0)"),
            format!("#{child} child e1:{child:04x} good(11)"),
            format!("#{then} then(11)")
        ]
    );
    host.child_completed(2, "82").completed(3, "83");
    assert!(host.turn().actions.is_empty());
    host.completed(work, "10").child_completed(child, "20");
    let end = again(1, 4);
    assert_eq!(
        actions(&host.completed(then, "30").turn()),
        [format!("#{end} Completed([10,[20,30]])")]
    );
}

#[test]
fn a_child_that_was_open_is_not_started_again() {
    let mut host = Host::new(with_a_child(), None);
    host.turn();
    host.failed(1, "Broken", "no luck").fail();
    assert_eq!(actions(&host.rewound(Some("fixed")).turn()), ["#1 work(2)"]);
    // It was still running.
    host.child_completed(0, "5").turn();
    assert_eq!(
        actions(&host.completed(1, "6").turn()),
        ["#2 Completed([5,6])"]
    );
}

/// Both attempts are children of their own, and both are rewound; the second is of a path that the
/// code does not take again.
#[test]
fn a_parent_whose_retried_child_failed_goes_on_with_the_first_attempt() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = Orchestrator::<u32, u32>::new("child")
                .with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            Ok(ctx.call_orchestrator(child, 1).await?)
        }),
        None,
    );
    host.turn();
    host.child_failed(0, None).turn();
    host.fired(1).turn();
    host.child_failed(2, None).fail();
    host.rewound_silently().child_completed(2, "8");
    assert!(host.turn().actions.is_empty());
    assert_eq!(
        actions(&host.child_completed(0, "5").turn()),
        [format!("#{} Completed(5)", again(1, 1))]
    );
}

/// The path that was left had a child under the same number.
#[test]
fn a_child_of_another_path_has_another_instance_id() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let name = match ctx.call(WORK, 0).await {
                Ok(_) => "good",
                Err(_) => "bad",
            };
            let child = Orchestrator::<u32, u32>::new(name);
            Ok(ctx.call_orchestrator(child, 1).await?)
        }),
        None,
    );
    host.turn();
    assert_eq!(
        actions(&host.failed(0, "Broken", "no luck").turn()),
        ["#1 child e1:0001 bad(1)"]
    );
    host.cut();
    host.rewound(Some("fixed")).turn();
    let child = again(1, 1);
    assert_eq!(
        actions(&host.completed(again(1, 0), "1").turn()),
        [format!("#{child} child e1:{child:04x} good(1)")]
    );
    assert!(host.child_completed(1, "8").turn().actions.is_empty());
    assert_eq!(
        actions(&host.child_completed(child, "9").turn()),
        [format!("#{} Completed(9)", again(1, 2))]
    );
}

const COUNTER: Entity<u32> = Entity::new("counter");
const ADD: Operation<u32, u32> = Operation::new("add");

#[test]
fn an_instance_that_gave_up_a_lock_with_its_failure_fails_and_says_so() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let lock = ctx.lock([COUNTER.id("c")]).await?;
            let result = ctx.call(WORK, 0).await?;
            lock.release();
            Ok(result)
        }),
        None,
    );
    let asked = host.turn();
    let id = request_id(&asked);
    host.raised(&id, Some(r#"{"result":""}"#)).turn();
    host.failed(1, "Broken", "no luck").fail();
    let answer = host.rewound(Some("fixed")).turn();
    let failed = failure(&answer);
    assert_eq!(failed.error_type, "CannotRewind");
    assert!(failed.error_message.contains("held a lock"), "{failed:?}");
    assert!(failed.error_message.contains("Start a new instance"));
    let asked: Vec<_> = actions(&answer);
    assert!(
        !asked.iter().any(|action| action.contains("work")),
        "{asked:?}"
    );
    // And so it does after the next rewind.
    host.rewound(Some("more")).turn();
}

/// A host that fails a turn carries out nothing of it, so that the lock is still held.
#[test]
fn an_instance_that_the_host_failed_inside_a_critical_section_goes_on_in_it() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let lock = ctx.lock([COUNTER.id("c")]).await?;
            let result = ctx.call(WORK, 0).await?;
            lock.release();
            Ok(result)
        }),
        None,
    );
    let id = request_id(&host.turn());
    host.raised(&id, Some(r#"{"result":""}"#)).turn();
    host.cut();
    let work = again(1, 1);
    assert_eq!(
        actions(&host.rewound(Some("again")).turn()),
        [format!("#{work} work(0)")]
    );
    let end = actions(&host.completed(work, "5").turn());
    assert!(end[0].starts_with("#2 release to @counter@c"), "{end:?}");
    assert_eq!(end[1], "#3 Completed(5)");
}

#[test]
fn an_entity_call_that_was_open_fails_the_instance_and_says_so() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.call_entity(COUNTER.id("c"), ADD, 1).await?)
        }),
        None,
    );
    host.turn();
    host.cut();
    let failed = failure(&host.rewound(Some("again")).turn());
    assert_eq!(failed.error_type, "CannotRewind");
    assert!(
        failed
            .error_message
            .contains("would run the operation twice"),
        "{failed:?}"
    );
}

#[test]
fn a_request_for_a_lock_that_was_open_fails_the_instance_and_gives_the_lock_up() {
    for given_up in [false, true] {
        let mut host = Host::new(
            orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
                let lock = ctx.lock([COUNTER.id("c")]);
                if given_up {
                    drop(lock);
                } else {
                    lock.await?.release();
                }
                Ok(ctx.wait_for(Event::<u32>::new("go")).await?)
            }),
            None,
        );
        host.turn();
        host.cut();
        let answer = host.rewound(Some("again")).turn();
        assert_eq!(failure(&answer).error_type, "CannotRewind");
        let asked = actions(&answer);
        assert!(asked[0].contains("release to @counter@c"), "{asked:?}");
    }
}

fn request_id(answer: &durable_protocol::messages::OrchestratorResponse) -> String {
    let sent = actions(answer).remove(0);
    let id = sent.find(r#""id":""#).unwrap() + 6;
    sent[id..id + 36].to_owned()
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

/// Nobody waits for it, and the host runs it whatever becomes of the instance.
#[test]
fn what_nobody_waits_for_is_not_asked_for_again() {
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

/// A rewind explains another path only up to itself.
#[test]
fn code_that_changed_after_a_rewind_is_still_found_out() {
    let mut host = Host::new(fan_out(2), None);
    host.turn();
    host.failed(0, "Broken", "no luck").completed(1, "1").fail();
    host.rewound(Some("fixed")).turn();
    let mut changed = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let (a, _) = (ctx.call(WORK, 0), ctx.call(WORK, 1));
            ctx.sleep(Duration::from_secs(1)).await;
            Ok(a.await?)
        }),
        None,
    );
    changed.past = host.past.clone();
    // The code asks for a timer, and the history has none: that is no contradiction yet.
    changed.clock = host.clock;
    assert_eq!(changed.turn().actions.len(), 1);
    let mut other = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            Ok(ctx.call(Activity::<u32, u32>::new("other"), 0).await?)
        }),
        None,
    );
    other.past = host.past.clone();
    other.clock = host.clock;
    let failed = failure(&other.turn());
    assert_eq!(failed.error_type, "NonDeterminism");
}

/// In the turn of the failure both paths asked for a timer, and the one that was left came first.
#[test]
fn a_timer_of_a_path_that_was_left_ends_no_other_wait() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let work = WORK.with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                ctx.sleep(Duration::from_secs(3600)).await;
                Ok(result)
            };
            Ok(try_join(ctx.call(work, 0), second).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "1").completed(1, "11");
    assert_eq!(actions(&host.turn()), ["#2 timer +6", "#3 timer +3601"]);
    host.fired(2).turn();
    host.failed(4, "Broken", "2").fail();
    let (first, wait) = (again(1, 0), again(1, 2));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [format!("#{first} work(0)"), format!("#{wait} timer +3601")]
    );
    assert!(host.completed(first, "10").turn().actions.is_empty());
    assert_eq!(
        actions(&host.fired(wait).turn()),
        [format!("#{} Completed([10,11])", again(1, 3))]
    );
}

/// The same with children whose ids the code chose.
#[test]
fn a_child_of_a_path_that_was_left_stands_for_no_other() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = Orchestrator::<u32, u32>::new("child");
            let first = async {
                match ctx.call(WORK, 0).await {
                    Ok(result) => Ok(result),
                    Err(_) => ctx.call_orchestrator_with_id(child, "instead", 0).await,
                }
            };
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                ctx.call_orchestrator_with_id(child, "then", result).await
            };
            Ok(try_join(first, second).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "1").completed(1, "11");
    assert_eq!(
        actions(&host.turn()),
        ["#2 child instead child(0)", "#3 child then child(11)"]
    );
    host.child_completed(2, "80").turn();
    host.cut();
    let (work, then) = (again(1, 0), again(1, 2));
    assert_eq!(
        actions(&host.rewound(Some("fixed")).turn()),
        [
            format!("#{work} work(0)"),
            format!("#{then} child then child(11)")
        ]
    );
}

#[test]
fn an_entity_call_of_a_path_that_was_left_answers_no_other() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let first = async {
                match ctx.call(WORK, 0).await {
                    Ok(result) => Ok(result),
                    Err(_) => ctx.call_entity(COUNTER.id("c"), ADD, 1).await,
                }
            };
            let second = async {
                let result = ctx.call(WORK, 1).await?;
                ctx.call_entity(COUNTER.id("c"), ADD, result).await
            };
            Ok(try_join(first, second).await?)
        }),
        None,
    );
    host.turn();
    host.failed(0, "Broken", "1").completed(1, "11");
    let asked = host.turn();
    let id = request_id(&asked);
    host.raised(&id, Some(r#"{"result":"80"}"#)).turn();
    host.cut();
    let failed = failure(&host.rewound(Some("fixed")).turn());
    assert_eq!(failed.error_type, "CannotRewind");
    assert!(failed.error_message.contains("entity"), "{failed:?}");
}

/// A retried child that has an id of its own is one instance for all attempts, and the end that comes
/// after a rewind is that of the last one.
#[test]
fn the_end_of_a_child_with_a_chosen_id_counts_whichever_attempt_it_is_of() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let child = Orchestrator::<u32, u32>::new("child")
                .with_retry(RetryPolicy::new(2, Duration::from_secs(5)));
            Ok(ctx.call_orchestrator_with_id(child, "c", 1).await?)
        }),
        None,
    );
    host.turn();
    host.child_failed(0, None).turn();
    host.fired(1).turn();
    host.child_failed(2, None).fail();
    host.rewound_silently().child_completed(2, "8");
    assert_eq!(
        actions(&host.turn()),
        [format!("#{} Completed(8)", again(1, 1))]
    );
}
