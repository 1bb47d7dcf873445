//! How many files, connections among them, the process may have open.
//!
//! The usual soft limit of 1024 is for programs from the time of `select`; the hard limit is what the
//! administrator means. A handler or host with too few loses connections in a burst.

use std::io;

/// More is not needed, and some systems have a hard limit of a billion.
const MOST: u64 = 65_536;

/// What macOS allows at most when the hard limit says "unlimited".
const MOST_OF_DARWIN: u64 = 10_240;

/// Raises the soft limit to the hard one, at most to 65,536, and returns the limit that holds now: `None`
/// without a limit, and on systems other than Unix. Processes that are started afterwards inherit it.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current?;
    let most = limit.maximum.map_or(MOST, |hard| hard.min(MOST));
    for wanted in [most, most.min(MOST_OF_DARWIN)] {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        if wanted > soft && setrlimit(Resource::Nofile, raised).is_ok() {
            return Some(wanted);
        }
    }
    Some(soft)
}

/// There is no such limit.
#[cfg(not(unix))]
pub fn raise_limit() -> Option<u64> {
    None
}

/// Whether the error says that no more files can be opened, by this process or by the whole system. It
/// passes as soon as others are closed.
pub fn are_exhausted(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        [Errno::MFILE, Errno::NFILE]
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_once_and_stays() {
        let raised = raise_limit();
        assert!(raised.is_none_or(|limit| limit >= 1024), "{raised:?}");
        assert_eq!(raise_limit(), raised);
    }
}
