//! A handler that answers as a recorded one did, and compares what it is asked with what that one
//! was asked.
//!
//! A recorded turn counts as reached once all messages that it and the turns before it brought have
//! arrived; then its answer is given. So the hub may batch messages in another way than the real
//! host did (there, storage decides), while every message, and every history, is compared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durable_functions::proto::{
    EventType, HistoryEvent, OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
};
use futures::future::BoxFuture;
use local_host::hub::{DurableFunction, DurableKind};
use local_host::invoke::{InvocationAnswer, Invoke, InvokeError};
use prost::Message;
use prost_types::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::fixture::{Answer, Exchange, Fixture};
use crate::shape;
use crate::support::{decode_request, request_bytes, response};

/// One recorded turn.
struct Turn {
    /// Counts the executions of the instance.
    execution: usize,
    request: OrchestratorRequest,
    messages: Vec<String>,
    answer: Answer,
}

/// The turns of one instance.
#[derive(Default)]
struct Script {
    turns: Vec<Turn>,
    next: usize,
    /// Messages that arrived and belong to turns not reached yet.
    arrived: Vec<String>,
    custom_status: Option<String>,
    /// Past and new events of the latest turn, as bytes.
    sent: (Vec<u8>, Vec<u8>),
    /// Every turn so far brought exactly what the recorded one did.
    aligned: bool,
}

struct Activity {
    function: String,
    data: Map<String, Value>,
    metadata: Map<String, Value>,
    answer: Answer,
    /// The instance and the turn that gets the result; the answer waits for the turns before it.
    gate: Option<(String, usize)>,
    used: bool,
}

struct State {
    scripts: HashMap<String, Script>,
    activities: Vec<Activity>,
    problems: Vec<String>,
}

#[derive(Clone)]
pub struct Recorded {
    case: String,
    state: Arc<Mutex<State>>,
    progress: watch::Sender<u64>,
}

impl Recorded {
    pub fn new(case: &str, fixture: &Fixture) -> Self {
        let mut scripts: HashMap<String, Script> = HashMap::new();
        let mut activities = Vec::new();
        for exchange in &fixture.exchanges {
            match exchange {
                Exchange::Turn {
                    instance,
                    request,
                    answer,
                    ..
                } => {
                    let request = decode_request(&STANDARD.decode(request).unwrap());
                    let script = scripts.entry(instance.clone()).or_insert_with(|| Script {
                        aligned: true,
                        ..Script::default()
                    });
                    script.add(request, answer.clone());
                }
                Exchange::Activity {
                    function,
                    data,
                    metadata,
                    answer,
                } => activities.push(Activity {
                    function: function.clone(),
                    data: data.clone(),
                    metadata: metadata.clone(),
                    answer: answer.clone(),
                    gate: None,
                    used: false,
                }),
                _ => {}
            }
        }
        assign_gates(&scripts, &mut activities);
        Self {
            case: case.to_owned(),
            state: Arc::new(Mutex::new(State {
                scripts,
                activities,
                problems: Vec::new(),
            })),
            progress: watch::Sender::new(0),
        }
    }

    /// Waits until the instance has had `turns` of its recorded turns.
    pub async fn reached(&self, instance: &str, turns: usize) {
        let mut progress = self.progress.subscribe();
        let waiting = progress.wait_for(|_| {
            let state = self.state.lock().unwrap();
            !state.problems.is_empty()
                || state
                    .scripts
                    .get(instance)
                    .is_none_or(|script| script.next >= turns)
        });
        let arrived = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        self.assert_sound();
        assert!(
            arrived.is_ok(),
            "{}: '{instance}' did not reach turn {turns}",
            self.case
        );
    }

    pub fn turns(&self, instance: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.scripts.get(instance).map_or(0, |it| it.turns.len())
    }

    pub fn assert_sound(&self) {
        let state = self.state.lock().unwrap();
        assert!(
            state.problems.is_empty(),
            "{}:\n{}",
            self.case,
            state.problems.join("\n")
        );
    }

    /// Every recorded activity ran.
    pub fn assert_all_activities_ran(&self) {
        let state = self.state.lock().unwrap();
        for activity in &state.activities {
            assert!(
                activity.used,
                "{}: {} {:?}",
                self.case, activity.function, activity.data
            );
        }
    }

    /// The instances whose turns differed in their batches from the recorded ones.
    pub fn not_aligned(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let differing = state.scripts.iter().filter(|(_, script)| !script.aligned);
        differing.map(|(id, _)| id.clone()).collect()
    }

    fn turn(&self, bytes: &[u8]) -> Result<InvocationAnswer, InvokeError> {
        let request = decode_request(bytes);
        let id = request.instance_id.clone();
        // Waiters lock the state from inside the channel: never notify them with the lock held.
        let answer = {
            let mut state = self.state.lock().unwrap();
            let State {
                scripts, problems, ..
            } = &mut *state;
            match scripts.get_mut(&id) {
                Some(script) => script.play(bytes, &request, problems),
                None => {
                    problems.push(format!("an unexpected turn of '{id}'"));
                    Ok(InvocationAnswer::default())
                }
            }
        };
        self.progress.send_modify(|count| *count += 1);
        match answer {
            Err(InvokeError::Stopping) => Err(self.no_answer()),
            answer => answer,
        }
    }

