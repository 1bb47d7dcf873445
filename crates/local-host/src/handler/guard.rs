//! No orphans: a process that ends the handler when local-host disappears.
//!
//! A real host on Linux leaves its handler behind when it is killed with SIGKILL. The kernel's own
//! remedy (a parent-death signal set between fork and exec) needs unsafe code, so on Unix a shell
//! waits on a pipe that only local-host holds open: however local-host ends, the pipe closes, and
//! the shell kills the handler's process group. While local-host lives, it kills the group itself and
//! does not depend on the guard.

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

    /// Job objects would be the way on Windows; they need unsafe code.
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
