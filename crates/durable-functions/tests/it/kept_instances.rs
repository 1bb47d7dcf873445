//! Kept instances: the same answers as a replay, whatever the host delivers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::support::{Host, actions, orchestrator};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction, run_turn};
use durable_functions::{Activity, Event, OrchestrationContext, Orchestrator, Result};
use durable_protocol::messages::{
    EventType, OrchestratorAction, OrchestratorActionType, OrchestratorRequest,
    OrchestratorResponse,
};
use futures::future::{join_all, select};
use proptest::prelude::*;
use prost::Message;

const ECHO: Activity<u32, u32> = Activity::new("echo");
const GO: Event<u32> = Event::new("go");

/// What the orchestrator of the properties does, one step after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Step {
    Call,
    FanOut(u8),
    Sleep,
    Wait,
    Race,
    Status,
    Draw,
}

async fn run(ctx: OrchestrationContext, steps: Vec<Step>) -> Result<Vec<String>> {
    let mut log = Vec::new();
    let kept_call = ctx.call(ECHO, 1000);
    for (i, step) in steps.into_iter().enumerate() {
        let i = u32::try_from(i).unwrap();
        match step {
            Step::Call => log.push(format!("{:?}", ctx.call(ECHO, i).await)),
            Step::FanOut(n) => {
                let calls = (0..u32::from(n)).map(|k| ctx.call(ECHO, k));
                log.push(format!("{:?}", join_all(calls).await));
            }
            Step::Sleep => ctx.sleep(Duration::from_secs(2)).await,
            Step::Wait => log.push(format!("{:?}", ctx.wait_for(GO).await)),
            Step::Race => {
                let winner = select(ctx.call(ECHO, i), ctx.wait_for(GO)).await;
                log.push(match winner {
                    futures::future::Either::Left((result, _)) => format!("{result:?}"),
                    futures::future::Either::Right((result, _)) => format!("{result:?}"),
                });
            }
            Step::Status => ctx.set_custom_status(i),
            Step::Draw => log.push(format!("{} {:?}", ctx.new_uuid(), ctx.now())),
        }
    }
    log.push(format!("{:?}", kept_call.await));
    Ok(log)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Call),
        2 => (0u8..6).prop_map(Step::FanOut),
        1 => Just(Step::Sleep),
        2 => Just(Step::Wait),
        2 => Just(Step::Race),
        1 => Just(Step::Status),
        1 => Just(Step::Draw),
    ];
    prop::collection::vec(step, 0..8)
}

/// What the host does next; each step of the test takes one.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// A turn with so many of the open results.
    Turn(u8),
    /// A turn whose answer is lost: the same past comes again, with a new beginning.
    LostTurn(u8),
    /// The same request twice.
    Twice(u8),
    /// The process was restarted: nothing is kept.
    Restart,
    /// An event is raised.
    Raise,
    /// An event of the past is replaced, as rewind does it.
    Rewrite,
    /// Suspended and resumed.
    Suspend,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let happens = prop_oneof![
        6 => (0u8..4).prop_map(Happens::Turn),
        2 => (0u8..4).prop_map(Happens::LostTurn),
        1 => (0u8..4).prop_map(Happens::Twice),
        1 => Just(Happens::Restart),
        2 => Just(Happens::Raise),
        1 => Just(Happens::Rewrite),
        1 => Just(Happens::Suspend),
    ];
    prop::collection::vec(happens, 1..40)
}

/// A host, an engine that keeps instances, and a replay to compare it with.
struct Bench {
    function: OrchestratorFunction,
    host: Host,
    kept: KeptInstances,
    /// Actions whose results are still to come.
    open: VecDeque<OrchestratorAction>,
    ended: bool,
}

impl Bench {
    fn new(steps: &[Step]) -> Self {
        let function = orchestrator(run);
        Bench {
            host: Host::new(
                function.clone(),
                Some(&serde_json::to_string(steps).unwrap()),
            ),
            function,
            kept: KeptInstances::new(KeptLimits::default().verify_every(0)),
            open: VecDeque::new(),
            ended: false,
        }
    }

