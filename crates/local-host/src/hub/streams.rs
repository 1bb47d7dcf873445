//! Workers that ask for work by `GetWorkItems`.
//!
//! Invariants: an item goes to a worker that has a free place and, if it named its functions, has this one. An item
//! whose stream has ended goes to another worker at once, under the same token: the first of the two answers counts,
//! so a worker that is stopping can still finish what it has begun.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;

use durable_protocol::EntityId;
use durable_protocol::messages::{
    ActivityRequest, GetWorkItemsRequest, OrchestrationInstance, OrchestratorEntityParameters,
    OrchestratorRequest, WorkItem as Message, WorkItemFilters, WorkItemRequest,
};
use prost_types::Duration;
use task_hub::work::WorkItem;
use task_hub::{Kind, Token};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::lock;

/// The places of each kind of a worker that does not say how many it has.
const PLACES: usize = 100;

/// The most items that wait for a worker with their function. More are given back to the hub, which delivers them
/// again after a pause.
const MOST_PARKED: usize = 1_000;

/// The window in which a real host sorts messages to entities. Workers take it as a sign that there are entities.
const REORDER_WINDOW: Duration = Duration {
    seconds: 30 * 60,
    nanos: 0,
};

/// All streams.
#[derive(Default)]
pub(super) struct Streams {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_stream: u64,
    streams: BTreeMap<u64, Stream>,
    /// What the streams were given and has no answer.
    given: HashMap<Token, Given>,
    /// Items for which no stream has a place.
    parked: VecDeque<WorkItem>,
}

struct Stream {
    places: Places,
    free: Places,
    filters: Option<WorkItemFilters>,
    items: UnboundedSender<Message>,
}

struct Given {
    stream: u64,
    item: WorkItem,
}

/// How many more items a stream takes.
#[derive(Clone, Copy)]
struct Places {
    turns: usize,
    activities: usize,
    batches: usize,
}

impl Places {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Turn => &mut self.turns,
            Kind::Activity => &mut self.activities,
            Kind::Batch => &mut self.batches,
        }
    }
}

impl Streams {
    /// Adds a stream. Returns its number and its items.
    pub(super) fn connect(
        &self,
        request: GetWorkItemsRequest,
    ) -> (u64, UnboundedReceiver<Message>) {
        let (items, receiver) = unbounded_channel();
        let places = |number: i32| match usize::try_from(number) {
            Ok(0) | Err(_) => PLACES,
            Ok(number) => number,
        };
        let places = Places {
            turns: places(request.max_concurrent_orchestration_work_items),
            activities: places(request.max_concurrent_activity_work_items),
            batches: places(request.max_concurrent_entity_work_items),
        };
        let stream = Stream {
            places,
            free: places,
            filters: request.work_item_filters,
            items,
        };
        let mut state = lock(&self.state);
        state.last_stream += 1;
        let number = state.last_stream;
        state.streams.insert(number, stream);
        (number, receiver)
    }

    /// Removes a stream. What it had waits for another one.
    pub(super) fn disconnect(&self, number: u64) {
        let mut state = lock(&self.state);
        state.streams.remove(&number);
        let orphaned: Vec<Token> = state
            .given
            .iter()
            .filter(|(_, given)| given.stream == number)
            .map(|(token, _)| token.clone())
            .collect();
        for token in orphaned {
            if let Some(given) = state.given.remove(&token) {
                state.parked.push_back(given.item);
            }
        }
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        *lock(&self.state) = State::default();
    }

    /// Notes that an item has an answer.
    pub(super) fn answered(&self, token: &Token) {
        let mut state = lock(&self.state);
        if let Some(given) = state.given.remove(token) {
            let kind = kind(&given.item);
            if let Some(stream) = state.streams.get_mut(&given.stream) {
                *stream.free.of(kind) += 1;
            }
        } else {
            state.parked.retain(|item| token_of(item) != token);
        }
    }

    /// Forgets all items: the hub gives them out again, under other tokens. Workers can have more than they asked for
    /// then, until they have answered.
    pub(super) fn forget(&self) {
        let mut state = lock(&self.state);
        state.parked.clear();
        state.given.clear();
        for stream in state.streams.values_mut() {
            stream.free = stream.places;
        }
    }