    fn activity(
        &self,
        function: &str,
        data: &Map<String, Value>,
        metadata: &Map<String, Value>,
    ) -> Option<(Option<(String, usize)>, Answer)> {
        let mut state = self.state.lock().unwrap();
        let found = state.activities.iter_mut().find(|activity| {
            !activity.used
                && activity.function == function
                && same_members(&activity.data, data)
                && same_members(&activity.metadata, metadata)
        });
        if let Some(activity) = found {
            activity.used = true;
            return Some((activity.gate.clone(), activity.answer.clone()));
        }
        state.problems.push(format!(
            "an unexpected activity: {function} {data:?} {metadata:?}"
        ));
        drop(state);
        self.progress.send_modify(|count| *count += 1);
        None
    }

    fn no_answer(&self) -> InvokeError {
        if self.case.contains("timeout") {
            InvokeError::Timeout {
                timeout: "00:00:05".into(),
                function: if self.case.contains("activity") {
                    "hangActivity".into()
                } else {
                    "hang".into()
                },
            }
        } else {
            InvokeError::Connection("The response ended prematurely. (ResponseEnded)".into())
        }
    }
}

impl Invoke for Recorded {
    fn invoke(
        &self,
        function: &str,
        data: Map<String, Value>,
        metadata: Map<String, Value>,
    ) -> BoxFuture<'static, Result<InvocationAnswer, InvokeError>> {
        if let Some(context) = data.get("context") {
            assert!(metadata.is_empty());
            let answer = self.turn(&request_bytes(context));
            return Box::pin(async move { answer });
        }
        let Some((gate, answer)) = self.activity(function, &data, &metadata) else {
            return Box::pin(async { Ok(InvocationAnswer::default()) });
        };
        let this = self.clone();
        Box::pin(async move {
            if let Some((instance, turn)) = gate {
                this.reached(&instance, turn).await;
            }
            if answer.no_answer {
                return Err(this.no_answer());
            }
            invocation(&answer)
        })
    }
}

impl Script {
    fn add(&mut self, request: OrchestratorRequest, answer: Answer) {
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

    fn play(
        &mut self,
        bytes: &[u8],
        request: &OrchestratorRequest,
        problems: &mut Vec<String>,
    ) -> Result<InvocationAnswer, InvokeError> {
        let id = &request.instance_id;
        self.compare_bytes(id, bytes, problems);
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
        // Never an empty message: its base64 text would be empty, and that is no answer.
        let mut merged = OrchestratorResponse {
            instance_id: self.turns[0].request.instance_id.clone(),
            ..OrchestratorResponse::default()
        };
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
            let Some(mut decoded) = answer
                .return_value
                .as_str()
                .filter(|text| !text.is_empty())
                .and_then(|text| STANDARD.decode(text).ok())
                .and_then(|bytes| OrchestratorResponse::decode(&*bytes).ok())
            else {
                return Ok(answer);
            };
            self.set_timers(index, &mut decoded);
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

    /// Recorded times are past: timers that fired then fire soon, the others never.
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

    /// Within one execution the past begins with what the turn before had seen, or, when that turn
    /// was abandoned, is its past again.
    fn compare_bytes(&mut self, id: &str, bytes: &[u8], problems: &mut Vec<String>) {
        let (past, new) = (events(bytes, 3), events(bytes, 4));
        let continues = {
            let seen = [self.sent.0.as_slice(), self.sent.1.as_slice()].concat();
            past.starts_with(&seen) || past == self.sent.0
        };
        if !past.is_empty() && !continues {
            problems.push(format!("'{id}': the past is not what was sent before"));
        }
        self.sent = (past, new);
    }
}

/// The fields with this number, one behind the other, without their tags.
pub fn events(mut bytes: &[u8], field: u32) -> Vec<u8> {
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

/// Which turn gets the result of which activity.
fn assign_gates(scripts: &HashMap<String, Script>, activities: &mut [Activity]) {
    let mut taken: Vec<(String, usize, i32, usize)> = Vec::new();
    for activity in activities {
        'search: for (id, script) in scripts {
            for (index, turn) in script.turns.iter().enumerate() {
                let Some(decoded) = decoded(&turn.answer) else {
                    continue;
                };
                for (position, action) in decoded.actions.iter().enumerate() {
                    let Some(OrchestratorActionType::ScheduleTask(task)) =
                        &action.orchestrator_action_type
                    else {
                        continue;
                    };
                    let key = (id.clone(), index, action.id, position);
                    let instance = activity.metadata["instanceId"].as_str().unwrap();
                    let mine = instance == format!("\"{id}\"") || instance == "\"evil\"";
                    if !mine || taken.contains(&key) || !same_input(task.input.as_deref(), activity)
                    {
                        continue;
                    }
                    let reader = script.turns.iter().skip(index + 1).position(|later| {
                        later.execution == turn.execution
                            && later
                                .request
                                .new_events
                                .iter()
                                .any(|event| is_result(event, action.id))
                    });
                    let gate = reader.map_or(script.turns.len(), |at| at + index + 1);
                    activity.gate = Some((id.clone(), gate));
                    taken.push(key);
                    break 'search;
                }
            }
        }
        assert!(activity.gate.is_some(), "nobody scheduled this activity");
    }
}

fn same_input(input: Option<&str>, activity: &Activity) -> bool {
    let sent: Value = serde_json::from_str(activity.data["input"].as_str().unwrap()).unwrap();
    match (input, sent.as_str()) {
        (None, None) => true,
        (Some(input), Some(sent)) => {
            let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
            parse(input).is_some_and(|input| parse(sent).is_some_and(|sent| same(&input, &sent)))
        }
        _ => false,
    }
}

fn is_result(event: &HistoryEvent, id: i32) -> bool {
    match &event.event_type {
        Some(EventType::TaskCompleted(completed)) => completed.task_scheduled_id == id,
        Some(EventType::TaskFailed(failed)) => failed.task_scheduled_id == id,
        _ => false,
    }
}

fn same_members(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    same(&Value::Object(a.clone()), &Value::Object(b.clone()))
}

/// Equal; the recorder held numbers as doubles.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
        }
        (a, b) => a == b,
    }
}