    /// Puts the next results into the inbox.
    fn deliver(&mut self, results: u8) {
        for _ in 0..results {
            let Some(action) = self.open.pop_front() else {
                return;
            };
            match action.orchestrator_action_type.unwrap() {
                OrchestratorActionType::ScheduleTask(task) => {
                    let result = task.input.unwrap_or_default();
                    self.host.completed(action.id, &result);
                }
                OrchestratorActionType::CreateTimer(_) => {
                    self.host.fired(action.id);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// One turn both ways.
    fn answer(&mut self) -> (OrchestratorRequest, OrchestratorResponse) {
        let request = self.host.request();
        let text = STANDARD.encode(request.encode_to_vec());
        let kept = self.kept.run_turn(&self.function, &text, Instant::now());
        assert_eq!(kept, run_turn(&self.function, &text), "{request:?}");
        let answer = STANDARD.decode(kept).unwrap();
        (
            request,
            OrchestratorResponse::decode(answer.as_slice()).unwrap(),
        )
    }

    fn turn(&mut self) {
        let (request, answer) = self.answer();
        self.host.store(request, &answer);
        for action in answer.actions {
            match action.orchestrator_action_type.as_ref().unwrap() {
                OrchestratorActionType::CompleteOrchestration(_) => self.ended = true,
                _ => self.open.push_back(action),
            }
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Turn(results) => {
                self.deliver(results);
                self.turn();
            }
            Happens::LostTurn(results) => {
                self.deliver(results);
                self.answer();
                self.host.clock += 3;
            }
            Happens::Twice(results) => {
                self.deliver(results);
                self.answer();
                self.turn();
            }
            Happens::Restart => {
                self.kept = KeptInstances::new(KeptLimits::default().verify_every(0));
            }
            Happens::Raise => {
                self.host.raised("Go", Some("7"));
            }
            Happens::Rewrite => {
                let replaceable = self.host.past.iter_mut().rev().find(|event| {
                    matches!(event.event_type, Some(EventType::OrchestratorCompleted(_)))
                });
                if let Some(event) = replaceable {
                    event.event_type = Some(EventType::GenericEvent(Default::default()));
                }
            }
            Happens::Suspend => {
                self.host.suspended();
                self.turn();
                self.host.resumed();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_kept_instance_answers_as_a_replay_does(steps in steps(), happenings in happenings()) {
        let mut bench = Bench::new(&steps);
        for what in happenings {
            if bench.ended {
                break;
            }
            bench.happens(what);
        }
        // Whatever happened, the instance can still end.
        for _ in 0..60 {
            if bench.ended {
                break;
            }
            bench.host.raised("go", Some("1"));
            bench.deliver(u8::MAX);
            bench.turn();
        }
        prop_assert!(bench.ended);
    }
}

async fn two_calls(ctx: OrchestrationContext, (): ()) -> Result<u32> {
    Ok(ctx.call(ECHO, 1).await? + ctx.call(ECHO, 2).await?)
}

fn text(host: &Host) -> String {
    STANDARD.encode(host.request().encode_to_vec())
}

fn decode(answer: &str) -> OrchestratorResponse {
    OrchestratorResponse::decode(STANDARD.decode(answer).unwrap().as_slice()).unwrap()
}

/// Runs a turn through `kept` and stores it.
fn kept_turn(
    kept: &mut KeptInstances,
    function: &OrchestratorFunction,
    host: &mut Host,
) -> Vec<String> {
    let answer = decode(&kept.run_turn(function, &text(host), Instant::now()));
    host.store(host.request(), &answer);
    actions(&answer)
}

#[test]
fn every_turn_but_the_first_is_continued() {
    let function = orchestrator(two_calls);
    let mut host = Host::new(function.clone(), None);
    let mut kept = KeptInstances::new(KeptLimits::default());
    kept_turn(&mut kept, &function, &mut host);
    assert_eq!(kept.len(), 1);
    host.completed(0, "10");
    assert_eq!(kept_turn(&mut kept, &function, &mut host), ["#1 echo(2)"]);
    host.completed(1, "20");
    assert_eq!(
        kept_turn(&mut kept, &function, &mut host),
        ["#2 Completed(30)"]
    );
    assert_eq!(kept.continued(), 2);
    assert!(kept.is_empty(), "what has ended is not kept");
}

/// The next instance uses the memory of the text of an ended one, and nothing of its content.
#[test]
fn an_instance_that_follows_an_ended_one_is_continued_by_its_own_history() {
    let function = orchestrator(two_calls);
    let mut kept = KeptInstances::new(KeptLimits::default());
    for (round, first) in ["10", " 7 ", "1000000"].into_iter().enumerate() {
        let mut host = Host::new(function.clone(), None);
        // A beginning that is long enough, and longer each time, for the memory of the one before.
        let ignored = format!("{:?}", "x".repeat(4000 + 500 * round));
        host.raised("ignored", Some(&ignored));
        kept_turn(&mut kept, &function, &mut host);
        host.completed(0, first);
        kept_turn(&mut kept, &function, &mut host);
        host.completed(1, "20");
        let sum = first.trim().parse::<u32>().unwrap() + 20;
        assert_eq!(
            kept_turn(&mut kept, &function, &mut host),
            [format!("#2 Completed({sum})")]
        );
        assert_eq!(kept.continued(), 2 * (round as u64 + 1));
    }
}

#[test]
fn nothing_is_kept_when_it_is_switched_off() {
    let function = orchestrator(two_calls);
    let mut host = Host::new(function.clone(), None);
    let mut kept = KeptInstances::new(KeptLimits::none());
    kept_turn(&mut kept, &function, &mut host);
    host.completed(0, "10");
    assert_eq!(kept_turn(&mut kept, &function, &mut host), ["#1 echo(2)"]);
    assert_eq!((kept.len(), kept.continued()), (0, 0));
}

#[test]
fn what_is_kept_is_bounded_by_number_bytes_and_idle_time() {
    let function = orchestrator(two_calls);
    let start = |kept: &mut KeptInstances, id: &str, now| {
        let mut request = Host::new(function.clone(), None).request();
        request.instance_id = id.to_owned();
        let text = STANDARD.encode(request.encode_to_vec());
        kept.run_turn(&function, &text, now);
    };
    let begin = Instant::now();
    let later = |seconds| begin + Duration::from_secs(seconds);

    let mut kept = KeptInstances::new(KeptLimits::default().instances(2));
    for (id, second) in [("a", 0), ("b", 1), ("c", 2)] {
        start(&mut kept, id, later(second));
    }
    assert_eq!(kept.len(), 2);

    let mut kept = KeptInstances::new(KeptLimits::default().bytes(1));
    start(&mut kept, "a", begin);
    assert!(kept.is_empty());

    let mut kept = KeptInstances::new(KeptLimits::default().idle(Duration::from_secs(10)));
    start(&mut kept, "a", later(0));
    start(&mut kept, "b", later(5));
    kept.forget_idle(later(12));
    assert_eq!(kept.len(), 1);
    kept.forget_idle(later(15));
    assert!(kept.is_empty());
}

#[test]
fn a_host_that_leaves_out_the_history_is_continued_or_asked_for_it() {
    let function = orchestrator(two_calls);
    let mut host = Host::new(function.clone(), None);
    let mut kept = KeptInstances::new(KeptLimits::default());
    kept_turn(&mut kept, &function, &mut host);
    host.completed(0, "10");
    let mut request = host.request();
    request.past_events.clear();
    let no_state = prost_types::Value {
        kind: Some(prost_types::value::Kind::BoolValue(false)),
    };
    request
        .properties
        .insert("IncludeState".to_owned(), no_state);
    let text = STANDARD.encode(request.encode_to_vec());
    let continued = decode(&kept.run_turn(&function, &text, Instant::now()));
    assert_eq!(actions(&continued), ["#1 echo(2)"]);

    let mut restarted = KeptInstances::new(KeptLimits::default());
    let asked = decode(&restarted.run_turn(&function, &text, Instant::now()));
    assert!(asked.requires_history && asked.actions.is_empty());
}

#[test]
fn an_orchestrator_that_is_not_deterministic_is_noticed_and_the_replay_counts() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        ctx.call(ECHO, 1).await?;
        Ok(run)
    });
    let mut host = Host::new(function.clone(), None);
    let mut kept = KeptInstances::new(KeptLimits::default().verify_every(1));
    kept_turn(&mut kept, &function, &mut host);
    host.completed(0, "1");
    let end = kept_turn(&mut kept, &function, &mut host);
    assert_ne!(end, ["#1 Completed(0)"], "the kept run was the first one");
}

thread_local! {
    static SAID: std::cell::RefCell<Vec<&'static str>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The check of a continued turn runs the code again.
#[test]
fn what_a_continued_turn_logs_is_logged_once_although_it_is_verified() {
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<u32> {
        let first = ctx.call(ECHO, 1).await?;
        if !durable_functions::is_replaying() && !ctx.is_replaying() {
            SAID.with_borrow_mut(|said| said.push("between"));
        }
        Ok(first + ctx.call(ECHO, 2).await?)
    });
    let mut host = Host::new(function.clone(), None);
    let mut kept = KeptInstances::new(KeptLimits::default().verify_every(1));
    kept_turn(&mut kept, &function, &mut host);
    host.completed(0, "1");
    kept_turn(&mut kept, &function, &mut host);
    assert_eq!(kept.continued(), 1);
    assert_eq!(SAID.take(), ["between"]);
}

#[test]
fn a_new_default_version_counts_for_a_kept_instance_as_well() {
    const CHILD: Orchestrator<u32, u32> = Orchestrator::new("child");
    let function = orchestrator(async |ctx: OrchestrationContext, (): ()| -> Result<u32> {
        ctx.call(ECHO, 1).await?;
        Ok(ctx.call_orchestrator(CHILD, 1).await?)
    });
    let mut host = Host::new(function.clone(), None);
    let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
    for (turn, version) in ["1.0", "2.0"].into_iter().enumerate() {
        let mut request = host.request();
        let value = prost_types::value::Kind::StringValue(version.to_owned());
        let value = prost_types::Value { kind: Some(value) };
        request
            .properties
            .insert("defaultVersion".to_owned(), value);
        let text = STANDARD.encode(request.encode_to_vec());
        let answer = kept.run_turn(&function, &text, Instant::now());
        assert_eq!(answer, run_turn(&function, &text), "turn {turn}");
        host.store(host.request(), &decode(&answer));
        host.completed(0, "1");
    }
    assert_eq!(kept.continued(), 1);
}
