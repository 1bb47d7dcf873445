//! One large orchestration: a long chain, a wide fan-out, many events.

use std::time::Instant;

use durable_protocol::messages::{CreateInstanceRequest, OrchestratorAction};
use task_hub::work::ActivityOutcome;
use task_hub::{MemoryStore, Moment, SqliteStore, Store};

use crate::driver::{Driver, RESULT, answer, complete, schedule};

const CHAIN: i32 = 3_000;
const WIDE: i32 = 10_000;

pub(crate) fn run() {
    println!("\nseconds for one orchestration; each turn is encoded, as for a worker\n");
    println!("| orchestration | memory | SQLite |");
    println!("| ------------- | -----: | -----: |");
    row(&format!("a chain of {CHAIN} activities"), chain, chain);
    row(&format!("{WIDE} activities at once"), fan_out, fan_out);
    row(&format!("{WIDE} events for one turn"), events, events);
}

fn row(
    name: &str,
    memory: impl FnOnce(&mut Driver<MemoryStore>),
    sqlite: impl FnOnce(&mut Driver<SqliteStore>),
) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = SqliteStore::open(folder.path().join("hub.db")).unwrap();
    let memory = time(Driver::new(MemoryStore::new()), memory);
    let sqlite = time(Driver::new(store), sqlite);
    println!("| {name} | {memory:.3} | {sqlite:.3} |");
}

fn time<S: Store>(mut driver: Driver<S>, run: impl FnOnce(&mut Driver<S>)) -> f64 {
    let request = CreateInstanceRequest {
        instance_id: "large".into(),
        name: "large".into(),
        ..CreateInstanceRequest::default()
    };
    driver.step(|hub, at| hub.start(at, request).unwrap());
    let start = Instant::now();
    run(&mut driver);
    start.elapsed().as_secs_f64()
}

impl<S: Store> Driver<S> {
    fn step<T>(&mut self, run: impl FnOnce(&mut task_hub::Hub<S>, &mut Moment<'_>) -> T) -> T {
        let mut at = Moment::new(self.now, &mut self.ids);
        let result = run(&mut self.hub, &mut at);
        self.hub.commit().unwrap();
        result
    }

    fn turn(&mut self, actions: Vec<OrchestratorAction>) {
        let turn = self.hub.take_turn(self.now).unwrap().unwrap();
        std::hint::black_box(turn.encoded(&[]));
        let answer = answer(&turn, actions);
        self.step(|hub, at| hub.turn_done(at, &turn.token, answer).unwrap());
    }

    fn activity(&mut self) {
        let activity = self.hub.take_activity(self.now).unwrap().unwrap();
        let result = ActivityOutcome::Completed(Some(RESULT.into()));
        self.step(|hub, at| hub.activity_done(at, &activity.token, result).unwrap());
    }
}

fn task(id: i32) -> OrchestratorAction {
    OrchestratorAction { id, ..schedule() }
}

fn chain<S: Store>(driver: &mut Driver<S>) {
    for id in 0..CHAIN {
        driver.turn(vec![task(id)]);
        driver.activity();
    }
    driver.turn(vec![complete()]);
}

fn fan_out<S: Store>(driver: &mut Driver<S>) {
    driver.turn((0..WIDE).map(task).collect());
    for _ in 0..WIDE {
        driver.activity();
    }
    driver.turn(vec![complete()]);
}

fn events<S: Store>(driver: &mut Driver<S>) {
    driver.turn(Vec::new());
    for _ in 0..WIDE {
        driver.step(|hub, at| {
            hub.raise(at, "large", "e".into(), Some(RESULT.into()))
                .unwrap();
        });
    }
    driver.turn(vec![complete()]);
}
