//! Accepting connections, also when the process has few files left to open.
//!
//! A process at its limit of open files cannot accept another connection. The attempt fails at once, so each
//! failure is followed by a pause, and the log gets a line once a minute.
//!
//! A request needs a second connection, to the handler. If clients could use every file, each request would
//! wait for a file that no other request frees. So clients get a share of the files, and further connections
//! wait in the listener's queue.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use functions_handler::open_files;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a failure is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Files that clients do not get: those of the program and of the task hub's connections.
const RESERVED: u64 = 128;

/// The least number of client connections, whatever the limit of files.
const FEWEST: u64 = 8;

/// Accepts connections; pauses after an error.
pub(crate) struct Accepting<L> {
    listener: TcpListener,
    log: L,
    logged: Option<Instant>,
}

impl<L: Fn(String)> Accepting<L> {
    /// `log` gets what a developer should know.
    pub(crate) fn new(listener: TcpListener, log: L) -> Self {
        Self {
            listener,
            log,
            logged: None,
        }
    }

    /// The next connection. No connection is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> TcpStream {
        loop {
            let error = match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) => error,
            };
            // The client disconnected before it was accepted.
            if matches!(
                error.kind(),
                ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
            ) {
                continue;
            }
            if self
                .logged
                .is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL)
            {
                (self.log)(format!(
                    "Cannot accept a connection at the moment: {error}. Clients wait. If files run short, raise \
                     the limit (ulimit -n)."
                ));
                self.logged = Some(Instant::now());
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
        // The semaphore is never closed.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// Whether a connection should be closed after its response. An idle one would keep a place that another
    /// client waits for.
    pub(crate) fn are_scarce(&self) -> bool {
        self.free.available_permits() < self.all / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::process::Command;

    /// The test runs itself again as a child process, which uses up its files.
    #[cfg(unix)]
    #[test]
    fn a_lack_of_files_is_logged_and_connections_are_accepted_after_it() {
        const CHILD: &str = "LOCAL_HOST_ACCEPT_TEST";
        const TIME_LIMIT: Duration = Duration::from_secs(60);
        if std::env::var_os(CHILD).is_none() {
            let test =
                "accept::tests::a_lack_of_files_is_logged_and_connections_are_accepted_after_it";
            let output = Command::new("sh")
                .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", test, "--nocapture"])
                .env(CHILD, "1")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let files: Vec<_> =
                std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
            let (log, mut logged) = tokio::sync::mpsc::unbounded_channel();
            let mut accepting = Accepting::new(listener, move |text| drop(log.send(text)));
            let next = accepting.next();
            tokio::pin!(next);
            let text = tokio::select! {
                _ = &mut next => panic!("accepted without a file"),
                text = tokio::time::timeout(TIME_LIMIT, logged.recv()) => text.unwrap().unwrap(),
            };
            assert!(text.contains("raise the limit (ulimit -n)"), "{text}");
            drop(files);
            let accepted = tokio::time::timeout(TIME_LIMIT, next).await.unwrap();
            assert_eq!(accepted.peer_addr().unwrap(), client.local_addr().unwrap());
        });
    }

    #[tokio::test]
    async fn clients_get_a_share_of_the_files_and_idle_connections_are_closed_when_few_are_left() {
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
