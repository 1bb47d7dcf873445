//! Random orchestrators: a small language that is interpreted in Rust (`interpreter.rs`) and in
//! Python (`oracle.py`), and the strategy that makes programs of it.
//!
//! Invariant: a program ends. Every loop is bounded, and each wait ends when the host delivers what
//! was asked for.

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) const ACTIVITIES: [&str; 3] = ["echo", "Resize-Image", "sum"];
/// The names of calls with a retry policy: the host never duplicates the results of these, because
/// durabletask uses one action id for all attempts and takes a duplicate for the next attempt's.
pub(crate) const RETRIED_ACTIVITY: &str = "flaky";
pub(crate) const RETRIED_CHILD: &str = "flaky-child";
pub(crate) const CHILDREN: [&str; 2] = ["child", "Grandchild"];
pub(crate) const EVENTS: [&str; 3] = ["approve", "Cancel", "Übergabe"];
/// A program continues as new at most this often.
pub(crate) const GENERATIONS: u64 = 2;

/// The steps of an orchestrator. Its output is the list of the outcomes of its steps.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Step {
    /// Awaits and passes a failure on.
    Await {
        op: Op,
    },
    /// Awaits; a failure is an outcome like any other.
    Try {
        op: Op,
    },
    /// Starts without awaiting.
    Start {
        op: Op,
    },
    /// Awaits what was started first.
    Join,
    Status {
        value: Value,
    },
    Send {
        target: String,
        event: &'static str,
        payload: Value,
    },
    /// The outcome is the orchestration's clock.
    Now,
    /// Depends on the outcome of the step before.
    If {
        odd: Vec<Step>,
        even: Vec<Step>,
    },
    Repeat {
        times: u32,
        body: Vec<Step>,
    },
    Fail {
        code: u32,
    },
    /// Does nothing in the last generation.
    ContinueAsNew {
        keep_events: bool,
    },
}

/// What can be awaited.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Op {
    Call {
        name: &'static str,
        input: Value,
        retry: Option<Retry>,
    },
    Child {
        name: &'static str,
        id: Option<String>,
        input: Value,
        retry: Option<Retry>,
    },
    Timer {
        seconds: u64,
    },
    /// Calls the entity [`COUNTER`](super::interpreter::COUNTER). Not in the programs of the differential test.
    Add {
        key: &'static str,
        amount: i64,
    },
    Event {
        name: &'static str,
    },
    /// Waits for all, then fails with the first failure.
    All {
        of: Vec<Op>,
    },
    Race {
        of: Vec<Op>,
    },
    Limited {
        seconds: u64,
        of: Box<Op>,
    },
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    pub(crate) first_interval: u64,
    pub(crate) backoff: f64,
    pub(crate) max_interval: Option<u64>,
}

impl Op {
    fn waits_for_an_event(&self) -> bool {
        match self {
            Op::Event { .. } => true,
            Op::Call { .. } | Op::Child { .. } | Op::Timer { .. } | Op::Add { .. } => false,
            Op::All { of } | Op::Race { of } => of.iter().any(Op::waits_for_an_event),
            Op::Limited { of, .. } => of.waits_for_an_event(),
        }
    }

    /// Leaves at most one alternative of each race that waits for an event. An event that has
    /// arrived for the loser of a race goes back to the queue here and is lost in durabletask.
    fn without_lost_events(self) -> Self {
        match self {
            Op::Race { of } => {
                let mut taken = false;
                let of = of.into_iter().map(|op| {
                    if !op.waits_for_an_event() {
                        op.without_lost_events()
                    } else if std::mem::replace(&mut taken, true) {
                        Op::Timer { seconds: 7 }
                    } else {
                        op.without_lost_events()
                    }
                });
                Op::Race { of: of.collect() }
            }
            Op::All { of } => Op::All {
                of: of.into_iter().map(Op::without_lost_events).collect(),
            },
            Op::Limited { seconds, of } => Op::Limited {
                seconds,
                of: Box::new(of.without_lost_events()),
            },
            leaf => leaf,
        }
    }
}

impl Op {
    /// The calls of one activity become calls of an entity, and children have generated ids.
    fn for_a_hub(self) -> Self {
        let all = |of: Vec<Op>| of.into_iter().map(Op::for_a_hub).collect();
        match self {
            Op::Call { name, input, .. } if name == ACTIVITIES[2] => Op::Add {
                key: if input.is_number() { "a" } else { "b" },
                amount: input.as_i64().unwrap_or(1000),
            },
            Op::Child {
                name, input, retry, ..
            } => Op::Child {
                name,
                id: None,
                input,
                retry,
            },
            Op::All { of } => Op::All { of: all(of) },
            Op::Race { of } => Op::Race { of: all(of) },
            Op::Limited { seconds, of } => Op::Limited {
                seconds,
                of: Box::new(of.for_a_hub()),
            },
            leaf => leaf,
        }
    }
}

impl Program {
    /// Whether the output depends on nothing but what was called: not on what was first, nor when.
    pub(crate) fn is_indifferent(&self) -> bool {
        steps_are_indifferent(&self.steps)
    }
}

