//! Start and end of an orchestration.

use durable_functions::OrchestrationContext;
use durable_protocol::messages::{
    EventType, OrchestrationInstance, OrchestratorCompletedEvent, ParentInstanceInfo,
};

use crate::support::{Host, actions, event, orchestrator};

#[test]
fn s01_the_input_is_decoded_and_the_result_is_the_output() {
    let function = orchestrator(async |_, (name, n): (String, u32)| Ok(vec![name; n as usize]));
    let mut host = Host::new(function, Some(r#"["a", 2]"#));
    assert_eq!(actions(&host.turn()), [r#"#0 Completed(["a","a"])"#]);
}

fn parent() -> durable_functions::worker::OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        Ok(ctx
            .parent()
            .map(|parent| (parent.instance_id().to_owned(), parent.name().to_owned())))
    })
}

#[test]
fn s02_a_child_knows_its_parent() {
    let mut host = Host::new(parent(), None);
    let Some(EventType::ExecutionStarted(started)) = &mut host.inbox[0].event_type else {
        panic!("a host begins with ExecutionStarted");
    };
    started.parent_instance = Some(ParentInstanceInfo {
        task_scheduled_id: 3,
        name: Some("outer".to_owned()),
        version: None,
        orchestration_instance: Some(OrchestrationInstance {
            instance_id: "parent-1".to_owned(),
            execution_id: None,
        }),
    });
    assert_eq!(
        actions(&host.turn()),
        [r#"#0 Completed(["parent-1","outer"])"#]
    );
}

#[test]
fn s03_an_instance_that_a_client_started_has_no_parent() {
    let mut host = Host::new(parent(), None);
    assert_eq!(actions(&host.turn()), ["#0 Completed(null)"]);
}

#[test]
fn s04_the_name_comes_from_the_history() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.wait_for(durable_functions::Event::<()>::new("go"))
                .await?;
            Ok(ctx.name())
        }),
        None,
    );
    // Spelled as the client spelled it; the host does not mind the letter case.
    let Some(EventType::ExecutionStarted(started)) = &mut host.inbox[0].event_type else {
        panic!("a host begins with ExecutionStarted");
    };
    started.name = "Orchestrator".to_owned();
    host.turn();
    assert_eq!(
        actions(&host.raised("go", None).turn()),
        [r#"#0 Completed("Orchestrator")"#]
    );
}

#[test]
fn s06_an_orchestrator_that_returns_at_once_completes_and_asks_for_nothing_else() {
    let mut host = Host::new(orchestrator(async |_, (): ()| Ok("done")), None);
    assert_eq!(actions(&host.turn()), [r#"#0 Completed("done")"#]);
}

/// The extension puts one there after a continue-as-new.
#[test]
fn s58_orchestrator_completed_among_new_events_has_no_effect() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.wait_for(durable_functions::Event::<()>::new("go"))
                .await?;
            Ok("went")
        }),
        None,
    );
    let completed = || EventType::OrchestratorCompleted(OrchestratorCompletedEvent {});
    host.inbox.insert(0, event(-1, completed(), 0));
    assert!(host.deliver(completed()).turn().actions.is_empty());
    host.deliver(completed()).raised("go", None);
    assert_eq!(
        actions(&host.deliver(completed()).turn()),
        [r#"#0 Completed("went")"#]
    );
}
