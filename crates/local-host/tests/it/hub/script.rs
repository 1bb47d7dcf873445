//! The recorded turns of one instance, and which of them the hub has reached.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use durable_protocol::messages::{
    EventType, HistoryEvent, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use local_host::handler::{RawAnswer, read_answer};
use local_host::invoke::{InvocationAnswer, InvokeError};
use local_host::json::Json;
use prost::Message;
use prost_types::Timestamp;

use super::fixture::Answer;
use super::shape;
use super::support::response;

/// One recorded turn.
pub(crate) struct Turn {
    /// Counts the executions of the instance.
    pub(crate) execution: usize,
    pub(crate) request: OrchestratorRequest,
    pub(crate) messages: Vec<String>,
    pub(crate) answer: Answer,
}

/// The turns of one instance.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) turns: Vec<Turn>,
    pub(crate) next: usize,
    /// Messages that arrived and belong to turns not reached yet.
    pub(crate) arrived: Vec<String>,
    pub(crate) custom_status: Option<String>,
    /// Past and new events of the latest turn, as bytes.
    pub(crate) sent: (Vec<u8>, Vec<u8>),
    /// The generic events in the past of the latest turn.
    pub(crate) undone: usize,
    /// The id of the current execution, which replaces the recorded one.
    pub(crate) running: Option<String>,
    /// Every turn so far had exactly the messages of the recorded one.
    pub(crate) aligned: bool,
}

impl Script {
    pub(crate) fn add(&mut self, request: OrchestratorRequest, answer: Answer) {
        let starts = request.past_events.is_empty();
        let execution = match self.turns.last() {
            None => 0,
            Some(last) if starts && execution_id(&last.request) != execution_id(&request) => {
                last.execution + 1
            }
            Some(last) => last.execution,
        };
        self.turns.push(Turn {
            execution,
            messages: messages(&request),
            request,
            answer,
        });
    }

    pub(crate) fn play(
        &mut self,
        bytes: &[u8],
        request: &OrchestratorRequest,
        problems: &mut Vec<String>,
    ) -> Result<InvocationAnswer, InvokeError> {
        let id = &request.instance_id;
        let undone = request
            .past_events
            .iter()
            .filter(|event| matches!(event.event_type, Some(EventType::GenericEvent(_))));
        self.compare_bytes(id, bytes, undone.count(), problems);
        self.running = execution_id(request);
        let new = messages(request);
        let execution = self.turns.get(self.next).map(|turn| turn.execution);
        self.aligned &= self.arrived.is_empty()
            && self
                .turns
                .get(self.next)
                .is_some_and(|turn| turn.messages == new);
        if self.aligned {
            let turn = &self.turns[self.next];
            for (what, ours, theirs) in [
                ("past", &request.past_events, &turn.request.past_events),
                ("new", &request.new_events, &turn.request.new_events),
            ] {
                let (ours, theirs) = (shape::all(ours), shape::all(theirs));
                if ours != theirs {
                    problems.push(format!(
                        "turn {} of '{id}', {what} events:\n  ours   {ours:#?}\n  theirs {theirs:#?}",
                        self.next
                    ));
                }
            }
            if request.properties != turn.request.properties
                || request.entity_parameters != turn.request.entity_parameters
            {
                problems.push(format!("turn {} of '{id}': properties differ", self.next));
            }
        }
        self.arrived.extend(new);
        let mut expected: Vec<&String> = self
            .turns
            .iter()
            .skip(self.next)
            .filter(|turn| Some(turn.execution) == execution)
            .flat_map(|turn| &turn.messages)
            .collect();
        for message in &self.arrived {
            match expected.iter().position(|it| *it == message) {
                Some(at) => {
                    expected.remove(at);
                }
                None => problems.push(format!(
                    "'{id}', turn {}: unexpected {message}\nexpected one of {expected:#?}",
                    self.next
                )),
            }
        }
        self.answer(execution)
    }

    /// The answers of all turns that are reached now, as one.
    fn answer(&mut self, execution: Option<usize>) -> Result<InvocationAnswer, InvokeError> {
        let mut merged = OrchestratorResponse::default();
        while let Some(turn) = self.turns.get(self.next) {
            let mut rest = self.arrived.clone();
            let reached = Some(turn.execution) == execution
                && turn.messages.iter().all(|message| {
                    match rest.iter().position(|it| it == message) {
                        Some(at) => {
                            rest.remove(at);
                            true
                        }
                        None => false,
                    }
                });
            if !reached {
                break;
            }
            self.arrived = rest;
            let index = self.next;
            self.next += 1;
            let answer = self.turns[index].answer.clone();
            if answer.no_answer {
                return Err(InvokeError::Stopping);
            }
            let answer = invocation(&answer)?;
            let Some(mut decoded) = response_of(&answer) else {
                return Ok(answer);
            };
            self.set_timers(index, &mut decoded);
            self.set_execution(index, &mut decoded);
            self.custom_status.clone_from(&decoded.custom_status);
            let actions = std::mem::take(&mut merged.actions);
            let again = decoded.requires_history;
            merged = decoded;
            merged.actions.splice(0..0, actions);
            if again {
                break;
            }
        }
        merged.custom_status.clone_from(&self.custom_status);
        Ok(response(&merged))
    }

