//! Tasks: calls and timers, including those that take more than one action (retries, timers that are
//! longer than the host allows).
//!
//! They go on when their events arrive, whether or not their future is polled.

use std::task::Waker;
use std::time::Duration;

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateSubOrchestrationAction, CreateTimerAction, OrchestratorActionType, ScheduleTaskAction,
};

use super::State;
use super::action_id;
use super::driver::{Call, Driver, Retry};
use super::kind::SlotKind;
use super::slot::{Extra, Outcome};
use crate::Failure;
use crate::engine::payload::Payload;
use crate::retry::RetryPolicy;

/// Azure Storage cannot hide a message for more than seven days, and the host repeats a turn with a
/// longer timer without end. The other SDKs split at three days.
const LONGEST_TIMER: Duration = Duration::from_secs(3 * 24 * 60 * 60);

impl State {
    /// Schedules a call. One whose input cannot be made fails at once.
    pub(crate) fn call(
        &mut self,
        call: Call,
        input: impl FnOnce() -> Result<Option<String>, Failure>,
        retry: Option<RetryPolicy>,
    ) -> usize {
        let Some(policy) = retry else {
            return self.schedule(call.kind(), call.name(), None, |state, id| {
                Ok(action(&call, state, id, input()?))
            });
        };
        // Every attempt sends the input again, so it is made even when the first is history.
        let input = match input() {
            Ok(input) => input,
            Err(failure) => return self.refuse_call(&call, failure),
        };
        let first_at = self.now;
        let task = self.schedule(call.kind(), call.name(), None, |state, id| {
            Ok(action(&call, state, id, input.clone()))
        });
        self.drive(
            task,
            Driver {
                due: first_at,
                reached: first_at,
                retry: Some(Retry {
                    call,
                    policy,
                    input,
                    attempt: 1,
                    first_at,
                }),
            },
        );
        task
    }

    /// A call that is not allowed fails at once and is never sent.
    pub(crate) fn refuse_call(&mut self, call: &Call, failure: Failure) -> usize {
        self.refuse(call.kind(), call.name(), failure)
    }

    /// The id of a child for which the user chose none. The execution id makes it unique among the
    /// executions of an instance. The host cannot handle an empty id.
    pub(crate) fn child_instance_id(&self, epoch: u8, number: usize) -> String {
        let parent = self.execution_id().unwrap_or(self.instance_id());
        format!("{parent}:{:04x}", action_id::wire_id(epoch, number))
    }

    /// Starts a timer that fires at `due`, in as many steps as it takes.
    pub(crate) fn create_timer(&mut self, due: Timestamp) -> usize {
        // A time before year 1 cannot be read by a host. It is past, so the timer fires at once.
        let due = due.max(Timestamp::default());
        let reached = next_step(self.now, due);
        let task = self.timer_action(None, reached);
        if reached < due {
            let retry = None;
            self.drive(
                task,
                Driver {
                    due,
                    reached,
                    retry,
                },
            );
        }
        task
    }

    fn timer_action(&mut self, owner: Option<usize>, fire_at: Timestamp) -> usize {
        self.schedule(SlotKind::Timer, "", owner, |_, _| {
            Ok(OrchestratorActionType::CreateTimer(CreateTimerAction {
                fire_at: Some(fire_at.into()),
            }))
        })
    }

    fn drive(&mut self, task: usize, driver: Driver) {
        if let Some(slot) = self.actions.get_mut(task) {
            slot.extra = Some(Box::new(Extra::Driver(driver)));
        }
    }

    /// The action `id`, if the code scheduled one of that kind and this is the first report of its end.
    /// Other reports are duplicates, results of work that another execution left open, or the host's own
    /// timer -100.
    #[inline(always)]
    pub(in crate::engine) fn end_of(&mut self, id: i32, kind: SlotKind) -> Option<usize> {
        self.first_end_of(id, kind).or_else(|| {
            let same_child = match kind {
                SlotKind::SubOrchestration => self.same_child(id)?,
                _ => return None,
            };
            same_child
                .into_iter()
                .find_map(|id| self.first_end_of(id, kind))
        })
    }

