//! What an orchestrator asked for, in one form for actions and for events of a history, so that both can be
//! compared and shown.

use std::fmt;

use durable_protocol::messages::{
    CompleteOrchestrationAction, EventType, ExecutionCompletedEvent, HistoryEvent,
    OrchestrationStatus, OrchestratorAction, OrchestratorActionType, OrchestratorResponse,
    TaskFailureDetails,
};

use super::sites::Sites;
use super::text;
use crate::name::same_name;

/// A call, a timer, an event that is sent, or the end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call<'a> {
    pub(super) id: i32,
    what: What<'a>,
}

#[derive(Clone, Debug, PartialEq)]
enum What<'a> {
    Activity {
        name: &'a str,
        input: Option<&'a str>,
    },
    Child {
        name: &'a str,
        id: &'a str,
        input: Option<&'a str>,
    },
    Timer(Option<prost_types::Timestamp>),
    Event {
        name: &'a str,
        target: &'a str,
        input: Option<&'a str>,
    },
    End {
        status: OrchestrationStatus,
        result: Option<&'a str>,
        failure: Option<&'a TaskFailureDetails>,
        /// How many events the next execution gets.
        carried: usize,
    },
    /// Of a kind that this crate never asks for.
    Other,
}

impl<'a> Call<'a> {
    pub(super) fn of_action(action: &'a OrchestratorAction) -> Self {
        use OrchestratorActionType as Type;
        let what = match &action.orchestrator_action_type {
            Some(Type::ScheduleTask(task)) => What::Activity {
                name: &task.name,
                input: task.input.as_deref(),
            },
            Some(Type::CreateTimer(timer)) => What::Timer(timer.fire_at),
            Some(Type::CreateSubOrchestration(child)) => What::Child {
                name: &child.name,
                id: &child.instance_id,
                input: child.input.as_deref(),
            },
            Some(Type::SendEvent(sent)) => What::Event {
                name: &sent.name,
                target: sent
                    .instance
                    .as_ref()
                    .map(|instance| instance.instance_id.as_str())
                    .unwrap_or_default(),
                input: sent.data.as_deref(),
            },
            Some(Type::CompleteOrchestration(end)) => of_end(end),
            _ => What::Other,
        };
        Call {
            id: action.id,
            what,
        }
    }

    /// What an event of a history says was asked for; `None` for an event that tells of something else, and for the
    /// marks that a host makes, whose ids are negative.
    pub(super) fn of_event(event: &'a HistoryEvent) -> Option<Self> {
        use EventType as Type;
        let what = match event.event_type.as_ref()? {
            Type::ExecutionCompleted(end) => of_completed(end),
            _ if event.event_id < 0 => return None,
            Type::TaskScheduled(task) => What::Activity {
                name: &task.name,
                input: task.input.as_deref(),
            },
            Type::TimerCreated(timer) => What::Timer(timer.fire_at),
            Type::SubOrchestrationInstanceCreated(child) => What::Child {
                name: &child.name,
                id: &child.instance_id,
                input: child.input.as_deref(),
            },
            Type::EventSent(sent) => What::Event {
                name: &sent.name,
                target: &sent.instance_id,
                input: sent.input.as_deref(),
            },
            _ => return None,
        };
        Some(Call {
            id: event.event_id,
            what,
        })
    }

    /// Whether both are the same to the engine, which compares kinds and names: an instance that runs goes on.
    pub(super) fn is_same_call(&self, other: &Call<'_>) -> bool {
        match (&self.what, &other.what) {
            (What::Activity { name: one, .. }, What::Activity { name: two, .. })
            | (What::Child { name: one, .. }, What::Child { name: two, .. }) => {
                self.id == other.id && same_name(one, two)
            }
            (What::Timer(_), What::Timer(_)) => self.id == other.id,
            (
                What::Event {
                    name: one,
                    target: here,
                    ..
                },
                What::Event {
                    name: two,
                    target: there,
                    ..
                },
            ) => self.id == other.id && same_name(one, two) && here == there,
            // The id of an end is of no consequence.
            (What::End { status: one, .. }, What::End { status: two, .. }) => one == two,
            _ => false,
        }
    }

    /// The same, and equal values as far as both have them: histories usually have no inputs.
    pub(super) fn has_same_values(&self, other: &Call<'_>) -> bool {
        let same_input =
            |one: &Option<&str>, two: &Option<&str>| one.is_none() || two.is_none() || one == two;
        self.is_same_call(other)
            && match (&self.what, &other.what) {
                (What::Activity { input: one, .. }, What::Activity { input: two, .. })
                | (What::Event { input: one, .. }, What::Event { input: two, .. }) => {
                    same_input(one, two)
                }
                (
                    What::Child {
                        id: here,
                        input: one,
                        ..
                    },
                    What::Child {
                        id: there,
                        input: two,
                        ..
                    },
                ) => here == there && same_input(one, two),
                (What::Timer(one), What::Timer(two)) => one == two,
                (
                    What::End {
                        result: one,
                        failure: left,
                        ..
                    },
                    What::End {
                        result: two,
                        failure: right,
                        ..
                    },
                ) => one.unwrap_or("null") == two.unwrap_or("null") && same_failure(*left, *right),
                _ => true,
            }
    }

