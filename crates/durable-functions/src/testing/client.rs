//! What a client can do.

use std::fmt::Display;
use std::time::SystemTime;

use durable_protocol::messages::EventType;
use durable_protocol::{EntityId, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use task_hub::query::{InstanceFilter, PageRequest};
use task_hub::{Error, Hub, Moment, Signal, Store as _};

use super::error::TestErrorKind;
use super::hub::{AnyStore, LateEvent};
use super::{TestError, TestHub};
use crate::name::same_name;
use crate::{Entity, Event, Failure, Operation, RuntimeStatus, Status, codec};

impl TestHub {
    /// Raises an external event.
    ///
    /// # Errors
    /// There is no such instance, or it has ended; the payload cannot be written as JSON.
    pub fn raise<T: Serialize>(
        &mut self,
        id: &str,
        event: Event<T>,
        payload: &T,
    ) -> Result<(), TestError> {
        let event = LateEvent {
            instance: id.to_owned(),
            name: event.name().to_owned(),
            payload: self.json(payload)?,
        };
        let follows = self.late.iter().any(|other| same_queue(other, &event));
        let record = self.hub.instance(id).map_err(|error| self.error(error))?;
        let takes_events = record.is_some_and(|record| !record.status.is_terminal());
        if takes_events && (follows || self.random.percent(self.faults.late_events)) {
            self.late.push(event);
            return Ok(());
        }
        self.raise_now(&event)
    }

    fn raise_now(&mut self, event: &LateEvent) -> Result<(), TestError> {
        let LateEvent {
            instance,
            name,
            payload,
        } = event;
        self.call(|hub, at| hub.raise(at, instance, name.clone(), payload.clone()))
    }

    /// Lets one of the events arrive that are late. It is lost if the instance has ended.
    pub(super) fn deliver_late(&mut self) -> Result<(), TestError> {
        let place = self.random.pick(self.late.len());
        let Some(event) = self.late.get(place) else {
            return Ok(());
        };
        let first = self.late.iter().position(|other| same_queue(other, event));
        let event = self.late.remove(first.unwrap_or(place));
        match self.raise_now(&event) {
            Err(error) if matches!(error.kind(), TestErrorKind::Refused(_)) => Ok(()),
            other => other,
        }
    }

    /// Suspends an instance.
    ///
    /// # Errors
    /// There is no such instance, or it has ended or is suspended.
    pub fn suspend(&mut self, id: &str, reason: &str) -> Result<(), TestError> {
        self.control(id, |hub, at| hub.suspend(at, id, Some(reason.to_owned())))
    }

    /// Resumes a suspended instance.
    ///
    /// # Errors
    /// There is no such instance, or it is not suspended.
    pub fn resume(&mut self, id: &str, reason: &str) -> Result<(), TestError> {
        self.control(id, |hub, at| hub.resume(at, id, Some(reason.to_owned())))
    }

    /// Terminates an instance. Its sub-orchestrations keep running.
    ///
    /// # Errors
    /// There is no such instance, or it has ended.
    pub fn terminate(&mut self, id: &str, reason: &str) -> Result<(), TestError> {
        self.control(id, |hub, at| hub.terminate(at, id, Some(reason.to_owned())))
    }

    /// Lets a failed instance run again from before its failure.
    ///
    /// # Errors
    /// There is no such instance, or it has not failed.
    pub fn rewind(&mut self, id: &str, reason: &str) -> Result<(), TestError> {
        self.control(id, |hub, at| hub.rewind(at, id, Some(reason.to_owned())))
    }

    /// Starts an instance again, under its id and with its input.
    ///
    /// # Errors
    /// There is no such instance, or it has not ended.
    pub fn restart(&mut self, id: &str) -> Result<(), TestError> {
        self.control(id, |hub, at| hub.restart(at, id, false))
            .map(drop)
    }

    /// Starts an instance again with its input, under a new id, and gives that.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn restart_as_new(&mut self, id: &str) -> Result<String, TestError> {
        self.control(id, |hub, at| hub.restart(at, id, true))
    }

    /// Removes an instance that has ended.
    ///
    /// # Errors
    /// There is no such instance, or it has not ended.
    pub fn purge(&mut self, id: &str) -> Result<(), TestError> {
        self.control(id, |hub, at| hub.purge(at, id))
    }

    /// Sends an operation to an entity.
    ///
    /// # Errors
    /// The input cannot be written as JSON.
    pub fn signal<I: Serialize, O>(
        &mut self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: &I,
    ) -> Result<(), TestError> {
        self.send_signal(entity.as_ref(), operation, input, None)
    }

    /// Sends an operation to an entity, which gets it at this time on the hub's clock.
    ///
    /// # Errors
    /// The input cannot be written as JSON.
    pub fn signal_at<I: Serialize, O>(
        &mut self,
        entity: impl AsRef<EntityId>,
        operation: Operation<I, O>,
        input: &I,
        time: SystemTime,
    ) -> Result<(), TestError> {
        let time = Timestamp::from(time);
        self.send_signal(entity.as_ref(), operation, input, Some(time))
    }

    fn send_signal<I: Serialize, O>(
        &mut self,
        entity: &EntityId,
        operation: Operation<I, O>,
        input: &I,
        scheduled: Option<Timestamp>,
    ) -> Result<(), TestError> {
        let signal = Signal {
            entity: entity.to_string(),
            operation: operation.name().to_owned(),
            input: self.json(input)?,
            request_id: self.random.guid(),
            scheduled,
        };
        self.call(|hub, at| hub.signal(at, signal.clone()))
    }

    /// The state of an entity; `None` when it has none.
    ///
    /// # Errors
    /// The state is not a `T`.
    pub fn entity_state<T: DeserializeOwned>(
        &self,
        entity: Entity<T>,
        key: impl Into<String>,
    ) -> Result<Option<T>, TestError> {
        let found = self.hub.entity(&entity.id(key).to_string());
        let found = found.map_err(|error| self.error(error))?;
        let state = found.and_then(|it| it.serialized_state);
        let state = state.map(|json| serde_json::from_str(&json)).transpose();
        state.map_err(|error| self.value_error(error))
    }

    /// What a client sees of an instance; `None` when there is none.
    ///
    /// # Errors
    /// The store failed.
    pub fn status(&self, id: &str) -> Result<Option<Status>, TestError> {
        let state = self.hub.state(id).map_err(|error| self.error(error))?;
        Ok(state.map(Status::from_state))
    }

    /// The output of a completed instance.
    ///
    /// # Errors
    /// The instance has not completed, or its output is not an `O`.
    pub fn output<O: DeserializeOwned>(&self, id: &str) -> Result<O, TestError> {
        let Some(status) = self.status(id)? else {
            return Err(self.error(TestErrorKind::NoInstance(id.to_owned())));
        };
        let output = status.output.as_deref();
        let wrong = |detail: String| {
            self.error(TestErrorKind::Output {
                instance: id.to_owned(),
                status: status.runtime_status,
                detail,
            })
        };
        if status.runtime_status != RuntimeStatus::Completed {
            return Err(wrong(output.unwrap_or("it has none").to_owned()));
        }
        codec::read(codec::or_null(output.map(str::as_bytes)))
            .map_err(|error| wrong(error.to_string()))
    }

    /// The failure of a failed instance, with its type and its causes.
    ///
    /// # Errors
    /// The instance has not failed.
    pub fn failure(&self, id: &str) -> Result<Failure, TestError> {
        let history = self.history(id)?;
        let mut events = history.events().iter().rev();
        let details = events.find_map(|event| match &event.event_type {
            Some(EventType::ExecutionCompleted(end)) => end.failure_details.clone(),
            _ => None,
        });
        match (details, self.status(id)?) {
            (Some(details), Some(status)) if status.runtime_status == RuntimeStatus::Failed => {
                Ok(Failure::from_details(details))
            }
            (_, Some(status)) => Err(self.error(TestErrorKind::NotFailed {
                instance: id.to_owned(),
                status: status.runtime_status,
            })),
            (_, None) => Err(self.error(TestErrorKind::NoInstance(id.to_owned()))),
        }
    }

    /// The ids of all instances, in order.
    ///
    /// # Errors
    /// The store failed.
    pub fn instance_ids(&self) -> Result<Vec<String>, TestError> {
        let all = PageRequest {
            after: None,
            limit: usize::MAX,
        };
        let page = self.hub.store().instances(&InstanceFilter::default(), &all);
        let page = page.map_err(|error| self.error(error))?;
        Ok(page.rows.into_iter().map(|record| record.id).collect())
    }

    /// Runs an operation of a client, who repeats it when the hub crashed before the commit.
    pub(super) fn call<T>(
        &mut self,
        mut run: impl FnMut(&mut Hub<AnyStore>, &mut Moment<'_>) -> Result<T, Error>,
    ) -> Result<T, TestError> {
        loop {
            if let Some(value) = self.step(&mut run)? {
                return Ok(value);
            }
        }
    }

    /// An operation on an instance, behind the events that were raised before.
    fn control<T>(
        &mut self,
        id: &str,
        run: impl FnMut(&mut Hub<AnyStore>, &mut Moment<'_>) -> Result<T, Error>,
    ) -> Result<T, TestError> {
        while let Some(place) = self.late.iter().position(|it| it.instance == id) {
            let event = self.late.remove(place);
            self.raise_now(&event)?;
        }
        self.call(run)
    }

    pub(super) fn json(&self, value: &impl Serialize) -> Result<Option<String>, TestError> {
        let json = codec::write(value).map_err(|error| self.value_error(error))?;
        Ok(codec::unless_null(json))
    }

    pub(super) fn value_error(&self, error: impl Display) -> TestError {
        self.error(TestErrorKind::Value(error.to_string()))
    }
}

/// Whether two events must keep their order: an orchestrator reads events of one name in the order of arrival.
fn same_queue(one: &LateEvent, other: &LateEvent) -> bool {
    one.instance == other.instance && same_name(&one.name, &other.name)
}