    fn first_end_of(&mut self, id: i32, kind: SlotKind) -> Option<usize> {
        let (epoch, id) = action_id::parts(id)?;
        let slot = self.actions.get_mut(id)?;
        (slot.kind == kind
            && slot.was_asked_for_in(epoch)
            && !std::mem::replace(&mut slot.ended, true))
        .then_some(id)
    }

    /// The timer of the action `id` fired. The time does not matter: hosts fire up to a second early, and
    /// a timer that has fired is over.
    ///
    /// The returned waker is to be woken once the borrow has ended, as for every report.
    #[must_use]
    pub(crate) fn timer_fired(&mut self, id: i32) -> Option<Waker> {
        let id = self.end_of(id, SlotKind::Timer)?;
        let task = self.actions.get(id)?.owner as usize;
        let slot = self.actions.get_mut(task)?;
        let Some(Extra::Driver(driver)) = slot.extra.as_deref_mut() else {
            return self.settle(task, Outcome::Completed(Payload::Absent));
        };
        if driver.reached < driver.due {
            let reached = next_step(driver.reached, driver.due);
            driver.reached = reached;
            self.timer_action(Some(task), reached);
            return None;
        }
        let Some(retry) = &mut driver.retry else {
            return self.settle(task, Outcome::Completed(Payload::Absent));
        };
        retry.attempt += 1;
        let (call, input) = (retry.call.clone(), retry.input.clone());
        self.schedule(call.kind(), call.name(), Some(task), |state, id| {
            Ok(action(&call, state, id, input))
        });
        None
    }

    /// The action `id` has a result.
    #[must_use]
    pub(crate) fn completed(
        &mut self,
        id: i32,
        kind: SlotKind,
        result: Option<&[u8]>,
    ) -> Option<Waker> {
        let number = self.end_of(id, kind)?;
        let task = self.actions.get(number)?.owner as usize;
        let outcome = Outcome::Completed(self.source.payload(result));
        self.settle(task, outcome)
    }

    /// The action `number`, an attempt of a call, failed: the task fails, or it waits and tries again. `retry` is
    /// what the user's predicate says, if there is one.
    #[must_use]
    pub(in crate::engine) fn attempt_failed(
        &mut self,
        number: usize,
        failure: Failure,
        retry: bool,
    ) -> Option<Waker> {
        let now = self.now;
        let task = self.actions.get(number)?.owner as usize;
        let slot = self.actions.get_mut(task)?;
        if !slot.outcome.is_open() {
            return None;
        }
        if retry
            && let Some(Extra::Driver(driver)) = slot.extra.as_deref_mut()
            && let Some(retry) = &driver.retry
            && let Some(delay) =
                retry
                    .policy
                    .next_delay(retry.attempt, now.since(retry.first_at), &failure)
        {
            let due = now.after(delay);
            let reached = next_step(now, due);
            driver.due = due;
            driver.reached = reached;
            self.timer_action(Some(task), reached);
            return None;
        }
        self.settle(task, Outcome::Failed(Box::new(failure)))
    }
}

/// The action that makes a call.
fn action(call: &Call, state: &State, id: usize, input: Option<String>) -> OrchestratorActionType {
    match call {
        Call::Activity { name } => {
            OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
                name: (*name).to_owned(),
                input,
                ..Default::default()
            }))
        }
        Call::SubOrchestration {
            name,
            version,
            instance_id,
        } => {
            OrchestratorActionType::CreateSubOrchestration(Box::new(CreateSubOrchestrationAction {
                instance_id: instance_id
                    .clone()
                    .unwrap_or_else(|| state.child_instance_id(state.actions.epoch(), id)),
                name: (*name).to_owned(),
                // The extension gives children no default version of its own.
                version: version
                    .map(str::to_owned)
                    .or_else(|| state.settings.default_version.as_deref().map(str::to_owned)),
                input,
                ..Default::default()
            }))
        }
    }
}

/// Where a wait from `from` to `due` must stop the first time.
fn next_step(from: Timestamp, due: Timestamp) -> Timestamp {
    due.min(from.after(LONGEST_TIMER))
}
