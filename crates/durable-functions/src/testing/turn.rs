//! One turn, run several times: once on the instance that is kept from the turn before, and from its whole history.
//!
//! Turns run on threads without a runtime of tokio, as in a worker. The first run is on the thread that keeps the
//! instances. The others are on a new thread for each turn, so that what depends on the thread is noticed.
//!
//! Two runs do not notice everything: two entries of a `HashMap` come in the same order in every second pair of runs.
//! So there are up to 24 runs. Turns that ask for the same as several before get only two, so that a year of timers
//! takes no longer than it must.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use durable_protocol::Timestamp;
use durable_protocol::messages::{
    OrchestratorEntityParameters, OrchestratorRequest, OrchestratorResponse,
};
use prost::Message as _;
use task_hub::work::Turn;
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

use super::call::{Call, first_difference, with_site};
use super::error::TestErrorKind;
use super::sites::{Sites, noted};
use super::wall_clock::WallClock;
use crate::engine::{Arrived, KeptInstances, KeptLimits, OrchestratorFunction, replayed};

/// How often a turn runs at most. Two entries of a `HashMap` come in the same order in all of these runs once in
/// eight million turns.
const MOST_RUNS: u32 = 24;
/// How many turns that ask for the same run so often.
const THOROUGH_TURNS: u32 = 8;
/// How many events the runs of one turn may replay together, so that a long history stays fast.
const MOST_EVENTS: usize = 20_000;

type Job = Box<dyn FnOnce(&mut KeptInstances) + Send>;

/// Runs the turns of a hub.
pub(super) struct Turns {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// How many turns asked for the same.
    seen: HashMap<String, u32>,
    /// How often each turn runs, if the test says so.
    pub(super) runs: Option<u32>,
    began: SystemTime,
}

impl Turns {
    pub(super) fn new() -> Self {
        let (jobs, received) = channel::<Job>();
        let thread = thread::Builder::new()
            .name("orchestrators".to_owned())
            .spawn(move || {
                let mut kept = kept();
                for job in received {
                    job(&mut kept);
                }
            });
        Turns {
            jobs: thread.is_ok().then_some(jobs),
            thread: thread.ok(),
            seen: HashMap::new(),
            runs: None,
            began: SystemTime::now(),
        }
    }

    /// Forgets the kept instances, as a worker that crashes.
    pub(super) fn forget(&self) {
        self.send(Box::new(|instances| *instances = kept()));
    }

    /// Runs a turn. `now` is the time on the hub's clock.
    pub(super) fn run(
        &mut self,
        function: &OrchestratorFunction,
        turn: &Turn,
        now: Timestamp,
    ) -> Result<OrchestratorResponse, TestErrorKind> {
        let request = turn.encoded(&tail().encode_to_vec());
        let (first, sites) = self.first(function, &request)?;
        let first = decode(&first)?;
        let ended_at = SystemTime::now();
        let more = self.more_runs(&first, function.name(), turn.past.len() + turn.new.len());
        if more > 1 {
            wait_for_next_millisecond(ended_at);
        }
        for (answer, other_sites) in again(function, &request, more) {
            let other = decode(&answer.map_err(TestErrorKind::Value)?)?;
            let difference = first_difference((&first, &sites), (&other, &other_sites));
            if let Some((first, second)) = difference {
                return Err(TestErrorKind::TurnsDiffer {
                    orchestrator: function.name().to_owned(),
                    instance: turn.instance.clone(),
                    first,
                    second,
                });
            }
        }
        self.check_clock(function, turn, (&first, &sites), &request, now)?;
        Ok(first)
    }

