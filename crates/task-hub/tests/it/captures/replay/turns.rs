//! Turns: their messages, their comparison, their ends.

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    CreateInstanceRequest, EventType, HistoryEvent, OrchestrationStatus, OrchestratorActionType,
    OrchestratorResponse,
};
use prost::Message as _;
use prost::bytes::Bytes;
use task_hub::work::{ActivityOutcome, Turn, TurnOutcome};
use task_hub::{Hub, MemoryStore, Moment, Store as _};

use super::{Recording, Replay};
use crate::captures::difference::{self, Difference, execution_of, kind, time};
use crate::captures::recording::{Answer, Request, What};

impl Replay<'_> {
    pub(super) fn turn(&mut self, place: usize, request: &Request) {
        self.report.requests += 1;
        let new = self.turns[&place].new.clone();
        let began = time(&new[0]);
        let mut claimed = Vec::new();
        for (index, event) in new.iter().enumerate().skip(1) {
            self.ensure(place, index, &request.target, event, &mut claimed);
        }
        let Some(turn) = self.take_turn(&request.target, began) else {
            self.other(place, format!("no turn of '{}'", request.target));
            return;
        };
        self.compare(place, request, &turn);
        let response = match &request.answer {
            Answer::Message(bytes) => OrchestratorResponse::decode(bytes.clone()).ok(),
            Answer::Invalid { .. } => None,
        };
        let outcome = match response {
            Some(response) if response.requires_history || asks_again(&response) => {
                TurnOutcome::Abandoned
            }
            Some(response) => {
                self.expect_ids(place, &request.target, &response);
                TurnOutcome::Answered(response)
            }
            None if matches!(request.answer, Answer::Invalid { is_empty: true }) => {
                TurnOutcome::Abandoned
            }
            None if self.comes_again(place, &request.target) => TurnOutcome::Abandoned,
            None => TurnOutcome::Failed("the worker's answer cannot be read".to_owned()),
        };
        let now = self.end_of_turn(place, &request.target);
        self.input(now, |hub, at| hub.turn_done(at, &turn.token, outcome))
            .unwrap();
        self.commit();
    }

    /// Makes sure that the message is in the inbox. `claimed` are the numbers of those of this turn.
    pub(super) fn ensure(
        &mut self,
        place: usize,
        index: usize,
        target: &str,
        event: &HistoryEvent,
        claimed: &mut Vec<u64>,
    ) {
        if self.claim(target, event, claimed) {
            return;
        }
        self.produce(place, index, target, event);
        self.commit();
        if !self.claim(target, event, claimed) {
            self.other(place, format!("nobody sends {} to '{target}'", kind(event)));
        }
    }

    pub(super) fn claim(
        &mut self,
        target: &str,
        event: &HistoryEvent,
        claimed: &mut Vec<u64>,
    ) -> bool {
        let inbox = self.hub.store().inbox(target).unwrap();
        let found = inbox.iter().find(|message| {
            !claimed.contains(&message.number)
                && is_same_message(&difference::decode(&message.body), event)
        });
        claimed.extend(found.map(|message| message.number));
        found.is_some()
    }

    pub(super) fn produce(
        &mut self,
        place: usize,
        index: usize,
        target: &str,
        event: &HistoryEvent,
    ) {
        let now = time(event);
        match event.event_type.as_ref().unwrap() {
            EventType::TaskCompleted(done) => {
                let outcome = ActivityOutcome::Completed(done.result.clone());
                self.finish_activity(target, done.task_scheduled_id, now, outcome);
            }
            EventType::TaskFailed(failed) => {
                let outcome = ActivityOutcome::Failed(failed.failure_details.clone());
                self.finish_activity(target, failed.task_scheduled_id, now, outcome);
            }
            EventType::TimerFired(fired) => {
                let due = fired.fire_at.map(Timestamp::from).unwrap_or_default();
                self.input(due, |hub, at| hub.fire_timers(at)).unwrap();
            }
            EventType::ExecutionStarted(start) => {
                if let Some(due) = start.scheduled_start_timestamp {
                    self.input(due.into(), |hub, at| hub.fire_timers(at))
                        .unwrap();
                    return;
                }
                // A start by an output binding. Others were operations, and came before.
                if start.parent_instance.is_some() || !self.is_first(place, target) {
                    return;
                }
                self.ids.expect(execution(event).as_deref());
                let request = CreateInstanceRequest {
                    instance_id: target.to_owned(),
                    name: start.name.clone(),
                    input: start.input.clone(),
                    version: start.version.clone(),
                    ..CreateInstanceRequest::default()
                };
                if let Err(error) = self.input(now, |hub, at| hub.start(at, request)) {
                    self.other(place, format!("start: {error}"));
                }
            }
            EventType::SubOrchestrationInstanceFailed(_) => self.fail_unknown(),
            EventType::EventRaised(raised) if self.is_reply_of_unknown_entity(&raised.name) => {
                self.fail_unknown_entities(now, raised.input.as_deref().unwrap_or_default());
            }
            _ => {
                let effect = (place, index);
                let cause = self.effects.iter().find(|(_, it)| **it == effect);
                if let Some(cause) = cause.map(|(cause, _)| *cause) {
                    self.operate(cause);
                }
            }
        }
    }

    /// The turn of this instance; those of others stay where they are.
    pub(super) fn take_turn(&mut self, instance: &str, now: Timestamp) -> Option<Turn> {
        self.commit();
        let mut others = Vec::new();
        let mut found = None;
        while found.is_none() {
            match self.hub.take_turn(now).unwrap() {
                None => break,
                Some(turn) if turn.instance == instance => found = Some(turn),
                Some(turn) => others.push(turn.token),
            }
        }
        for token in others {
            self.give_back(|hub, at| hub.turn_done(at, &token, TurnOutcome::Abandoned))
                .unwrap();
        }
        found
    }

    /// Fails the instances that the host never sent to the handler: no function has their name, or their
    /// version is too high. Drivers know it.
    pub(super) fn fail_unknown(&mut self) {
        self.commit();
        let mut others = Vec::new();
        while let Some(turn) = self.hub.take_turn(self.now).unwrap() {
            let is_known = self.case.exchanges.iter().any(|exchange| {
                matches!(&exchange.what, What::Turn(request) if request.target == turn.instance)
            });
            if is_known {
                others.push(turn.token);
            } else {
                let outcome = TurnOutcome::Failed("unknown".to_owned());
                self.input(turn.began, |hub, at| {
                    hub.turn_done(at, &turn.token, outcome)
                })
                .unwrap();
                self.commit();
            }
        }
        for token in others {
            self.give_back(|hub, at| hub.turn_done(at, &token, TurnOutcome::Abandoned))
                .unwrap();
        }
    }

    /// At the beginning of time, so that the work is ready at any time.
    pub(super) fn give_back<T>(
        &mut self,
        run: impl FnOnce(&mut Hub<MemoryStore>, &mut Moment<'_>) -> T,
    ) -> T {
        let mut at = Moment::new(Timestamp::default(), &mut self.ids);
        run(&mut self.hub, &mut at)
    }

    pub(super) fn compare(&mut self, place: usize, request: &Request, turn: &Turn) {
        let theirs = &self.turns[&place].parts;
        if turn.encoded(&theirs.tail) == request.bytes {
            self.report.same += 1;
            return;
        }
        let mut found = Vec::new();
        for (what, ours, theirs) in [
            ("past", &turn.past, &theirs.past),
            ("new", &turn.new, &theirs.new),
        ] {
            if ours.len() != theirs.len() {
                let kinds = |events: &[Bytes]| {
                    let kinds = events.iter().map(|event| kind(&difference::decode(event)));
                    kinds.collect::<Vec<_>>().join(" ")
                };
                found.push(Difference::Other(format!(
                    "{what} events of '{}':\n      ours   {}\n      theirs {}",
                    request.target,
                    kinds(ours),
                    kinds(theirs)
                )));
                continue;
            }
            for (ours, theirs) in ours.iter().zip(theirs) {
                found.extend(difference::of_events(ours, theirs));
            }
        }
        assert!(
            !found.is_empty(),
            "the requests differ in more than their events"
        );
        for difference in found {
            self.differs(place, difference);
        }
    }

    /// The next recorded turn of the same instance.
    pub(super) fn next_turn(&self, place: usize, target: &str) -> Option<&Recording> {
        let later = self.case.exchanges.iter().enumerate().skip(place + 1);
        later
            .filter(|(_, exchange)| {
                matches!(&exchange.what, What::Turn(request) if request.target == target)
            })
            .map(|(at, _)| &self.turns[&at])
            .next()
    }

    /// Whether no turn before had the same execution.
    pub(super) fn is_first(&self, place: usize, target: &str) -> bool {
        let execution = &self.turns[&place].execution;
        let before = self.case.exchanges.iter().enumerate().take(place);
        !before.into_iter().any(|(at, exchange)| {
            matches!(&exchange.what, What::Turn(request) if request.target == target)
                && self.turns[&at].execution == *execution
        })
    }

    /// The host delivered the turn again.
    pub(super) fn comes_again(&self, place: usize, target: &str) -> bool {
        let turn = &self.turns[&place];
        self.next_turn(place, target).is_some_and(|next| {
            next.execution == turn.execution && next.parts.past == turn.parts.past
        })
    }

    /// When the host wrote the first event behind those of the turn.
    pub(super) fn end_of_turn(&self, place: usize, target: &str) -> Timestamp {
        let turn = &self.turns[&place];
        let began = time(&turn.new[0]);
        let Some(next) = self.next_turn(place, target) else {
            return began;
        };
        let sent = turn.parts.past.len() + turn.new.len();
        match next.parts.past.get(sent) {
            Some(event) if next.execution == turn.execution => time(&difference::decode(event)),
            _ if next.parts.past.is_empty() => next.new.get(1).map_or(began, time),
            _ => began,
        }
    }

    /// The ids that the end of a turn draws: of the next execution, then of the sub-orchestrations.
    pub(super) fn expect_ids(
        &mut self,
        place: usize,
        target: &str,
        response: &OrchestratorResponse,
    ) {
        let continues = response.actions.iter().any(|action| {
            matches!(&action.orchestrator_action_type,
                Some(OrchestratorActionType::CompleteOrchestration(end))
                    if end.orchestration_status() == OrchestrationStatus::ContinuedAsNew)
        });
        if continues {
            let next = self.started_later(place, target, 0);
            self.ids.expect(next.as_deref());
        }
        for action in &response.actions {
            if let Some(OrchestratorActionType::CreateSubOrchestration(child)) =
                &action.orchestrator_action_type
            {
                let next = self.started_later(place, &child.instance_id, 0);
                self.ids.expect(next.as_deref());
            }
        }
    }

    /// The execution of the next first turn of an instance.
    pub(super) fn started_later(&self, place: usize, target: &str, skip: usize) -> Option<String> {
        let later = self.case.exchanges.iter().enumerate().skip(place + 1);
        later
            .filter(|(at, exchange)| {
                matches!(&exchange.what, What::Turn(request) if request.target == target)
                    && self.turns[at].parts.past.is_empty()
            })
            .map(|(at, _)| self.turns[&at].execution.clone())
            .nth(skip)
    }
}

