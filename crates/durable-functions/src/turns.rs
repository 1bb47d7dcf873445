//! The threads that run orchestrators.
//!
//! Orchestrators are not `Send`, so a kept one stays on the thread that began it, and the turns of an
//! instance always go to the same thread. The whole process shares a few threads: a turn only computes
//! and takes microseconds to milliseconds. An orchestrator that blocks (which it must not) blocks the
//! other instances of its thread.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;

use crate::engine::{KeptInstances, KeptLimits};
use crate::settings::KeptSettings;

static SETTINGS: LazyLock<KeptSettings> = LazyLock::new(settings);
/// The limits that the code gives, if it gives any.
static LIMITS: Mutex<Option<KeptLimits>> = Mutex::new(None);
static THREADS: LazyLock<Threads> = LazyLock::new(|| Threads::start(SETTINGS.over(limits())));

struct Threads(Vec<Mutex<Sender<Turn>>>);

/// Runs a turn, with the instances that its thread keeps.
type Turn = Box<dyn FnOnce(&mut KeptInstances) + Send>;

/// Runs `turn` on the thread of the instance; `None` when that thread has ended. A turn that is dropped
/// while it waits for its thread is not run.
pub(crate) async fn run<A: Send + 'static>(
    instance_id: Option<&str>,
    turn: impl FnOnce(&mut KeptInstances) -> A + Send + 'static,
) -> Option<A> {
    let span = Span::current();
    let (answer, answered) = oneshot::channel();
    let turn: Turn = Box::new(move |kept| {
        // It was dropped while it waited for another turn: it is delivered again.
        if answer.is_closed() {
            return;
        }
        let result = span.in_scope(|| turn(kept));
        // Fails if the work was dropped meanwhile.
        let _ = answer.send(result);
    });
    if !THREADS.send(instance_id, turn) {
        return None;
    }
    answered.await.ok()
}

impl Threads {
    fn start(limits: KeptLimits) -> Self {
        let count = thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
        let share = limits
            .instances(limits.instances.div_ceil(count))
            .bytes(limits.bytes / count);
        let threads = (0..count).map(|index| {
            let (sender, receiver) = channel();
            let started = thread::Builder::new()
                .name(format!("orchestrators-{index}"))
                .spawn(move || serve(&receiver, share));
            if let Err(error) = started {
                tracing::error!("a thread for orchestrators cannot be started: {error}");
            }
            Mutex::new(sender)
        });
        Threads(threads.collect())
    }

    /// Sends a turn to the thread of its instance; false when that thread has ended.
    fn send(&self, instance_id: Option<&str>, turn: Turn) -> bool {
        let mut hasher = DefaultHasher::new();
        instance_id.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % self.0.len() as u64).unwrap_or(0);
        let Some(sender) = self.0.get(index) else {
            return false;
        };
        let sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(turn).is_ok()
    }
}

/// Runs turns one after the other, and forgets what is idle when there are none.
fn serve(turns: &Receiver<Turn>, limits: KeptLimits) {
    let mut kept = KeptInstances::new(limits);
    let pause = (limits.idle / 4).max(Duration::from_secs(1));
    let mut tidied = Instant::now();
    loop {
        match turns.recv_timeout(pause) {
            Ok(turn) => turn(&mut kept),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if tidied.elapsed() >= pause {
            kept.forget_idle(Instant::now());
            tidied = Instant::now();
        }
    }
}

/// Reads the settings now, so that a mistake in them is reported at the start and not at the first turn.
pub(crate) fn read_settings() {
    LazyLock::force(&SETTINGS);
}

/// What the threads of this process may keep. They start with the first turn; after that it has no effect.
pub(crate) fn set_limits(limits: KeptLimits) {
    if LazyLock::get(&THREADS).is_some() {
        tracing::warn!(
            "the limits of kept instances were given after the first turn of this process: they have no effect"
        );
    }
    *LIMITS.lock().unwrap_or_else(PoisonError::into_inner) = Some(limits);
}

/// The limits that the code gives, or the default.
fn limits() -> KeptLimits {
    let limits = LIMITS.lock().unwrap_or_else(PoisonError::into_inner);
    limits.unwrap_or_default()
}

fn settings() -> KeptSettings {
    let (settings, mistakes) = KeptSettings::read(|name| std::env::var(name).ok());
    for mistake in mistakes {
        #[cfg(feature = "handler")]
        functions_handler::logs::warn_at_the_start(&mistake);
        #[cfg(not(feature = "handler"))]
        tracing::warn!("{mistake}");
    }
    settings
}
