//! Which versions of orchestrations a worker runs.

use std::cmp::Ordering;

use crate::version::compare;

/// Which versions a [`Worker`](crate::worker::Worker) of a version runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionMatch {
    /// Its own only.
    Strict,
    /// Its own and older ones. An instance without a version is older than any.
    CurrentOrOlder,
}

/// What a [`Worker`](crate::worker::Worker) does with an orchestration of a version that it does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionMismatch {
    /// It fails the instance, with [`VERSION_MISMATCH`](crate::error_type::VERSION_MISMATCH).
    Fail,
    /// It gives the turn back after a second, for a worker of another version.
    Abandon,
}

/// What a worker of a version does.
#[derive(Clone, Debug)]
pub(super) struct Versioning {
    pub(super) version: String,
    pub(super) runs: VersionMatch,
    pub(super) otherwise: VersionMismatch,
}

impl Versioning {
    /// What is wrong with running an orchestration of this version; `None` if nothing is.
    pub(super) fn problem(&self, version: Option<&str>) -> Option<String> {
        let version = version.unwrap_or_default();
        let order = compare(version, &self.version);
        let (runs, which) = match self.runs {
            VersionMatch::Strict => (order == Ordering::Equal, "only that version"),
            VersionMatch::CurrentOrOlder => (order != Ordering::Greater, "no newer version"),
        };
        (!runs).then(|| {
            format!(
                "the orchestration has version '{version}'; this worker has version '{}' and runs {which}",
                self.version
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_runs_its_own_version_and_older_ones_if_it_may() {
        let problem = |runs, version| {
            let versioning = Versioning {
                version: "1.2".to_owned(),
                runs,
                otherwise: VersionMismatch::Fail,
            };
            versioning.problem(version)
        };
        for (version, strict, older) in [
            (Some("1.2"), true, true),
            (Some("1.1"), false, true),
            (Some("1.3"), false, false),
            (None, false, true),
        ] {
            assert_eq!(problem(VersionMatch::Strict, version).is_none(), strict);
            let current_or_older = problem(VersionMatch::CurrentOrOlder, version);
            assert_eq!(current_or_older.is_none(), older);
        }
    }
}
