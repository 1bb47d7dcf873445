//! Processes are killed between any two steps of a message's start. Every message has one job then, and its session
//! lists it.
//!
//! With `KILLS_AT_FULL_SIZE` in the environment there are 100 kills in each test, without it ten.
#![cfg(unix)]

mod between;
mod check;
mod messages;
mod points;
mod service_bus;
mod storage_queue;
mod stores;

use std::time::Duration;

use between::Between;
use check::{Progress, every_message_has_its_job};
use messages::Messages;
use points::{End, Plan, Point, Points};
use stores::Store;

use super::support::{
    app_folder::AppFolder,
    azurite::Azurite,
    fake_table::{self, FakeTable},
    host::{Host, send_signal},
    queues::Queues,
    random::Random,
    redis::Redis,
    task_hub::TaskHub,
};

/// How often the handler of a host dies. A host stops at the third time within half an hour.
const KILLS: usize = 2;

/// What the host logs when its handler is ready.
const READY: &str = "Worker process started and initialized.";

/// How often processes die in a test.
fn kills() -> usize {
    match std::env::var_os("KILLS_AT_FULL_SIZE") {
        Some(_) => 100,
        None => 10,
    }
}

/// The steps between which processes die, one after the other.
const STEPS: [Step; 4] = [
    Step::BeforeTheMapping,
    Step::BeforeTheStart,
    Step::BeforeTheAnswer,
    Step::Anywhere,
];

/// How far a message is when a process dies.
#[derive(Clone, Copy, Debug)]
enum Step {
    BeforeTheMapping,
    BeforeTheStart,
    BeforeTheAnswer,
    Anywhere,
}

impl Step {
    fn point(self) -> Option<Point> {
        match self {
            Self::BeforeTheMapping => Some(Point::StoreRequest),
            Self::BeforeTheStart => Some(Point::StoreAnswer),
            Self::BeforeTheAnswer => Some(Point::Started),
            Self::Anywhere => None,
        }
    }

    /// Whether a message is so far.
    fn is_reached(self, progress: Progress) -> bool {
        match self {
            Self::BeforeTheMapping => progress.not_mapped > 0,
            Self::BeforeTheStart => progress.mapped_and_not_started > 0,
            // The handler is held at the line that says that it has started a job.
            Self::BeforeTheAnswer => progress.started > 0,
            Self::Anywhere => true,
        }
    }
}

/// What the hosts of a test share.
struct Run {
    random: Random,
    store: Store,
    /// Where the jobs look for what they count.
    table: FakeTable,
    points: Points,
    proxy: Between,
    starts: Between,
    kills: usize,
    messages: usize,
}

impl Run {
    async fn new(store: Store) -> Self {
        let points = Points::new();
        Self {
            random: Random::new(),
            table: FakeTable::start(vec![fake_table::Step::page(&["1", "2", "1"])]).await,
            proxy: between::store_proxy(store.port(), &points).await,
            starts: between::starts(&points).await,
            store,
            points,
            kills: 0,
            messages: 0,
        }
    }

    fn app(&self) -> AppFolder {
        let app = AppFolder::misbehaving(&self.table.connection_string())
            .setting("ASK_WHEN_STARTED", &self.starts.address());
        let settings = self.store.settings(self.proxy.port);
        let with = |app: AppFolder, (name, value): (&str, String)| app.setting(name, &value);
        settings.into_iter().fold(app, with)
    }

