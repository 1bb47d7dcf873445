//! Accepting connections, also when files run short.
//!
//! A process that has as many files open as it may cannot accept another connection, and the attempt
//! fails at once, again and again: so there is a pause after each, and a line in the log once in a while.
//! And a request needs a second connection, to the handler. If clients could take every file there is, each
//! request would wait for a file that no other gives back: so they get a share of them, and wait for
//! their turn in the listener's queue.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use functions_handler::open_files;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the log is told.
const AGAIN: Duration = Duration::from_secs(60);

/// Files that are not for clients: the program's own, and the task hub's connections.
const RESERVED: u64 = 128;

/// The fewest connections of clients, however few files there are.
const FEWEST: u64 = 8;

/// Accepts connections; an error is a pause.
pub(crate) struct Accepting<L> {
    listener: TcpListener,
    log: L,
    said: Option<Instant>,
}

impl<L: Fn(String)> Accepting<L> {
    /// `log` gets what a developer should know.
    pub(crate) fn new(listener: TcpListener, log: L) -> Self {
        Self {
            listener,
            log,
            said: None,
        }
    }

    /// The next connection. Dropping the future loses none.
    pub(crate) async fn next(&mut self) -> TcpStream {
        loop {
            let error = match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) => error,
            };
            // A client that was gone before it was accepted.
            if matches!(
                error.kind(),
                ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
            ) {
                continue;
            }
            if self.said.is_none_or(|said| said.elapsed() >= AGAIN) {
                (self.log)(format!(
                    "Cannot accept a connection at the moment: {error}. Clients wait. If files run short, raise \
                     the limit (ulimit -n)."
                ));
                self.said = Some(Instant::now());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The places for connections of clients.
#[derive(Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

impl Places {
    /// As many as the limit of open files allows.
    pub(crate) fn of_this_process() -> Self {
        Self::new(open_files::raise_limit())
    }

    fn new(files: Option<u64>) -> Self {
        let all = files.map_or(Semaphore::MAX_PERMITS, |files| {
            let shared = files.saturating_sub(RESERVED.min(files / 2)) / 2;
            usize::try_from(shared.max(FEWEST)).unwrap_or(Semaphore::MAX_PERMITS)
        });
        Self {
            free: Arc::new(Semaphore::new(all)),
            all,
        }
    }

    /// Waits for a place, which is free again when the permit is dropped.
    pub(crate) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// Whether connections should end with their answer: an idle one would keep the place of a client
    /// that waits.
    pub(crate) fn are_scarce(&self) -> bool {
        self.free.available_permits() < self.all / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clients_get_a_share_of_the_files_and_give_idle_connections_back_when_it_runs_short() {
        for (files, places) in [(20, 8), (64, 16), (256, 64), (1024, 448), (65_536, 32_704)] {
            assert_eq!(Places::new(Some(files)).all, places, "{files}");
        }
        let places = Places::new(Some(64));
        let mut taken = Vec::new();
        for _ in 0..12 {
            assert!(!places.are_scarce());
            taken.push(places.take().await);
        }
        taken.push(places.take().await);
        assert!(places.are_scarce());
        taken.clear();
        assert!(!places.are_scarce());
    }
}
