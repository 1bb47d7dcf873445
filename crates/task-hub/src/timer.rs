//! Timers: messages that arrive at their time.
//!
//! Invariants: a timer fires at its time or later, never before; a real host with Azure Storage fires up to a
//! second early, and no code should depend on that. A timer that fires becomes a message in the step that
//! removes it. It ends with its execution, unless that failed and may be rewound.

use durable_protocol::messages::EventType;

use crate::changes::Timer;
use crate::history;
use crate::instance::Phase;
use crate::step::Step;
use crate::store::StoreError;

impl Step<'_> {
    pub(crate) fn fire(&mut self, timer: Timer) -> Result<(), StoreError> {
        let message = timer.message;
        self.changes.fired.push(message.number);
        if message.target.starts_with('@') {
            return self.receive_encoded(&message.target, &message.body);
        }
        let is_start = self
            .instance(&message.target)?
            .is_some_and(|instance| instance.phase == Phase::Scheduled)
            && matches!(
                history::decode(&message.body).event_type,
                Some(EventType::ExecutionStarted(_))
            );
        let target = message.target;
        // Dropped when the execution has ended: a rewind does not bring it back.
        let delivery = self.deliver_encoded(&target, message.execution, message.body)?;
        if is_start
            && delivery.is_ok()
            && let Some(change) = self.edit(&target)?
        {
            change.record.phase = Phase::Begun;
        }
        Ok(())
    }
}
