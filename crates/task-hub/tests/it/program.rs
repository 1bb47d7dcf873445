//! Small programs: an orchestrator that runs one from its history, and a model that knows what must come out.

use std::collections::BTreeMap;

use durable_protocol::entity_message;
use durable_protocol::messages::{
    CompleteOrchestrationAction, CreateSubOrchestrationAction, CreateTimerAction, EventType,
    HistoryEvent, OrchestrationInstance, OrchestrationStatus, OrchestratorAction,
    OrchestratorActionType, OrchestratorRequest, OrchestratorResponse, ScheduleTaskAction,
    SendEventAction,
};

/// The entity that all programs call.
pub const COUNTER: &str = "@counter@all";

/// One thing that a program does and waits for.
#[derive(Clone, Debug)]
pub enum Op {
    /// Activities at once.
    Activities(u8),
    /// An activity that fails, and whose failure is caught.
    Failure,
    /// A timer of some seconds.
    Timer(u8),
    /// An external event.
    Event,
    /// A sub-orchestration with a later program.
    Child(usize),
    /// Adds one to the counter and waits for the answer.
    Call,
}

/// A program does its operations, and then again as a new execution as often as its input says.
pub type Program = Vec<Op>;

pub fn name_of(program: usize) -> String {
    format!("program{program}")
}

/// What an activity returns.
pub fn activity(input: &str) -> String {
    format!("{input}!")
}

/// What must come out of an instance.
#[derive(Debug, Default)]
pub struct Expected {
    /// Status and output by instance id.
    pub outputs: BTreeMap<String, String>,
    /// The history of the last execution by instance id, without times, turns and order.
    pub histories: BTreeMap<String, Vec<String>>,
    /// How many events each instance waits for.
    pub events: BTreeMap<String, usize>,
    /// How often the counter is called.
    pub calls: u64,
}

impl Expected {
    pub fn add(&mut self, programs: &[Program], program: usize, id: &str, input: u8) -> String {
        let mut last = String::new();
        for generation in (0..=input).rev() {
            let mut history = vec![format!("started {generation}")];
            let mut results: Vec<String> = Vec::new();
            let mut next = 0;
            let mut take = || {
                next += 1;
                next - 1
            };
            for op in &programs[program] {
                match op {
                    Op::Activities(count) => {
                        for _ in 0..*count {
                            let action = take();
                            let result = activity(&format!("{id}/{generation}/{action}"));
                            history.push(format!("scheduled {action}"));
                            history.push(format!("completed {action} {result}"));
                            results.push(result);
                        }
                    }
                    Op::Failure => {
                        let action = take();
                        history.push(format!("scheduled {action}"));
                        history.push(format!("failed {action}"));
                        results.push("caught".into());
                    }
                    Op::Timer(_) => {
                        let action = take();
                        history.push(format!("timer {action}"));
                        history.push(format!("fired {action}"));
                    }
                    Op::Event => {
                        history.push("raised go".into());
                        *self.events.entry(id.to_owned()).or_default() += 1;
                    }
                    Op::Child(child) => {
                        let action = take();
                        let child_id = format!("{id}:{generation}:{action}");
                        let result = self.add(programs, *child, &child_id, 0);
                        history.push(format!("child {action}"));
                        history.push(format!("child completed {action} {result}"));
                        results.push(result);
                    }
                    Op::Call => {
                        let action = take();
                        history.push(format!("sent {action}"));
                        history.push(format!("raised {}", request_id(id, generation, action)));
                        self.calls += 1;
                    }
                }
            }
            last = results.join(",");
            history.push(format!("ended {last}"));
            history.sort_unstable();
            self.histories.insert(id.to_owned(), history);
        }
        self.outputs.insert(id.to_owned(), last.clone());
        last
    }
}

