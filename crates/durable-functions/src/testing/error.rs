//! Why a test failed.

use std::fmt;

use durable_protocol::http_activity;
use task_hub::StoreError;

use crate::RuntimeStatus;

/// Why a test failed: what happened, the seed, and the history of the instance that it is about.
///
/// `Debug` shows the same text as `Display`, so that the panic of an `unwrap` can be read.
pub struct TestError {
    kind: Box<TestErrorKind>,
    report: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TestErrorKind {
    /// Two runs of the same turn asked for different things.
    #[error(
        "orchestrator '{orchestrator}' is not deterministic: two runs of the same turn of '{instance}' asked for \
         different things\n  \
         one run:     {first}\n  \
         another run: {second}\n\
         It depends on something that changes from one run to the next: the clock, random numbers, the order of a \
         HashMap, a static, the thread. Take the time from `ctx.now()` and random values from `ctx.rng()` or \
         `ctx.new_uuid()`, use a BTreeMap, and read everything else in an activity"
    )]
    TurnsDiffer {
        /// The orchestrator.
        orchestrator: String,
        /// The instance.
        instance: String,
        /// The first call that differs, with its input, in one run.
        first: String,
        /// What another run has in its place.
        second: String,
    },
    /// The orchestrator read the clock of the computer.
    #[error(
        "orchestrator '{orchestrator}' is not deterministic: what it asks for in '{instance}' has the time of the \
         computer's clock in it, {value}, which its history does not have\n  \
         the call: {call}\n\
         Take the time from `ctx.now()`"
    )]
    ReadsClock {
        /// The orchestrator.
        orchestrator: String,
        /// The instance.
        instance: String,
        /// The call, with its input.
        call: String,
        /// The time as it was found.
        value: String,
    },
    /// A function is called that the test did not register.
    #[error(
        "{noun} '{name}' is called, and the test registers no {noun} of this name (it registers {}): add \
         {}",
        listed(known),
        remedy(noun, name)
    )]
    NotRegistered {
        /// Orchestrator, activity or entity.
        noun: &'static str,
        /// The name in the call.
        name: String,
        /// The names that are registered.
        known: Vec<&'static str>,
    },
    /// There is no such instance.
    #[error("there is no instance '{0}'")]
    NoInstance(String),
    /// Nothing is left to do, and the instance does not have the status that the test waits for.
    #[error("nothing is left to do, and '{instance}' {}", at_rest(*status))]
    Idle {
        /// The instance.
        instance: String,
        /// Its status.
        status: RuntimeStatus,
    },
    /// The instance did not complete, or its output is not of the type that was asked for.
    #[error("{}", no_output(instance, *status, detail))]
    Output {
        /// The instance.
        instance: String,
        /// Its status.
        status: RuntimeStatus,
        /// What is in its place.
        detail: String,
    },
    /// The instance has not failed, and its failure was asked for.
    #[error("'{instance}' has not failed: it is {}", status.as_str())]
    NotFailed {
        /// The instance.
        instance: String,
        /// Its status.
        status: RuntimeStatus,
    },
    /// There was work without end, such as an orchestration that continues as new without a timer.
    #[error("there was work without end: {0} turns, activities and batches in one call")]
    Endless(u32),
    /// The hub refused an operation, as a host refuses it to a client.
    #[error("{0}")]
    Refused(String),
    /// The hub could not keep its data. It is in memory, so this does not happen to tests of users.
    #[error("{0}")]
    Storage(String),
    /// A value cannot be written or read as JSON.
    #[error("{0}")]
    Value(String),
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// How a function of this kind is registered.
fn remedy(noun: &str, name: &str) -> &'static str {
    match noun {
        _ if name == http_activity::NAME => "`hub.mock_http(|request| Ok(response))`",
        "activity" => {
            "`.activity(HANDLE, function)` to run it, or `hub.mock(HANDLE, |input| Ok(output))`"
        }
        "entity" => "`.entity(EntityFunction::new(HANDLE)…)`",
        _ => "`.orchestrator(HANDLE, function)`",
    }
}

fn no_output(instance: &str, status: RuntimeStatus, detail: &str) -> String {
    match status {
        RuntimeStatus::Completed => {
            format!("the output of '{instance}' is not of the type that was asked for: {detail}")
        }
        RuntimeStatus::Failed => format!("'{instance}' failed: {detail}"),
        _ => format!(
            "'{instance}' has no output, because it is {}: {detail}",
            status.as_str()
        ),
    }
}

/// What an instance does that has no work.
fn at_rest(status: RuntimeStatus) -> String {
    let name = status.as_str();
    match status {
        _ if status.is_terminal() => format!("has ended as {name}"),
        RuntimeStatus::Suspended => format!("is {name}: it waits to be resumed"),
        _ => format!(
            "is {name}: it waits for an event that the test did not raise, or for an activity that is held"
        ),
    }
}

/// What becomes a [`TestErrorKind`]. Not `From`, because that would show the types of `task-hub` to users.
pub(super) trait IntoKind {
    fn into_kind(self) -> TestErrorKind;
}

impl IntoKind for TestErrorKind {
    fn into_kind(self) -> TestErrorKind {
        self
    }
}

impl IntoKind for StoreError {
    fn into_kind(self) -> TestErrorKind {
        TestErrorKind::Storage(self.to_string())
    }
}

impl IntoKind for task_hub::Error {
    fn into_kind(self) -> TestErrorKind {
        match self {
            task_hub::Error::Store(error) => error.into_kind(),
            refused => TestErrorKind::Refused(refused.to_string()),
        }
    }
}

impl TestError {
    pub(super) fn new(kind: impl IntoKind, report: String) -> Self {
        TestError {
            kind: Box::new(kind.into_kind()),
            report,
        }
    }

    /// What happened.
    pub fn kind(&self) -> &TestErrorKind {
        &self.kind
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.kind, self.report)
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TestError {}
