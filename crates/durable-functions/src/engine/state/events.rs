//! Events that are sent: to other instances, and to entities, whose messages are events as well.

use std::borrow::Cow;

use durable_protocol::messages::{OrchestrationInstance, OrchestratorActionType, SendEventAction};

use super::State;
use super::kind::SlotKind;
use super::slot::Extra;

impl State {
    /// Sends an event to the instance `target`. `data` is only made when the history does not hold
    /// the action.
    pub(crate) fn send_event(
        &mut self,
        target: String,
        name: Cow<'static, str>,
        data: impl FnOnce(&State) -> Option<String>,
    ) -> usize {
        let task = self.schedule(SlotKind::SendEvent, "", None, |state, _| {
            let action = SendEventAction {
                instance: Some(OrchestrationInstance {
                    instance_id: target.clone(),
                    execution_id: None,
                }),
                name: name.clone().into_owned(),
                data: data(state),
            };
            Ok(OrchestratorActionType::SendEvent(Box::new(action)))
        });
        if let Some(slot) = self.actions.get_mut(task) {
            slot.extra = Some(Box::new(Extra::Sent {
                name: name.into_owned(),
                target,
            }));
        }
        task
    }
}
