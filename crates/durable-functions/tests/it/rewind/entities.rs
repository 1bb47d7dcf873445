//! Calls and locks of entities in an instance that is rewound.

use durable_functions::{Entity, Event, Operation, OrchestrationContext};
use futures::future::try_join;

use super::{WORK, again};
use crate::support::{Host, actions, failure, orchestrator};

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
    // The same after the next rewind.
    host.rewound(Some("more")).turn();
}

/// A host that fails a turn carries out nothing of it, so the lock is still held.
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
