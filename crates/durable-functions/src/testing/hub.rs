//! The hub of a test: its functions, its clock and its commits.
//!
//! Invariant: the same seed, faults and calls give the same histories, as long as the functions under test are
//! deterministic. Nothing reads the clock of the machine.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use durable_protocol::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use task_hub::work::{Activity as HeldActivity, WorkItem};
use task_hub::{Hub, Ids as _, MemoryStore, Options, Store};

use super::error::IntoKind;
use super::functions::Functions;
use super::moments::Moment;
use super::random::Random;
use super::turn::Turns;
use super::{Faults, TestError, notice};
use crate::activity::ActivityFunction;
use crate::engine::OrchestratorFunction;
use crate::functions::Registered;
use crate::{
    Activity, ActivityContext, EntityFunction, OrchestrationContext, Orchestrator, Result,
};

/// 2024-01-01T00:00:00Z.
const START: Timestamp = Timestamp {
    seconds: 1_704_067_200,
    nanos: 0,
};

/// A task hub for tests, with the functions under test: see the [module](super).
///
/// Methods that are not `async` send a message or read; the `async` ones let the functions run.
pub struct TestHub {
    pub(super) hub: Hub<AnyStore>,
    pub(super) functions: Functions,
    pub(super) turns: Turns,
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) now: Timestamp,
    pub(super) commits: u64,
    pub(super) crash_after: Option<u64>,
    /// What workers have.
    pub(super) in_flight: Vec<WorkItem>,
    /// The names of activities that do not run for now.
    pub(super) holds: Vec<&'static str>,
    pub(super) held: Vec<HeldActivity>,
    pub(super) late: Vec<LateEvent>,
    pub(super) moments: Vec<Moment>,
    /// When the clock of the hub began.
    pub(super) began: Timestamp,
    pub(super) notices: Vec<String>,
}

/// The store of a hub. Its kind is not a parameter of [`TestHub`], so that users need not know that there are stores.
pub(super) type AnyStore = Box<dyn Store>;

/// An external event that was raised and has not arrived.
pub(super) struct LateEvent {
    pub(super) instance: String,
    pub(super) name: String,
    pub(super) payload: Option<String>,
}

impl TestHub {
    /// An empty hub in memory.
    #[must_use]
    pub fn new() -> Self {
        match Self::with_store(Box::new(MemoryStore::recoverable())) {
            Ok(hub) => hub,
            Err(error) => unreachable!("an empty store in memory can be read: {error}"),
        }
    }
}

impl Default for TestHub {
    fn default() -> Self {
        Self::new()
    }
}

impl TestHub {
    /// A hub on a store, whose instances go on where they stand. For the tests of this crate.
    #[doc(hidden)]
    pub fn with_store(store: Box<dyn Store>) -> Result<Self, TestError> {
        let seed = 0;
        let mut random = Random::new(seed);
        let hub = Hub::open(store, Options::default(), &mut random)
            .map_err(|error| TestError::new(error, String::new()))?;
        Ok(TestHub {
            hub,
            functions: Functions::default(),
            turns: Turns::new(),
            seed,
            random,
            faults: Faults::none(),
            now: START,
            commits: 0,
            crash_after: None,
            in_flight: Vec::new(),
            holds: Vec::new(),
            held: Vec::new(),
            late: Vec::new(),
            moments: Vec::new(),
            began: START,
            notices: Vec::new(),
        })
    }

