//! What must be true when all instances have ended: looked up in the file of the task hub and in the journal.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use durable_functions::RuntimeStatus;
use durable_protocol::messages::{EventType, HistoryEvent, OrchestrationStatus};
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;
use task_hub::instance::InstanceRecord;
use task_hub::query::{InstanceFilter, PageRequest};
use task_hub::{SqliteStore, Store as _};

use super::workload::{Instance, Known, Workload};

/// Branches of one round, and shared entities, in tests/apps/crash-test.rs.
const WIDTH: usize = 5;
const SHARED: i64 = 4;

/// The result of an orchestrator.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    runs: Vec<String>,
    took: Vec<u64>,
    events: Vec<u32>,
    totals: Vec<i64>,
}

/// The runs of one call of an activity.
struct Runs {
    after: String,
    ids: Vec<String>,
}

/// How instances may have ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Success,
    /// Those fail for which the host waited for an answer of the handler when it died, as on a real host.
    FailuresOnTheWire,
}

/// The task hub after all work.
pub(super) struct Ended {
    store: SqliteStore,
    instances: BTreeMap<String, InstanceRecord>,
    journal: HashMap<String, Runs>,
    /// How many runs count.
    applied: usize,
}

impl Ended {
    pub(super) fn open(file: &Path, workload: &Workload) -> Self {
        let store = SqliteStore::open(file).unwrap();
        let mut instances = BTreeMap::new();
        let mut request = PageRequest {
            after: None,
            limit: 100,
        };
        loop {
            let filter = InstanceFilter::default();
            let page = store.instances(&filter, &request).unwrap();
            for record in page.rows {
                let id = record.id.clone();
                assert!(
                    instances.insert(id, record).is_none(),
                    "an id is there twice"
                );
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        Self {
            store,
            instances,
            journal: journal(workload.journal()),
            applied: 0,
        }
    }

    /// Checks everything, and prints the figures.
    pub(super) fn check(mut self, workload: &Workload, expected: Expected) {
        let is_child = |record: &&InstanceRecord| record.start.parent_instance.is_some();
        let (children, roots): (Vec<_>, Vec<_>) = self.instances.values().partition(is_child);
        let children = children.len();
        let roots: HashSet<&str> = roots.iter().map(|it| it.id.as_str()).collect();
        let started: HashSet<&str> = workload.instances.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(roots, started, "the instances are those that were started");
        let mut failed = 0;
        for instance in &workload.instances {
            match instance.known {
                Known::Ended(RuntimeStatus::Completed) => {
                    self.check_history(&instance.id);
                    self.check_output(instance, workload);
                }
                Known::Ended(RuntimeStatus::Failed) if expected == Expected::FailuresOnTheWire => {
                    self.check_failure(instance);
                    failed += 1;
                }
                other => panic!("{}: {other:?}", instance.id),
            }
        }
        if expected == Expected::Success {
            self.check_rest(workload, children);
        }
        let runs: usize = self.journal.values().map(|it| it.ids.len()).sum();
        println!(
            "{} instances ended, {failed} failed; {runs} runs of activities, of which {} count; \
             {} signals were sent, and {} answered",
            self.instances.len(),
            self.applied,
            workload.signals.attempts,
            workload.signals.answers
        );
    }

    /// What is true when no instance has failed.
    fn check_rest(&self, workload: &Workload, children: usize) {
        let waiting = self.store.waiting().unwrap();
        assert!(waiting.activities.is_empty(), "{waiting:?}");
        assert!(waiting.targets.is_empty(), "{waiting:?}");
        assert_eq!(self.store.next_due().unwrap(), None);
        let parents = workload.instances.iter().filter(|it| it.kind == "children");
        let expected = parents.count() * workload.size.count as usize;
        assert_eq!(children, expected, "each child exists once");
        for record in self.instances.values() {
            assert_eq!(record.status, OrchestrationStatus::Completed, "{record:?}");
            self.check_history(&record.id);
        }
        self.check_entities(workload);
    }

    fn check_failure(&self, instance: &Instance) {
        let output = self.store.payloads(&instance.id).unwrap().output;
        let output = output.unwrap();
        let on_the_wire = [
            "An error occurred while sending the request.",
            "Connection refused",
            // The child failed in this way.
            "UnknownFailure",
        ];
        let is_expected = on_the_wire.iter().any(|text| output.contains(text));
        assert!(is_expected, "{}: {output}", instance.id);
    }

    /// Everything that was asked for has exactly one end.
    fn check_history(&self, id: &str) {
        let mut asked = HashMap::new();
        for bytes in self.store.history(id).unwrap() {
            let event = HistoryEvent::decode(bytes).unwrap();
            let (what, ends) = match event.event_type.unwrap() {
                EventType::TaskScheduled(_) => (("task", event.event_id), 0),
                EventType::TaskCompleted(end) => (("task", end.task_scheduled_id), 1),
                EventType::TaskFailed(end) => (("task", end.task_scheduled_id), 1),
                EventType::TimerCreated(_) => (("timer", event.event_id), 0),
                EventType::TimerFired(end) => (("timer", end.timer_id), 1),
                EventType::SubOrchestrationInstanceCreated(_) => (("child", event.event_id), 0),
                EventType::SubOrchestrationInstanceCompleted(end) => {
                    (("child", end.task_scheduled_id), 1)
                }
                _ => continue,
            };
            match (asked.get_mut(&what), ends) {
                (None, 0) => assert!(asked.insert(what, 0).is_none()),
                (Some(count), 1) => *count += 1,
                (found, _) => panic!("{id}: {what:?} {found:?}"),
            }
        }
        for (what, ends) in asked {
            assert_eq!(ends, 1, "{id}: {what:?}");
        }
    }

    fn check_output(&mut self, instance: &Instance, workload: &Workload) {
        let Instance { id, kind, .. } = instance;
        let count = workload.size.count as usize;
        let payloads = self.store.payloads(id).unwrap();
        let output: Output = serde_json::from_str(&payloads.output.unwrap()).unwrap();
        match *kind {
            "chain" | "generations" => {
                assert_eq!(output.runs.len(), count, "{id}");
                for (number, run) in output.runs.iter().enumerate() {
                    let before = number.checked_sub(1).map(|it| output.runs[it].as_str());
                    self.check_run(&format!("{id}/{number}"), run, before);
                }
            }
            "fan-out" => {
                assert_eq!(output.runs.len(), count * WIDTH, "{id}");
                for (number, run) in output.runs.iter().enumerate() {
                    let (round, branch) = (number / WIDTH, number % WIDTH);
                    let before = (round * WIDTH).checked_sub(1);
                    let before = before.map(|it| output.runs[it].as_str());
                    self.check_run(&format!("{id}/{round}.{branch}"), run, before);
                }
            }
            "timers" => {
                assert_eq!(output.took.len(), count, "{id}");
                let pause = workload.size.pause;
                assert!(
                    output.took.iter().all(|took| *took >= pause),
                    "{id}: {:?}",
                    output.took
                );
            }
            "events" => {
                for (number, sent) in instance.events.iter().enumerate() {
                    let arrived = output.events.iter().filter(|it| **it as usize == number);
                    let arrived = arrived.count() as u64;
                    assert!(
                        (1..=sent.attempts).contains(&arrived),
                        "{id}: event {number} was sent {} times, and came {arrived} times",
                        sent.attempts
                    );
                }
            }
            "children" => {
                let mut events = output.events;
                events.sort_unstable();
                let expected: Vec<u32> = (0..workload.size.count).collect();
                assert_eq!(events, expected, "{id}");
                assert_eq!(output.runs.len(), count, "{id}");
                for (number, run) in output.runs.iter().enumerate() {
                    self.check_run(&format!("{id}/{number}"), run, None);
                }
            }
            "entities" => {
                let expected: Vec<i64> = (1..=count as i64).map(|it| it * (it + 1) / 2).collect();
                assert_eq!(output.totals, expected, "{id}");
            }
            other => panic!("{other}"),
        }
    }

    /// A result that counts is that of a run, and all runs of the call had the same input.
    fn check_run(&mut self, call: &str, run: &str, before: Option<&str>) {
        let runs = &self.journal[call];
        assert!(
            runs.ids.iter().any(|it| it == run),
            "{call} has no run {run}"
        );
        assert_eq!(runs.after, before.unwrap_or_default(), "{call}");
        self.applied += 1;
    }

    fn check_entities(&self, workload: &Workload) {
        let count = |key: &str| -> (i64, u64) {
            let id = format!("@counter@{key}");
            let Some(entity) = self.store.entity(&id).unwrap() else {
                return (0, 0);
            };
            let state: Value = serde_json::from_str(&entity.state.unwrap()).unwrap();
            let total = state["total"].as_i64().unwrap();
            (total, state["operations"].as_u64().unwrap())
        };
        let users = workload.instances.iter().filter(|it| it.kind == "entities");
        let operations = users.count() as u64 * u64::from(workload.size.count);
        let all = |name: &str| -> (i64, u64) {
            let counts = (0..SHARED).map(|number| count(&format!("{name}-{number}")));
            counts.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
        };
        assert_eq!(all("shared"), (operations as i64, operations));
        assert_eq!(all("account"), (0, 2 * operations));
        let (_, signals) = count("client");
        let sent = workload.signals;
        assert!(
            (sent.answers..=sent.attempts).contains(&signals),
            "{signals} of {} to {}",
            sent.answers,
            sent.attempts
        );
    }
}

fn journal(folder: &Path) -> HashMap<String, Runs> {
    let text = std::fs::read_to_string(folder.join("journal")).unwrap();
    let mut journal: HashMap<String, Runs> = HashMap::new();
    for line in text.lines() {
        let [call, after, run] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let runs = journal.entry(call.to_owned()).or_insert_with(|| Runs {
            after: after.to_owned(),
            ids: Vec::new(),
        });
        assert_eq!(runs.after, after, "{call} began with two inputs");
        runs.ids.push(run.to_owned());
    }
    journal
}
