//! Histories and answers as text, one line for each event and action.

use std::fmt::{self, Write as _};

use durable_protocol::messages::{EventType, HistoryEvent};
use prost::Message as _;
use task_hub::Store as _;
use task_hub::query::{InstanceFilter, PageRequest};

use super::text::{activity_result, failure, payload as shown, time};
use super::{Faults, TestHub};
use crate::RuntimeStatus;
use crate::history::History;

/// The longest history that is shown whole, in events. Of a longer one, as of a timer of a year, the ends are shown.
const LONGEST_HISTORY: usize = 60;
/// How much is shown of the beginning of a longer history.
const SHOWN_OF_BEGINNING: usize = 10;

/// One line for an event: its id if an action caused it, its kind, and what distinguishes it.
fn event(event: &HistoryEvent) -> String {
    use EventType as Type;
    let what = match &event.event_type {
        Some(Type::ExecutionStarted(it)) => {
            format!(
                "ExecutionStarted {}({})",
                it.name,
                payload(it.input.as_ref())
            )
        }
        Some(Type::ExecutionCompleted(it)) => format!(
            "ExecutionCompleted {} {}{}",
            it.orchestration_status().as_str(),
            payload(it.result.as_ref()),
            it.failure_details
                .as_ref()
                .map(|it| failure(Some(it)))
                .unwrap_or_default()
        ),
        // Histories have no inputs of calls.
        Some(Type::TaskScheduled(it)) => format!("TaskScheduled {}", it.name),
        Some(Type::TaskCompleted(it)) => {
            format!(
                "TaskCompleted #{} {}",
                it.task_scheduled_id,
                shown(&activity_result(it.result.as_deref().unwrap_or_default()))
            )
        }
        Some(Type::TaskFailed(it)) => format!(
            "TaskFailed #{} {}",
            it.task_scheduled_id,
            failure(it.failure_details.as_ref())
        ),
        Some(Type::SubOrchestrationInstanceCreated(it)) => format!(
            "SubOrchestrationInstanceCreated {} '{}'",
            it.name, it.instance_id
        ),
        Some(Type::SubOrchestrationInstanceCompleted(it)) => format!(
            "SubOrchestrationInstanceCompleted #{} {}",
            it.task_scheduled_id,
            payload(it.result.as_ref())
        ),
        Some(Type::SubOrchestrationInstanceFailed(it)) => format!(
            "SubOrchestrationInstanceFailed #{} {}",
            it.task_scheduled_id,
            failure(it.failure_details.as_ref())
        ),
        Some(Type::TimerCreated(it)) => format!("TimerCreated for {}", time(it.fire_at)),
        Some(Type::TimerFired(it)) => format!("TimerFired #{}", it.timer_id),
        Some(Type::EventSent(it)) => {
            format!("EventSent {} to '{}'", it.name, it.instance_id)
        }
        Some(Type::EventRaised(it)) => {
            format!("EventRaised {}({})", it.name, payload(it.input.as_ref()))
        }
        Some(other) => {
            // `OrchestratorStarted(OrchestratorStartedEvent)`: the first name says all.
            let text = format!("{other:?}");
            text.split('(').next().unwrap_or_default().to_owned()
        }
        None => "an event of an unknown kind".to_owned(),
    };
    match event.event_id {
        -1 => what,
        id => format!("#{id} {what}"),
    }
}

fn payload(text: Option<&String>) -> String {
    text.map(|text| shown(text)).unwrap_or_default()
}

fn write_history(out: &mut String, events: &[HistoryEvent]) -> fmt::Result {
    let left_out = match events.len() {
        more if more > LONGEST_HISTORY => more - LONGEST_HISTORY,
        _ => 0,
    };
    for (index, it) in events.iter().enumerate() {
        if left_out > 0 && index == SHOWN_OF_BEGINNING {
            writeln!(
                out,
                "  … {left_out} events are left out; `history` has them"
            )?;
        }
        if index < SHOWN_OF_BEGINNING || index >= SHOWN_OF_BEGINNING + left_out {
            writeln!(out, "  {}", event(it))?;
        }
    }
    Ok(())
}

impl TestHub {
    /// The events of an instance's current execution, oldest first; none for an unknown instance.
    ///
    /// # Errors
    /// The store failed.
    pub fn history(&self, id: &str) -> Result<History, super::TestError> {
        let events = self.hub.store().history(id);
        let events = events.map_err(|error| self.error(error))?;
        let decode = |event| HistoryEvent::decode(event).unwrap_or_default();
        Ok(History::of_events(
            id,
            events.into_iter().map(decode).collect(),
        ))
    }

    /// The seed, the clock, all instances, and the histories of those that have not completed: what a
    /// [`TestError`](super::TestError) shows.
    pub fn report(&self) -> String {
        let mut report = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_report(&mut report);
        report
    }

    fn write_report(&self, out: &mut String) -> fmt::Result {
        write!(out, "seed {}, ", self.seed)?;
        if self.faults != Faults::none() {
            write!(out, "{:?}, ", self.faults)?;
        }
        writeln!(
            out,
            "{} commits, the clock is at {}",
            self.commits,
            self.now.round_trip()
        )?;
        let all = PageRequest {
            after: None,
            limit: usize::MAX,
        };
        let instances = self.hub.store().instances(&InstanceFilter::default(), &all);
        for record in instances.map(|page| page.rows).unwrap_or_default() {
            let id = &record.id;
            let output = self.hub.store().payloads(id).unwrap_or_default().output;
            let status = RuntimeStatus::from(record.status);
            let (name, shown) = (&record.start.name, payload(output.as_ref()));
            writeln!(
                out,
                "instance '{id}' of {name}: {} {shown}",
                status.as_str()
            )?;
            if status == RuntimeStatus::Completed {
                continue;
            }
            if let Ok(history) = self.history(id) {
                write_history(out, history.events())?;
            }
            for message in self.hub.store().inbox(id).unwrap_or_default() {
                let it = HistoryEvent::decode(message.body).unwrap_or_default();
                writeln!(out, "  not delivered: {}", event(&it))?;
            }
        }
        for notice in &self.notices {
            writeln!(out, "notice: {notice}")?;
        }
        Ok(())
    }
}
