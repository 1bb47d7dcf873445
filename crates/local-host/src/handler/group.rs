//! The handler's process group: the handler and everything that it has started.
//!
//! A real host kills only the handler. Processes that the handler started keep its port and its pipes, so
//! local-host ends the whole group.

/// Kills the processes of the group. An empty group is no error.
#[cfg(unix)]
pub(super) fn kill(leader: u32) {
    let leader = i32::try_from(leader)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(leader) = leader {
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}

/// Windows would need job objects, which need unsafe code.
#[cfg(not(unix))]
pub(super) fn kill(_: u32) {}
