//! A process that ends the handler when local-host is killed.
//!
//! When a real host on Linux is killed with SIGKILL, its handler keeps running. The kernel could end it (a
//! parent-death signal, set between fork and exec), but that needs unsafe code. So, on Unix, a shell waits on
//! a pipe that only local-host holds open. However local-host ends, the pipe closes, and the shell kills the
//! handler's process group. A running local-host kills the group itself and does not need the guard.

use tokio::process::Child;

/// The waiting process; drop it only after [`dismiss`](Guard::dismiss).
pub(super) struct Guard(Option<Child>);

impl Guard {
    /// Watches over the process group `process`. Without a shell there is no guard, and no error.
    #[cfg(unix)]
    pub(super) fn watch(process: Option<u32>) -> Self {
        let Some(process) = process else {
            return Self(None);
        };
        let guard = tokio::process::Command::new("sh")
            .args([
                "-c",
                "read -r _; kill -s KILL -- \"-$1\"",
                "local-host-guard",
            ])
            .arg(process.to_string())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            // Ctrl+C in a terminal goes to a whole process group; the guard must survive it.
            .process_group(0)
            .spawn();
        Self(guard.ok())
    }

    /// Windows would need job objects, which need unsafe code.
    #[cfg(not(unix))]
    pub(super) fn watch(_: Option<u32>) -> Self {
        Self(None)
    }

    /// Ends the guard because the handler has ended.
    pub(super) async fn dismiss(mut self) {
        if let Some(guard) = &mut self.0 {
            let _ = guard.kill().await;
        }
    }
}
