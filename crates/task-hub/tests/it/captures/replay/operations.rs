//! What the recorded clients did.

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, EventType, HistoryEvent, OrchestrationIdReusePolicy, OrchestrationStatus,
};
use task_hub::query::InstanceFilter;
use task_hub::{Error, Signal};

use super::Replay;
use super::turns::execution;
use crate::captures::difference::time;
use crate::captures::recording::{Operation, Verb, What};

impl Replay<'_> {
    pub(super) fn operate(&mut self, place: usize) {
        let What::Operation(operation) = &self.case.exchanges[place].what else {
            return;
        };
        let effect = self.effects.get(&place).copied();
        let event = effect.and_then(|(at, index)| {
            let recording = self.turns.get(&at)?;
            Some(recording.new[index].clone())
        });
        let now = event.as_ref().map_or(self.now, time);
        let id = operation.id();
        let reason = operation.reason.clone();
        let result = match operation.op {
            Verb::Start => self.start(operation, event, now),
            Verb::Raise => {
                let recorded = event.and_then(|event| match event.event_type {
                    Some(EventType::EventRaised(raised)) => Some((raised.name, raised.input)),
                    _ => None,
                });
                let (name, input) = recorded.unwrap_or_else(|| {
                    let name = operation.name.clone().unwrap_or_default();
                    (name, operation.input.clone())
                });
                self.input(now, |hub, at| hub.raise(at, id, name, input))
            }
            Verb::Suspend => self.input(now, |hub, at| hub.suspend(at, id, reason)),
            Verb::Resume => self.input(now, |hub, at| hub.resume(at, id, reason)),
            Verb::Terminate => self.input(now, |hub, at| hub.terminate(at, id, reason)),
            Verb::Rewind => self.input(now, |hub, at| hub.rewind(at, id, reason)),
            Verb::Restart => {
                if operation.new_id {
                    self.ids.expect(operation.to.as_deref());
                }
                self.ids
                    .expect(event.as_ref().and_then(execution).as_deref());
                let new_id = operation.new_id;
                let restarted = self.input(now, |hub, at| hub.restart(at, id, new_id));
                restarted.map(|id| assert_eq!(Some(id), operation.to))
            }
            Verb::Purge => {
                let purged = self.input(now, |hub, at| hub.purge(at, id));
                match (purged, operation.count) {
                    // Over gRPC an unknown id is a success that purged nothing.
                    (Err(Error::NotFound(_)), Some(0)) => Ok(()),
                    (purged, _) => purged,
                }
            }
            Verb::PurgeAll => {
                let filter = filter(operation);
                let count = self.input(now, |hub, at| hub.purge_all(at, &filter, 1_000));
                if Some(count.unwrap()) != operation.count {
                    self.other(place, "purged another number of instances");
                }
                Ok(())
            }
            Verb::Signal => self.signal(operation, effect),
            Verb::Clean => Ok(()),
        };
        if result.is_err() != operation.refused {
            self.other(place, format!("{:?}: {result:?}", operation.op));
        }
        self.commit();
    }

    pub(super) fn start(
        &mut self,
        operation: &Operation,
        event: Option<HistoryEvent>,
        now: Timestamp,
    ) -> Result<(), Error> {
        if operation.drawn {
            self.ids.expect(operation.id.as_deref());
        }
        self.ids
            .expect(event.as_ref().and_then(execution).as_deref());
        let recorded = match event.and_then(|event| event.event_type) {
            Some(EventType::ExecutionStarted(start)) => Some(start),
            _ => None,
        };
        let recorded = recorded.as_deref();
        let request = CreateInstanceRequest {
            instance_id: if operation.drawn {
                String::new()
            } else {
                operation.id().to_owned()
            },
            name: recorded.map_or_else(
                || operation.name.clone().unwrap_or_default(),
                |start| start.name.clone(),
            ),
            input: recorded.map_or_else(|| operation.input.clone(), |start| start.input.clone()),
            // The hub adds the default version.
            version: recorded
                .and_then(|start| start.version.clone())
                .filter(|version| Some(version) != self.case.default_version.as_ref()),
            tags: operation.tags.clone(),
            scheduled_start_timestamp: operation
                .scheduled
                .as_ref()
                .map(|text| timestamp(text).into()),
            orchestration_id_reuse_policy: operation.replaceable.as_ref().map(|names| {
                OrchestrationIdReusePolicy {
                    replaceable_status: names.iter().map(|name| status(name).into()).collect(),
                }
            }),
            ..CreateInstanceRequest::default()
        };
        let id = operation.id().to_owned();
        self.input(now, |hub, at| hub.start(at, request))
            .map(|started| assert_eq!(started, id))
    }

    pub(super) fn signal(
        &mut self,
        operation: &Operation,
        effect: Option<(usize, usize)>,
    ) -> Result<(), Error> {
        let recorded = effect.and_then(|(at, index)| self.batches.get(&at)?.operations.get(index));
        let signal = Signal {
            entity: operation.id().to_owned(),
            operation: operation.name.clone().unwrap_or_default(),
            input: recorded.map_or_else(|| operation.input.clone(), |it| it.input.clone()),
            request_id: recorded.map_or_else(
                || operation.request_id.clone().unwrap_or_default(),
                |it| it.request_id.clone(),
            ),
            scheduled: operation.scheduled.as_ref().map(|text| timestamp(text)),
        };
        self.input(self.now, |hub, at| hub.signal(at, signal))
    }
}

pub(super) fn filter(operation: &Operation) -> InstanceFilter {
    InstanceFilter {
        statuses: operation.statuses.iter().map(|name| status(name)).collect(),
        created_from: operation.created_from.as_ref().map(|text| timestamp(text)),
        created_to: operation.created_to.as_ref().map(|text| timestamp(text)),
        ..InstanceFilter::default()
    }
}

pub(super) fn timestamp(text: &str) -> Timestamp {
    let time: prost_types::Timestamp = text.parse().unwrap();
    time.into()
}

/// From the name in protobuf's JSON form.
pub(super) fn status(name: &str) -> OrchestrationStatus {
    let name = name.trim_start_matches("ORCHESTRATION_STATUS_");
    (0..=7)
        .map(|number| OrchestrationStatus::try_from(number).unwrap())
        .find(|status| format!("{status:?}").eq_ignore_ascii_case(&name.replace('_', "")))
        .unwrap()
}
