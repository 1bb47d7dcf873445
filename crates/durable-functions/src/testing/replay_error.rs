//! What a replayer finds.

use std::fmt;
use std::path::PathBuf;

use crate::history::HistoryError;

/// What a [`Replayer`](super::Replayer) found: today's code does not do what a history says.
///
/// `Debug` shows the same text as `Display`, so that the panic of an `unwrap` can be read.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The code made another call than the history has.
    #[error("{0}")]
    Differs(Box<Difference>),
    /// No orchestrator of the history's name is registered.
    #[error(
        "the history of '{instance}' is of orchestrator '{orchestrator}', which is not registered: add \
         `.orchestrator(HANDLE, function)`"
    )]
    NotRegistered {
        /// The orchestrator.
        orchestrator: String,
        /// The instance.
        instance: String,
    },
    /// A history cannot be read or run.
    #[error("{0}")]
    History(String),
    /// Some of the histories of a folder differ; the others do not.
    #[error("{}", of_folder(.0))]
    Folder(Vec<(PathBuf, ReplayError)>),
}

/// The first call in which the code and a history differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The orchestrator.
    pub orchestrator: String,
    /// The instance.
    pub instance: String,
    /// The number of the turn; the first is 1.
    pub turn: usize,
    /// The time of the turn: ISO 8601 in UTC.
    pub time: String,
    /// The call, as the history has it.
    pub expected: String,
    /// The call that the code made in its place, with its input.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            orchestrator,
            instance,
            turn,
            time,
            expected,
            found,
        } = self;
        write!(
            f,
            "orchestrator '{orchestrator}' no longer does what the history of '{instance}' says, in turn {turn} (at \
             {time})\n  \
             the history has: {expected}\n  \
             the code made:   {found}\n\
             An instance that runs would fail with `NonDeterminism` when it goes on with this code. Let the instances \
             finish first, keep the old code for their version, or give the new code a new name"
        )
    }
}

impl From<HistoryError> for ReplayError {
    fn from(error: HistoryError) -> Self {
        ReplayError::History(error.to_string())
    }
}

impl fmt::Debug for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn of_folder(errors: &[(PathBuf, ReplayError)]) -> String {
    let shown = errors
        .iter()
        .map(|(path, error)| format!("{}: {error}", path.display()));
    shown.collect::<Vec<_>>().join("\n\n")
}