/// What `Invoke` makes of a recorded answer.
fn invocation(answer: &Answer) -> Result<InvocationAnswer, InvokeError> {
    if answer.status >= 300 {
        return Err(InvokeError::Status {
            status: answer.status,
            reason: answer.reason.clone().unwrap_or_else(|| {
                match answer.status {
                    404 => "Not Found",
                    _ => "Internal Server Error",
                }
                .to_owned()
            }),
        });
    }
    let body: Value = serde_json::from_str(&answer.body)
        .map_err(|_| InvokeError::BadAnswer(answer.body.clone()))?;
    Ok(InvocationAnswer {
        outputs: None,
        return_value: body.get("ReturnValue").cloned().unwrap_or_default(),
    })
}

fn decoded(answer: &Answer) -> Option<OrchestratorResponse> {
    let value = invocation(answer).ok()?.return_value;
    OrchestratorResponse::decode(&*STANDARD.decode(value.as_str()?).ok()?).ok()
}

fn execution_id(request: &OrchestratorRequest) -> Option<String> {
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

/// The new events without the marks of the turn.
fn messages(request: &OrchestratorRequest) -> Vec<String> {
    let is_mark = |event: &&HistoryEvent| {
        matches!(
            event.event_type,
            Some(EventType::OrchestratorStarted(_) | EventType::OrchestratorCompleted(_))
        )
    };
    let events = request.new_events.iter();
    events.filter(|e| !is_mark(e)).map(shape::of).collect()
}

/// The functions that the recorded app had, as far as the case shows.
pub fn functions(fixture: &Fixture) -> Vec<DurableFunction> {
    let mut functions: Vec<DurableFunction> = Vec::new();
    let mut scheduled: Vec<String> = Vec::new();
    let mut add = |folder: &str, name: String, kind, binding: &str| {
        let function = DurableFunction {
            folder: folder.to_owned(),
            name,
            kind,
            binding: binding.to_owned(),
        };
        if !functions
            .iter()
            .any(|it| it.kind == kind && it.folder == function.folder)
        {
            functions.push(function);
        }
    };
    for exchange in &fixture.exchanges {
        if let Exchange::Turn {
            function,
            request,
            answer,
            ..
        } = exchange
        {
            let request = decode_request(&STANDARD.decode(request).unwrap());
            let name =
                crate::support::history(&request).find_map(|event| match &event.event_type {
                    Some(EventType::ExecutionStarted(started)) => Some(started.name.clone()),
                    _ => None,
                });
            add(
                function,
                name.unwrap(),
                DurableKind::Orchestrator,
                "context",
            );
            for action in decoded(answer).unwrap_or_default().actions {
                if let Some(OrchestratorActionType::ScheduleTask(task)) =
                    action.orchestrator_action_type
                {
                    scheduled.push(task.name);
                }
            }
        }
    }
    for exchange in &fixture.exchanges {
        if let Exchange::Activity { function, .. } = exchange {
            let same = scheduled
                .iter()
                .find(|name| name.eq_ignore_ascii_case(function));
            // A function whose binding gives it another name.
            let other = scheduled.iter().find(|name| name.starts_with("renamed"));
            let name = same.or(other).unwrap().clone();
            add(function, name, DurableKind::Activity, "input");
        }
    }
    functions
}
