//! A worker that runs in the background of a test.

use std::time::Duration;

use durable_functions::worker::Worker;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a test waits for anything.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

pub(super) struct Serving {
    shutdown: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

pub(super) fn serve(worker: Worker) -> Serving {
    let (shutdown, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        worker.run_until(stopped).await.unwrap();
    });
    Serving {
        shutdown: Some(shutdown),
        ended,
    }
}

impl Serving {
    pub(super) fn begin_stop(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }

    pub(super) async fn ended(self) {
        timeout(LIMIT, self.ended).await.unwrap().unwrap();
    }

    pub(super) async fn stop(mut self) {
        self.begin_stop();
        self.ended().await;
    }
}