pub(super) fn is_same_message(ours: &HistoryEvent, theirs: &HistoryEvent) -> bool {
    use EventType as E;
    match (
        ours.event_type.as_ref().unwrap(),
        theirs.event_type.as_ref().unwrap(),
    ) {
        (E::TaskCompleted(a), E::TaskCompleted(b)) => a.task_scheduled_id == b.task_scheduled_id,
        (E::TaskFailed(a), E::TaskFailed(b)) => a.task_scheduled_id == b.task_scheduled_id,
        (E::TimerFired(a), E::TimerFired(b)) => a.timer_id == b.timer_id,
        (E::SubOrchestrationInstanceCompleted(a), E::SubOrchestrationInstanceCompleted(b)) => {
            a.task_scheduled_id == b.task_scheduled_id
        }
        (E::SubOrchestrationInstanceFailed(a), E::SubOrchestrationInstanceFailed(b)) => {
            a.task_scheduled_id == b.task_scheduled_id
        }
        (E::EventRaised(a), E::EventRaised(b)) => a.name == b.name && a.input == b.input,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

pub(super) fn execution(event: &HistoryEvent) -> Option<String> {
    match &event.event_type {
        Some(EventType::ExecutionStarted(start)) => {
            execution_of(start.orchestration_instance.as_ref())
        }
        _ => None,
    }
}

/// A failure with which a worker asks for the turn again. Drivers know it.
pub(super) fn asks_again(response: &OrchestratorResponse) -> bool {
    response.actions.iter().any(|action| {
        let Some(OrchestratorActionType::CompleteOrchestration(end)) =
            &action.orchestrator_action_type
        else {
            return false;
        };
        let mut failure = end.failure_details.as_ref();
        while let Some(details) = failure {
            if details.error_type == "System.OutOfMemoryException" {
                return true;
            }
            failure = details.inner_failure.as_deref();
        }
        false
    })
}
