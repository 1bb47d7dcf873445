//! The end of the host, as its handler notices it.
//!
//! A host that is killed leaves its handler behind, which nobody would end. Without unsafe code there
//! is no signal for it; but a process whose parent has ended gets another parent, so the server looks
//! for that once a second.
//!
//! Invariant: only a change counts. A handler whose parent is process 1 from the start, as in a
//! container, is not stopped, and neither is one that was started by a wrapper that lives.

use std::future::pending;
#[cfg(unix)]
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use tokio::time::sleep;

use crate::host_json::Environment;
use crate::logs;
use crate::signal::Signal;

/// Set to `false` it lets the handler outlive its parent.
const SETTING: &str = "FUNCTIONS_HANDLER_STOP_WITH_PARENT";

/// The pause between two checks, each of which is one system call.
#[cfg(unix)]
const EVERY: Duration = Duration::from_secs(1);
/// How long beyond the grace of a stop the process may take to end by itself. `main` may wait for
/// functions that never end, and nobody is left to kill the process.
#[cfg(unix)]
const END_WITHIN: Duration = Duration::from_secs(5);

/// The process that started this one.
pub(crate) struct HostProcess {
    /// Its number; `None` when it is not watched.
    parent: Option<u32>,
    grace: Duration,
}

impl HostProcess {
    /// The process that is the parent now. `grace` is that of the stop.
    pub(crate) fn of(environment: &Environment, grace: Duration) -> Self {
        let wanted = is_wanted(environment.get(SETTING));
        let parent = parent().filter(|_| wanted);
        Self { parent, grace }
    }

    /// Completes with `signal`, or when the host has ended.
    pub(crate) async fn or(self, signal: impl Future<Output = Signal>) -> Signal {
        tokio::select! {
            signal = signal => signal,
            () = self.ended() => Signal::ParentEnded,
        }
    }

    #[cfg(unix)]
    async fn ended(self) {
        use std::os::unix::process::parent_id;

        let Some(parent) = self.parent else {
            return pending().await;
        };
        while parent_id() == parent {
            sleep(EVERY).await;
        }
        tracing::error!(
            "the process that started this handler (process {parent}) has ended: stopping"
        );
        end_process_after(self.grace.saturating_add(END_WITHIN));
    }

    #[cfg(not(unix))]
    async fn ended(self) {
        let _ = (self.parent, self.grace);
        pending().await
    }
}

/// A thread of its own for it, because the server's ends before the process does.
#[cfg(unix)]
fn end_process_after(limit: Duration) {
    let end = move || {
        thread::sleep(limit);
        tracing::error!("still running {END_WITHIN:?} after the grace: the process is ended");
        logs::flush();
        std::process::exit(i32::from(Signal::ParentEnded.exit_code()))
    };
    let name = "host-process".to_owned();
    if let Err(error) = thread::Builder::new().name(name).spawn(end) {
        tracing::warn!("no thread that ends the process: {error}");
    }
}

#[cfg(unix)]
fn parent() -> Option<u32> {
    let parent = std::os::unix::process::parent_id();
    can_be_left_by(parent).then_some(parent)
}

/// Elsewhere a process keeps the number of its parent.
#[cfg(not(unix))]
fn parent() -> Option<u32> {
    None
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

/// Process 1 ends with the whole system, or container.
#[cfg(unix)]
fn can_be_left_by(parent: u32) -> bool {
    parent > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_false_and_0_let_the_handler_outlive_its_parent() {
        for no in ["false", "FALSE", " 0 "] {
            assert!(!is_wanted(Some(no)), "{no}");
        }
        for yes in [None, Some(""), Some("true"), Some("1"), Some("no")] {
            assert!(is_wanted(yes), "{yes:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_handler_that_may_outlive_its_parent_does_not_watch_it() {
        let watched = |variables: &[(&str, &str)]| {
            let environment = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            HostProcess::of(&environment, Duration::ZERO).parent
        };
        assert_eq!(watched(&[]), parent());
        assert_eq!(watched(&[(SETTING, "true")]), parent());
        assert_eq!(watched(&[(SETTING, "false")]), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_handler_that_process_1_has_started_is_not_stopped() {
        assert!(!can_be_left_by(1));
        // In a container whose host runs outside of its process namespace.
        assert!(!can_be_left_by(0));
        assert!(can_be_left_by(2));
    }

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_signal_counts_with_and_without_a_watch() {
        let this_parent = std::os::unix::process::parent_id();
        let host = |parent| HostProcess {
            parent,
            grace: Duration::from_secs(3600),
        };
        for parent in [None, Some(this_parent)] {
            let stop = host(parent).or(async { Signal::Terminate });
            assert_eq!(stop.await, Signal::Terminate);
        }
        // Never the number of a parent.
        let stop = host(Some(0)).or(pending());
        assert_eq!(stop.await, Signal::ParentEnded);
    }
}
