//! Replay: the same history gives the same decisions, and what changes is noticed.

mod failures;
mod retries;
mod timers;

use durable_functions::worker::execute;
use durable_functions::{Activity, OrchestrationContext, Result};
use durable_protocol::messages::{
    EventType, OrchestratorRequest, TaskScheduledEvent, TimerCreatedEvent,
};
use futures::future::{Either, join_all, select, try_join_all};

use crate::support::{Host, actions, answer, at, event, failure, orchestrator};

const ECHO: Activity<String, String> = Activity::new("echo");
const SQUARE: Activity<u64, u64> = Activity::new("square");

async fn chain(ctx: OrchestrationContext, towns: Vec<String>) -> Result<Vec<String>> {
    let mut greetings = Vec::new();
    for (done, town) in towns.into_iter().enumerate() {
        ctx.set_custom_status(serde_json::json!({ "done": done }));
        greetings.push(ctx.call(ECHO, town).await?);
    }
    Ok(greetings)
}

#[test]
fn a_chain_calls_one_activity_after_the_other() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a","b"]"#));
    let first = host.turn();
    assert_eq!(actions(&first), [r#"#0 echo("a")"#]);
    assert_eq!(first.custom_status.as_deref(), Some(r#"{"done":0}"#));
    assert_eq!(
        actions(&host.completed(0, r#""A""#).turn()),
        [r#"#1 echo("b")"#]
    );
    let last = host.completed(1, r#""B""#).turn();
    assert_eq!(actions(&last), [r#"#2 Completed(["A","B"])"#]);
    assert_eq!(last.custom_status.as_deref(), Some(r#"{"done":1}"#));
}

#[test]
fn the_custom_status_is_sent_again_on_every_turn() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.set_custom_status("once");
            let a = ctx.call(SQUARE, 1);
            let b = ctx.call(SQUARE, 2);
            Ok(a.await? + b.await?)
        }),
        None,
    );
    host.turn();
    let second = host.completed(0, "1").turn();
    assert!(second.actions.is_empty());
    assert_eq!(second.custom_status.as_deref(), Some("\"once\""));
}

#[test]
fn actions_in_flight_are_not_sent_again() {
    let mut host = Host::new(orchestrator(fan_out), Some("5"));
    assert_eq!(host.turn().actions.len(), 5);
    for id in [3, 0, 4, 1] {
        assert!(host.completed(id, "1").turn().actions.is_empty());
    }
    assert_eq!(actions(&host.completed(2, "1").turn()), ["#5 Completed(5)"]);
}

async fn fan_out(ctx: OrchestrationContext, n: u64) -> Result<u64> {
    let calls = (0..n).map(|i| ctx.call(SQUARE, i));
    Ok(try_join_all(calls).await?.into_iter().sum())
}

/// `join_all` changes its strategy above 30 futures and then polls only children that were woken.
#[test]
fn fan_in_completes_for_every_size() {
    for n in [1, 30, 31, 1000, 10_000] {
        let mut host = Host::new(orchestrator(fan_out), Some(&n.to_string()));
        assert_eq!(host.turn().actions.len(), n);
        for id in (0..n).rev() {
            host.completed(i32::try_from(id).unwrap(), "2");
        }
        assert_eq!(
            actions(&host.turn()),
            [format!("#{n} Completed({})", 2 * n)],
            "fan-in of {n}"
        );
    }
}

#[test]
fn join_all_waits_for_all_and_keeps_every_outcome() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let results = join_all((0..3).map(|i| ctx.call(SQUARE, i))).await;
            Ok(results.iter().filter(|result| result.is_ok()).count())
        }),
        None,
    );
    host.turn();
    assert!(host.failed(0, "E", "m").turn().actions.is_empty());
    host.completed(1, "1").completed(2, "4");
    assert_eq!(actions(&host.turn()), ["#3 Completed(2)"]);
}

async fn race(ctx: OrchestrationContext, (): ()) -> Result<String> {
    let winner = select(
        ctx.call(ECHO, "a".to_owned()),
        ctx.call(ECHO, "b".to_owned()),
    )
    .await;
    match winner {
        Either::Left((a, _)) | Either::Right((a, _)) => Ok(a?),
    }
}

#[test]
fn the_first_to_finish_wins_on_every_replay() {
    let mut host = Host::new(orchestrator(race), None);
    host.turn();
    // Both results arrive in one turn: the first in the history wins, not the first in the code.
    host.completed(1, r#""second""#).completed(0, r#""first""#);
    assert_eq!(actions(&host.turn()), [r#"#2 Completed("second")"#]);
}

#[test]
fn the_clock_is_that_of_the_turn_in_which_code_first_ran() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            let mut times = vec![ctx.now()];
            for i in 0..2 {
                ctx.call(SQUARE, i).await?;
                times.push(ctx.now());
            }
            let start = times[0];
            Ok(times
                .iter()
                .map(|time| time.duration_since(start).unwrap().as_secs())
                .collect::<Vec<_>>())
        }),
        None,
    );
    host.turn();
    host.clock = 100;
    host.completed(0, "0").turn();
    host.clock = 250;
    assert_eq!(
        actions(&host.completed(1, "1").turn()),
        ["#2 Completed([0,100,250])"]
    );
    assert!(at(1) > at(0));
}

#[test]
fn code_that_asks_for_another_activity_is_caught() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
    let mut request = host.request();
    host.turn();
    request.past_events = std::mem::take(&mut request.new_events);
    request.past_events.push(event(
        0,
        EventType::TaskScheduled(Box::new(TaskScheduledEvent {
            name: "other".to_owned(),
            ..Default::default()
        })),
        0,
    ));
    let failure = failure(&answer(&orchestrator(chain), &request));
    assert_eq!(failure.error_type, "NonDeterminism");
    assert!(failure.is_non_retriable);
    for part in ["action #0", "activity 'other'", "activity 'echo' (#0)"] {
        assert!(failure.error_message.contains(part), "{failure:?}");
    }
}

#[test]
fn code_that_asks_for_another_kind_or_for_less_is_caught() {
    let scheduled = |id: i32, kind: EventType| {
        let host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
        let mut request = host.request();
        request.past_events = std::mem::take(&mut request.new_events);
        request.past_events.push(event(id, kind, 0));
        failure(&answer(&orchestrator(chain), &request)).error_message
    };
    let timer = EventType::TimerCreated(TimerCreatedEvent { fire_at: None });
    assert!(scheduled(0, timer.clone()).contains("action #0 was timer"));
    assert!(scheduled(7, timer).contains("asks for nothing more"));
}

#[test]
fn changed_code_cannot_catch_the_failure_that_ends_it() {
    let greedy = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        // Whatever the code does after it left its history, the instance ends as non-deterministic.
        let _ = ctx.call(SQUARE, 1).await;
        Ok("fine")
    });
    let host = Host::new(greedy.clone(), None);
    let mut request = host.request();
    request.past_events = std::mem::take(&mut request.new_events);
    let kind = EventType::TimerCreated(TimerCreatedEvent { fire_at: None });
    request.past_events.push(event(0, kind, 0));
    request.new_events.push(event(
        -1,
        EventType::TaskCompleted(durable_protocol::messages::TaskCompletedEvent {
            task_scheduled_id: 0,
            result: Some("1".to_owned()),
        }),
        1,
    ));
    let answer = answer(&greedy, &request);
    assert_eq!(failure(&answer).error_type, "NonDeterminism");
    assert_eq!(answer.actions.len(), 1, "nothing but the completion");
}

