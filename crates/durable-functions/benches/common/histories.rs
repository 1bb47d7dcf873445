//! Histories as a task hub writes them, and the request of each of their turns.
//!
//! The orchestrators of the benchmark run in the hub that local-host and the tests use. Only the results of the
//! activities, and how many of them arrive in one turn, are made up here.

use std::time::Instant;

use base64_simd::STANDARD;
use durable_functions::worker::{KeptInstances, KeptLimits, OrchestratorFunction};
use durable_functions::{OrchestrationContext, Orchestrator, Result};
use durable_protocol::Timestamp;
use durable_protocol::messages::{CreateInstanceRequest, OrchestratorResponse};
use prost::Message;
use task_hub::work::{ActivityOutcome, Turn, TurnOutcome};
use task_hub::{Hub, Ids, MemoryStore, Moment, Options};

use crate::orchestrators::{chain, fan_out};

pub(crate) struct History {
    /// It has the events of all turns before.
    last: Turn,
    /// How many events each turn has from the turns before, and with its own.
    turns: Vec<[usize; 2]>,
}

impl History {
    /// `n` activities one after the other: a turn for each.
    pub(crate) fn chain(n: u32) -> Self {
        Recorder::new("chain", chain).record(n, 1, plain)
    }

    /// The same with results in the envelope that activities of this crate answer with.
    #[allow(dead_code, reason = "one of the benchmarks measures it")]
    pub(crate) fn enveloped_chain(n: u32) -> Self {
        Recorder::new("chain", chain).record(n, 1, |i| {
            let envelope = format!(r#"{{"activityResult":{}}}"#, plain(i));
            serde_json::to_string(&envelope).unwrap()
        })
    }

    /// `n` activities at once; the results arrive ten to a turn, as from a busy task hub.
    pub(crate) fn fan_out(n: u32) -> Self {
        Recorder::new("fan-out", fan_out).record(n, 10, plain)
    }

    pub(crate) fn turns(&self) -> usize {
        self.turns.len()
    }

    /// The base64 text of the request of a turn.
    pub(crate) fn request(&self, turn: usize) -> String {
        self.request_of(&self.last.instance, turn)
    }

    /// The same for another instance.
    pub(crate) fn request_of(&self, instance_id: &str, turn: usize) -> String {
        let [past, all] = self.turns[turn];
        let events = || self.last.past.iter().chain(&self.last.new).cloned();
        let turn = Turn {
            instance: instance_id.to_owned(),
            past: events().take(past).collect(),
            new: events().take(all).skip(past).collect(),
            ..self.last.clone()
        };
        text(&turn)
    }
}

/// Runs one instance in a hub.
struct Recorder {
    name: &'static str,
    function: OrchestratorFunction,
    hub: Hub<MemoryStore>,
    ids: Count,
    now: Timestamp,
}

impl Recorder {
    fn new<F, Fut>(name: &'static str, function: F) -> Self
    where
        F: Fn(OrchestrationContext, u32) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<usize>> + 'static,
    {
        let mut ids = Count(0);
        Recorder {
            name,
            function: OrchestratorFunction::new(Orchestrator::new(name), function),
            hub: Hub::open(MemoryStore::new(), Options::default(), &mut ids).unwrap(),
            ids,
            now: Timestamp {
                seconds: 1_795_242_275,
                nanos: 384_168_500,
            },
        }
    }

    /// With at most this many results in a turn.
    fn record(mut self, n: u32, results_in_turn: usize, result: fn(u32) -> String) -> History {
        let start = CreateInstanceRequest {
            instance_id: format!("{}-of-the-benchmark", self.name),
            name: self.name.to_owned(),
            input: Some(n.to_string()),
            ..Default::default()
        };
        self.step(|hub, at| hub.start(at, start).unwrap());

        // Replaying each turn would take a time that grows with the square of `n`.
        let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
        let mut turns = Vec::new();
        let mut results = (0..n).map(result);
        loop {
            let turn = self.hub.take_turn(self.now).unwrap().unwrap();
            turns.push([turn.past.len(), turn.past.len() + turn.new.len()]);
            let answer = kept.run_turn(&self.function, &text(&turn), Instant::now());
            let answer = STANDARD.decode_to_vec(answer).unwrap();
            let answer = OrchestratorResponse::decode(answer.as_slice()).unwrap();
            self.step(|hub, at| {
                let outcome = TurnOutcome::Answered(answer);
                hub.turn_done(at, &turn.token, outcome).unwrap();
            });
            if results.len() == 0 {
                return History { last: turn, turns };
            }
            for result in results.by_ref().take(results_in_turn) {
                let activity = self.hub.take_activity(self.now).unwrap().unwrap();
                self.step(|hub, at| {
                    let outcome = ActivityOutcome::Completed(Some(result));
                    hub.activity_done(at, &activity.token, outcome).unwrap();
                });
            }
        }
    }

    /// One step of the hub and its commit.
    fn step<T>(&mut self, step: impl FnOnce(&mut Hub<MemoryStore>, &mut Moment<'_>) -> T) -> T {
        self.now = self.now.after(std::time::Duration::from_micros(7_384));
        let done = step(&mut self.hub, &mut Moment::new(self.now, &mut self.ids));
        self.hub.commit().unwrap();
        done
    }
}

fn text(turn: &Turn) -> String {
    STANDARD.encode_to_string(turn.encoded(&[]))
}

/// A result as JSON text.
fn plain(i: u32) -> String {
    format!("\"Hello number {i}!\"")
}

/// Ids without an order, as random UUIDs are.
struct Count(u128);

impl Ids for Count {
    fn draw(&mut self) -> u128 {
        self.0 = self
            .0
            .wrapping_add(0x8d0d_835f_2308_4723_9dc3_55b6_7a2a_0469);
        self.0
    }
}