    /// The run on the kept instance.
    fn first(
        &self,
        function: &OrchestratorFunction,
        request: &[u8],
    ) -> Result<(Vec<u8>, Sites), TestErrorKind> {
        let (answer, answered) = channel();
        let (function, request) = (function.clone(), request.to_vec());
        let span = tracing::Span::current();
        let dispatch = dispatcher::get_default(Dispatch::clone);
        self.send(Box::new(move |kept| {
            let run = || kept.turn(&function, Arrived::Message(&request), Instant::now());
            let (result, sites) =
                dispatcher::with_default(&dispatch, || span.in_scope(|| noted(run)));
            let result = result.map(|answer| (answer, sites));
            // Fails if the test is gone.
            let _ = answer.send(result);
        }));
        let result = answered.recv();
        let result =
            result.unwrap_or_else(|_| Err("the thread for orchestrators ended".to_owned()));
        result.map_err(TestErrorKind::Value)
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // Fails if the thread has ended; then the job drops its sender, and `first` says so.
            let _ = jobs.send(job);
        }
    }

    /// How often the turn runs behind the first time.
    fn more_runs(&mut self, first: &OrchestratorResponse, name: &str, events: usize) -> u32 {
        if let Some(runs) = self.runs {
            return runs.saturating_sub(1);
        }
        let calls: Vec<_> = first.actions.iter().map(Call::of_action).collect();
        if calls.iter().any(Call::is_failure) {
            // The message of a panic is written by every run.
            return 1;
        }
        let shapes: Vec<_> = calls.iter().map(Call::shape).collect();
        let seen = self.seen.entry(format!("{name}: {}", shapes.join(", ")));
        let seen = seen.or_default();
        *seen += 1;
        if *seen > THOROUGH_TURNS {
            return 1;
        }
        let affordable = MOST_EVENTS / (events + 1);
        u32::try_from(affordable)
            .unwrap_or(MOST_RUNS)
            .clamp(1, MOST_RUNS - 1)
    }

    fn check_clock(
        &self,
        function: &OrchestratorFunction,
        turn: &Turn,
        (answer, sites): (&OrchestratorResponse, &Sites),
        request: &[u8],
        now: Timestamp,
    ) -> Result<(), TestErrorKind> {
        let Some(clock) = WallClock::new(self.began, now) else {
            return Ok(());
        };
        let calls = answer.actions.iter().map(Call::of_action);
        let mut texts = calls.flat_map(|call| {
            let shown = with_site(&call, sites);
            call.texts()
                .into_iter()
                .map(move |text| (shown.clone(), text))
        });
        let status = answer.custom_status.as_deref();
        let status = status.map(|text| ("the custom status".to_owned(), text));
        let found = texts
            .by_ref()
            .chain(status)
            .find_map(|(call, text)| Some((call, clock.find(text, request)?)));
        match found {
            None => Ok(()),
            Some((call, value)) => Err(TestErrorKind::ReadsClock {
                orchestrator: function.name().to_owned(),
                instance: turn.instance.clone(),
                call,
                value,
            }),
        }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What the orchestrators hold is dropped before the test goes on.
            let _ = thread.join();
        }
    }
}

/// Runs a turn from its whole history, on a new thread, without logs: the first run has written them.
fn again(
    function: &OrchestratorFunction,
    request: &[u8],
    times: u32,
) -> Vec<(Result<Vec<u8>, String>, Sites)> {
    let run = || {
        dispatcher::with_default(&Dispatch::new(NoSubscriber::default()), || {
            let runs = 0..times;
            runs.map(|_| noted(|| replayed(function, Arrived::Message(request))))
                .collect::<Vec<_>>()
        })
    };
    let answers = thread::scope(|scope| {
        let thread = thread::Builder::new().name("replays".to_owned());
        let thread = thread.spawn_scoped(scope, run).ok()?;
        thread.join().ok()
    });
    let none = || Err("a thread cannot be started".to_owned());
    answers.unwrap_or_else(|| vec![(none(), Sites::default())])
}

/// Makes sure that code which reads the time in milliseconds reads another one.
fn wait_for_next_millisecond(since: SystemTime) {
    let millisecond = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis()
    };
    while millisecond(SystemTime::now()) == millisecond(since) {
        thread::sleep(Duration::from_micros(100));
    }
}

/// Keeps every instance. The comparison is done here, so the kept instances need not do it.
pub(super) fn kept() -> KeptInstances {
    KeptInstances::new(KeptLimits {
        instances: usize::MAX,
        bytes: usize::MAX,
        verify_every: 0,
        ..KeptLimits::default()
    })
}

fn decode(answer: &[u8]) -> Result<OrchestratorResponse, TestErrorKind> {
    OrchestratorResponse::decode(answer).map_err(|error| TestErrorKind::Value(error.to_string()))
}

/// What a host sends behind the events: here, that entities can be used.
pub(super) fn tail() -> OrchestratorRequest {
    OrchestratorRequest {
        entity_parameters: Some(OrchestratorEntityParameters {
            entity_message_reorder_window: Some(prost_types::Duration {
                seconds: 30 * 60,
                nanos: 0,
            }),
        }),
        ..OrchestratorRequest::default()
    }
}
