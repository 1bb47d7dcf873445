//! Tasks that take more than one action: retries, and timers that are longer than the host allows.
//!
//! They go on by themselves when their events arrive, whether or not anybody polls their future.

use std::borrow::Cow;
use std::task::Waker;
use std::time::Duration;

use super::slot::{Outcome, SlotKind};
use super::state::State;
use crate::proto::{CreateTimerAction, OrchestratorActionType, ScheduleTaskAction};
use crate::retry::RetryPolicy;
use crate::wire::Timestamp;
use crate::{Failure, activity::envelope};

/// Azure Storage cannot hide a message for more than seven days; a longer timer poisons the task
/// hub. The other SDKs split at three days, so that a host can rely on it.
const LONGEST_TIMER: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// What a task does when one of its actions ends.
#[derive(Debug)]
pub(crate) struct Driver {
    /// When the current wait is over: of a retry delay, or of the whole timer.
    due: Timestamp,
    /// When the timer that runs now fires; before `due` if the wait is split.
    reached: Timestamp,
    retry: Option<Retry>,
}

/// A call that is tried again.
#[derive(Debug)]
struct Retry {
    policy: RetryPolicy,
    input: Option<String>,
    attempt: u32,
    first_at: Timestamp,
}

impl State {
    /// Schedules an activity.
    pub(crate) fn call_activity(
        &mut self,
        name: &'static str,
        input: impl FnOnce() -> Result<Option<String>, Failure>,
        retry: Option<RetryPolicy>,
    ) -> usize {
        let Some(policy) = retry else {
            return self.schedule(
                SlotKind::Activity,
                Cow::Borrowed(name),
                None,
                |state| match input() {
                    Ok(input) => Some(schedule_task(name, input)),
                    Err(failure) => {
                        state.condemn(failure);
                        None
                    }
                },
            );
        };
        // Every attempt sends the input again, so it is kept from the start.
        let input = input().unwrap_or_else(|failure| {
            self.condemn(failure);
            None
        });
        let first_at = self.now;
        let task = self.schedule(SlotKind::Activity, Cow::Borrowed(name), None, |_| {
            Some(schedule_task(name, input.clone()))
        });
        self.drive(
            task,
            Driver {
                due: first_at,
                reached: first_at,
                retry: Some(Retry {
                    policy,
                    input,
                    attempt: 1,
                    first_at,
                }),
            },
        );
        task
    }

    /// Starts a timer that fires at `due`, in as many steps as it takes.
    pub(crate) fn create_timer(&mut self, due: Timestamp) -> usize {
        let reached = next_step(self.now, due);
        let task = self.schedule(SlotKind::Timer, Cow::Borrowed(""), None, |_| {
            Some(create_timer(reached))
        });
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

    fn drive(&mut self, task: usize, driver: Driver) {
        if let Some(slot) = self.slots.get_mut(task) {
            slot.driver = Some(Box::new(driver));
        }
    }

    /// The action `id` fired its timer. The time of firing is not looked at: hosts fire up to a
    /// second early, and a timer that has fired is over.
    pub(crate) fn timer_fired(&mut self, id: usize) -> Option<Waker> {
        let task = self.slots.get(id)?.owner;
        let slot = self.slots.get_mut(task)?;
        let Some(driver) = &mut slot.driver else {
            return self.settle(task, Outcome::Completed(None));
        };
        if driver.reached < driver.due {
            let reached = next_step(driver.reached, driver.due);
            driver.reached = reached;
            self.schedule(SlotKind::Timer, Cow::Borrowed(""), Some(task), |_| {
                Some(create_timer(reached))
            });
            return None;
        }
        let Some(retry) = &mut driver.retry else {
            return self.settle(task, Outcome::Completed(None));
        };
        retry.attempt += 1;
        let input = retry.input.clone();
        let (kind, name) = (slot.kind, slot.name.clone());
        self.schedule(kind, name.clone(), Some(task), |_| {
            Some(schedule_task(&name, input))
        });
        None
    }

    /// An attempt of a task ended with `outcome`: the task ends, or it waits and tries again.
    pub(crate) fn attempt_ended(&mut self, id: usize, outcome: Outcome) -> Option<Waker> {
        let now = self.now;
        let task = self.slots.get(id)?.owner;
        let outcome = match outcome {
            Outcome::Completed(Some(result)) => match envelope::failure_in(&result) {
                Some(failure) => Outcome::Failed(failure),
                None => Outcome::Completed(Some(result)),
            },
            other => other,
        };
        let slot = self.slots.get_mut(task)?;
        if let Outcome::Failed(failure) = &outcome
            && let Some(driver) = &mut slot.driver
            && let Some(retry) = &driver.retry
            && let Some(delay) =
                retry
                    .policy
                    .next_delay(retry.attempt, now.since(retry.first_at), failure)
        {
            let due = now.after(delay);
            let reached = next_step(now, due);
            driver.due = due;
            driver.reached = reached;
            self.schedule(SlotKind::Timer, Cow::Borrowed(""), Some(task), |_| {
                Some(create_timer(reached))
            });
            return None;
        }
        self.settle(task, outcome)
    }
}

/// Where a wait from `from` to `due` must stop the first time.
fn next_step(from: Timestamp, due: Timestamp) -> Timestamp {
    due.min(from.after(LONGEST_TIMER))
}

fn schedule_task(name: &str, input: Option<String>) -> OrchestratorActionType {
    OrchestratorActionType::ScheduleTask(Box::new(ScheduleTaskAction {
        name: name.to_owned(),
        input,
        ..Default::default()
    }))
}

fn create_timer(fire_at: Timestamp) -> OrchestratorActionType {
    OrchestratorActionType::CreateTimer(CreateTimerAction {
        fire_at: Some(fire_at.to_proto()),
    })
}
