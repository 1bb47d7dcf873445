//! What work is ready, and who has it.
//!
//! Invariants: an instance has at most one turn under way and an entity at most one batch. A token is good for
//! one answer. Leases are in memory only: a hub that opens a store gives out all its work again, under new
//! tokens, and an answer with an old token changes nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};

use durable_protocol::Timestamp;

use crate::entity::BatchLease;
use crate::options::Backoff;
use crate::turn::TurnLease;

/// Names one delivery of one work item. It is the completion token of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// A token that a worker sent back.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text for the worker.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A turn of an orchestration.
    Turn,
    /// An activity.
    Activity,
    /// A batch of operations of an entity.
    Batch,
}

/// What the work is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Turn(String),
    Activity(u64),
    Batch(String),
}

impl Key {
    /// The turn of an instance or the batch of an entity.
    pub(crate) fn of_target(id: &str) -> Self {
        if id.starts_with('@') {
            Self::Batch(id.to_owned())
        } else {
            Self::Turn(id.to_owned())
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Turn(_) => Kind::Turn,
            Self::Activity(_) => Kind::Activity,
            Self::Batch(_) => Kind::Batch,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Leased,
    Delayed,
}

/// What the hub must remember to commit the answer.
#[derive(Debug)]
pub(crate) enum Lease {
    Turn(TurnLease),
    Activity { number: u64 },
    Batch(BatchLease),
}

#[derive(Debug)]
pub(crate) struct Work {
    epoch: String,
    tokens: u64,
    states: HashMap<Key, State>,
    turns: VecDeque<Key>,
    activities: VecDeque<Key>,
    batches: VecDeque<Key>,
    leases: HashMap<Token, (Key, Lease)>,
    delayed: BTreeMap<(Timestamp, u64), Key>,
    /// How often work was abandoned in a row; without those that never were.
    abandoned: HashMap<Key, u32>,
}

impl Work {
    /// `epoch` must differ from that of every hub that had the store before.
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            epoch,
            tokens: 0,
            states: HashMap::new(),
            turns: VecDeque::new(),
            activities: VecDeque::new(),
            batches: VecDeque::new(),
            leases: HashMap::new(),
            delayed: BTreeMap::new(),
            abandoned: HashMap::new(),
        }
    }

    fn queue(&mut self, kind: Kind) -> &mut VecDeque<Key> {
        match kind {
            Kind::Turn => &mut self.turns,
            Kind::Activity => &mut self.activities,
            Kind::Batch => &mut self.batches,
        }
    }

    /// There may be work now. What is ready, under way or delayed stays so.
    pub(crate) fn touch(&mut self, key: Key) {
        if !self.states.contains_key(&key) {
            self.ready(key);
        }
    }

    fn ready(&mut self, key: Key) {
        self.states.insert(key.clone(), State::Ready);
        self.queue(key.kind()).push_back(key);
    }

    /// Takes the next work of this kind. The caller leases it, or there was none after all.
    pub(crate) fn next(&mut self, kind: Kind) -> Option<Key> {
        let key = self.queue(kind).pop_front()?;
        self.states.remove(&key);
        Some(key)
    }

    /// Returns the token and how often the work was abandoned before.
    pub(crate) fn lease(&mut self, key: Key, lease: Lease) -> (Token, u32) {
        self.tokens += 1;
        let token = Token(format!("{}.{}", self.epoch, self.tokens));
        let abandoned = self.abandoned.get(&key).copied().unwrap_or_default();
        self.states.insert(key.clone(), State::Leased);
        self.leases.insert(token.clone(), (key, lease));
        (token, abandoned)
    }

    pub(crate) fn leased(&self, token: &Token) -> Option<&Lease> {
        self.leases.get(token).map(|(_, lease)| lease)
    }

    /// Whether a worker has this work.
    pub(crate) fn is_leased(&self, key: &Key) -> bool {
        self.states.get(key) == Some(&State::Leased)
    }

    /// Ends a lease whose answer was taken or dropped.
    pub(crate) fn release(&mut self, token: &Token) {
        if let Some((key, lease)) = self.leases.remove(token) {
            self.abandoned.remove(&key);
            self.states.remove(&key);
            // An activity has no more work; an instance or an entity may have messages.
            if !matches!(lease, Lease::Activity { .. }) {
                self.ready(key);
            }
        }
    }

    /// Gives the work out again, after a delay. Returns when; `None` for a token that is not good.
    pub(crate) fn abandon(
        &mut self,
        token: &Token,
        now: Timestamp,
        backoff: Backoff,
    ) -> Option<Timestamp> {
        let (key, _) = self.leases.remove(token)?;
        let abandoned = self.abandoned.entry(key.clone()).or_default();
        let due = now.after(backoff.after(*abandoned));
        *abandoned = abandoned.saturating_add(1);
        self.tokens += 1;
        self.states.insert(key.clone(), State::Delayed);
        self.delayed.insert((due, self.tokens), key);
        Some(due)
    }

    /// Makes delayed work ready whose time has come.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let key = entry.remove();
            self.ready(key);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.delayed.keys().next().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(3),
    };

    #[test]
    fn work_is_ready_once_and_leased_once() {
        let mut work = Work::new("e".into());
        let key = Key::Activity(1);
        work.touch(key.clone());
        work.touch(key.clone());
        assert_eq!(work.next(Kind::Turn), None);
        assert_eq!(work.next(Kind::Activity), Some(key.clone()));
        assert_eq!(work.next(Kind::Activity), None);
        let (token, _) = work.lease(key.clone(), Lease::Activity { number: 1 });
        work.touch(key.clone());
        assert_eq!(work.next(Kind::Activity), None);
        assert!(work.is_leased(&key));
        work.release(&token);
        assert!(work.leased(&token).is_none());
    }

    #[test]
    fn delays_grow_until_an_answer_is_taken() {
        let mut work = Work::new("e".into());
        let now = Timestamp::default();
        let attempt = |work: &mut Work| {
            let key = Key::Activity(1);
            work.touch(key.clone());
            work.next(Kind::Activity);
            work.lease(key, Lease::Activity { number: 1 })
        };
        let mut delays = Vec::new();
        for before in 0..4 {
            let (token, abandoned) = attempt(&mut work);
            assert_eq!(abandoned, before);
            let due = work.abandon(&token, now, BACKOFF).unwrap();
            assert_eq!(work.next_due(), Some(due));
            assert_eq!(work.abandon(&token, now, BACKOFF), None);
            delays.push(due.seconds);
            work.wake(due);
        }
        assert_eq!(delays, [1, 2, 3, 3]);
        let (token, _) = attempt(&mut work);
        work.release(&token);
        assert_eq!(attempt(&mut work).1, 0);
    }
}
