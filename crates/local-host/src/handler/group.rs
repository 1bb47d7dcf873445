//! The handler's process group: the handler, everything that it has started, and the guard.
//!
//! A real host kills only the handler. Processes that the handler started keep its port and its pipes, so
//! local-host ends the whole group.

/// Kills the processes of the group. An empty group is no error.
#[cfg(unix)]
pub(super) fn kill(group: u32) {
    let group = i32::try_from(group)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Windows would need job objects, which need unsafe code.
#[cfg(not(unix))]
pub(super) fn kill(_: u32) {}
