//! Any program that fails at any moment and is rewound ends as if nothing had happened.
//!
//! The host of these tests loses what a real host loses. It fails an instance in the middle: its turn
//! is cut off, or a failure that the program does not catch ends it. It throws away what arrives while
//! the instance is Failed, or delivers it late or twice. It suspends the instance now and then, and
//! rewinds it. The programs are those of the differential test. What an activity or a child answers
//! depends on its name and input alone, so that a run with failures must have the output of the run
//! without.

use std::time::Instant;

use base64_simd::STANDARD;
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction, execute};
use durable_protocol::messages::{
    CompleteOrchestrationAction, EventRaisedEvent, EventType, HistoryEvent, OrchestrationStatus,
    OrchestratorActionType, OrchestratorRequest, OrchestratorResponse,
    SubOrchestrationInstanceCompletedEvent, SubOrchestrationInstanceFailedEvent,
    TaskCompletedEvent, TaskFailedEvent, TaskFailureDetails, TimerFiredEvent,
};
use proptest::prelude::*;
use prost::Message;

use crate::oracle::interpreter;
use crate::oracle::program::{Dialect, EVENTS, Program, programs};
use crate::support::rewound;
use crate::support::stored::{self, confirmation, event};

/// More turns than any program of the generator needs: a run that takes more hangs.
const MOST_TURNS: usize = 2_000;

/// An answer that is on its way.
#[derive(Clone, Debug)]
struct Open {
    answer: EventType,
    /// What it is if the activity or the child fails.
    failure: Option<EventType>,
}

#[derive(Debug, PartialEq)]
enum End {
    Completed(Option<String>),
    /// The program ended itself.
    Stopped(String),
}

struct Host {
    function: OrchestratorFunction,
    kept: KeptInstances,
    generation: u64,
    past: Vec<HistoryEvent>,
    inbox: Vec<HistoryEvent>,
    open: Vec<Open>,
    /// Children that have failed: a rewind rewinds them.
    failed: Vec<Open>,
    /// The message of a rewind, if another came first.
    message: Option<HistoryEvent>,
    clock: i64,
    raised: usize,
    choices: std::vec::IntoIter<u16>,
    /// Whether a failure decided anything that no rewind has undone.
    tainted: bool,
    is_suspended: bool,
    /// What was delivered and comes once more: hosts report the end of an action more than once.
    again: Vec<HistoryEvent>,
}

impl Host {
    fn new(program: &Program, choices: Vec<u16>) -> Self {
        let mut host = Host {
            function: interpreter::orchestrator(program),
            kept: KeptInstances::new(KeptLimits::default().verify_every(0)),
            generation: 0,
            past: Vec::new(),
            inbox: Vec::new(),
            open: Vec::new(),
            failed: Vec::new(),
            message: None,
            clock: 0,
            raised: 0,
            choices: choices.into_iter(),
            tainted: false,
            is_suspended: false,
            again: Vec::new(),
        };
        host.start(Vec::new());
        host
    }

    fn start(&mut self, carried: Vec<HistoryEvent>) {
        let (input, execution) = (self.generation.to_string(), format!("e{}", self.generation));
        let started = stored::execution_started("program", Some(&input), &execution);
        self.past.clear();
        self.open.clear();
        self.failed.clear();
        self.message = None;
        self.is_suspended = false;
        self.again.clear();
        self.inbox = vec![started];
        self.inbox.extend(carried);
    }

    fn pick(&mut self, n: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % n
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.pick(100) >= 100 - percent
    }

    fn request(&self) -> OrchestratorRequest {
        stored::request(&self.past, self.inbox.iter().cloned(), self.clock)
    }

    /// The answer to the turn that comes next: of a replay, twice, and of the kept instance.
    fn answer(&mut self, request: &OrchestratorRequest) -> OrchestratorResponse {
        let bytes = request.encode_to_vec();
        let answer = execute(&self.function, bytes.clone()).unwrap();
        assert_eq!(answer, execute(&self.function, bytes.clone()).unwrap());
        let text = STANDARD.encode_to_string(&bytes);
        let kept = self.kept.run_turn(&self.function, &text, Instant::now());
        let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
        let kept = STANDARD.decode_to_vec(kept).unwrap();
        let kept = OrchestratorResponse::decode(kept.as_slice()).unwrap();
        assert_eq!(answer, kept, "a kept instance decides differently");
        answer
    }

    fn end_turn(&mut self) {
        self.past.push(stored::turn_ended(self.clock));
        self.clock += 1;
    }