/// A history in the form of [`Expected::histories`].
pub fn digest(history: &[HistoryEvent]) -> Vec<String> {
    let mut lines: Vec<String> = history
        .iter()
        .filter_map(|event| {
            let id = event.event_id;
            Some(match event.event_type.as_ref().unwrap() {
                EventType::ExecutionStarted(it) => {
                    format!("started {}", it.input.as_deref().unwrap_or("0"))
                }
                EventType::TaskScheduled(_) => format!("scheduled {id}"),
                EventType::TaskCompleted(it) => format!(
                    "completed {} {}",
                    it.task_scheduled_id,
                    it.result.clone().unwrap_or_default()
                ),
                EventType::TaskFailed(it) => format!("failed {}", it.task_scheduled_id),
                EventType::TimerCreated(_) => format!("timer {id}"),
                EventType::TimerFired(it) => format!("fired {}", it.timer_id),
                EventType::EventRaised(it) => format!("raised {}", it.name),
                EventType::EventSent(_) => format!("sent {id}"),
                EventType::SubOrchestrationInstanceCreated(_) => format!("child {id}"),
                EventType::SubOrchestrationInstanceCompleted(it) => format!(
                    "child completed {} {}",
                    it.task_scheduled_id,
                    it.result.clone().unwrap_or_default()
                ),
                EventType::ExecutionCompleted(it) => {
                    format!("ended {}", it.result.clone().unwrap_or_default())
                }
                EventType::OrchestratorStarted(_) | EventType::OrchestratorCompleted(_) => {
                    return None;
                }
                other => format!("unexpected {other:?}"),
            })
        })
        .collect();
    lines.sort_unstable();
    lines
}

fn request_id(id: &str, generation: u8, action: i32) -> String {
    format!("{id}?{generation}?{action}")
}

/// Runs a turn of a program.
pub fn run(programs: &[Program], request: &OrchestratorRequest) -> OrchestratorResponse {
    let history: Vec<&HistoryEvent> = request
        .past_events
        .iter()
        .chain(&request.new_events)
        .collect();
    let mut known = Known::default();
    for event in history {
        known.read(event);
    }
    let id = &request.instance_id;
    let program: usize = known.name.strip_prefix("program").unwrap().parse().unwrap();
    let mut actions = Vec::new();
    let mut add = |id: i32, kind: OrchestratorActionType| {
        if !known.decided.contains(&id) {
            actions.push(OrchestratorAction {
                id,
                orchestrator_action_type: Some(kind),
            });
        }
    };
    let generation = known.generation;
    let mut results = Vec::new();
    let mut next = 0;
    let mut used_events = 0;
    let mut is_done = true;
    for op in &programs[program] {
        let mut waits = false;
        let first = next;
        match op {
            Op::Activities(count) => {
                for _ in 0..*count {
                    let task = ScheduleTaskAction {
                        name: "activity".into(),
                        input: Some(format!("{id}/{generation}/{next}")),
                        ..ScheduleTaskAction::default()
                    };
                    add(next, OrchestratorActionType::ScheduleTask(Box::new(task)));
                    next += 1;
                }
            }
            Op::Failure => {
                let task = ScheduleTaskAction {
                    name: "failure".into(),
                    ..ScheduleTaskAction::default()
                };
                add(next, OrchestratorActionType::ScheduleTask(Box::new(task)));
                next += 1;
            }
            Op::Timer(seconds) => {
                let mut fire_at = known.now;
                fire_at.seconds += i64::from(*seconds);
                add(
                    next,
                    OrchestratorActionType::CreateTimer(CreateTimerAction {
                        fire_at: Some(fire_at),
                    }),
                );
                next += 1;
            }
            Op::Event => {
                used_events += 1;
                waits = known.raised.len() < used_events;
            }
            Op::Child(child) => {
                let action = CreateSubOrchestrationAction {
                    instance_id: format!("{id}:{generation}:{next}"),
                    name: name_of(*child),
                    input: Some("0".into()),
                    ..CreateSubOrchestrationAction::default()
                };
                add(
                    next,
                    OrchestratorActionType::CreateSubOrchestration(Box::new(action)),
                );
                next += 1;
            }
            Op::Call => {
                let request = entity_message::Request {
                    op: Some("add".into()),
                    id: request_id(id, generation, next).into(),
                    parent: Some(id.as_str().into()),
                    parent_execution: Some(known.execution.as_str().into()),
                    timestamp: Some("2026-01-01T00:00:00Z".into()),
                    ..entity_message::Request::default()
                };
                let action = SendEventAction {
                    instance: Some(OrchestrationInstance {
                        instance_id: COUNTER.into(),
                        execution_id: None,
                    }),
                    name: "op".into(),
                    data: Some(serde_json::to_string(&request).unwrap()),
                };
                add(next, OrchestratorActionType::SendEvent(Box::new(action)));
                waits = !known.answers.contains(&request_id(id, generation, next));
                next += 1;
            }
        }
        let needs_results = !matches!(op, Op::Event | Op::Call);
        for action in first..next {
            match known.results.get(&action) {
                Some(Some(result)) => results.push(result.clone()),
                Some(None) => {}
                None if needs_results => waits = true,
                None => {}
            }
        }
        if waits {
            is_done = false;
            break;
        }
    }
    if is_done {
        let ends = generation == 0;
        let end = CompleteOrchestrationAction {
            orchestration_status: if ends {
                OrchestrationStatus::Completed.into()
            } else {
                OrchestrationStatus::ContinuedAsNew.into()
            },
            result: Some(if ends {
                results.join(",")
            } else {
                (generation - 1).to_string()
            }),
            carryover_events: known.raised.split_off(used_events),
            ..CompleteOrchestrationAction::default()
        };
        actions.push(OrchestratorAction {
            id: next,
            orchestrator_action_type: Some(OrchestratorActionType::CompleteOrchestration(
                Box::new(end),
            )),
        });
    }
    OrchestratorResponse {
        instance_id: id.clone(),
        actions,
        ..OrchestratorResponse::default()
    }
}

