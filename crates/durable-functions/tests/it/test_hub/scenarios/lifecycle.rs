//! Start, identity, end, and the next generation.

use durable_functions::{OrchestrationContext, Orchestrator, RuntimeStatus};

use super::{GO, SECOND, asked_for, hub, orchestrator};

#[tokio::test]
async fn s01_the_input_is_decoded_and_the_result_is_the_output() {
    let mut hub = hub(async |_, (name, n): (String, u32)| Ok(vec![name; n as usize]));
    let handle = orchestrator::<(String, u32), Vec<String>>();
    assert_eq!(
        hub.run(handle, &("a".to_owned(), 2)).await.unwrap(),
        ["a", "a"]
    );
}

type Parent = Option<(String, String)>;

#[tokio::test]
async fn s02_s03_a_child_knows_its_parent_and_an_instance_of_a_client_has_none() {
    const CHILD: Orchestrator<(), Parent> = Orchestrator::new("child");
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        assert!(ctx.parent().is_none());
        Ok(ctx.call_orchestrator(CHILD, ()).await?)
    })
    .orchestrator(CHILD, async |ctx: OrchestrationContext, (): ()| {
        let parent = ctx.parent();
        Ok(parent.map(|it| (it.instance_id().to_owned(), it.name().to_owned())))
    });
    let handle = orchestrator::<(), Parent>();
    let parent = hub.run(handle, &()).with_id("a").await.unwrap();
    assert_eq!(parent, Some(("a".to_owned(), "orchestrator".to_owned())));
}

#[tokio::test]
async fn s04_the_name_comes_from_the_history() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        ctx.sleep(SECOND).await;
        Ok(ctx.name())
    });
    // Spelled as the client spelled it.
    let handle = Orchestrator::<(), String>::new("Orchestrator");
    assert_eq!(hub.run(handle, &()).await.unwrap(), "Orchestrator");
}

#[tokio::test]
async fn s06_an_orchestrator_that_returns_at_once_completes_and_asks_for_nothing_else() {
    let mut hub = hub(async |_, (): ()| Ok("done"));
    let handle = orchestrator::<(), String>();
    assert_eq!(hub.run(handle, &()).with_id("a").await.unwrap(), "done");
    assert!(asked_for(&hub).is_empty());
}

#[tokio::test]
async fn s43_terminate_ends_with_the_reason_and_what_comes_later_is_ignored() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| Ok(ctx.wait_for(GO).await?));
    let handle = orchestrator::<(), u32>();
    hub.start(handle, &()).with_id("a").await.unwrap();
    hub.run_until("a", RuntimeStatus::Running).await.unwrap();
    hub.terminate("a", "enough").unwrap();
    // The instance ends before it reads the event.
    hub.raise("a", GO, &1).unwrap();
    let status = hub.run_until_ended("a").await.unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(status.output.as_deref(), Some("enough"));
}

#[tokio::test]
async fn s44_s58_the_next_generation_gets_the_events_unless_they_are_dropped() {
    for keeps in [true, false] {
        let mut hub = hub(
            move |ctx: OrchestrationContext, generation: u32| async move {
                if generation == 0 {
                    ctx.sleep(SECOND).await;
                    let next = ctx.continue_as_new(orchestrator::<u32, Option<u32>>(), 1);
                    return if keeps { next } else { next.dropping_events() }.await;
                }
                let limit = ctx.timeout(SECOND, ctx.wait_for(GO)).await;
                Ok(limit.ok().transpose()?)
            },
        );
        let handle = orchestrator::<u32, Option<u32>>();
        hub.start(handle, &0).with_id("a").await.unwrap();
        hub.raise("a", GO, &7).unwrap();
        hub.run_until_ended("a").await.unwrap();
        let output: Option<u32> = hub.output("a").unwrap();
        assert_eq!(output, keeps.then_some(7));
    }
}
