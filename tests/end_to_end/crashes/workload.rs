//! What clients do while hosts die: they start instances, raise events and send signals.
//!
//! A call that was answered has been carried out. One whose answer is missing may have been: an instance is looked up
//! before it is started again, and an event is raised again, so that it may arrive as often as it was sent.

use std::path::Path;
use std::time::{Duration, Instant};

use durable_functions::RuntimeStatus;
use futures::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use tonic::Code;

use super::super::support::{
    host::{Host, TIME_LIMIT},
    task_hub::TaskHub,
};
use crate::support::random::Random;

/// The orchestrators that clients start.
pub(super) const KINDS: [&str; 7] = [
    "chain",
    "fan-out",
    "timers",
    "events",
    "children",
    "entities",
    "generations",
];

/// How many calls of one kind are under way at the same time.
const AT_ONCE: usize = 16;

/// How long clients rest between two rounds of calls.
const REST: Duration = Duration::from_millis(20);

/// Those whose instances do not wait for one another. Others wait without end when an instance has failed that they
/// wait for: that holds a lock.
pub(super) const APART: [&str; 6] = [
    "chain",
    "fan-out",
    "timers",
    "events",
    "children",
    "generations",
];

/// How much is done.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// How many instances run at the same time; ended ones are replaced.
    pub(super) running: usize,
    /// How many steps an instance has.
    pub(super) count: u32,
    /// How long each step waits, in milliseconds.
    pub(super) pause: u64,
}

/// What is known of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Its start was not answered.
    Unknown,
    /// It was looked up, and does not exist.
    Absent,
    /// Its start was answered, or it was seen.
    Exists,
    Ended(RuntimeStatus),
}

/// How often something was sent, and whether it was answered.
#[derive(Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) attempts: u64,
    pub(super) answers: u64,
}

pub(super) struct Instance {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) known: Known,
    /// The events that were raised, by their number.
    pub(super) events: Vec<Sent>,
}

/// The clients' knowledge.
pub(super) struct Workload {
    pub(super) size: Size,
    kinds: &'static [&'static str],
    pub(super) instances: Vec<Instance>,
    /// The signals to `@counter@client`.
    pub(super) signals: Sent,
    journal: TempDir,
    next_look: usize,
}

/// An answer is missing.
#[derive(Debug)]
pub(super) struct NoAnswer;

