//! Workers that ask for work by `GetWorkItems`.
//!
//! Invariants: no stream has more work of a kind than its worker asked for, and none of functions that its worker does
//! not have. Work whose stream has ended goes to another worker at once, under the same token: the first of the two
//! answers counts, so a worker that is stopping can still finish what it has begun.
//!
//! - `filter`: which functions a worker has; `item`: work in the form of the protocol; `parts`: answers in parts

mod filter;
mod item;
mod parts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use durable_protocol::Timestamp;
use durable_protocol::messages::{GetWorkItemsRequest, OrchestratorResponse, WorkerCapability};
use filter::Filter;
pub(super) use item::RawItem;
use parts::Parts;
use task_hub::work::{Needed, WorkItem};
use task_hub::{Kind, StoreError, Token};
use tokio::sync::mpsc;

use super::driver::TaskHub;
use super::lock;

/// How much work of a kind a worker gets that does not say how much it takes.
const PLACES: usize = 100;

/// The most work of a kind that a worker gets, whatever it says, because a turn holds a history in memory.
const MOST_PLACES: usize = 10_000;

/// How much work may wait for a worker that reads slowly, because it holds histories in memory.
const WAITING: usize = 16;

/// How many missing functions are remembered, so that the log names each once.
const MOST_MISSING: usize = 1_000;

/// All streams.
#[derive(Default)]
pub(super) struct Streams {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many streams there were.
    connected: u64,
    /// How many deliveries there were.
    delivered: u64,
    streams: BTreeMap<u64, Stream>,
    /// What workers were given and has no answer.
    given: HashMap<Token, Given>,
    /// What the streams had that have ended, the oldest first. What has an answer now is not in `given` any more.
    orphans: VecDeque<Token>,
    /// Functions that no worker has, and that the log has named.
    missing: BTreeSet<Needed>,
}

struct Stream {
    filter: Filter,
    places: Places,
    items: mpsc::Sender<WorkItem>,
    /// There was work for it, and no room in `items`.
    is_full: Arc<AtomicBool>,
    /// The number of its latest delivery.
    latest: u64,
}

struct Given {
    /// `None` when the stream has ended.
    stream: Option<u64>,
    /// The number of its delivery.
    number: u64,
    kind: Kind,
    /// For a further delivery. `None` when the hub has forgotten it: then the worker still has it, and its answer is
    /// stale.
    item: Option<WorkItem>,
    parts: Parts,
}

/// What a stream sends.
pub(super) struct Connected {
    pub(super) number: u64,
    items: mpsc::Receiver<WorkItem>,
    is_full: Arc<AtomicBool>,
    fetches_history: bool,
}

/// How much work of each kind a worker has, and how much it takes.
struct Places([Place; 3]);

#[derive(Clone, Copy)]
struct Place {
    taken: usize,
    all: usize,
}

impl Streams {
    /// Adds a stream.
    pub(super) fn connect(&self, request: &GetWorkItemsRequest) -> Connected {
        let (items, receiver) = mpsc::channel(WAITING);
        let is_full = Arc::new(AtomicBool::new(false));
        let mut state = lock(&self.state);
        state.connected += 1;
        let number = state.connected;
        let stream = Stream {
            filter: Filter::new(request.work_item_filters.as_ref()),
            places: Places::new(request),
            items,
            is_full: Arc::clone(&is_full),
            latest: 0,
        };
        state
            .missing
            .retain(|needed| !stream.filter.accepts(needed));
        state.streams.insert(number, stream);
        let streaming = WorkerCapability::HistoryStreaming.into();
        Connected {
            number,
            items: receiver,
            is_full,
            fetches_history: request.capabilities.contains(&streaming),
        }
    }