    /// Recorded times are in the past. Timers that fired in the recording fire soon, the others never.
    fn set_timers(&self, index: usize, response: &mut OrchestratorResponse) {
        let turn = &self.turns[index];
        let began = turn.request.new_events[0].timestamp.unwrap();
        for action in &mut response.actions {
            let id = action.id;
            if let Some(OrchestratorActionType::CreateTimer(timer)) =
                &mut action.orchestrator_action_type
                && let Some(time) = &mut timer.fire_at
                && (time.seconds, time.nanos) > (began.seconds, began.nanos)
            {
                let fires = self.turns.iter().skip(index + 1).any(|later| {
                    later.execution == turn.execution
                        && later.request.new_events.iter().any(|event| {
                            matches!(&event.event_type, Some(EventType::TimerFired(fired)) if fired.timer_id == id)
                        })
                });
                let wait = Duration::from_millis(if fires { 20 } else { 86_400_000 });
                *time = Timestamp::from(SystemTime::now() + wait);
            }
        }
    }

    /// Messages to entities name the execution that waits for their answers.
    fn set_execution(&self, index: usize, response: &mut OrchestratorResponse) {
        let recorded = execution_id(&self.turns[index].request).unwrap();
        let running = self.running.clone().unwrap();
        for action in &mut response.actions {
            if let Some(OrchestratorActionType::SendEvent(event)) =
                &mut action.orchestrator_action_type
                && let Some(data) = &mut event.data
            {
                *data = data.replace(&recorded, &running);
            }
        }
    }

    /// Within one execution, the past begins with the events of the turn before or, when that turn was
    /// abandoned, equals its past. `undone` is the number of generic events in the past: a rewind replaces
    /// other events by them.
    fn compare_bytes(&mut self, id: &str, bytes: &[u8], undone: usize, problems: &mut Vec<String>) {
        let (past, new) = (events(bytes, 3), events(bytes, 4));
        let continues = {
            let seen = [self.sent.0.as_slice(), self.sent.1.as_slice()].concat();
            past.starts_with(&seen) || past == self.sent.0
        };
        let rewound = std::mem::replace(&mut self.undone, undone) < undone;
        if !past.is_empty() && !continues && !rewound {
            problems.push(format!("'{id}': the past is not what was sent before"));
        }
        self.sent = (past, new);
    }
}

/// The fields with this number, one after the other, without their tags.
pub(crate) fn events(mut bytes: &[u8], field: u32) -> Vec<u8> {
    use prost::encoding::{WireType, decode_key, decode_varint};
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (number, wire) = decode_key(&mut bytes).unwrap();
        assert_eq!(wire, WireType::LengthDelimited);
        let length = usize::try_from(decode_varint(&mut bytes).unwrap()).unwrap();
        let (content, rest) = bytes.split_at(length);
        if number == field {
            prost::encoding::encode_varint(length as u64, &mut found);
            found.extend_from_slice(content);
        }
        bytes = rest;
    }
    found
}

/// A recorded answer as `Invoke` returns it.
pub(crate) fn invocation(answer: &Answer) -> Result<InvocationAnswer, InvokeError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, value.parse().unwrap());
    }
    if headers.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let raw = RawAnswer {
        status: StatusCode::from_u16(answer.status).unwrap(),
        reason: answer.reason.clone(),
        headers,
        body: Bytes::from(answer.body.clone()),
    };
    read_answer(&raw).map(|(answer, _)| answer)
}

fn response_of(answer: &InvocationAnswer) -> Option<OrchestratorResponse> {
    let text = answer.return_value.as_ref().and_then(Json::as_text)?;
    let bytes = STANDARD.decode(text).ok().filter(|it| !it.is_empty())?;
    OrchestratorResponse::decode(&*bytes).ok()
}

pub(crate) fn decoded(answer: &Answer) -> Option<OrchestratorResponse> {
    if answer.no_answer {
        return None;
    }
    response_of(&invocation(answer).ok()?)
}

pub(crate) fn execution_id(request: &OrchestratorRequest) -> Option<String> {
    let mut events = request.past_events.iter().chain(&request.new_events);
    events.find_map(|event| match &event.event_type {
        Some(EventType::ExecutionStarted(started)) => started
            .orchestration_instance
            .as_ref()?
            .execution_id
            .clone(),
        _ => None,
    })
}

/// The new events without those that mark the turn.
pub(crate) fn messages(request: &OrchestratorRequest) -> Vec<String> {
    let is_mark = |event: &&HistoryEvent| {
        matches!(
            event.event_type,
            Some(EventType::OrchestratorStarted(_) | EventType::OrchestratorCompleted(_))
        )
    };
    let events = request.new_events.iter();
    events.filter(|e| !is_mark(e)).map(shape::of).collect()
}