impl Workload {
    pub(super) fn new(size: Size, kinds: &'static [&'static str]) -> Self {
        Self {
            size,
            kinds,
            instances: Vec::new(),
            signals: Sent::default(),
            journal: tempfile::tempdir().unwrap(),
            next_look: 0,
        }
    }

    pub(super) fn journal(&self) -> &Path {
        self.journal.path()
    }

    pub(super) fn unended(&self) -> usize {
        let unended = |it: &&Instance| !matches!(it.known, Known::Ended(_));
        self.instances.iter().filter(unended).count()
    }

    /// Keeps the instances going, and replaces those that have ended, until an answer is missing.
    pub(super) async fn keep_up(&mut self, host: &Host, random: &mut Random) -> NoAnswer {
        let Some(hub) = TaskHub::try_of(host).await else {
            return NoAnswer;
        };
        loop {
            if let Err(error) = self.round(host, &hub, random, true).await {
                return error;
            }
        }
    }

    /// Keeps the instances going until all have ended.
    pub(super) async fn finish(&mut self, host: &Host, random: &mut Random) {
        let hub = TaskHub::of(host).await;
        let begin = Instant::now();
        while self.unended() > 0 {
            self.round(host, &hub, random, false).await.unwrap();
            if begin.elapsed() > TIME_LIMIT {
                let unended = self.instances.iter();
                let unended = unended.filter(|it| !matches!(it.known, Known::Ended(_)));
                let unended: Vec<_> = unended.map(|it| (&it.id, it.known)).collect();
                panic!("{unended:?}\n{}", host.log());
            }
        }
    }

    async fn round(
        &mut self,
        host: &Host,
        hub: &TaskHub,
        random: &mut Random,
        replaces: bool,
    ) -> Result<(), NoAnswer> {
        self.look_up(hub).await?;
        if replaces {
            while self.unended() < self.size.running {
                let number = self.instances.len();
                let kind = self.kinds[number % self.kinds.len()];
                self.instances.push(Instance {
                    id: format!("{kind}-{number}"),
                    kind,
                    known: Known::Absent,
                    events: vec![Sent::default(); self.size.count as usize],
                });
            }
        }
        self.start(host).await?;
        self.raise(hub).await?;
        self.signal(hub, random).await?;
        tokio::time::sleep(REST).await;
        Ok(())
    }

    /// Looks up what is not known, and the next ones of those that run.
    async fn look_up(&mut self, hub: &TaskHub) -> Result<(), NoAnswer> {
        let unknown = self.instances.iter_mut();
        let mut looked_up: Vec<_> = unknown.filter(|it| it.known == Known::Unknown).collect();
        if looked_up.is_empty() {
            let running = self.instances.iter_mut();
            let running = running.filter(|it| it.known == Known::Exists);
            looked_up = running.skip(self.next_look).take(AT_ONCE).collect();
            self.next_look += AT_ONCE;
        }
        if looked_up.is_empty() {
            self.next_look = 0;
        }
        for some in looked_up.chunks_mut(AT_ONCE) {
            let found = some.iter().map(|it| hub.client().status(&it.id));
            let found = join_all(found).await;
            for (instance, found) in some.iter_mut().zip(found) {
                instance.known = match found.map_err(|_| NoAnswer)? {
                    None if instance.known == Known::Exists => {
                        panic!("{} was started and is gone", instance.id)
                    }
                    None => Known::Absent,
                    Some(status) if status.runtime_status.is_terminal() => {
                        Known::Ended(status.runtime_status)
                    }
                    Some(_) => Known::Exists,
                };
            }
        }
        Ok(())
    }

    async fn start(&mut self, host: &Host) -> Result<(), NoAnswer> {
        let work = json!({ "count": self.size.count, "pause": self.size.pause }).to_string();
        let absent = self.instances.iter_mut();
        let mut absent: Vec<_> = absent.filter(|it| it.known == Known::Absent).collect();
        for some in absent.chunks_mut(AT_ONCE) {
            let starts = some.iter_mut().map(async |instance| {
                instance.known = Known::Unknown;
                let target = format!("/api/start/{}/{}", instance.kind, instance.id);
                match host.client().try_post(&target, &work).await {
                    // 409: an earlier start arrived late.
                    Some(answer) if [202, 409].contains(&answer.status) => {
                        instance.known = Known::Exists;
                        Ok(())
                    }
                    Some(answer) if ![502, 503].contains(&answer.status) => panic!("{answer:?}"),
                    Some(_) | None => Err(NoAnswer),
                }
            });
            join_all(starts)
                .await
                .into_iter()
                .collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    /// Raises the next event of each instance that waits for events.
    async fn raise(&mut self, hub: &TaskHub) -> Result<(), NoAnswer> {
        let waiting = self.instances.iter_mut();
        let waiting = waiting.filter(|it| it.kind == "events" && it.known == Known::Exists);
        for instance in waiting {
            let Some(number) = instance.events.iter().position(|it| it.answers == 0) else {
                continue;
            };
            let event = &mut instance.events[number];
            event.attempts += 1;
            match hub.raise(&instance.id, "next", &number.to_string()).await {
                Ok(()) => event.answers += 1,
                // It had the last event and has ended.
                Err(status) if status.code() == Code::FailedPrecondition => {}
                Err(_) => return Err(NoAnswer),
            }
        }
        Ok(())
    }

    async fn signal(&mut self, hub: &TaskHub, random: &mut Random) -> Result<(), NoAnswer> {
        for _ in 0..random.below(3) {
            self.signals.attempts += 1;
            let sent = hub.signal("@counter@client", "add", "1").await;
            sent.map_err(|_| NoAnswer)?;
            self.signals.answers += 1;
        }
        Ok(())
    }
}
