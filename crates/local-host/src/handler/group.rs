//! The handler's process group: the handler and everything that it has started.
//!
//! A real host kills the handler alone. What a handler leaves behind keeps its port and its pipes, so
//! local-host ends the whole group with it.

/// Kills what is left of the group. Nobody left is no error.
#[cfg(unix)]
pub(super) fn kill(leader: u32) {
    let leader = i32::try_from(leader)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(leader) = leader {
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}

/// Job objects would be the way on Windows; they need unsafe code.
#[cfg(not(unix))]
pub(super) fn kill(_: u32) {}