fn steps_are_indifferent(steps: &[Step]) -> bool {
    fn op(it: &Op) -> bool {
        match it {
            Op::Race { .. } | Op::Limited { .. } => false,
            Op::All { of } => of.iter().all(op),
            _ => true,
        }
    }
    steps.iter().all(|step| match step {
        Step::Await { op: it } | Step::Try { op: it } | Step::Start { op: it } => op(it),
        Step::If { odd, even } => steps_are_indifferent(odd) && steps_are_indifferent(even),
        Step::Repeat { body, .. } => steps_are_indifferent(body),
        Step::Now => false,
        _ => true,
    })
}

/// Which programs to make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Everything that our API offers.
    Full,
    /// Without what durabletask answers differently by design.
    Shared,
    /// With entities, and without children of the same id, whose starts a hub refuses while one runs.
    Hub,
}

pub(crate) fn programs(dialect: Dialect) -> impl Strategy<Value = Program> {
    prop::collection::vec(steps(dialect), 1..8).prop_map(|steps| Program { steps })
}

fn steps(dialect: Dialect) -> impl Strategy<Value = Step> {
    let op = move || {
        ops().prop_map(move |op| match dialect {
            Dialect::Full => op,
            Dialect::Shared => op.without_lost_events(),
            Dialect::Hub => op.for_a_hub(),
        })
    };
    let simple = prop_oneof![
        5 => op().prop_map(|op| Step::Await { op }),
        5 => op().prop_map(|op| Step::Try { op }),
        2 => started().prop_map(move |op| Step::Start {
            op: if dialect == Dialect::Hub { op.for_a_hub() } else { op },
        }),
        2 => Just(Step::Join),
        2 => values().prop_map(|value| Step::Status { value }),
        1 => (0_u32..3, prop::sample::select(&EVENTS[..]), values()).prop_map(
            |(target, event, payload)| Step::Send { target: format!("other-{target}"), event, payload }
        ),
        1 => Just(Step::Now),
        1 => (0_u32..100).prop_map(|code| Step::Fail { code }),
        1 => any::<bool>().prop_map(|keep_events| Step::ContinueAsNew { keep_events }),
    ];
    simple.prop_recursive(2, 12, 4, |step| {
        let block = || prop::collection::vec(step.clone(), 0..3);
        prop_oneof![
            1 => (block(), block()).prop_map(|(odd, even)| Step::If { odd, even }),
            1 => (1_u32..4, block()).prop_map(|(times, body)| Step::Repeat { times, body }),
        ]
    })
}

fn ops() -> impl Strategy<Value = Op> {
    leaves().prop_recursive(2, 16, 5, |op| {
        let some = || prop::collection::vec(op.clone(), 1..6);
        prop_oneof![
            4 => some().prop_map(|of| Op::All { of }),
            4 => some().prop_map(|of| Op::Race { of }),
            3 => (seconds(), op.clone())
                .prop_map(|(seconds, of)| Op::Limited { seconds, of: Box::new(of) }),
            // `join_all` changes its strategy above 30 futures.
            1 => (28_usize..36).prop_map(|n| Op::All {
                of: (0..n)
                    .map(|i| Op::Call { name: ACTIVITIES[0], input: json!(i), retry: None })
                    .collect(),
            }),
        ]
    })
}

fn leaves() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => started(),
        1 => prop::sample::select(&EVENTS[..]).prop_map(|name| Op::Event { name }),
    ]
}

/// What may be started without being awaited. Not a wait for an event: in durabletask, one that is not
/// awaited takes an event.
fn started() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (prop::sample::select(&ACTIVITIES[..]), values())
            .prop_map(|(name, input)| Op::Call { name, input, retry: None }),
        2 => (values(), retries()).prop_map(|(input, retry)| Op::Call {
            name: RETRIED_ACTIVITY,
            input: json!([input]),
            retry: Some(retry),
        }),
        2 => (prop::sample::select(&CHILDREN[..]), prop::option::of(0_u32..9), values()).prop_map(
            |(name, id, input)| Op::Child {
                name,
                id: id.map(|id| format!("kid-{id}")),
                input,
                retry: None,
            }
        ),
        1 => (prop::option::of(0_u32..9), values(), retries()).prop_map(|(id, input, retry)| {
            Op::Child {
                name: RETRIED_CHILD,
                id: id.map(|id| format!("kid-{id}")),
                input: json!([input]),
                retry: Some(retry),
            }
        }),
        2 => seconds().prop_map(|seconds| Op::Timer { seconds }),
    ]
}

fn retries() -> impl Strategy<Value = Retry> {
    const DAY: u64 = 24 * 60 * 60;
    (
        1_u32..5,
        prop_oneof![9 => 1_u64..20, 1 => Just(4 * DAY)],
        prop::sample::select(&[1.0, 1.5, 2.0, 3.0][..]),
        prop::option::of(1_u64..30),
    )
        .prop_map(|(attempts, first_interval, backoff, max_interval)| Retry {
            attempts,
            first_interval,
            backoff,
            max_interval,
        })
}

fn seconds() -> impl Strategy<Value = u64> {
    const DAY: u64 = 24 * 60 * 60;
    prop_oneof![
        6 => 0_u64..100,
        1 => prop::sample::select(&[3 * DAY - 1, 3 * DAY, 3 * DAY + 1, 10 * DAY][..]),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (-9_i64..100).prop_map(Value::from),
        1 => Just(json!("text with \"quotes\", Ünïcödé and \u{1f680}")),
        1 => Just(json!({ "list": [1, null, true], "empty": {} })),
        1 => Just(Value::Null),
    ]
}