/// What a history says.
#[derive(Default)]
struct Known {
    name: String,
    execution: String,
    generation: u8,
    now: prost_types::Timestamp,
    decided: Vec<i32>,
    /// `None` for a timer.
    results: BTreeMap<i32, Option<String>>,
    raised: Vec<HistoryEvent>,
    answers: Vec<String>,
}

impl Known {
    fn read(&mut self, event: &HistoryEvent) {
        let mut result = |id: i32, result: Option<String>| {
            assert!(
                self.results.insert(id, result).is_none(),
                "two results of action {id}"
            );
        };
        match event.event_type.as_ref().unwrap() {
            EventType::ExecutionStarted(it) => {
                self.name.clone_from(&it.name);
                let instance = it.orchestration_instance.as_ref().unwrap();
                self.execution = instance.execution_id.clone().unwrap();
                self.generation = it.input.as_deref().unwrap_or("0").parse().unwrap();
            }
            EventType::OrchestratorStarted(_) => {
                let time = event.timestamp.unwrap();
                assert!(time.seconds >= self.now.seconds, "time goes back");
                self.now = time;
            }
            EventType::TaskScheduled(_)
            | EventType::TimerCreated(_)
            | EventType::EventSent(_)
            | EventType::SubOrchestrationInstanceCreated(_) => {
                assert!(!self.decided.contains(&event.event_id), "decided twice");
                self.decided.push(event.event_id);
            }
            EventType::TaskCompleted(it) => result(it.task_scheduled_id, it.result.clone()),
            EventType::TaskFailed(it) => result(it.task_scheduled_id, Some("caught".into())),
            EventType::TimerFired(it) => result(it.timer_id, None),
            EventType::SubOrchestrationInstanceCompleted(it) => {
                result(it.task_scheduled_id, it.result.clone());
            }
            EventType::EventRaised(it) if it.name == "go" => self.raised.push(event.clone()),
            EventType::EventRaised(it) => self.answers.push(it.name.clone()),
            _ => {}
        }
    }
}
