//! Code of users that the engine calls may use the context: inputs that are written, results that are
//! read, wakers that are dropped, destructors.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::support::{Host, actions, orchestrator};
use durable_functions::worker::execute;
use durable_functions::{
    Activity, Entity, Operation, OrchestrationContext, Orchestrator, Result, is_replaying,
};
use prost::Message;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ECHO: Activity<u32, u32> = Activity::new("echo");

thread_local! {
    static CONTEXT: RefCell<Option<OrchestrationContext>> = const { RefCell::new(None) };
    static SAID: RefCell<Vec<(bool, bool)>> = const { RefCell::new(Vec::new()) };
}

fn with_context(use_it: impl FnOnce(&OrchestrationContext)) {
    CONTEXT.with_borrow(|context| context.as_ref().map(use_it));
}

/// Writes itself as the id of the instance.
struct Stamp(OrchestrationContext);

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.instance_id())
    }
}

#[test]
fn an_input_may_ask_the_context_while_it_is_written() {
    const ACTIVITY: Activity<Stamp, ()> = Activity::new("activity");
    const CHILD: Orchestrator<Stamp, ()> = Orchestrator::new("child");
    const COUNTER: Entity<u32> = Entity::new("counter");
    const ADD: Operation<Stamp, ()> = Operation::new("add");
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
            let stamp = || Stamp(ctx.clone());
            let activity = ctx.call(ACTIVITY, stamp());
            let child = ctx.call_orchestrator(CHILD, stamp());
            let entity = ctx.call_entity(COUNTER.id("a"), ADD, stamp());
            ctx.signal_entity(COUNTER.id("a"), ADD, stamp())?;
            activity.await?;
            child.await?;
            Ok(entity.await?)
        }),
        None,
    );
    let answer = actions(&host.turn());
    assert_eq!(answer.len(), 4, "{answer:?}");
    assert_eq!(answer[0], r#"#0 activity("abc")"#);
}

/// Sets the custom status while it is read.
struct Loud(u32);

impl<'de> Deserialize<'de> for Loud {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = u32::deserialize(deserializer)?;
        with_context(|context| context.set_custom_status(value));
        Ok(Loud(value))
    }
}

#[test]
fn a_result_may_use_the_context_while_it_is_read() {
    const ACTIVITY: Activity<u32, Loud> = Activity::new("activity");
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            CONTEXT.set(Some(ctx.clone()));
            let result = ctx.call(ACTIVITY, 1).await?.0;
            CONTEXT.set(None);
            Ok(result)
        }),
        None,
    );
    host.turn();
    let answer = host.completed(0, "5").turn();
    assert_eq!(actions(&answer), ["#1 Completed(5)"]);
    assert_eq!(answer.custom_status.as_deref(), Some("5"));
}

struct Curious;

impl Wake for Curious {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Curious {
    fn drop(&mut self) {
        with_context(|context| context.set_custom_status("dropped"));
    }
}

#[test]
fn a_waker_may_use_the_context_when_it_is_dropped() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
            CONTEXT.set(Some(ctx.clone()));
            let mut call = ctx.call(ECHO, 1);
            let waker = Waker::from(Arc::new(Curious));
            let polled = Pin::new(&mut call).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            drop(waker);
            drop(call);
            CONTEXT.set(None);
            Ok(())
        }),
        None,
    );
    let answer = host.turn();
    assert_eq!(actions(&answer), ["#0 echo(1)", "#1 Completed(null)"]);
    assert_eq!(answer.custom_status.as_deref(), Some(r#""dropped""#));
}

struct Guard(OrchestrationContext);

impl Drop for Guard {
    fn drop(&mut self) {
        SAID.with_borrow_mut(|said| said.push((self.0.is_replaying(), is_replaying())));
    }
}

/// An orchestrator that is not kept is unloaded after every turn, which is not its end.
#[test]
fn a_destructor_at_the_unloading_of_an_orchestrator_is_replaying() {
    let host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<u32> {
            let _guard = Guard(ctx.clone());
            Ok(ctx.call(ECHO, 1).await?)
        }),
        None,
    );
    execute(host.function(), host.request().encode_to_vec()).unwrap();
    assert_eq!(SAID.take(), [(true, true)]);
}