    /// The texts that the code made.
    pub(super) fn texts(&self) -> Vec<&'a str> {
        match &self.what {
            What::Activity { name, input } => [Some(*name), *input].into_iter().flatten().collect(),
            What::Child { name, id, input }
            | What::Event {
                name,
                target: id,
                input,
            } => [Some(*name), Some(*id), *input]
                .into_iter()
                .flatten()
                .collect(),
            What::End { result, .. } => result.iter().copied().collect(),
            What::Timer(_) | What::Other => Vec::new(),
        }
    }

    /// Its kind and its name, without what may differ from one instance to the next.
    pub(super) fn shape(&self) -> String {
        match &self.what {
            What::Activity { name, .. } => format!("activity {name}"),
            What::Child { name, .. } => format!("child {name}"),
            What::Event { name, .. } => format!("event {name}"),
            What::Timer(_) => "timer".to_owned(),
            What::End { status, .. } => format!("end {}", status.as_str()),
            What::Other => "other".to_owned(),
        }
    }

    /// Whether the orchestration fails.
    pub(super) fn is_failure(&self) -> bool {
        matches!(&self.what, What::End { status, .. } if *status == OrchestrationStatus::Failed)
    }
}

fn of_end(end: &CompleteOrchestrationAction) -> What<'_> {
    What::End {
        status: end.orchestration_status(),
        result: end.result.as_deref(),
        failure: end.failure_details.as_ref(),
        carried: end.carryover_events.len(),
    }
}

fn of_completed(end: &ExecutionCompletedEvent) -> What<'_> {
    What::End {
        status: end.orchestration_status(),
        result: end.result.as_deref(),
        failure: end.failure_details.as_ref(),
        carried: 0,
    }
}

fn same_failure(one: Option<&TaskFailureDetails>, two: Option<&TaskFailureDetails>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => {
            one.error_type == two.error_type && one.error_message == two.error_message
        }
        _ => true,
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.what, What::End { .. }) {
            write!(f, "#{} ", self.id)?;
        }
        match &self.what {
            What::Activity { name, input } => {
                write!(f, "activity '{name}'")?;
                write_input(f, *input)
            }
            What::Child { name, id, input } => {
                write!(f, "sub-orchestration '{name}' as instance '{id}'")?;
                write_input(f, *input)
            }
            What::Timer(at) => write!(f, "timer at {}", text::time(*at)),
            What::Event {
                name,
                target,
                input,
            } => {
                write!(f, "event '{name}' to '{target}'")?;
                write_input(f, *input)
            }
            What::End {
                status,
                result,
                failure,
                carried,
            } => {
                write!(f, "the end as {}", status.as_str())?;
                match (failure, result) {
                    (Some(details), _) => write!(f, ": {}", text::failure(Some(details)))?,
                    (None, Some(result)) => {
                        write!(f, " with the output {}", text::payload(result))?
                    }
                    (None, None) => {}
                }
                match carried {
                    0 => Ok(()),
                    carried => write!(f, " and {carried} carried events"),
                }
            }
            What::Other => f.write_str("an action of an unknown kind"),
        }
    }
}

fn write_input(f: &mut fmt::Formatter<'_>, input: Option<&str>) -> fmt::Result {
    match input {
        Some(input) => write!(f, " with the input {}", text::payload(input)),
        None => Ok(()),
    }
}

/// Where two answers to one turn differ first, in words: what the one has there and what the other has, each with the
/// line of code that asked for it.
pub(super) fn first_difference(
    one: (&OrchestratorResponse, &Sites),
    two: (&OrchestratorResponse, &Sites),
) -> Option<(String, String)> {
    let count = one.0.actions.len().max(two.0.actions.len());
    for index in 0..count {
        let pair = [one, two].map(|(answer, sites)| (answer.actions.get(index), sites));
        if pair[0].0 != pair[1].0 {
            let [mut left, mut right] = pair.map(|(action, sites)| match action {
                Some(action) => with_site(&Call::of_action(action), sites),
                None => "nothing more".to_owned(),
            });
            if left == right {
                // They differ in what the words leave out.
                [left, right] = pair.map(|(action, _)| format!("{action:?}"));
            }
            return Some((left, right));
        }
    }
    let status = |answer: &OrchestratorResponse| match &answer.custom_status {
        Some(status) => format!("the custom status {}", text::payload(status)),
        None => "no custom status".to_owned(),
    };
    let [one, two] = [one.0, two.0];
    (one.custom_status != two.custom_status).then(|| (status(one), status(two)))
}

/// A call and the line of code that made it.
pub(super) fn with_site(call: &Call<'_>, sites: &Sites) -> String {
    match sites.of(call.id) {
        Some(site) => format!("{call} (at {site})"),
        None => call.to_string(),
    }
}