    /// Removes a stream. What it had waits for another one; returns how much that is.
    pub(super) fn disconnect(&self, number: u64) -> usize {
        let mut state = lock(&self.state);
        state.streams.remove(&number);
        let State { given, orphans, .. } = &mut *state;
        // What the hub has forgotten counted for this worker only.
        given.retain(|_, given| given.stream != Some(number) || given.item.is_some());
        let mut had = Vec::new();
        for (token, given) in given {
            if given.stream == Some(number) {
                given.stream = None;
                given.parts = Parts::default();
                had.push((given.number, token.clone()));
            }
        }
        had.sort_unstable_by_key(|(number, _)| *number);
        let count = had.len();
        orphans.extend(had.into_iter().map(|(_, token)| token));
        count
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        *lock(&self.state) = State::default();
    }

    /// Notes that work of this kind has an answer, and returns the parts of it that have come.
    pub(super) fn answered(&self, token: &Token, kind: Kind) -> Option<Parts> {
        let mut state = lock(&self.state);
        if state.given.get(token)?.kind != kind {
            return None;
        }
        let given = state.given.remove(token)?;
        if let Some(stream) = given.stream
            && let Some(stream) = state.streams.get_mut(&stream)
        {
            let place = stream.places.of_mut(kind);
            place.taken = place.taken.saturating_sub(1);
        }
        Some(given.parts)
    }

    /// Keeps a part of the answer to a turn. One for another token has no effect.
    ///
    /// # Errors
    /// The part cannot be taken; the text says why.
    pub(super) fn add_part(
        &self,
        token: &Token,
        part: OrchestratorResponse,
    ) -> Result<(), &'static str> {
        match lock(&self.state).given.get_mut(token) {
            Some(given) if given.kind == Kind::Turn => given.parts.add(part),
            _ => Ok(()),
        }
    }

    /// The hub has forgotten all work, and gives it out again under other tokens. Workers still have what they were
    /// given, until they answer.
    pub(super) fn forget(&self) {
        let mut state = lock(&self.state);
        state.orphans.clear();
        state.given.retain(|_, given| given.stream.is_some());
        for given in state.given.values_mut() {
            given.item = None;
        }
    }

    /// Gives out the work that streams have places for. Adds to `said` what the log should say.
    ///
    /// # Errors
    /// The store failed.
    pub(super) fn hand_out(
        &self,
        hub: &mut TaskHub,
        now: Timestamp,
        said: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        lock(&self.state).give_orphans(said);
        for kind in [Kind::Turn, Kind::Activity, Kind::Batch] {
            loop {
                // Locked while work is taken: the stream must not end before it has it.
                let mut state = lock(&self.state);
                if !state.may_take(kind) {
                    break;
                }
                let mut chosen = None;
                let item = hub.take_if(now, kind, &mut |needed| {
                    chosen = state.choose(needed, said);
                    chosen.is_some()
                })?;
                let (Some(item), Some(stream)) = (item, chosen) else {
                    break;
                };
                let given = Given {
                    stream: None,
                    number: 0,
                    kind,
                    item: None,
                    parts: Parts::default(),
                };
                state.given.insert(token(&item).clone(), given);
                state.give(stream, item);
            }
        }
        Ok(())
    }
}

impl State {
    /// Whether it makes sense to look for work. Without any stream it does, to find the functions that are missing.
    fn may_take(&self, kind: Kind) -> bool {
        let mut streams = self.streams.values();
        self.streams.is_empty() || streams.any(|stream| stream.places.of(kind).is_free())
    }

    /// The stream for work of this function: the least busy one, then the one that was given nothing for the longest
    /// time.
    fn choose(&mut self, needed: &Needed, said: &mut Vec<String>) -> Option<u64> {
        let mut is_missing = true;
        let mut chosen: Option<((usize, u64), u64)> = None;
        for (number, stream) in &self.streams {
            if !stream.filter.accepts(needed) {
                continue;
            }
            is_missing = false;
            let place = stream.places.of(needed.kind);
            if !place.is_free() {
                continue;
            }
            if stream.items.capacity() == 0 {
                stream.is_full.store(true, Ordering::Relaxed);
                continue;
            }
            let rank = (place.share(), stream.latest);
            if chosen.is_none_or(|(best, _)| rank < best) {
                chosen = Some((rank, *number));
            }
        }
        if is_missing && self.missing.len() < MOST_MISSING && !self.missing.contains(needed) {
            self.missing.insert(needed.clone());
            said.push(missing(needed, self.streams.is_empty()));
        }
        chosen.map(|(_, number)| number)
    }

