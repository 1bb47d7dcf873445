//! Ids and random numbers: new on every call, the same on every replay.

use crate::support::{Host, actions, answer, orchestrator};
use durable_functions::{Activity, OrchestrationContext};
use durable_protocol::messages::EventType;

const NOTE: Activity<Vec<String>, ()> = Activity::new("note");

fn three_ids() -> durable_functions::worker::OrchestratorFunction {
    orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let ids: Vec<_> = (0..2).map(|_| ctx.new_uuid().to_string()).collect();
        ctx.call(NOTE, ids.clone()).await?;
        Ok([ids, vec![ctx.new_uuid().to_string()]].concat())
    })
}

/// The instance of the tests is `abc`, its first turn 2024-01-02T03:04:05Z.
#[test]
fn ids_are_those_of_the_dotnet_sdk() {
    let mut host = Host::new(three_ids(), None);
    let first = actions(&host.turn());
    assert!(
        first[0].contains("a1239379-7719-5253-84a4-29155a59f930"),
        "{first:?}"
    );
    let mut request = Host::new(three_ids(), None).request();
    for event in &mut request.new_events {
        if let Some(EventType::OrchestratorStarted(_)) = event.event_type {
            event.timestamp.as_mut().unwrap().nanos = 123_456_700;
        }
    }
    let second = actions(&answer(&three_ids(), &request));
    assert!(
        second[0].contains("ce406207-0baa-586a-ac0c-b682b90cf043"),
        "{second:?}"
    );
}

#[test]
fn ids_differ_from_each_other_and_survive_replay() {
    let mut host = Host::new(three_ids(), None);
    let asked = actions(&host.turn());
    let end = actions(&host.completed(0, "null").turn());
    let ids: Vec<String> = serde_json::from_str(
        end[0]
            .strip_prefix("#1 Completed(")
            .unwrap()
            .strip_suffix(')')
            .unwrap(),
    )
    .unwrap();
    assert!(asked[0].contains(&ids[0]) && asked[0].contains(&ids[1]));
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 3);
}

#[test]
fn random_numbers_are_the_same_on_every_replay_and_differ_between_streams() {
    use durable_functions::rand_core::Rng;
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        fn draw(mut rng: impl Rng) -> String {
            rng.next_u64().to_string()
        }
        let drawn = vec![draw(ctx.rng()), draw(ctx.rng())];
        ctx.call(NOTE, drawn.clone()).await?;
        Ok(drawn)
    });
    let mut host = Host::new(function, None);
    let asked = actions(&host.turn());
    let end = actions(&host.completed(0, "null").turn());
    assert_eq!(
        asked[0].strip_prefix("#0 note("),
        end[0].strip_prefix("#1 Completed(")
    );
    let drawn: Vec<String> = serde_json::from_str(
        asked[0]
            .strip_prefix("#0 note(")
            .unwrap()
            .strip_suffix(')')
            .unwrap(),
    )
    .unwrap();
    assert_ne!(drawn[0], drawn[1]);
}
