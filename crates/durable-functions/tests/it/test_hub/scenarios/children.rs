//! Sub-orchestrations.

use durable_functions::{Failure, OrchestrationContext, Orchestrator};

use super::{asked_for, failure, hub, orchestrator};

const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");

#[tokio::test]
async fn s31_a_child_gives_its_output() {
    let mut hub =
        hub(async |ctx: OrchestrationContext, n: u32| Ok(ctx.call_orchestrator(CHILD, n).await?))
            .orchestrator(CHILD, async |_, n| Ok(n + 1));
    let handle = orchestrator::<u32, u32>();
    assert_eq!(hub.run(handle, &1).with_id("a").await.unwrap(), 2);
    assert_eq!(asked_for(&hub), ["#0 child child"]);
    assert_eq!(hub.instance_ids().unwrap().len(), 2);
}

#[tokio::test]
async fn s32_the_failure_of_a_child_keeps_its_type() {
    let mut hub =
        hub(async |ctx: OrchestrationContext, n: u32| Ok(ctx.call_orchestrator(CHILD, n).await?))
            .orchestrator(CHILD, async |_, n: u32| {
                Err(Failure::new("Odd", format!("no luck with {n}")).into())
            });
    hub.start(orchestrator::<u32, u32>(), &1)
        .with_id("a")
        .await
        .unwrap();
    assert_eq!(
        failure(&mut hub).await,
        "Odd: sub-orchestration 'child' (#0) failed: no luck with 1"
    );
}
