//! The loop of the thread.
//!
//! Invariant: this is the only place that reads the clock and draws ids.

use std::io;
use std::sync::Weak;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use durable_protocol::Timestamp;
use task_hub::{Committed, Ids, Kind, Moment, StoreError, StoreErrorKind};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::finished::Finished;
use super::input::{Call, Input};
use super::wait::{Wait, Waiters};
use super::{Inputs, TaskHub, Unavailable};
use crate::hub::workers::Workers;
use crate::hub::{Inner, notices};
use crate::log::LogLevel;

/// The most inputs in one commit. More would make the first of them wait longer, and save little.
const LARGEST_GROUP: usize = 512;

/// The longest wait for an input while a timer is set. The wait does not notice that the clock was set or that the
/// machine slept, so a timer can be late by this much then.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The pause after the first failure of the store; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A store that goes on failing is logged again after so many failures, about once a minute.
const FAILURES_OF_A_MESSAGE: u32 = 12;

/// How the thread works.
pub(in crate::hub) struct Settings {
    /// The most ended instances; `None` keeps all.
    pub(in crate::hub) finished_instances: Option<usize>,
}

/// Starts the thread. It ends with [`super::Driver::stop`], or when the last [`super::Driver`] is dropped.
///
/// # Errors
/// The system cannot start a thread.
pub(in crate::hub) fn spawn(
    hub: TaskHub,
    inputs: Inputs,
    workers: Weak<Inner>,
    settings: &Settings,
) -> io::Result<()> {
    let running = Running {
        hub,
        inputs,
        workers,
        waiters: Waiters::default(),
        finished: settings.finished_instances.map(Finished::new),
        outage: None,
    };
    thread::Builder::new()
        .name("task-hub".to_owned())
        .spawn(|| running.run())?;
    Ok(())
}

/// Random ids, UUIDs of version 4.
pub(in crate::hub) struct RandomIds;

impl Ids for RandomIds {
    fn draw(&mut self) -> u128 {
        Uuid::new_v4().as_u128()
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now()).in_ticks()
}

struct Running {
    hub: TaskHub,
    inputs: Inputs,
    /// Weak, because it has a [`super::Driver`]: the thread would never end.
    workers: Weak<Inner>,
    waiters: Waiters,
    finished: Option<Finished>,
    outage: Option<Outage>,
}

/// The store has failed. Until `until` there are only reads, and no work is handed out.
///
/// A disk that is nearly full takes small commits and refuses large ones. So the outage is over when commits succeed and
/// none has failed for another pause.
#[derive(Clone, Copy)]
struct Outage {
    kind: StoreErrorKind,
    failures: u32,
    pause: Duration,
    until: Instant,
    /// What was not committed is undone.
    is_recovered: bool,
    /// A commit has succeeded since the last failure.
    works: bool,
}

/// The inputs that share a commit.
#[derive(Default)]
struct Group {
    calls: Vec<Box<dyn Call>>,
    waits: Vec<Box<dyn Wait>>,
    stop: Option<oneshot::Sender<()>>,
    /// There is nobody left who could send an input.
    is_last: bool,
}

impl Group {
    fn add(&mut self, input: Input) {
        match input {
            Input::Call(call) => self.calls.push(call),
            Input::Wait(wait) => self.waits.push(wait),
            Input::Wake => {}
            Input::Stop(answer) => {
                self.stop = Some(answer);
                self.is_last = true;
            }
        }
    }

    fn len(&self) -> usize {
        self.calls.len() + self.waits.len()
    }
}

impl Running {
    fn run(mut self) {
        // Work that was not done when the store was closed.
        self.play(Group::default());
        loop {
            let mut group = self.next_group();
            let stop = group.stop.take();
            let is_last = group.is_last;
            self.play(group);
            if is_last {
                // Closes the store before the answer.
                drop(self);
                if let Some(answer) = stop {
                    let _ = answer.send(());
                }
                return;
            }
        }
    }

    /// Waits for inputs, or until there is something to do without one.
    fn next_group(&mut self) -> Group {
        let mut group = Group::default();
        let first = match self.wait_at_most() {
            None => self.inputs.recv().map_err(RecvTimeoutError::from),
            Some(limit) => self.inputs.recv_timeout(limit),
        };
        match first {
            Ok(input) => group.add(input),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => group.is_last = true,
        }
        while !group.is_last && group.len() < LARGEST_GROUP {
            match self.inputs.try_recv() {
                Ok(input) => group.add(input),
                Err(_) => break,
            }
        }
        group
    }

    /// `None` when there is nothing to do without an input.
    fn wait_at_most(&self) -> Option<Duration> {
        let mut limit = None;
        if let Some(outage) = self.outage {
            let now = Instant::now();
            if !outage.is_over() {
                return Some(outage.until.saturating_duration_since(now));
            }
            if outage.works {
                limit = Some(outage.end().saturating_duration_since(now));
            }
        }
        let due = match self.hub.next_due() {
            Ok(due) => due.map(|due| due.since(now()).min(LONGEST_WAIT)),
            Err(_) => Some(FIRST_PAUSE),
        };
        limit.into_iter().chain(due).min()
    }