    /// Gives parked items to streams that can take them.
    pub(super) fn unpark(&self) {
        let mut state = lock(&self.state);
        for item in std::mem::take(&mut state.parked) {
            if let Some(item) = state.give(item) {
                state.parked.push_back(item);
            }
        }
    }

    /// Whether a stream has a place for work of this kind.
    pub(super) fn has_place(&self, kind: Kind) -> bool {
        let mut state = lock(&self.state);
        state
            .streams
            .values_mut()
            .any(|stream| *stream.free.of(kind) > 0)
    }

    /// Gives the item to a stream, or parks it. Returns it when it can do neither.
    pub(super) fn offer(&self, item: WorkItem) -> Option<WorkItem> {
        let mut state = lock(&self.state);
        let item = state.give(item)?;
        if state.parked.len() >= MOST_PARKED {
            return Some(item);
        }
        state.parked.push_back(item);
        None
    }
}

impl State {
    /// Gives the item to the stream with the most free places. Returns it when no stream takes it.
    fn give(&mut self, item: WorkItem) -> Option<WorkItem> {
        let kind = kind(&item);
        let best = self
            .streams
            .iter_mut()
            .filter(|(_, stream)| stream.accepts(&item))
            .map(|(number, stream)| (*stream.free.of(kind), *number))
            .max()
            .filter(|(free, _)| *free > 0);
        let Some((_, number)) = best else {
            return Some(item);
        };
        if let Some(stream) = self.streams.get_mut(&number) {
            *stream.free.of(kind) -= 1;
            // A stream that has ended is about to be removed, and then gives the item back.
            let _ = stream.items.send(message(&item));
        }
        let token = token_of(&item).clone();
        self.given.insert(
            token,
            Given {
                stream: number,
                item,
            },
        );
        None
    }
}

impl Stream {
    fn accepts(&self, item: &WorkItem) -> bool {
        let Some(filters) = &self.filters else {
            return true;
        };
        let has = |filter: &str, versions: &[String], name: &str, version: Option<&String>| {
            let version = version.map_or("", String::as_str);
            filter.eq_ignore_ascii_case(name)
                && (versions.is_empty() || versions.iter().any(|it| it == version))
        };
        match item {
            WorkItem::Turn(turn) => filters.orchestrations.iter().any(|filter| {
                let start = &turn.start;
                has(
                    &filter.name,
                    &filter.versions,
                    &start.name,
                    start.version.as_ref(),
                )
            }),
            WorkItem::Activity(activity) => filters.activities.iter().any(|filter| {
                let task = &activity.task;
                has(
                    &filter.name,
                    &filter.versions,
                    &task.name,
                    task.version.as_ref(),
                )
            }),
            WorkItem::EntityBatch(batch) => {
                let id = batch.request.instance_id.parse::<EntityId>();
                let name = id.as_ref().map_or("", EntityId::name);
                filters
                    .entities
                    .iter()
                    .any(|filter| has(&filter.name, &[], name, None))
            }
        }
    }
}

fn kind(item: &WorkItem) -> Kind {
    match item {
        WorkItem::Turn(_) => Kind::Turn,
        WorkItem::Activity(_) => Kind::Activity,
        WorkItem::EntityBatch(_) => Kind::Batch,
    }
}

fn token_of(item: &WorkItem) -> &Token {
    match item {
        WorkItem::Turn(turn) => &turn.token,
        WorkItem::Activity(activity) => &activity.token,
        WorkItem::EntityBatch(batch) => &batch.token,
    }
}

