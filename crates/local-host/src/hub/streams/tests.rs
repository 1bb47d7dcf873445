use durable_protocol::messages::{
    CreateInstanceRequest, OrchestrationFilter, OrchestratorResponse, WorkItemFilters,
};
use task_hub::work::{Taken, TurnOutcome};
use task_hub::{MemoryStore, Moment, Options};

use super::super::driver::RandomIds;
use super::*;

const NOW: Timestamp = Timestamp {
    seconds: 1_800_000_000,
    nanos: 0,
};

struct World {
    hub: TaskHub,
    streams: Streams,
    said: Vec<String>,
}

impl World {
    fn new() -> Self {
        let store = Box::new(MemoryStore::new());
        Self {
            hub: TaskHub::open(store, Options::default(), &mut RandomIds).unwrap(),
            streams: Streams::default(),
            said: Vec::new(),
        }
    }

    /// Starts instances, `count` of them, and gives out their first turns.
    fn start(&mut self, name: &str, count: usize) {
        for _ in 0..count {
            let request = CreateInstanceRequest {
                name: name.to_owned(),
                ..CreateInstanceRequest::default()
            };
            let mut ids = RandomIds;
            let at = &mut Moment::new(NOW, &mut ids);
            self.hub.start(at, request).unwrap();
        }
        self.hub.commit().unwrap();
        self.hand_out();
    }

    fn hand_out(&mut self) {
        self.streams
            .hand_out(&mut self.hub, NOW, &mut self.said)
            .unwrap();
    }

    /// Connects a worker with so many places and with these orchestrators; with none, it has all.
    fn connect(&mut self, places: i32, orchestrators: &[&str]) -> Connected {
        let filter = |name: &&str| OrchestrationFilter {
            name: (*name).to_owned(),
            versions: Vec::new(),
        };
        let filters = WorkItemFilters {
            orchestrations: orchestrators.iter().map(filter).collect(),
            ..WorkItemFilters::default()
        };
        let connected = self.streams.connect(&GetWorkItemsRequest {
            max_concurrent_orchestration_work_items: places,
            work_item_filters: (!orchestrators.is_empty()).then_some(filters),
            ..GetWorkItemsRequest::default()
        });
        self.hand_out();
        connected
    }

    /// Answers a turn. `false` when its token is not good any more.
    fn answer(&mut self, token: &Token) -> bool {
        if self.streams.answered(token, Kind::Turn).is_none() {
            return false;
        }
        let outcome = TurnOutcome::Answered(OrchestratorResponse::default());
        let mut ids = RandomIds;
        let at = &mut Moment::new(NOW, &mut ids);
        let taken = self.hub.turn_done(at, token, outcome).unwrap();
        self.hub.commit().unwrap();
        taken == Taken::Yes
    }
}

/// What a worker reads.
fn read(worker: &mut Connected) -> Vec<Token> {
    std::iter::from_fn(|| worker.items.try_recv().ok())
        .map(|item| token(&item).clone())
        .collect()
}

#[test]
fn a_worker_gets_no_more_than_it_has_places_for() {
    let mut world = World::new();
    let mut worker = world.connect(2, &[]);
    world.start("a", 5);
    let first = read(&mut worker);
    assert_eq!(first.len(), 2);
    assert!(world.answer(&first[0]));
    assert!(!world.answer(&first[0]), "an answer counts once");
    world.hand_out();
    assert_eq!(read(&mut worker).len(), 1);
}

#[test]
fn an_answer_for_another_kind_of_work_frees_no_place() {
    let mut world = World::new();
    let mut worker = world.connect(1, &[]);
    world.start("a", 2);
    let given = read(&mut worker);
    assert!(world.streams.answered(&given[0], Kind::Activity).is_none());
    world.hand_out();
    assert!(read(&mut worker).is_empty());
    assert!(world.answer(&given[0]));
}

#[test]
fn a_worker_that_reads_slowly_gets_the_rest_when_it_reads() {
    let mut world = World::new();
    let mut slow = world.connect(1_000, &[]);
    world.start("a", WAITING + 5);
    assert!(
        world.hub.take_turn(NOW).unwrap().is_some(),
        "the rest stays in the hub"
    );
    let first = read(&mut slow).len();
    assert_eq!(first, WAITING);
    assert!(slow.is_full.load(Ordering::Relaxed));
    world.hand_out();
    assert_eq!(read(&mut slow).len(), 4);
}

#[test]
fn workers_share_the_work_by_their_places() {
    let mut world = World::new();
    let mut small = world.connect(2, &[]);
    let mut large = world.connect(8, &[]);
    world.start("a", 5);
    assert_eq!((read(&mut small).len(), read(&mut large).len()), (1, 4));
    world.start("a", 10);
    assert_eq!((read(&mut small).len(), read(&mut large).len()), (1, 4));
}

#[test]
fn work_goes_to_a_worker_that_has_its_function_or_waits_for_one_which_the_log_names_once() {
    let mut world = World::new();
    world.start("b", 1);
    assert_eq!(
        world.said,
        ["An orchestration waits for a worker with the orchestrator 'b': no worker is connected."]
    );
    let mut a = world.connect(9, &["A"]);
    world.start("b", 1);
    world.start("a", 1);
    assert_eq!(read(&mut a).len(), 1);
    assert_eq!(world.said.len(), 1);
    let mut b = world.connect(9, &["b"]);
    assert_eq!(read(&mut b).len(), 2);
    assert!(read(&mut a).is_empty());
    world.streams.disconnect(b.number);
    world.hand_out();
    assert!(world.said[1].ends_with("no connected worker has it."));
}

#[test]
fn work_of_a_stream_that_has_ended_goes_to_the_next_one_and_the_first_answer_counts() {
    let mut world = World::new();
    let mut first = world.connect(9, &[]);
    world.start("a", 3);
    let given = read(&mut first);
    assert_eq!(world.streams.disconnect(first.number), 3);
    // The first worker still answers one of them.
    assert!(world.answer(&given[1]));
    let mut second = world.connect(9, &[]);
    assert_eq!(read(&mut second), [given[0].clone(), given[2].clone()]);
    assert!(world.answer(&given[0]));
    assert!(!world.answer(&given[0]));
    assert!(world.answer(&given[2]));
}

#[test]
fn work_that_the_hub_has_forgotten_takes_the_places_of_its_worker_until_it_answers_or_goes() {
    let mut world = World::new();
    let mut worker = world.connect(2, &[]);
    world.start("a", 2);
    let before = read(&mut worker);
    world.hub.recover(&mut RandomIds).unwrap();
    world.streams.forget();
    world.hand_out();
    assert!(read(&mut worker).is_empty());
    assert!(!world.answer(&before[0]), "its token is stale");
    world.hand_out();
    let after = read(&mut worker);
    assert_eq!(after.len(), 1);
    assert!(!before.contains(&after[0]));
    // Only what the hub knows goes to another worker.
    assert_eq!(world.streams.disconnect(worker.number), 1);
    let mut other = world.connect(9, &[]);
    assert_eq!(read(&mut other).len(), 2);
}

#[test]
fn a_worker_that_does_not_say_or_exaggerates_how_much_it_takes_has_a_limit() {
    for (asked, places) in [(0, PLACES), (-1, PLACES), (i32::MAX, MOST_PLACES), (7, 7)] {
        let request = GetWorkItemsRequest {
            max_concurrent_activity_work_items: asked,
            ..GetWorkItemsRequest::default()
        };
        assert_eq!(Places::new(&request).of(Kind::Activity).all, places);
    }
}