    fn ended(&mut self, id: i32) {
        self.past.push(stored::execution_failed(id, self.clock));
    }

    /// A turn. The end of the execution, if it has ended.
    fn turn(&mut self) -> Option<CompleteOrchestrationAction> {
        let request = self.request();
        let answer = self.answer(&request);
        self.past.extend(request.new_events);
        self.inbox.clear();
        let mut ended = None;
        let mut ids = Vec::new();
        for action in &answer.actions {
            assert!(
                !ids.contains(&action.id),
                "two actions with one id: {answer:?}"
            );
            ids.push(action.id);
            if let Some(confirmation) = confirmation(action) {
                let known = self.past.iter().any(|event| {
                    event.event_id == action.id
                        && matches!(
                            event.event_type,
                            Some(
                                EventType::TaskScheduled(_)
                                    | EventType::TimerCreated(_)
                                    | EventType::SubOrchestrationInstanceCreated(_)
                                    | EventType::EventSent(_)
                            )
                        )
                });
                assert!(!known, "an id of the history is used again: {action:?}");
                self.past.push(event(action.id, confirmation, self.clock));
            }
            let (id, kind) = (action.id, action.orchestrator_action_type.clone().unwrap());
            match kind {
                OrchestratorActionType::CompleteOrchestration(end) => {
                    if end.orchestration_status() == OrchestrationStatus::Failed {
                        self.ended(id);
                    }
                    ended = Some(*end);
                }
                kind => self.open.extend(outside(id, &kind)),
            }
        }
        self.end_turn();
        ended
    }

    /// The host asks for the turn, and the answer gets lost: the instance is Failed.
    fn cut(&mut self) {
        let request = self.request();
        self.answer(&request);
        self.past.extend(request.new_events);
        self.inbox.clear();
        self.ended(0);
        self.end_turn();
    }

    /// What arrives while the instance is Failed is gone, but for children (they cannot be asked for
    /// again) and for what arrives late.
    fn rewind(&mut self) {
        for open in std::mem::take(&mut self.open) {
            let child = matches!(open.answer, EventType::SubOrchestrationInstanceCompleted(_));
            if child || self.chance(30) {
                self.open.push(open);
            }
        }
        let reason = self.chance(50).then_some("again");
        let parent = self.past.iter().any(|event| {
            matches!(
                event.event_type,
                Some(EventType::SubOrchestrationInstanceFailed(_))
            )
        });
        let message = rewound::rewind(&mut self.past, reason);
        let message = event(-1, message, self.clock);
        self.open.append(&mut self.failed);
        if parent {
            // It gets no message; the end of the child that was rewound comes next.
            self.deliver(false);
            return;
        }
        // A late answer may come first.
        if !self.open.is_empty() && self.chance(20) {
            self.deliver(false);
            self.message = Some(message);
        } else {
            self.inbox.push(message);
        }
    }

    /// Delivers something for the next turn.
    fn deliver(&mut self, may_fail: bool) {
        if self.open.is_empty() {
            // The program can only wait for an event.
            let name = EVENTS[self.raised % EVENTS.len()];
            self.raised += 1;
            let raised = EventRaisedEvent {
                name: name.to_owned(),
                input: Some(format!("{:?}", name.to_lowercase())),
            };
            self.inbox
                .push(event(-1, EventType::EventRaised(raised), self.clock));
            return;
        }
        let index = self.pick(self.open.len());
        let open = self.open.remove(index);
        let kind = match open.failure {
            Some(ref failure) if may_fail && self.chance(25) => {
                let failure = failure.clone();
                if matches!(failure, EventType::SubOrchestrationInstanceFailed(_)) {
                    self.failed.push(open);
                }
                failure
            }
            _ => open.answer,
        };
        let event = event(-1, kind, self.clock);
        if may_fail && self.chance(15) {
            self.again.push(event.clone());
        }
        self.inbox.push(event);
    }

    /// A client suspends the instance or resumes it, and something comes that has come before.
    fn noise(&mut self, disturbed: bool) {
        let kind = if self.is_suspended && (!disturbed || self.chance(40)) {
            Some(EventType::ExecutionResumed(Default::default()))
        } else if !self.is_suspended && disturbed && self.chance(25) {
            Some(EventType::ExecutionSuspended(Default::default()))
        } else {
            None
        };
        if let Some(kind) = kind {
            self.is_suspended = !self.is_suspended;
            let at = self.pick(self.inbox.len() + 1);
            self.inbox.insert(at, event(-1, kind, self.clock));
        }
        if !self.again.is_empty() && self.chance(30) {
            let index = self.pick(self.again.len());
            self.inbox.push(self.again.remove(index));
        }
    }

