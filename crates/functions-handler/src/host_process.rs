//! The end of the host, as its handler notices it.
//!
//! A host that is killed leaves its handler behind, which nobody would end. Without unsafe code there
//! is no signal for it; but a process whose parent has ended gets another parent, so a thread looks
//! for that once in a while.
//!
//! Invariant: only a change counts. A handler whose parent is process 1 from the start, as in a
//! container, is not stopped, and neither is one that was started by a wrapper that lives.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::host_json::Environment;
use crate::logs;
use crate::signal::Signal;

/// Set to `false` it lets the handler outlive its parent.
const SETTING: &str = "FUNCTIONS_HANDLER_STOP_WITH_PARENT";

/// The pause between two looks: one system call.
const EVERY: Duration = Duration::from_secs(1);
/// How long beyond the grace of a stop the process may take to end by itself. Functions that block
/// every thread keep it from that.
const PATIENCE: Duration = Duration::from_secs(5);

/// A watch over the process that started this one.
pub(crate) struct HostProcess(Option<oneshot::Receiver<()>>);

impl HostProcess {
    /// Begins to watch, unless the environment forbids it. `grace` is that of the stop.
    pub(crate) fn watch(environment: &Environment, grace: Duration) -> Self {
        let (gone, noticed) = oneshot::channel();
        let watched = is_wanted(environment.get(SETTING)) && start(gone, grace);
        Self(watched.then_some(noticed))
    }

    /// Completes with `signal`, or when the host has ended.
    pub(crate) async fn or(self, signal: impl Future<Output = Signal>) -> Signal {
        let gone = async {
            let noticed = match self.0 {
                Some(noticed) => noticed.await.is_ok(),
                None => false,
            };
            if !noticed {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            signal = signal => signal,
            () = gone => Signal::ParentEnded,
        }
    }
}

fn is_wanted(setting: Option<&str>) -> bool {
    let text = setting.unwrap_or_default().trim().to_ascii_lowercase();
    match text.as_str() {
        "" | "true" | "1" => true,
        "false" | "0" => false,
        other => {
            logs::warn_at_the_start(&format!(
                "{SETTING} is `{other}`, expected `true` or `false`: the handler stops when the process \
                 that started it has ended"
            ));
            true
        }
    }
}

/// Starts the thread; false when there is nothing to watch.
#[cfg(unix)]
fn start(gone: oneshot::Sender<()>, grace: Duration) -> bool {
    use std::os::unix::process::parent_id;
    use std::thread;

    let parent = parent_id();
    if !can_be_left_by(parent) {
        return false;
    }
    let watch = move || {
        while parent_id() == parent {
            thread::sleep(EVERY);
        }
        tracing::error!(
            "the process that started this handler (process {parent}) has ended: stopping"
        );
        let _ = gone.send(());
        thread::sleep(grace.saturating_add(PATIENCE));
        tracing::error!("still running {PATIENCE:?} after the grace: the process is ended");
        std::process::exit(i32::from(Signal::ParentEnded.exit_code()))
    };
    match thread::Builder::new()
        .name("host-process".to_owned())
        .spawn(watch)
    {
        Ok(_) => true,
        Err(error) => {
            tracing::warn!("no thread to watch over the host: {error}; the handler outlives it");
            false
        }
    }
}

/// Elsewhere a process keeps the number of its parent.
#[cfg(not(unix))]
fn start(_: oneshot::Sender<()>, _: Duration) -> bool {
    false
}

/// Process 1 ends with the whole system, or container.
#[cfg(unix)]
fn can_be_left_by(parent: u32) -> bool {
    parent > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_no_lets_the_handler_outlive_its_parent() {
        for no in ["false", "FALSE", " 0 "] {
            assert!(!is_wanted(Some(no)), "{no}");
        }
        for yes in [None, Some(""), Some("true"), Some("1"), Some("no")] {
            assert!(is_wanted(yes), "{yes:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_handler_that_process_1_has_started_is_not_stopped() {
        assert!(!can_be_left_by(1));
        // In a container whose host runs outside of its process namespace.
        assert!(!can_be_left_by(0));
        assert!(can_be_left_by(2));
    }

    #[tokio::test]
    async fn a_signal_counts_with_and_without_a_watch() {
        for watch in [None, Some(oneshot::channel().1)] {
            let stop = HostProcess(watch).or(async { Signal::Terminate });
            assert_eq!(stop.await, Signal::Terminate);
        }
        let (gone, noticed) = oneshot::channel();
        gone.send(()).unwrap();
        let stop = HostProcess(Some(noticed)).or(std::future::pending());
        assert_eq!(stop.await, Signal::ParentEnded);
    }
}
