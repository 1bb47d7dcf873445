//! What is said of a call after it was made: the id of a child, and which failures are retried.
//!
//! A call is asked for when it is made, so that calls run side by side. Its options come after that, but in the same
//! turn, before the host has the action.

use std::rc::Rc;

use super::State;
use super::driver::{Call, Driver};
use super::slot::Extra;
use crate::name::check_instance_id;
use crate::{Failure, error_type};
use durable_protocol::messages::OrchestratorActionType;

/// Whether a failure is worth another attempt.
pub(crate) type RetryPredicate = Rc<dyn Fn(&Failure) -> bool>;

impl State {
    /// Gives the child of `task`, which was called in the turn `called_in`, an instance id.
    pub(crate) fn set_child_id(&mut self, task: usize, called_in: u32, id: String) {
        let Some(slot) = self.actions.get_mut(task) else {
            return;
        };
        if !slot.outcome.is_open() {
            // It was refused: nothing is sent, whatever its id.
            return;
        }
        if called_in != self.turn {
            self.fail_instance(Failure::new(
                error_type::INVALID_INSTANCE_ID,
                format!(
                    "{} was given the instance id '{id}' after it was sent to the host: call \
                     `with_id` before anything is awaited",
                    self.describe(task)
                ),
            ));
            return;
        }
        if let Err(failure) = check_instance_id(&id) {
            let name = slot.name;
            self.actions.withdraw(task);
            self.actions.refuse_added(task, name, failure);
            return;
        }
        if let Some(Extra::Driver(Driver {
            retry: Some(retry), ..
        })) = slot.extra.as_deref_mut()
            && let Call::SubOrchestration { instance_id, .. } = &mut retry.call
        {
            *instance_id = Some(id.clone());
        }
        // The history holds it already if nothing is asked for.
        if let Some(OrchestratorActionType::CreateSubOrchestration(child)) =
            self.actions.asked_mut(task)
        {
            child.instance_id = id;
        }
    }

    /// Retries `task` only after failures for which `predicate` says so.
    ///
    /// What is returned belongs to users and is to be dropped once the borrow has ended.
    #[must_use]
    pub(crate) fn set_retry_predicate(
        &mut self,
        task: usize,
        predicate: RetryPredicate,
    ) -> Option<RetryPredicate> {
        let Some(slot) = self.actions.get(task) else {
            return Some(predicate);
        };
        if !slot.outcome.is_open() {
            return Some(predicate);
        }
        if !matches!(
            slot.extra.as_deref(),
            Some(Extra::Driver(Driver { retry: Some(_), .. }))
        ) {
            self.fail_instance(Failure::new(
                error_type::INVALID_INPUT,
                format!(
                    "{} was told which failures to retry, but has no retry policy: give its handle one \
                     with `with_retry`",
                    self.describe(task)
                ),
            ));
            return Some(predicate);
        }
        self.retry_predicates.insert(task, predicate)
    }

    /// What decides beside the policy whether the failure of the action `number` is retried; for most nothing.
    pub(in crate::engine) fn retry_predicate(&self, number: usize) -> Option<RetryPredicate> {
        let task = self.actions.get(number)?.owner as usize;
        self.retry_predicates.get(&task).map(Rc::clone)
    }
}
