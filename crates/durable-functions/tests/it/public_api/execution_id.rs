//! The id of an execution.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction};
use durable_functions::{Event, OrchestrationContext};
use durable_protocol::messages::{EventType, OrchestratorResponse};
use prost::Message;

use crate::support::{Host, actions, orchestrator};

const GO: Event<u32> = Event::new("go");

/// Gives the id before and after a wait.
fn ids() -> OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let before = ctx.execution_id();
        ctx.wait_for(GO).await?;
        Ok((before, ctx.execution_id()))
    })
}

/// A host whose history names this execution.
fn host(execution: Option<&str>) -> Host {
    let mut host = Host::new(ids(), None);
    let Some(EventType::ExecutionStarted(started)) = &mut host.inbox[0].event_type else {
        panic!("a host begins with ExecutionStarted");
    };
    let instance = started.orchestration_instance.as_mut().unwrap();
    instance.execution_id = execution.map(str::to_owned);
    host
}

#[test]
fn the_execution_id_is_the_one_of_the_history_in_every_turn() {
    for (execution, end) in [
        (Some("e1"), r#"#0 Completed(["e1","e1"])"#),
        // As after a continue-as-new: the same instance, another execution.
        (Some("e2"), r#"#0 Completed(["e2","e2"])"#),
        (Some(""), "#0 Completed([null,null])"),
        (None, "#0 Completed([null,null])"),
    ] {
        let mut host = host(execution);
        host.turn();
        assert_eq!(actions(&host.raised("go", Some("1")).turn()), [end]);
    }
}

/// The request that named it is gone by then.
#[test]
fn a_kept_instance_knows_its_execution_id_in_later_turns() {
    let mut host = host(Some("e1"));
    let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
    let mut turn = |host: &mut Host| {
        let request = host.request();
        let text = STANDARD.encode(request.encode_to_vec());
        let answer = kept.run_turn(host.function(), &text, Instant::now());
        let answer = STANDARD.decode(answer).unwrap();
        let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
        host.store(request, &answer);
        answer
    };
    turn(&mut host);
    let end = turn(host.raised("go", Some("1")));
    assert_eq!(actions(&end), [r#"#0 Completed(["e1","e1"])"#]);
    assert_eq!(kept.continued(), 1);
}