#[test]
fn names_compare_without_regard_to_case() {
    let host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
    let mut request = host.request();
    request.past_events = std::mem::take(&mut request.new_events);
    request.past_events.push(event(
        0,
        EventType::TaskScheduled(Box::new(TaskScheduledEvent {
            name: "ECHO".to_owned(),
            ..Default::default()
        })),
        0,
    ));
    assert!(answer(&orchestrator(chain), &request).actions.is_empty());
}

#[test]
fn a_panic_fails_the_instance_and_nothing_else() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
            ctx.call(SQUARE, 1).await?;
            panic!("lost {}", 42)
        }),
        None,
    );
    host.turn();
    let failure = failure(&host.completed(0, "1").turn());
    assert_eq!(failure.error_type, "Panic");
    assert!(failure.error_message.ends_with("lost 42"));
}

#[test]
fn a_panic_while_the_orchestrator_is_dropped_fails_the_instance_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("dropped");
            }
        }
    }
    let mut host = Host::new(
        orchestrator(async |_: OrchestrationContext, (): ()| {
            let _bomb = Bomb;
            Ok(1)
        }),
        None,
    );
    assert_eq!(failure(&host.turn()).error_type, "Panic");
}

#[test]
fn an_await_that_no_event_can_end_is_reported_in_the_same_turn() {
    let foreign = [
        orchestrator(async |_: OrchestrationContext, (): ()| {
            std::future::pending::<()>().await;
            Ok(())
        }),
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            // Dropped: no durable future is left to wake the orchestrator.
            drop(ctx.call(SQUARE, 1));
            std::future::pending::<()>().await;
            Ok(())
        }),
        orchestrator(async |_: OrchestrationContext, (): ()| {
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                std::task::Poll::<()>::Pending
            })
            .await;
            Ok(())
        }),
    ];
    for function in foreign {
        let failure = failure(&Host::new(function, None).turn());
        assert_eq!(failure.error_type, "NonDurableAwait");
        assert!(failure.error_message.contains("in an activity"));
    }
}