fn message(item: &WorkItem) -> Message {
    let request = match item {
        WorkItem::Turn(turn) => {
            WorkItemRequest::OrchestratorRequest(Box::new(OrchestratorRequest {
                entity_parameters: Some(OrchestratorEntityParameters {
                    entity_message_reorder_window: Some(REORDER_WINDOW),
                }),
                ..turn.request()
            }))
        }
        WorkItem::Activity(activity) => {
            let task = activity.task.clone();
            WorkItemRequest::ActivityRequest(Box::new(ActivityRequest {
                name: task.name,
                version: task.version,
                input: task.input,
                orchestration_instance: Some(OrchestrationInstance {
                    instance_id: task.instance,
                    execution_id: Some(task.execution),
                }),
                task_id: task.id,
                tags: task.tags,
                ..ActivityRequest::default()
            }))
        }
        WorkItem::EntityBatch(batch) => {
            WorkItemRequest::EntityRequest(Box::new(batch.request.clone()))
        }
    };
    Message {
        request: Some(request),
        completion_token: token_of(item).as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use durable_protocol::messages::ActivityFilter;
    use task_hub::{changes, work};

    use super::*;

    fn activity(token: &str, name: &str) -> WorkItem {
        WorkItem::Activity(work::Activity {
            token: Token::from_text(token),
            task: changes::Activity {
                number: 1,
                instance: "i".into(),
                execution: "e".into(),
                id: 0,
                name: name.into(),
                version: None,
                input: None,
                tags: BTreeMap::new(),
            },
            abandoned: 0,
        })
    }

    fn request(places: i32, activities: &[&str]) -> GetWorkItemsRequest {
        let filter = |name: &&str| ActivityFilter {
            name: (*name).to_owned(),
            versions: Vec::new(),
        };
        GetWorkItemsRequest {
            max_concurrent_activity_work_items: places,
            work_item_filters: (!activities.is_empty()).then(|| WorkItemFilters {
                activities: activities.iter().map(filter).collect(),
                ..WorkItemFilters::default()
            }),
            ..GetWorkItemsRequest::default()
        }
    }

    fn tokens(items: &mut UnboundedReceiver<Message>) -> Vec<String> {
        std::iter::from_fn(|| items.try_recv().ok())
            .map(|item| item.completion_token)
            .collect()
    }

    #[test]
    fn a_worker_gets_no_more_than_it_has_places_for() {
        let streams = Streams::default();
        assert!(!streams.has_place(Kind::Activity));
        let (_, mut items) = streams.connect(request(1, &[]));
        assert!(streams.has_place(Kind::Activity));
        assert!(streams.offer(activity("1", "a")).is_none());
        assert!(!streams.has_place(Kind::Activity));
        assert!(streams.has_place(Kind::Turn), "they are counted by kind");
        streams.answered(&Token::from_text("1"));
        assert!(streams.has_place(Kind::Activity));
        streams.answered(&Token::from_text("1"));
        assert!(streams.offer(activity("2", "a")).is_none());
        assert!(!streams.has_place(Kind::Activity), "an answer counts once");
        assert_eq!(tokens(&mut items), ["1", "2"]);
    }

    #[test]
    fn work_goes_to_a_worker_that_has_its_function_or_waits_for_one() {
        let streams = Streams::default();
        let (_, mut a) = streams.connect(request(9, &["A"]));
        assert!(streams.offer(activity("1", "b")).is_none());
        assert!(streams.offer(activity("2", "a")).is_none());
        assert_eq!(tokens(&mut a), ["2"]);
        let (_, mut b) = streams.connect(request(9, &["b"]));
        streams.unpark();
        assert_eq!(tokens(&mut b), ["1"]);
        assert_eq!(tokens(&mut a), [""; 0]);
    }

    #[test]
    fn work_of_a_stream_that_has_ended_goes_to_the_next_one_under_its_token() {
        let streams = Streams::default();
        let (first, _items) = streams.connect(request(9, &[]));
        for token in ["1", "2"] {
            assert!(streams.offer(activity(token, "a")).is_none());
        }
        streams.disconnect(first);
        // The first worker still answers one of them.
        streams.answered(&Token::from_text("1"));
        let (_, mut items) = streams.connect(request(9, &[]));
        streams.unpark();
        assert_eq!(tokens(&mut items), ["2"]);
    }

    #[test]
    fn too_much_work_that_no_worker_has_is_given_back() {
        let streams = Streams::default();
        let (_, _items) = streams.connect(request(9, &["a"]));
        for n in 0..MOST_PARKED {
            assert!(streams.offer(activity(&n.to_string(), "b")).is_none());
        }
        assert!(streams.offer(activity("x", "b")).is_some());
        assert!(streams.offer(activity("y", "a")).is_none());
        streams.forget();
        assert!(streams.offer(activity("z", "b")).is_none());
    }
}
