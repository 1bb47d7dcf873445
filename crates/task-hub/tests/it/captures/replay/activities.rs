//! Activities: they are compared by their instance, name and input.

use durable_protocol::Timestamp;
use task_hub::work::ActivityOutcome;

use super::{Replay, is_same_json};
use crate::captures::difference::Difference;

impl Replay<'_> {
    pub(super) fn take_activities(&mut self) {
        self.commit();
        while let Some(activity) = self.hub.take_activity(self.now).unwrap() {
            self.given.push(activity.task.clone());
            self.activities.push(activity);
        }
    }

    pub(super) fn finish_activity(
        &mut self,
        instance: &str,
        id: i32,
        now: Timestamp,
        outcome: ActivityOutcome,
    ) {
        self.take_activities();
        let execution = self.hub.instance(instance).unwrap().map(|it| it.execution);
        let found = self.activities.iter().position(|activity| {
            activity.task.instance == instance
                && Some(&activity.task.execution) == execution.as_ref()
                && activity.task.id == id
        });
        if let Some(found) = found {
            let activity = self.activities.remove(found);
            self.input(now, |hub, at| {
                hub.activity_done(at, &activity.token, outcome)
            })
            .unwrap();
        }
    }

    /// The host sent the same activities to the handler.
    pub(super) fn compare_activities(&mut self) {
        self.take_activities();
        let case = self.case;
        for recorded in &case.activities {
            let given = self.given.iter().position(|given| {
                given.instance == recorded.instance
                    && is_name_of(&given.name, &recorded.name)
                    && (recorded.long || is_same_json(&given.input, &recorded.input))
            });
            match given {
                Some(given) => {
                    self.given.remove(given);
                }
                None => {
                    let what = format!("no activity '{}'", recorded.name);
                    let difference = (recorded.n, Difference::Other(what));
                    self.report.differences.push(difference);
                }
            }
        }
        let rest: Vec<String> = self
            .given
            .iter()
            .filter(|given| {
                case.activities
                    .iter()
                    .any(|it| is_name_of(&given.name, &it.name))
            })
            .map(|given| format!("activity '{}' of '{}' left", given.name, given.instance))
            .collect();
        for what in rest {
            self.other(case.exchanges.len() - 1, what);
        }
    }
}

/// Whether the activity is one of the function. The names of the recorded functions differ in their letter case
/// only, but for one whose binding gives it another name.
pub(super) fn is_name_of(activity: &str, function: &str) -> bool {
    activity.eq_ignore_ascii_case(function) || function.starts_with("renamed")
}
