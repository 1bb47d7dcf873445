//! What work is ready, and who has it.
//!
//! Invariants: an instance has at most one turn under way and an entity at most one batch. A token is good for
//! one answer. Leases are in memory only: a hub that opens a store gives out all its work again, under new
//! tokens, and an answer with an old token changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use durable_protocol::Timestamp;

use crate::entity::{BatchLease, is_entity};
use crate::options::Backoff;
use crate::turn::TurnLease;
use crate::work::Needed;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    Turn(Arc<str>),
    Activity(u64),
    Batch(Arc<str>),
}

impl Key {
    /// The turn of an instance or the batch of an entity.
    pub(crate) fn of_target(id: &str) -> Self {
        if is_entity(id) {
            Self::Batch(id.into())
        } else {
            Self::Turn(id.into())
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
    Leased {
        lease: u64,
        /// There may be work when the lease ends.
        again: bool,
    },
    Delayed,
}

/// What the hub must remember to commit the answer.
#[derive(Clone, Debug)]
pub(crate) enum Lease {
    Turn(Arc<TurnLease>),
    Activity { number: u64 },
    Batch(Arc<BatchLease>),
}

impl Lease {
    /// Whether the worker did not get all messages that wait.
    fn leaves_messages(&self) -> bool {
        match self {
            Self::Turn(turn) => turn.leaves_messages,
            Self::Activity { .. } => false,
            // The end of a batch can release a lock.
            Self::Batch(_) => true,
        }
    }
}

#[derive(Debug)]
struct Held {
    key: Key,
    lease: Lease,
    until: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Work {
    epoch: String,
    /// The number of the latest lease or delay.
    last: u64,
    states: HashMap<Key, State>,
    turns: VecDeque<Key>,
    activities: VecDeque<Key>,
    batches: VecDeque<Key>,
    /// Ready work that was offered and not accepted, in the order of the numbers.
    refused: BTreeMap<Needed, VecDeque<(u64, Key)>>,
    leases: HashMap<u64, Held>,
    /// When leases end by themselves, for those that do.
    ends: BTreeSet<(Timestamp, u64)>,
    delayed: BTreeMap<(Timestamp, u64), Key>,
    /// How often work was abandoned in a row; without those that never were.
    abandoned: HashMap<Key, u32>,
}

impl Work {
    /// `epoch` must differ from that of every hub that had the store before.
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            epoch,
            last: 0,
            states: HashMap::new(),
            turns: VecDeque::new(),
            activities: VecDeque::new(),
            batches: VecDeque::new(),
            refused: BTreeMap::new(),
            leases: HashMap::new(),
            ends: BTreeSet::new(),
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

    /// There may be work now. What is ready or delayed stays so; what is under way is ready again after it.
    pub(crate) fn touch(&mut self, key: Key) {
        match self.states.get_mut(&key) {
            None => self.ready(key),
            Some(State::Leased { again, .. }) => *again = true,
            Some(State::Ready | State::Delayed) => {}
        }
    }

    fn ready(&mut self, key: Key) {
        self.states.insert(key.clone(), State::Ready);
        self.queue(key.kind()).push_back(key);
    }

    /// Takes the next work of this kind. The caller leases it, or says that nobody [accepts](Self::refuse) it or that
    /// there was [none](Self::none) after all.
    pub(crate) fn next(&mut self, kind: Kind) -> Option<Key> {
        let key = self.queue(kind).pop_front()?;
        self.states.remove(&key);
        Some(key)
    }

    /// The work is gone: its instance was purged, or runs anew.
    pub(crate) fn none(&mut self, key: &Key) {
        if !self.abandoned.is_empty() {
            self.abandoned.remove(key);
        }
    }

    /// The same for work that nobody accepted before, and that is accepted now. All of it is older than what
    /// [`next`](Self::next) takes.
    pub(crate) fn next_refused(
        &mut self,
        kind: Kind,
        accept: &mut dyn FnMut(&Needed) -> bool,
    ) -> Option<Key> {
        let accepted = self
            .refused
            .iter()
            .filter(|(needed, _)| needed.kind == kind && accept(needed));
        let (needed, _) =
            accepted.min_by_key(|(_, keys)| keys.front().map(|(number, _)| *number))?;
        let needed = needed.clone();
        let keys = self.refused.get_mut(&needed)?;
        let (_, key) = keys.pop_front()?;
        if keys.is_empty() {
            self.refused.remove(&needed);
        }
        self.states.remove(&key);
        Some(key)
    }

    /// Keeps ready work apart that nobody accepted, so that it is not read again for each offer.
    pub(crate) fn refuse(&mut self, key: Key, needed: Needed) {
        self.last += 1;
        self.states.insert(key.clone(), State::Ready);
        self.refused
            .entry(needed)
            .or_default()
            .push_back((self.last, key));
    }

    /// Returns the token and how often the work was abandoned before.
    pub(crate) fn lease(
        &mut self,
        key: Key,
        lease: Lease,
        until: Option<Timestamp>,
    ) -> (Token, u32) {
        self.last += 1;
        let number = self.last;
        let abandoned = self.abandoned.get(&key).copied().unwrap_or_default();
        let again = lease.leaves_messages();
        let state = State::Leased {
            lease: number,
            again,
        };
        self.states.insert(key.clone(), state);
        self.ends.extend(until.map(|until| (until, number)));
        self.leases.insert(number, Held { key, lease, until });
        (Token(format!("{}.{number}", self.epoch)), abandoned)
    }

    /// The number of the lease that the token is for, if it is one of this hub.
    fn number(&self, token: &Token) -> Option<u64> {
        let number = token.0.strip_prefix(&self.epoch)?.strip_prefix('.')?;
        number.parse().ok()
    }

    pub(crate) fn leased(&self, token: &Token) -> Option<&Lease> {
        let held = self.leases.get(&self.number(token)?)?;
        Some(&held.lease)
    }

    /// Whether a worker has this work.
    pub(crate) fn is_leased(&self, key: &Key) -> bool {
        matches!(self.states.get(key), Some(State::Leased { .. }))
    }

    fn remove(&mut self, number: u64) -> Option<Held> {
        let held = self.leases.remove(&number)?;
        if let Some(until) = held.until {
            self.ends.remove(&(until, number));
        }
        Some(held)
    }

    /// Ends a lease whose answer was taken or dropped.
    pub(crate) fn release(&mut self, token: &Token) {
        let Some(held) = self.number(token).and_then(|number| self.remove(number)) else {
            return;
        };
        self.none(&held.key);
        if let Some(State::Leased { again: true, .. }) = self.states.remove(&held.key) {
            self.ready(held.key);
        }
    }

    /// Ends the lease of work that was purged. An answer to it will be stale.
    pub(crate) fn forget(&mut self, key: &Key) {
        if let Some(State::Leased { lease, .. }) = self.states.get(key) {
            let lease = *lease;
            self.states.remove(key);
            self.remove(lease);
            self.none(key);
        }
    }

    /// Makes a lease last until `until`. `false` for a token that is not good.
    pub(crate) fn extend(&mut self, token: &Token, until: Option<Timestamp>) -> bool {
        let Some(number) = self.number(token) else {
            return false;
        };
        let Some(held) = self.leases.get_mut(&number) else {
            return false;
        };
        if let Some(before) = std::mem::replace(&mut held.until, until) {
            self.ends.remove(&(before, number));
        }
        self.ends.extend(until.map(|until| (until, number)));
        true
    }

    /// Gives the work out again, after a delay. Returns when; `None` for a token that is not good.
    pub(crate) fn abandon(
        &mut self,
        token: &Token,
        now: Timestamp,
        backoff: Backoff,
    ) -> Option<Timestamp> {
        let number = self.number(token)?;
        let Held { key, .. } = self.remove(number)?;
        let abandoned = self.abandoned.entry(key.clone()).or_default();
        let due = now.after(backoff.after(*abandoned));
        *abandoned = abandoned.saturating_add(1);
        self.last += 1;
        self.states.insert(key.clone(), State::Delayed);
        self.delayed.insert((due, self.last), key);
        Some(due)
    }

    /// Makes work ready whose delay is over, or whose lease has ended by itself.
    pub(crate) fn wake(&mut self, now: Timestamp) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let key = entry.remove();
            self.ready(key);
        }
        while let Some((until, number)) = self.ends.first().copied() {
            if until > now {
                break;
            }
            self.ends.remove(&(until, number));
            if let Some(Held { key, .. }) = self.leases.remove(&number) {
                let abandoned = self.abandoned.entry(key.clone()).or_default();
                *abandoned = abandoned.saturating_add(1);
                self.ready(key);
            }
        }
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let delayed = self.delayed.keys().next().map(|(due, _)| *due);
        let end = self.ends.first().map(|(until, _)| *until);
        delayed.into_iter().chain(end).min()
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
        let (token, _) = work.lease(key.clone(), Lease::Activity { number: 1 }, None);
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
            work.lease(key, Lease::Activity { number: 1 }, None)
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

    #[test]
    fn what_arrives_while_work_is_under_way_makes_it_ready_again() {
        for arrives in [false, true] {
            let mut work = Work::new("e".into());
            let key = Key::Activity(1);
            work.touch(key.clone());
            work.next(Kind::Activity);
            let (token, _) = work.lease(key.clone(), Lease::Activity { number: 1 }, None);
            if arrives {
                work.touch(key);
            }
            work.release(&token);
            assert_eq!(work.next(Kind::Activity).is_some(), arrives);
        }
    }

    #[test]
    fn a_lease_ends_at_its_time_unless_it_is_extended() {
        let mut work = Work::new("e".into());
        let key = Key::Activity(1);
        let at = |seconds| Timestamp { seconds, nanos: 0 };
        work.touch(key.clone());
        work.next(Kind::Activity);
        let lease = Lease::Activity { number: 1 };
        let (token, _) = work.lease(key.clone(), lease, Some(at(10)));
        assert!(work.extend(&token, Some(at(20))));
        work.wake(at(19));
        assert!(work.leased(&token).is_some());
        assert_eq!(work.next_due(), Some(at(20)));
        work.wake(at(20));
        assert!(work.leased(&token).is_none());
        assert!(!work.extend(&token, Some(at(30))));
        assert_eq!(work.next_due(), None);
        assert_eq!(work.next(Kind::Activity), Some(key));
    }

    #[test]
    fn a_token_of_another_hub_is_not_good() {
        let mut work = Work::new("e".into());
        work.touch(Key::Activity(1));
        let key = work.next(Kind::Activity).unwrap();
        work.lease(key, Lease::Activity { number: 1 }, None);
        assert!(work.leased(&Token::from_text("e.1")).is_some());
        for text in ["d.1", "e.2", "e1", "1", "", "e.", "e.x", "e.1.1"] {
            assert!(work.leased(&Token::from_text(text)).is_none(), "{text}");
        }
    }
}