    /// Whether a failure of an activity or of a child stands in the history.
    fn has_failures(&self) -> bool {
        let failed = |event: &HistoryEvent| {
            matches!(
                event.event_type,
                Some(EventType::TaskFailed(_) | EventType::SubOrchestrationInstanceFailed(_))
            )
        };
        self.past.iter().any(failed)
    }

    /// Runs until the instance ends for good. Failures come before the turn `peaceful`.
    fn run(&mut self, peaceful: usize) -> End {
        for turn in 0..MOST_TURNS {
            let disturbed = turn < peaceful;
            // The last disturbance is a failure of the host, so that a rewind undoes all others.
            let mut fails = (disturbed && self.chance(30)) || turn + 1 == peaceful;
            while fails {
                self.cut();
                self.rewind();
                fails = disturbed && self.chance(20);
            }
            let Some(end) = self.turn() else {
                self.inbox.extend(self.message.take());
                for _ in 0..=self.pick(3) {
                    self.deliver(turn + 1 < peaceful);
                }
                self.noise(turn + 1 < peaceful);
                continue;
            };
            match end.orchestration_status() {
                OrchestrationStatus::ContinuedAsNew => {
                    self.tainted |= self.has_failures();
                    self.generation += 1;
                    self.start(end.carryover_events.clone());
                }
                OrchestrationStatus::Completed => {
                    self.tainted |= self.has_failures();
                    return End::Completed(end.result);
                }
                _ => {
                    let failure = end.failure_details.unwrap();
                    match failure.error_type.as_str() {
                        "Stopped" => {
                            self.tainted |= self.has_failures();
                            return End::Stopped(failure.error_message);
                        }
                        "Broken" | "UnknownFailure" => self.rewind(),
                        other => panic!("{other}: {}\n{:#?}", failure.error_message, self.past),
                    }
                }
            }
        }
        panic!("it hangs: {:#?}", self.past);
    }
}

fn broken() -> Option<TaskFailureDetails> {
    Some(TaskFailureDetails {
        error_type: "Broken".to_owned(),
        error_message: "no luck".to_owned(),
        ..Default::default()
    })
}

/// What the world makes of an action. The numbers of a run are those of its names and inputs.
fn outside(id: i32, action: &OrchestratorActionType) -> Option<Open> {
    let result = |name: &str, input: &Option<String>| {
        let sum = name
            .bytes()
            .chain(input.iter().flat_map(|input| input.bytes()));
        Some(sum.map(u32::from).sum::<u32>().to_string())
    };
    match action {
        OrchestratorActionType::ScheduleTask(task) => Some(Open {
            answer: EventType::TaskCompleted(TaskCompletedEvent {
                task_scheduled_id: id,
                result: result(&task.name, &task.input),
            }),
            failure: Some(EventType::TaskFailed(Box::new(TaskFailedEvent {
                task_scheduled_id: id,
                failure_details: broken(),
            }))),
        }),
        OrchestratorActionType::CreateTimer(timer) => Some(Open {
            answer: EventType::TimerFired(TimerFiredEvent {
                timer_id: id,
                fire_at: timer.fire_at,
            }),
            failure: None,
        }),
        OrchestratorActionType::CreateSubOrchestration(child) => Some(Open {
            answer: EventType::SubOrchestrationInstanceCompleted(
                SubOrchestrationInstanceCompletedEvent {
                    task_scheduled_id: id,
                    result: result(&child.name, &child.input),
                },
            ),
            failure: Some(EventType::SubOrchestrationInstanceFailed(Box::new(
                SubOrchestrationInstanceFailedEvent {
                    task_scheduled_id: id,
                    failure_details: broken(),
                },
            ))),
        }),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_program_that_failed_and_was_rewound_ends_as_if_nothing_had_happened(
        program in programs(Dialect::Full),
        choices in prop::collection::vec(any::<u16>(), 0..300),
        peaceful in 1_usize..8,
    ) {
        let undisturbed = Host::new(&program, Vec::new()).run(0);
        let mut host = Host::new(&program, choices);
        let end = host.run(peaceful);
        if program.is_indifferent() && !host.tainted {
            prop_assert_eq!(end, undisturbed);
        }
    }
}