#[test]
fn completions_of_unknown_actions_and_duplicates_are_ignored() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a","b"]"#));
    host.turn();
    host.completed(99, "1").fired(-100).fired(0);
    assert!(host.turn().actions.is_empty());
    host.completed(0, r#""A""#).completed(0, r#""again""#);
    assert_eq!(actions(&host.turn()), [r#"#1 echo("b")"#]);
}

#[test]
fn a_terminated_instance_ends_with_the_reason_and_asks_for_nothing_more() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a","b"]"#));
    host.turn();
    host.terminated("\"enough\"").completed(0, r#""A""#);
    assert_eq!(actions(&host.turn()), [r#"#1 Terminated("enough")"#]);
}

#[test]
fn a_custom_status_over_the_limit_fails_the_instance_before_the_host_does() {
    let function = |units: usize| {
        orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
            ctx.set_custom_status("x".repeat(units - 2));
            Ok(())
        })
    };
    let at_limit = Host::new(function(8192), None).turn();
    assert_eq!(actions(&at_limit), ["#0 Completed(null)"]);
    let over = Host::new(function(8193), None).turn();
    assert_eq!(failure(&over).error_type, "CustomStatusTooLarge");
}

#[test]
fn a_request_that_is_none_is_an_error_and_an_empty_one_fails_the_instance() {
    let function = orchestrator(chain);
    assert!(execute(&function, b"\x1a\xff".to_vec()).is_err());
    let empty = answer(&function, &OrchestratorRequest::default());
    assert_eq!(failure(&empty).error_type, "InvalidRequest");
}

/// A host that relies on the worker to keep the orchestration sends only what is new. An answer with
/// any decision would fail the instance.
#[test]
fn a_turn_without_its_history_is_asked_for_again_with_it() {
    let mut host = Host::new(orchestrator(chain), Some(r#"["a"]"#));
    host.turn();
    let mut request = host.completed(0, r#""A""#).request();
    request.past_events.clear();
    let include_state = prost_types::Value {
        kind: Some(prost_types::value::Kind::BoolValue(false)),
    };
    request
        .properties
        .insert("IncludeState".to_owned(), include_state);
    let answer = answer(&orchestrator(chain), &request);
    assert!(answer.requires_history);
    assert!(answer.actions.is_empty());
}
