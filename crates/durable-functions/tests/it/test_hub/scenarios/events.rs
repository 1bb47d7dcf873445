//! External events.

use durable_functions::{Event, OrchestrationContext, Orchestrator, RuntimeStatus};
use serde::{Serialize, Serializer};

use super::{GO, SECOND, asked_for, failure, hub, orchestrator};

#[tokio::test]
async fn s35_waiting_for_an_event_is_no_action_and_the_event_ends_it() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| Ok(ctx.wait_for(GO).await?));
    hub.start(orchestrator::<(), u32>(), &())
        .with_id("a")
        .await
        .unwrap();
    hub.run_until_idle().await.unwrap();
    hub.raise("a", Event::new("go"), &7).unwrap();
    hub.run_until_ended("a").await.unwrap();
    assert_eq!(hub.output::<u32>("a").unwrap(), 7);
    assert!(asked_for(&hub).is_empty());
}

/// A type that writes itself in its own way.
struct Celsius(f64);

impl Serialize for Celsius {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:.1} degrees", self.0))
    }
}

#[tokio::test]
async fn s36_s37_an_event_is_sent_in_the_form_of_its_own_type_and_arrives() {
    const OTHER: Orchestrator<(), String> = Orchestrator::new("other");
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        ctx.send_event("b", Event::new("measured"), Celsius(21.0))?;
        Ok(())
    })
    .orchestrator(OTHER, async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx.wait_for(Event::<String>::new("measured")).await?)
    });
    hub.start(OTHER, &()).with_id("b").await.unwrap();
    hub.run(orchestrator::<(), ()>(), &())
        .with_id("a")
        .await
        .unwrap();
    hub.run_until_ended("b").await.unwrap();
    assert_eq!(hub.output::<String>("b").unwrap(), "21.0 degrees");
    assert_eq!(asked_for(&hub), ["#0 measured to b"]);
}

#[tokio::test]
async fn s38_an_impossible_name_or_target_is_a_failure_and_not_an_action() {
    for (target, name, error_type) in [
        ("b", "", "InvalidEventName"),
        ("b", " \t", "InvalidEventName"),
        ("", "Go", "InvalidInstanceId"),
        ("@counter@a", "Go", "InvalidInstanceId"),
    ] {
        let mut hub = hub(move |ctx: OrchestrationContext, (): ()| async move {
            ctx.send_event(target, Event::new(name), 1)?;
            Ok(())
        });
        hub.start(orchestrator::<(), ()>(), &())
            .with_id("a")
            .await
            .unwrap();
        let failure = failure(&mut hub).await;
        assert!(failure.starts_with(&format!("{error_type}: ")), "{failure}");
        assert!(asked_for(&hub).is_empty());
    }
}

#[tokio::test]
async fn s41_an_event_before_the_wait_is_kept() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| {
        ctx.sleep(SECOND).await;
        Ok((ctx.wait_for(GO).await?, ctx.wait_for(GO).await?))
    });
    hub.start(orchestrator::<(), (u32, u32)>(), &())
        .with_id("a")
        .await
        .unwrap();
    hub.raise("a", GO, &1).unwrap();
    hub.raise("a", GO, &2).unwrap();
    hub.run_until_ended("a").await.unwrap();
    assert_eq!(hub.output::<(u32, u32)>("a").unwrap(), (1, 2));
}

#[tokio::test]
async fn s42_a_suspended_instance_keeps_events_until_it_is_resumed() {
    let mut hub = hub(async |ctx: OrchestrationContext, (): ()| Ok(ctx.wait_for(GO).await?));
    hub.start(orchestrator::<(), u32>(), &())
        .with_id("a")
        .await
        .unwrap();
    hub.run_until("a", RuntimeStatus::Running).await.unwrap();
    hub.suspend("a", "wait").unwrap();
    hub.raise("a", GO, &7).unwrap();
    hub.run_until_idle().await.unwrap();
    let status = hub.status("a").unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Suspended);
    hub.resume("a", "go on").unwrap();
    hub.run_until_ended("a").await.unwrap();
    assert_eq!(hub.output::<u32>("a").unwrap(), 7);
}