    fn play(&mut self, group: Group) {
        self.end_outage();
        let access = self.access();
        let mut done = Vec::with_capacity(group.calls.len());
        let mut calls = group.calls.into_iter();
        let mut result = Ok(());
        for mut call in calls.by_ref() {
            let is_possible = match access {
                Access::Full => true,
                Access::Reads => call.is_read(),
                Access::None => false,
            };
            if !is_possible {
                call.answer(Err(self.unavailable()));
                continue;
            }
            let mut ids = RandomIds;
            result = call.run(&mut self.hub, &mut Moment::new(now(), &mut ids));
            done.push(call);
            if result.is_err() {
                break;
            }
        }
        let committed = match access {
            Access::Full => result.and_then(|()| self.commit()),
            Access::Reads | Access::None => result.map(|()| Committed::default()),
        };
        match committed {
            Ok(committed) => self.tell(committed, done),
            Err(error) => {
                self.failed(&error);
                for call in done.into_iter().chain(calls) {
                    call.answer(Err(Unavailable::Store(error.kind())));
                }
            }
        }
        for wait in group.waits {
            match access {
                Access::None => wait.answer(Err(self.unavailable())),
                Access::Full | Access::Reads => self.waiters.add(&self.hub, wait),
            }
        }
        if !group.is_last
            && let Err(error) = self.hand_out()
        {
            self.failed(&error);
        }
    }

    /// Fires the timers that are due, and commits everything.
    fn commit(&mut self) -> Result<Committed, StoreError> {
        let mut ids = RandomIds;
        let mut at = Moment::new(now(), &mut ids);
        while self.hub.fire_timers(&mut at)? > 0 {}
        let mut committed = self.hub.commit()?;
        if let Some(finished) = &mut self.finished {
            for id in &committed.instances {
                finished.changed(&self.hub, id)?;
            }
            let text = finished.purge(&mut self.hub, &mut at)?;
            let purged = self.hub.commit()?;
            committed.instances.extend(purged.instances);
            if let Some(text) = text {
                self.log(LogLevel::Warning, text);
            }
        }
        Ok(committed)
    }

    /// What was committed is real now: logs the notices, answers the calls, asks those who wait.
    fn tell(&mut self, committed: Committed, calls: Vec<Box<dyn Call>>) {
        if let Some(hub) = self.workers.upgrade() {
            for notice in committed.notices {
                notices::log(&hub, notice);
            }
        }
        for call in calls {
            call.answer(Ok(()));
        }
        if committed.instances.is_empty() && committed.entities.is_empty() {
            return;
        }
        for id in committed.instances.iter().chain(&committed.entities) {
            self.waiters.changed(&self.hub, id);
        }
        if let Some(outage) = &mut self.outage {
            outage.works = true;
        }
    }

    /// Gives work to workers as long as there are places.
    fn hand_out(&mut self) -> Result<(), StoreError> {
        let Some(workers) = self.workers.upgrade() else {
            return Ok(());
        };
        if !matches!(self.access(), Access::Full) {
            return Ok(());
        }
        let now = now();
        match &workers.workers {
            Workers::Handler { invoke, places } => {
                for kind in [Kind::Turn, Kind::Activity, Kind::Batch] {
                    while let Some(place) = places.take(kind) {
                        let Some(item) = self.hub.take(now, kind)? else {
                            break;
                        };
                        workers.begin(invoke, item, place);
                    }
                }
                Ok(())
            }
            Workers::Streams(streams) => {
                let mut said = Vec::new();
                let done = streams.hand_out(&mut self.hub, now, &mut said);
                for text in said {
                    workers.log(LogLevel::Warning, text);
                }
                done
            }
        }
    }

    fn access(&self) -> Access {
        match self.outage {
            None => Access::Full,
            Some(outage) if !outage.is_recovered => Access::None,
            Some(outage) if outage.is_over() => Access::Full,
            Some(_) => Access::Reads,
        }
    }

    /// Why there is no access.
    fn unavailable(&self) -> Unavailable {
        let kind = self.outage.map(|outage| outage.kind);
        kind.map_or(Unavailable::Stopping, Unavailable::Store)
    }

    /// The store failed. Undoes what was not committed, and pauses before the next try.
    fn failed(&mut self, error: &StoreError) {
        let known = self.outage.filter(|outage| outage.kind == error.kind());
        let failures = known.map_or(0, |outage| outage.failures);
        let pause = FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(failures))
            .min(LONGEST_PAUSE);
        if failures.is_multiple_of(FAILURES_OF_A_MESSAGE) {
            self.log(
                LogLevel::Error,
                format!("{error} What was not stored is undone. local-host tries again until it succeeds."),
            );
        }
        self.outage = Some(Outage {
            kind: error.kind(),
            failures: failures + 1,
            pause,
            until: Instant::now() + pause,
            is_recovered: self.recover().is_ok(),
            works: false,
        });
    }

    /// At the end of a pause, undoes what could not be undone before it. Ends an outage that is over.
    fn end_outage(&mut self) {
        let has_ended = |outage: Outage| outage.works && Instant::now() >= outage.end();
        if self.outage.is_some_and(has_ended) {
            self.outage = None;
            self.log(
                LogLevel::Warning,
                "The state of the task hub can be read and written again.".to_owned(),
            );
            return;
        }
        let is_due = |outage: Outage| !outage.is_recovered && outage.is_over();
        if !self.outage.is_some_and(is_due) {
            return;
        }
        match self.recover() {
            Ok(()) => {
                if let Some(outage) = &mut self.outage {
                    outage.is_recovered = true;
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        self.hub.recover(&mut RandomIds)?;
        if let Some(hub) = self.workers.upgrade() {
            hub.workers.forget();
        }
        Ok(())
    }

    fn log(&self, level: LogLevel, message: String) {
        if let Some(hub) = self.workers.upgrade() {
            hub.log(level, message);
        }
    }
}

/// What the store can do.
#[derive(Clone, Copy)]
enum Access {
    Full,
    Reads,
    None,
}

impl Outage {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// When it ends, if no commit fails before.
    fn end(&self) -> Instant {
        self.until + self.pause
    }
}
