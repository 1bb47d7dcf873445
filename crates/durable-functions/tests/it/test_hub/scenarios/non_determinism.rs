//! New code under instances that run. The hub gives a running instance the code that was registered last, as after a
//! deployment.

use durable_functions::worker::OrchestratorFunction;
use durable_functions::{Event, OrchestrationContext, Orchestrator};

use super::{GO, SECOND, failure};
use crate::support::orchestrator;
use crate::test_hub::{BREAK, DOUBLE};

const CHILD: Orchestrator<u32, u32> = Orchestrator::new("double");
const PING: Event<u32> = Event::new("Ping");

/// What the code does first; it then waits.
fn code(first: &'static str) -> OrchestratorFunction {
    orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
        match first {
            "call" => drop(ctx.call(DOUBLE, 1)),
            "other call" => drop(ctx.call(BREAK, 1)),
            "sleep" => drop(ctx.sleep(SECOND * 60)),
            "child" => drop(ctx.call_orchestrator(CHILD, 1)),
            "send" => ctx.send_event("other", PING, 1)?,
            "send in lower case" => ctx.send_event("other", Event::new("ping"), 1)?,
            "send another" => ctx.send_event("other", Event::new("Pong"), 1)?,
            "send elsewhere" => ctx.send_event("Other", PING, 1)?,
            _ => return Ok(0),
        }
        Ok(ctx.wait_for(GO).await?)
    })
}

/// Lets an instance run with `old` until it waits, and go on with `new`.
async fn redeployed(old: &'static str, new: &'static str) -> durable_functions::testing::TestHub {
    let mut hub = crate::test_hub::hub().orchestrator(CHILD, async |_, n| Ok(n));
    hub.add_orchestrator(code(old));
    let handle = Orchestrator::<(), u32>::new("orchestrator");
    hub.start(handle, &()).with_id("a").await.unwrap();
    hub.advance(SECOND).await.unwrap();
    hub.add_orchestrator(code(new));
    hub.raise("a", GO, &7).unwrap();
    hub
}

async fn check(old: &'static str, new: &'static str, was: &str, now: &str) {
    let failure = failure(&mut redeployed(old, new).await).await;
    assert!(failure.starts_with("NonDeterminism: "), "{failure}");
    assert!(
        failure.contains(&format!("action #0 was {was}, ")),
        "{failure}"
    );
    assert!(failure.contains(&format!("asks for {now}. ")), "{failure}");
}

#[tokio::test]
async fn s27_a_timer_that_is_an_activity_now_is_noticed() {
    check("sleep", "call", "timer", "activity 'double' (#0)").await;
}

#[tokio::test]
async fn s28_an_activity_that_nothing_asks_for_any_more_is_noticed() {
    check("call", "return", "activity 'double'", "nothing more").await;
}

#[tokio::test]
async fn s29_an_activity_that_is_a_timer_now_is_noticed() {
    check("call", "sleep", "activity 'double'", "timer (#0)").await;
}

#[tokio::test]
async fn s30_an_activity_of_another_name_is_noticed() {
    let was = "activity 'double'";
    check("call", "other call", was, "activity 'break' (#0)").await;
}

#[tokio::test]
async fn s33_a_child_that_nothing_asks_for_any_more_is_noticed() {
    let was = "sub-orchestration 'double'";
    check("child", "return", was, "nothing more").await;
}

#[tokio::test]
async fn s34_a_child_that_is_an_activity_now_is_noticed() {
    let was = "sub-orchestration 'double'";
    check("child", "call", was, "activity 'double' (#0)").await;
}

#[tokio::test]
async fn s39_an_event_that_was_sent_is_recognised_without_regard_to_letter_case() {
    let mut hub = redeployed("send", "send in lower case").await;
    hub.run_until_ended("a").await.unwrap();
    assert_eq!(hub.output::<u32>("a").unwrap(), 7);
}

#[tokio::test]
async fn s40_another_event_than_the_one_that_was_sent_is_noticed() {
    let was = "event 'Ping' to 'other'";
    for (new, now) in [
        ("send another", "event 'Pong' to 'other' (#0)"),
        // Instance ids differ by letter case.
        ("send elsewhere", "event 'Ping' to 'Other' (#0)"),
        ("call", "activity 'double' (#0)"),
        ("return", "nothing more"),
    ] {
        check("send", new, was, now).await;
    }
    check(
        "call",
        "send",
        "activity 'double'",
        "event 'Ping' to 'other' (#0)",
    )
    .await;
}
