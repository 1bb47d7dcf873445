//! Events that an orchestration sends.

use durable_functions::{Event, OrchestrationContext};
use serde::{Serialize, Serializer};

use crate::support::{Host, actions, failure, orchestrator};

/// A type that writes itself in its own way.
struct Celsius(f64);

impl Serialize for Celsius {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:.1} degrees", self.0))
    }
}

#[test]
fn s37_the_payload_is_written_by_its_own_type() {
    let mut host = Host::new(
        orchestrator(async |ctx: OrchestrationContext, (): ()| {
            ctx.send_event("other", Event::new("measured"), Celsius(21.0))?;
            Ok(())
        }),
        None,
    );
    assert_eq!(
        actions(&host.turn()),
        [
            r#"#0 measured to other: "21.0 degrees""#,
            "#1 Completed(null)"
        ]
    );
}

#[test]
fn s38_an_event_without_a_name_is_a_failure_and_not_an_action() {
    for name in ["", " \t"] {
        let mut host = Host::new(
            orchestrator(move |ctx: OrchestrationContext, (): ()| async move {
                ctx.send_event("other", Event::new(name), 1)?;
                Ok(())
            }),
            None,
        );
        let answer = host.turn();
        assert_eq!(failure(&answer).error_type, "InvalidEventName", "{name:?}");
        assert_eq!(answer.actions.len(), 1);
    }
}
