//! Timers: messages that arrive at their time.
//!
//! Invariants: a timer fires at its time or later, never before; a real host with Azure Storage fires up to a
//! second early, and no code should depend on that. A timer that fires becomes a message in the step that
//! removes it. It ends with its execution, unless that failed and may be rewound.

use crate::changes::Timer;
use crate::history::Kind;
use crate::instance::Phase;
use crate::step::Step;
use crate::store::StoreError;
use crate::{entity, history};

impl Step<'_> {
    pub(crate) fn fire(&mut self, timer: Timer) -> Result<(), StoreError> {
        let message = timer.message;
        self.changes.fired.push(message.number);
        if entity::is_entity(&message.target) {
            return self.receive_encoded(&message.target, &message.body);
        }
        let is_start = history::kind(&message.body) == Kind::ExecutionStarted
            && self
                .instance(&message.target)?
                .is_some_and(|instance| instance.phase == Phase::Scheduled);
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