    /// The handler of a host dies twice while messages are delivered.
    async fn host_whose_handler_dies(&mut self, queues: Option<&Queues>) {
        let host = match queues {
            Some(queues) => {
                let app = self.app().queue_trigger(&queues.connection_string());
                let host = app.start().await;
                host.logged("submit-event: reading the queue", 1).await;
                host
            }
            None => self.app().start().await,
        };
        let hub = TaskHub::of(&host).await;
        let messages = Messages::new(&mut self.random);
        let deliver = async {
            match queues {
                Some(queues) => storage_queue::deliver_all(&messages, queues, &host).await,
                None => service_bus::deliver_all(&messages, &host).await,
            }
        };
        let kill = async {
            for number in 0..KILLS {
                host.logged(READY, number + 1).await;
                self.until_a_kill_is_due(&messages, &hub).await;
                send_signal(host.handlers()[number], "KILL");
                host.logged("Language Worker Process exited", number + 1)
                    .await;
                self.points.open();
            }
            messages.close();
        };
        tokio::join!(deliver, kill);
        self.check(&messages, &host, &hub).await;
    }

    /// Host after host runs on one state. All but the last are killed while messages are delivered.
    async fn hosts_that_die(&mut self, kills: usize) {
        let state = tempfile::tempdir().unwrap();
        let launch = self.app().launch().state(state.path());
        let messages = Messages::new(&mut self.random);
        for _ in 0..kills {
            let mut host = launch.start().await;
            let hub = TaskHub::of(&host).await;
            tokio::select! {
                () = service_bus::deliver_all(&messages, &host) => unreachable!("more are sent"),
                () = self.until_a_kill_is_due(&messages, &hub) => {}
            }
            host.kill().await;
            self.points.open();
        }
        messages.close();
        let host = launch.start().await;
        let hub = TaskHub::of(&host).await;
        service_bus::deliver_all(&messages, &host).await;
        self.check(&messages, &host, &hub).await;
    }

    /// Waits until a process is to be killed.
    async fn until_a_kill_is_due(&mut self, messages: &Messages, hub: &TaskHub) {
        let step = STEPS[self.kills % STEPS.len()];
        self.kills += 1;
        loop {
            let plan = Plan::new(step.point(), &mut self.random);
            self.points.due(plan).await;
            if let End::Later { micros } = plan.end {
                tokio::time::sleep(Duration::from_micros(micros)).await;
                return;
            }
            let progress = Progress::of(messages, &self.store.sessions(), hub).await;
            if step.is_reached(progress) {
                println!("{step:?}: {progress:?}");
                return;
            }
            // What was held belonged to no message: the handler had just connected to the store.
            self.points.open();
        }
    }

    async fn check(&mut self, messages: &Messages, host: &Host, hub: &TaskHub) {
        every_message_has_its_job(messages, &self.store.sessions(), host, hub).await;
        self.messages += messages.sent().len();
    }
}

/// The handler dies twice on each host.
async fn the_handler_is_killed(store: Store, queues: Option<Queues>) {
    let mut run = Run::new(store).await;
    for _ in 0..kills() / KILLS {
        run.host_whose_handler_dies(queues.as_ref()).await;
    }
    println!("{} messages", run.messages);
}

/// The host dies, and its handler ends with it.
async fn the_host_is_killed(store: Store) {
    let mut run = Run::new(store).await;
    run.hosts_that_die(kills()).await;
    println!("{} messages", run.messages);
}

fn redis() -> Store {
    Store::Redis(Redis::start())
}

fn table() -> Store {
    Store::Table(Azurite::start())
}

#[tokio::test]
async fn each_message_has_one_job_though_the_handler_is_killed_with_sessions_in_redis() {
    the_handler_is_killed(redis(), None).await;
}

#[tokio::test]
async fn each_message_has_one_job_though_the_handler_is_killed_with_sessions_in_a_table() {
    the_handler_is_killed(table(), None).await;
}

#[tokio::test]
async fn each_message_of_a_storage_queue_has_one_job_though_the_handler_is_killed() {
    the_handler_is_killed(table(), Some(Queues::start())).await;
}

#[tokio::test]
async fn each_message_has_one_job_though_the_host_is_killed_with_sessions_in_redis() {
    the_host_is_killed(redis()).await;
}

#[tokio::test]
async fn each_message_has_one_job_though_the_host_is_killed_with_sessions_in_a_table() {
    the_host_is_killed(table()).await;
}
