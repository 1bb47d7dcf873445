//! Which versions of orchestrations a worker runs.

use std::cmp::Ordering;

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

/// Compares versions by their numbers (`1.9` is older than `1.10`, `1.2` is `1.2.0`), and as texts if one has
/// another form. An empty one is the oldest.
fn compare(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (false, false) => {}
    }
    match (numbers(one), numbers(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}

/// The numbers of a version, without zeros at its end.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let numbers: Result<Vec<u64>, _> = version.split('.').map(str::parse).collect();
    let mut numbers = numbers.ok()?;
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers_if_they_have_some() {
        for (one, order, other) in [
            ("1.9", Ordering::Less, "1.10"),
            ("1.2", Ordering::Equal, "1.2.0"),
            ("2", Ordering::Greater, "1.99.99"),
            ("", Ordering::Less, "0.1"),
            ("", Ordering::Equal, ""),
            ("beta", Ordering::Greater, "alpha"),
            ("1.0-rc1", Ordering::Greater, "1.0"),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
            assert_eq!(compare(other, one), order.reverse(), "{other} {one}");
        }
    }

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
