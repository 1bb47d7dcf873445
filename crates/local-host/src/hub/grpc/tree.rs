//! The sub-orchestrations of an instance.

use durable_protocol::messages::{EventType, HistoryEvent};
use prost::Message as _;
use task_hub::{Store as _, StoreError};

use super::super::driver::TaskHub;

/// The sub-orchestrations that the current execution has started, as far as their ids are still theirs.
pub(super) fn children(hub: &TaskHub, id: &str) -> Result<Vec<String>, StoreError> {
    let mut children = Vec::new();
    for event in hub.store().history(id)? {
        let kind = HistoryEvent::decode(event)
            .ok()
            .and_then(|it| it.event_type);
        let Some(EventType::SubOrchestrationInstanceCreated(created)) = kind else {
            continue;
        };
        let child = hub.instance(&created.instance_id)?;
        if child.is_some_and(|child| child.parent() == Some(id)) {
            children.push(created.instance_id);
        }
    }
    Ok(children)
}
