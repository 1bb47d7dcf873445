//! Letting the functions run: which work is next, and what becomes of its answer.
//!
//! Invariant: the clock moves only when nothing is ready. Without faults, activities come before entity batches
//! and those before turns, so a turn gets all results that are there.

use std::time::Duration;

use durable_protocol::messages::TaskFailureDetails;
use durable_protocol::{EntityId, Timestamp};
use task_hub::Kind;
use task_hub::work::{
    Activity as ScheduledActivity, ActivityOutcome, BatchOutcome, EntityBatch, Turn, TurnOutcome,
    WorkItem,
};

use super::error::TestErrorKind;
use super::functions::find;
use super::{TestError, TestHub};
use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::name::same_name;
use crate::time_limit::TimeLimit;
use crate::{Activity, ActivityContext, RuntimeStatus, Status};

/// How much one call may do. A test that needs more waits in several calls. Work without end is found within a few
/// seconds, also in a debug build.
const MOST_WORK: u32 = 100_000;
/// How much is under way at the same time, with faults.
const MOST_IN_FLIGHT: usize = 8;

/// The answer to a [`WorkItem`].
#[derive(Clone)]
enum Outcome {
    Turn(TurnOutcome),
    Activity(ActivityOutcome),
    Batch(BatchOutcome),
}

impl TestHub {
    /// Runs until the instance has completed, failed, or was terminated. Other instances run meanwhile.
    ///
    /// # Errors
    /// [`TestErrorKind::Idle`] when nothing is left to do before; [`TestErrorKind::NoInstance`].
    pub async fn run_until_ended(&mut self, id: &str) -> Result<Status, TestError> {
        self.run_until_status(id, RuntimeStatus::is_terminal).await
    }

    /// Runs until the instance has this status.
    ///
    /// # Errors
    /// [`TestErrorKind::Idle`] when nothing is left to do before; [`TestErrorKind::NoInstance`].
    pub async fn run_until(
        &mut self,
        id: &str,
        status: RuntimeStatus,
    ) -> Result<Status, TestError> {
        self.run_until_status(id, |it| it == status).await
    }

    async fn run_until_status(
        &mut self,
        id: &str,
        wanted: impl Fn(RuntimeStatus) -> bool,
    ) -> Result<Status, TestError> {
        let status = |hub: &Self| {
            let record = hub.hub.instance(id).map_err(|error| hub.error(error))?;
            record
                .map(|record| record.status.into())
                .ok_or_else(|| hub.error(TestErrorKind::NoInstance(id.to_owned())))
        };
        if !self
            .work_until(None, |hub| Ok(wanted(status(hub)?)))
            .await?
        {
            let status = status(self)?;
            let instance = id.to_owned();
            return Err(self.error(TestErrorKind::Idle { instance, status }));
        }
        let status = self.status(id)?;
        status.ok_or_else(|| self.error(TestErrorKind::NoInstance(id.to_owned())))
    }

    /// Runs until nothing is left to do, and moves the clock over all timers.
    ///
    /// # Errors
    /// [`TestErrorKind::Endless`] for an orchestration that never rests; a function that is not registered; turns
    /// that differ.
    pub async fn run_until_idle(&mut self) -> Result<(), TestError> {
        self.work_until(None, |_| Ok(false)).await?;
        Ok(())
    }

    /// Lets this time pass, and does what becomes ready meanwhile.
    ///
    /// # Errors
    /// As [`run_until_idle`](Self::run_until_idle).
    pub async fn advance(&mut self, duration: Duration) -> Result<(), TestError> {
        let end = self.after(duration);
        self.work_until(Some(end), |_| Ok(false)).await?;
        self.now = self.now.max(end);
        Ok(())
    }

    /// Does not run this activity for now: its calls wait, while timers fire and other work is done.
    pub fn hold<I, O>(&mut self, activity: Activity<I, O>) {
        self.holds.push(activity.name());
    }

    /// Runs the calls of this activity that waited, and those to come.
    pub fn release<I, O>(&mut self, activity: Activity<I, O>) {
        let name = activity.name();
        self.holds.retain(|held| !same_name(held, name));
        let released = self
            .held
            .extract_if(.., |it| same_name(&it.task.name, name));
        self.in_flight.extend(released.map(WorkItem::Activity));
    }

    /// Works until `is_done`, or nothing is left before `limit`: then `false`.
    async fn work_until(
        &mut self,
        limit: Option<Timestamp>,
        is_done: impl Fn(&Self) -> Result<bool, TestError>,
    ) -> Result<bool, TestError> {
        for _ in 0..MOST_WORK {
            if is_done(self)? {
                return Ok(true);
            }
            if self.work_once().await? {
                continue;
            }
            let due = self.hub.next_due().map_err(|error| self.error(error))?;
            let due = due.into_iter().chain(self.next_moment()).min();
            match due {
                Some(due) if limit.is_none_or(|limit| due <= limit) => self.go_to(due)?,
                _ => return Ok(false),
            }
        }
        Err(self.error(TestErrorKind::Endless(MOST_WORK)))
    }

    /// Does one piece of work; `false` when none is ready.
    async fn work_once(&mut self) -> Result<bool, TestError> {
        if !self.late.is_empty() && self.random.percent(30) {
            self.deliver_late()?;
        }
        let Some(item) = self.next_item()? else {
            let is_late = !self.late.is_empty();
            if is_late {
                self.deliver_late()?;
            }
            return Ok(is_late);
        };
        let outcome = match &item {
            WorkItem::Turn(turn) => Outcome::Turn(self.turn(turn)?),
            WorkItem::Activity(activity) => Outcome::Activity(self.run_activity(activity).await?),
            WorkItem::EntityBatch(batch) => Outcome::Batch(self.run_batch(batch).await?),
        };
        if self.random.percent(self.faults.lost_answers) {
            self.answer(&item, lost(&outcome))?;
            return Ok(true);
        }
        if self.random.percent(self.faults.repeated_answers) {
            self.answer(&item, outcome.clone())?;
        }
        self.answer(&item, outcome)?;
        Ok(true)
    }