    /// The same hub with another seed, from which its ids and its faults follow; 0 without this.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.random = Random::new(seed);
        // The first number of seed 0 was drawn when the hub was opened.
        self.random.draw();
        self
    }

    /// The same hub with faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The same hub, which crashes after this number of commits, once. A test that counts the
    /// [commits](Self::commits) of a run can crash it after each of them.
    #[must_use]
    pub fn with_crash_after(mut self, commits: u64) -> Self {
        self.crash_after = Some(commits);
        self
    }

    /// The same hub, whose clock shows this time: 2024-01-01T00:00:00Z without this.
    #[must_use]
    pub fn starting_at(mut self, time: SystemTime) -> Self {
        let since_1970 = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.now = Timestamp::default().after(since_1970).in_ticks();
        self.began = self.now;
        self
    }

    /// The same hub, which runs each turn this many times and compares what it asks for. 1 compares nothing.
    ///
    /// Without this a turn runs up to 24 times: two runs would not notice an order that is the same in every second
    /// run. Turns that ask for the same as several before run twice.
    #[must_use]
    pub fn with_runs_per_turn(mut self, runs: u32) -> Self {
        self.turns.runs = Some(runs);
        self
    }

    /// Registers an orchestrator, in place of one with the same name.
    #[must_use]
    pub fn orchestrator<I, O, F, Fut>(mut self, handle: Orchestrator<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(OrchestrationContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + 'static,
    {
        self.add_orchestrator(OrchestratorFunction::new(handle, function));
        self
    }

    /// Registers an orchestrator that has its handle, in place of one with the same name. Instances that run go
    /// on with the new code, as after a deployment.
    pub fn add_orchestrator(&mut self, function: OrchestratorFunction) {
        self.functions.add(Registered::Orchestrator(function));
    }

    /// Registers an activity, or what stands in for it in the test, in place of one with the same name.
    #[must_use]
    pub fn activity<I, O, F, Fut>(mut self, handle: Activity<I, O>, function: F) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(ActivityContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        self.add_activity(ActivityFunction::new(handle, function));
        self
    }

    /// Registers an activity that has its handle, in place of one with the same name.
    pub fn add_activity(&mut self, function: ActivityFunction) {
        self.functions.add(Registered::Activity(function));
    }

    /// Registers an entity, in place of one with the same name.
    #[must_use]
    pub fn entity<T>(mut self, function: EntityFunction<T>) -> Self
    where
        T: Default + Serialize + DeserializeOwned + 'static,
    {
        self.functions.add(Registered::Entity(Arc::new(function)));
        self
    }

    /// Registers the functions of the app, with the [state](crate::Functions::with_state) that they have in this
    /// test. Each takes the place of one with the same name, and a later registration takes its place.
    #[must_use]
    pub fn functions(mut self, functions: crate::Functions) -> Self {
        for function in functions.bind(&()) {
            self.functions.add(function);
        }
        self
    }

    /// The time on the hub's clock.
    pub fn now(&self) -> SystemTime {
        self.now.to_system_time()
    }

    /// The number of commits so far.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// What the hub had to say, such as a message that did not arrive. Sentences for people: do not compare them whole.
    pub fn notices(&self) -> Vec<String> {
        self.notices.clone()
    }

    /// Closes the hub, to open its store again. For the tests of this crate.
    #[doc(hidden)]
    pub fn into_store(self) -> Box<dyn Store> {
        self.hub.into_store()
    }

    /// The hub crashes and recovers. All work that was under way is given out again.
    ///
    /// # Errors
    /// The store failed.
    pub fn crash(&mut self) -> Result<(), TestError> {
        let recovered = self.hub.recover(&mut self.random);
        recovered.map_err(|error| self.error(error))?;
        self.held.clear();
        if self.random.pick(2) == 0 {
            // The worker crashes as well. Otherwise it answers a hub that does not know of its work any more.
            self.in_flight.clear();
            self.turns.forget();
        }
        Ok(())
    }

    /// Runs one input and commits it. `None` when the hub crashed before the commit.
    pub(super) fn step<T, E: IntoKind>(
        &mut self,
        run: impl FnOnce(&mut Hub<AnyStore>, &mut task_hub::Moment<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, TestError> {
        let mut at = task_hub::Moment::new(self.now, &mut self.random);
        let result = run(&mut self.hub, &mut at);
        let value = result.map_err(|error| self.error(error))?;
        if self.random.percent(self.faults.crashes) {
            self.crash()?;
            return Ok(None);
        }
        let committed = self.hub.commit();
        let committed = committed.map_err(|error| self.error(error))?;
        let words = committed.notices.iter().filter_map(notice::words);
        self.notices.extend(words);
        self.commits += 1;
        let is_due = self.crash_after.take_if(|it| *it <= self.commits).is_some();
        if is_due || self.random.percent(self.faults.crashes) {
            self.crash()?;
        }
        Ok(Some(value))
    }

    pub(super) fn error(&self, kind: impl IntoKind) -> TestError {
        TestError::new(kind, self.report())
    }

    /// Goes to `due`, does what the test wants done then, and fires the timers.
    pub(super) fn go_to(&mut self, due: Timestamp) -> Result<(), TestError> {
        self.now = self.now.max(due);
        self.do_moments()?;
        while self.step(|hub, at| hub.fire_timers(at))? != Some(0) {}
        Ok(())
    }

    /// The time `duration` from now.
    pub(super) fn after(&self, duration: Duration) -> Timestamp {
        self.now.after(duration)
    }
}

impl fmt::Debug for TestHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHub")
            .field("seed", &self.seed)
            .field("faults", &self.faults)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
