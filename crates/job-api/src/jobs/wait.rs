//! Waiting for a job: until it ends, or until its state changes.
//!
//! The task hub is asked once for each job, however many wait for it: the first who waits asks, and all get what it
//! answers. The end of a job is an event, for which the durable client waits with one call. A change has no such call.
//! It is found by reading the state once a second, as long as somebody waits for one.
//!
//! Invariants: nobody waits without being able to leave at any moment, and the last one to leave takes the call with
//! him. What is returned is never older than what the waiting one knew.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use durable_functions::{ClientError, Instance};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

use super::Jobs;
use crate::Job;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// The end of the job.
    End,
    /// Another status or custom status, or the end.
    Change,
}

/// How long one call waits. Another follows when somebody still waits then.
const CALL_LIMIT: Duration = Duration::from_secs(300);

/// Between two reads of the state, and at least between two calls.
const PAUSE: Duration = Duration::from_secs(1);

/// All waits of this process. Each request has a durable client of its own, so it cannot be a part of that.
static WAITS: LazyLock<Mutex<Waits>> = LazyLock::new(Mutex::default);

type Waits = HashMap<(String, Until), Weak<Wait>>;

/// Waits until the job has ended or, with [`Until::Change`], is not any more as in `known`. It has no time limit.
///
/// `None` when the task hub cannot be waited for: it does not answer, or it is stopping.
pub async fn wait<J: Jobs>(jobs: &J, known: &Job, until: Until) -> Option<Job> {
    if known.status.is_terminal() {
        return Some(known.clone());
    }
    let wait = Wait::join(jobs, &known.id, until);
    let mut seen = wait.seen.clone();
    let seen = seen.wait_for(|seen| match seen {
        Seen::Nothing => false,
        Seen::Lost => true,
        Seen::Job(job) => {
            job.status.is_terminal() || (until == Until::Change && differs(job, known))
        }
    });
    // The wait does not end before its task has said why.
    match &*seen.await.ok()? {
        Seen::Job(job) => Some(Job::clone(job)),
        Seen::Nothing | Seen::Lost => None,
    }
}

/// Whether the job has changed since `known`, for those who can see its status and its custom status.
fn differs(job: &Job, known: &Job) -> bool {
    // Whoever joins finds the last read, which may be older than his own.
    job.last_updated >= known.last_updated
        && (job.status, &job.custom_status) != (known.status, &known.custom_status)
}

/// What the task of a wait has seen last.
enum Seen {
    Nothing,
    Job(Arc<Job>),
    /// The task hub cannot be waited for.
    Lost,
}

/// One wait on the task hub, for all who wait for the same.
struct Wait {
    key: (String, Until),
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Wait {
    fn join<J: Jobs>(jobs: &J, id: &str, until: Until) -> Arc<Self> {
        let key = (id.to_owned(), until);
        // Before the lock: its drop takes the lock as well.
        let known;
        let mut waits = lock();
        known = waits.get(&key).and_then(Weak::upgrade);
        if let Some(wait) = &known
            && !wait.task.is_finished()
        {
            return Arc::clone(wait);
        }
        let (sender, seen) = watch::channel(Seen::Nothing);
        let instance = jobs.instance(id);
        let task = tokio::spawn(async move {
            match until {
                Until::End => until_end::<J>(&instance, &sender).await,
                Until::Change => every_change::<J>(&instance, &sender).await,
            }
        });
        let wait = Arc::new(Self {
            key: key.clone(),
            seen,
            task,
        });
        waits.insert(key, Arc::downgrade(&wait));
        wait
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.task.abort();
        let mut waits = lock();
        // Another wait may have taken its place.
        if waits
            .get(&self.key)
            .is_some_and(|it| it.strong_count() == 0)
        {
            waits.remove(&self.key);
        }
    }
}

fn lock() -> MutexGuard<'static, Waits> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the job has ended for good: one that the app mends goes on.
async fn until_end<J: Jobs>(instance: &Instance<J::Output>, seen: &watch::Sender<Seen>) {
    loop {
        let pause = Instant::now() + PAUSE;
        match instance.wait(CALL_LIMIT).await {
            Ok(status) => {
                let job = J::job(instance, status).await;
                if job.status.is_terminal() {
                    seen.send_replace(Seen::Job(Arc::new(job)));
                    return;
                }
            }
            Err(ClientError::NotEnded { .. }) => {}
            Err(reason) => return lost(instance, &reason, seen),
        }
        // A job whose next rewind is not due yet counts as ended for the task hub, which therefore answers at once.
        sleep_until(pause).await;
    }
}

/// Reads the job again and again until it has ended.
async fn every_change<J: Jobs>(instance: &Instance<J::Output>, seen: &watch::Sender<Seen>) {
    loop {
        sleep(PAUSE).await;
        let job = match instance.status().await {
            Ok(Some(status)) => J::job(instance, status).await,
            // It was purged, which the next request for it will show.
            Ok(None) => return lost(instance, "it is not there any more", seen),
            Err(reason) => return lost(instance, &reason, seen),
        };
        let ended = job.status.is_terminal();
        seen.send_replace(Seen::Job(Arc::new(job)));
        if ended {
            return;
        }
    }
}

fn lost<O>(instance: &Instance<O>, reason: impl std::fmt::Display, seen: &watch::Sender<Seen>) {
    tracing::warn!(id = instance.id(), "the wait for the job ended: {reason}");
    seen.send_replace(Seen::Lost);
}
