//! A failure counts whatever was decided before it: an instance that fails does not start again.

use crate::support::{Host, actions, orchestrator, this};
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction};
use durable_functions::{Activity, Failure, OrchestrationContext, Orchestrator, Result};
use serde::Serialize;

const WORK: Activity<(), ()> = Activity::new("work");
const AGAIN: Orchestrator<u32, ()> = this();

/// What the context does when this is dropped.
struct ContinuesAsNew(OrchestrationContext);

impl Drop for ContinuesAsNew {
    fn drop(&mut self) {
        drop(self.0.continue_as_new(AGAIN, 1));
    }
}

impl From<ContinuesAsNew> for durable_functions::Error {
    fn from(_: ContinuesAsNew) -> Self {
        Failure::new("Mine", "it failed").into()
    }
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("cannot be written"))
    }
}

/// One for each way to fail, each after one awaited activity.
fn ways_to_fail() -> Vec<(&'static str, OrchestratorFunction)> {
    vec![
        (
            "an error that is returned",
            orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
                ctx.call(WORK, ()).await?;
                drop(ctx.continue_as_new(AGAIN, 1));
                Err(Failure::new("Mine", "it failed").into())
            }),
        ),
        (
            "a panic",
            orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
                ctx.call(WORK, ()).await?;
                drop(ctx.continue_as_new(AGAIN, 1));
                panic!("it failed")
            }),
        ),
        (
            "an error whose destructor continues as new",
            orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
                ctx.call(WORK, ()).await?;
                Err(ContinuesAsNew(ctx.clone()))?
            }),
        ),
        (
            "a panic of a destructor",
            orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
                struct Panics;
                impl Drop for Panics {
                    fn drop(&mut self) {
                        panic!("it failed")
                    }
                }
                ctx.call(WORK, ()).await?;
                let _held = Panics;
                ctx.continue_as_new(AGAIN, 1).await
            }),
        ),
        (
            "an output that cannot be written",
            orchestrator(async |ctx: OrchestrationContext, (): ()| {
                ctx.call(WORK, ()).await?;
                drop(ctx.continue_as_new(AGAIN, 1));
                Ok(Unwritable)
            }),
        ),
    ]
}

#[test]
fn a_failure_after_continue_as_new_fails_the_instance() {
    for (way, function) in ways_to_fail() {
        let mut host = Host::new(function, None);
        host.turn();
        let end = actions(&host.completed(0, "null").turn());
        assert_eq!(end.len(), 1, "{way}: {end:?}");
        assert!(end[0].starts_with("#1 Failed"), "{way}: {end:?}");
    }
}

#[test]
fn it_does_so_in_a_kept_instance_as_well() {
    for (way, function) in ways_to_fail() {
        let mut host = Host::new(function, None);
        let mut kept = KeptInstances::new(KeptLimits::default().verify_every(1));
        host.kept_turn(&mut kept);
        host.completed(0, "null");
        let end = actions(&host.kept_turn(&mut kept));
        assert_eq!(kept.continued(), 1, "{way}");
        assert!(end[0].starts_with("#1 Failed"), "{way}: {end:?}");
    }
}

#[test]
fn it_does_so_in_the_first_poll_as_well() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<()> {
        drop(ctx.continue_as_new(AGAIN, 1));
        Err(Failure::new("Mine", "it failed").into())
    });
    let end = actions(&Host::new(function, None).turn());
    assert_eq!(end, ["#0 Failed Mine: it failed"]);
}

#[test]
fn without_a_failure_the_decision_stands() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<u8> {
        drop(ctx.continue_as_new(AGAIN, 1));
        Ok(5)
    });
    let end = actions(&Host::new(function, None).turn());
    assert_eq!(end, ["#0 ContinuedAsNew(1)"]);
}