    fn next_item(&mut self) -> Result<Option<WorkItem>, TestError> {
        let spread = self.faults.reordering;
        while self.in_flight.len() < MOST_IN_FLIGHT
            && self.random.percent(spread)
            && self.take_any()?
        {}
        if self.in_flight.is_empty() {
            self.take_any()?;
        }
        if self.in_flight.is_empty() {
            return Ok(None);
        }
        let place = if spread > 0 {
            self.random.pick(self.in_flight.len())
        } else {
            0
        };
        Ok(Some(self.in_flight.remove(place)))
    }

    /// Takes work of whatever kind is ready.
    fn take_any(&mut self) -> Result<bool, TestError> {
        let mut kinds = [Kind::Activity, Kind::Batch, Kind::Turn];
        if self.faults.reordering > 0 {
            let first = self.random.pick(kinds.len());
            kinds.rotate_left(first);
        }
        for kind in kinds {
            if self.take(kind)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take(&mut self, kind: Kind) -> Result<bool, TestError> {
        loop {
            let item = self.hub.take(self.now, kind);
            match item.map_err(|error| self.error(error))? {
                None => return Ok(false),
                Some(WorkItem::Activity(it)) if self.is_held(&it.task.name) => self.held.push(it),
                Some(item) => {
                    self.in_flight.push(item);
                    return Ok(true);
                }
            }
        }
    }

    fn is_held(&self, name: &str) -> bool {
        self.holds.iter().any(|held| same_name(held, name))
    }

    /// Sends an answer. The hub drops it when it crashed since it gave out the work.
    fn answer(&mut self, item: &WorkItem, outcome: Outcome) -> Result<(), TestError> {
        self.step(|hub, at| match (item, outcome) {
            (WorkItem::Turn(it), Outcome::Turn(outcome)) => {
                hub.turn_done(at, &it.token, outcome).map(drop)
            }
            (WorkItem::Activity(it), Outcome::Activity(outcome)) => {
                hub.activity_done(at, &it.token, outcome).map(drop)
            }
            (WorkItem::EntityBatch(it), Outcome::Batch(outcome)) => {
                hub.batch_done(at, &it.token, outcome).map(drop)
            }
            _ => Ok(()),
        })?;
        Ok(())
    }

    fn turn(&mut self, turn: &Turn) -> Result<TurnOutcome, TestError> {
        let functions = &self.functions.orchestrators;
        let answer = find(functions, OrchestratorFunction::name, &turn.start.name)
            .map_err(|known| not_registered("orchestrator", &turn.start.name, known))
            .and_then(|function| self.turns.run(function, turn, self.now));
        let answer = answer.map_err(|error| self.error(error))?;
        Ok(TurnOutcome::Answered(answer))
    }

    async fn run_activity(
        &mut self,
        activity: &ScheduledActivity,
    ) -> Result<ActivityOutcome, TestError> {
        let task = &activity.task;
        let functions = &self.functions.activities;
        let function = find(functions, ActivityFunction::name, &task.name)
            .cloned()
            .map_err(|known| self.error(not_registered("activity", &task.name, known)))?;
        let mut context = ActivityContext::new(function.name(), self.random.guid());
        context.instance_id = Some(task.instance.clone());
        Ok(match function.call(context, task.input.as_deref()).await {
            // As a host stores the text that a function returns.
            Ok(text) => {
                let result = serde_json::to_string(&text);
                let result = result.map_err(|error| self.value_error(error))?;
                ActivityOutcome::Completed(Some(result))
            }
            Err(failure) => {
                let report = ActivityFunction::report(&failure);
                ActivityOutcome::Failed(Some(failed_invocation(function.name(), report)))
            }
        })
    }

    async fn run_batch(&mut self, batch: &EntityBatch) -> Result<BatchOutcome, TestError> {
        let id: EntityId = batch
            .request
            .instance_id
            .parse()
            .map_err(|error| self.value_error(error))?;
        let function = find(&self.functions.entities, |it| it.name(), id.name())
            .cloned()
            .map_err(|known| self.error(not_registered("entity", id.name(), known)))?;
        Ok(BatchOutcome::Answered(
            function
                .run(batch.request.clone(), TimeLimit::default())
                .await,
        ))
    }
}

fn lost(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Turn(_) => Outcome::Turn(TurnOutcome::Abandoned),
        Outcome::Activity(_) => Outcome::Activity(ActivityOutcome::Abandoned),
        Outcome::Batch(_) => Outcome::Batch(BatchOutcome::Abandoned),
    }
}

fn not_registered(noun: &'static str, name: &str, known: Vec<&'static str>) -> TestErrorKind {
    TestErrorKind::NotRegistered {
        noun,
        name: name.to_owned(),
        known,
    }
}

/// The failure that a host makes of an invocation that answered with `report`.
fn failed_invocation(function: &str, report: String) -> TaskFailureDetails {
    let details = |error_type: &str, error_message: String| TaskFailureDetails {
        error_type: error_type.to_owned(),
        error_message,
        ..TaskFailureDetails::default()
    };
    TaskFailureDetails {
        inner_failure: Some(Box::new(details(
            "System.InvalidOperationException",
            report,
        ))),
        ..details(
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            format!("Exception while executing function: Functions.{function}"),
        )
    }
}