    /// Gives work to a stream that was chosen.
    fn give(&mut self, number: u64, item: WorkItem) {
        self.delivered += 1;
        let latest = self.delivered;
        let (Some(stream), Some(given)) = (
            self.streams.get_mut(&number),
            self.given.get_mut(token(&item)),
        ) else {
            return;
        };
        stream.latest = latest;
        stream.places.of_mut(given.kind).taken += 1;
        given.stream = Some(number);
        given.number = latest;
        given.item = Some(item.clone());
        // There is room. If the stream has just ended, its removal makes an orphan of this.
        let _ = stream.items.try_send(item);
    }

    fn give_orphans(&mut self, said: &mut Vec<String>) {
        for token in std::mem::take(&mut self.orphans) {
            let orphan = self.given.get(&token).filter(|it| it.stream.is_none());
            let Some(item) = orphan.and_then(|given| given.item.clone()) else {
                continue;
            };
            match self.choose(&needed(&item), said) {
                Some(stream) => self.give(stream, item),
                None => self.orphans.push_back(token),
            }
        }
    }
}

impl Connected {
    /// The next message, and whether there may be more work now that it has left. `None` when the hub has stopped.
    pub(super) async fn next(&mut self) -> Option<(RawItem, bool)> {
        let item = self.items.recv().await?;
        let item = RawItem::new(item, self.fetches_history);
        Some((item, self.is_full.swap(false, Ordering::Relaxed)))
    }
}

impl Places {
    fn new(request: &GetWorkItemsRequest) -> Self {
        let place = |asked: i32| Place {
            taken: 0,
            all: match usize::try_from(asked) {
                Ok(0) | Err(_) => PLACES,
                Ok(asked) => asked.min(MOST_PLACES),
            },
        };
        Self([
            place(request.max_concurrent_orchestration_work_items),
            place(request.max_concurrent_activity_work_items),
            place(request.max_concurrent_entity_work_items),
        ])
    }

    fn of(&self, kind: Kind) -> Place {
        let Self([turns, activities, batches]) = self;
        *match kind {
            Kind::Turn => turns,
            Kind::Activity => activities,
            Kind::Batch => batches,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Place {
        let Self([turns, activities, batches]) = self;
        match kind {
            Kind::Turn => turns,
            Kind::Activity => activities,
            Kind::Batch => batches,
        }
    }
}

impl Place {
    fn is_free(self) -> bool {
        self.taken < self.all
    }

    /// How busy it is, in thousandths.
    fn share(self) -> usize {
        self.taken * 1_000 / self.all.max(1)
    }
}

/// The function that runs this work.
fn needed(item: &WorkItem) -> Needed {
    match item {
        WorkItem::Turn(turn) => turn.needed(),
        WorkItem::Activity(activity) => activity.needed(),
        WorkItem::EntityBatch(batch) => batch.needed(),
    }
}

fn token(item: &WorkItem) -> &Token {
    match item {
        WorkItem::Turn(turn) => &turn.token,
        WorkItem::Activity(activity) => &activity.token,
        WorkItem::EntityBatch(batch) => &batch.token,
    }
}

fn missing(needed: &Needed, no_worker: bool) -> String {
    let (work, function) = match needed.kind {
        Kind::Turn => ("An orchestration", "orchestrator"),
        Kind::Activity => ("An activity", "activity"),
        Kind::Batch => ("An entity", "entity"),
    };
    let version = needed.version.as_deref().filter(|it| !it.is_empty());
    let version = version.map_or(String::new(), |it| format!(" in version '{it}'"));
    let why = if no_worker {
        "no worker is connected"
    } else {
        "no connected worker has it"
    };
    format!(
        "{work} waits for a worker with the {function} '{}'{version}: {why}.",
        needed.name
    )
}
