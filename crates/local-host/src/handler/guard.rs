//! A process that ends the handler when local-host is killed.
//!
//! When a real host on Linux is killed with SIGKILL, its handler keeps running. The kernel could end it (a
//! parent-death signal, set between fork and exec), but that needs unsafe code. So, on Unix, a shell waits on
//! a pipe that only local-host holds open. However local-host ends, the pipe closes, and the shell kills its
//! process group. A running local-host kills the group itself and does not need the guard.
//!
//! Invariant: the guard is there before the handler, and the handler begins in the guard's process group. A guard that
//! begins after the handler would leave a handler behind when local-host is killed between the two.

use tokio::process::Child;

/// The waiting process; drop it only after [`dismiss`](Guard::dismiss), or when no handler was started.
pub(super) struct Guard(Option<Child>);

impl Guard {
    /// Without a shell there is no guard, and no error.
    #[cfg(unix)]
    pub(super) fn start() -> Self {
        let guard = tokio::process::Command::new("sh")
            .args(["-c", "read -r _; kill -s KILL 0", "local-host-guard"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            // Ctrl+C in a terminal goes to a whole process group; the guard must survive it.
            .process_group(0)
            .spawn();
        Self(guard.ok())
    }

    /// The process group for the handler. It exists until the guard is dismissed.
    pub(super) fn group(&self) -> Option<u32> {
        self.0.as_ref().and_then(Child::id)
    }

    /// Windows would need job objects, which need unsafe code.
    #[cfg(not(unix))]
    pub(super) fn start() -> Self {
        Self(None)
    }

    /// Ends the guard because the handler has ended.
    pub(super) async fn dismiss(mut self) {
        if let Some(guard) = &mut self.0 {
            let _ = guard.kill().await;
        }
    }
}
