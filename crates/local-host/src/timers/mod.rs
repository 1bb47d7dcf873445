//! The timer triggers: when each fires, and the value that its function gets.
//!
//! Invariant: a timer has one invocation at a time. Its next time is the first one after the end of the last
//! invocation, as on a real host. Times that pass while the host is stopped are not made up for.

mod schedule;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;

use crate::binding_data::BindingData;
use crate::functions::{Function, Functions};
use crate::http::App;
use crate::json::{Json, JsonObject};
use crate::log::{LogLevel, Logger};
use crate::settings::Environment;
use schedule::Schedule;

/// The longest sleep before the clock is read again: a machine that was suspended is at most this late.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// `Last` before the first time.
const NEVER: &str = "0001-01-01T00:00:00+00:00";

/// The timers of an app.
#[derive(Debug, Default)]
pub struct Timers(Vec<Arc<Timer>>);

#[derive(Debug)]
struct Timer {
    function: Function,
    schedule: Schedule,
    run_on_startup: bool,
    /// `useMonitor`; without it a function gets no `ScheduleStatus`.
    status: Option<Mutex<ScheduleStatus>>,
}

/// The times that a function is told.
#[derive(Debug)]
struct ScheduleStatus {
    last: Option<DateTime<Utc>>,
    next: Option<DateTime<Utc>>,
    last_updated: DateTime<Utc>,
}

impl Timers {
    /// The timers of an app. A schedule that is not valid is logged as an error, and its
    /// function does not run, as on a real host.
    #[must_use]
    pub fn of(functions: &Functions, environment: &Environment, log: &Logger) -> Self {
        let now = Utc::now();
        let mut timers = Vec::new();
        for function in functions
            .usable
            .iter()
            .filter(|function| !function.disabled)
        {
            match Timer::of(function, environment, now) {
                None => {}
                Some(Ok(timer)) => timers.push(Arc::new(timer)),
                Some(Err(problem)) => log.error(format!(
                    "The '{}' function is in error: {problem}",
                    function.name
                )),
            }
        }
        Self(timers)
    }

    /// The value of a function's trigger; `None` if it is no timer.
    pub(crate) fn trigger_value(&self, function: &str) -> Option<Json> {
        let timer = self
            .0
            .iter()
            .find(|timer| timer.function.name == function)?;
        Some(timer.value())
    }

    /// Fires each timer at its times, until the set is dropped. The function of a disabled one does not run.
    #[must_use]
    pub fn run(&self, app: &Arc<App>) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for timer in self.0.iter().filter(|timer| !timer.function.disabled) {
            running.spawn(run(Arc::clone(timer), Arc::clone(app)));
        }
        running
    }
}

impl Timer {
    /// `None` for a function with another trigger.
    fn of(
        function: &Function,
        environment: &Environment,
        now: DateTime<Utc>,
    ) -> Option<Result<Self, String>> {
        let trigger = function
            .trigger()
            .filter(|trigger| trigger.is_type("timerTrigger"))?;
        let flag = |name| match trigger.property(name) {
            Some(Json::Bool(value)) => Some(*value),
            _ => None,
        };
        let schedule = match environment.resolve(trigger.text("schedule").unwrap_or_default()) {
            Ok(text) => Schedule::parse(&text).ok_or_else(|| {
                format!(
                    "The schedule expression '{text}' was not recognized as a valid cron expression or timespan \
                     string. Expected six fields (second minute hour day month weekday), such as '0 */5 * * * *', or \
                     a time span, such as '00:05:00'."
                )
            }),
            Err(problem) => Err(problem),
        };
        let schedule = match schedule {
            Ok(schedule) => schedule,
            Err(problem) => return Some(Err(problem)),
        };
        let monitored = flag("useMonitor").unwrap_or(true) && schedule.is_monitored(now);
        let status = monitored.then(|| {
            Mutex::new(ScheduleStatus {
                last: None,
                next: schedule.next_after(now),
                last_updated: now,
            })
        });
        Some(Ok(Self {
            function: function.clone(),
            schedule,
            run_on_startup: flag("runOnStartup").unwrap_or(false),
            status,
        }))
    }

    /// A `TimerInfo`.
    fn value(&self) -> Json {
        let status = self.status.as_ref().map(|status| {
            let status = status.lock().unwrap_or_else(PoisonError::into_inner);
            let text = |time: Option<DateTime<Utc>>| {
                time.map_or_else(|| NEVER.to_owned(), |time| time.to_rfc3339())
            };
            JsonObject::from_iter([
                ("Last", text(status.last)),
                ("Next", text(status.next)),
                ("LastUpdated", status.last_updated.to_rfc3339()),
            ])
        });
        let mut info = JsonObject::new();
        info.insert("Schedule", JsonObject::from_iter([("AdjustForDST", true)]));
        info.insert("ScheduleStatus", status.map_or(Json::Null, Json::Object));
        info.insert("IsPastDue", false);
        Json::Object(info)
    }

    fn has_fired(&self, time: DateTime<Utc>) {
        if let Some(status) = &self.status {
            let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
            *status = ScheduleStatus {
                last: Some(time),
                next: self.schedule.next_after(time),
                last_updated: time,
            };
        }
    }
}

async fn run(timer: Arc<Timer>, app: Arc<App>) {
    if timer.run_on_startup {
        fire(&timer, &app).await;
    }
    while let Some(next) = timer.schedule.next_after(Utc::now()) {
        app.log().system(
            LogLevel::Info,
            format!(
                "The next occurrence of the '{}' schedule will be: {}",
                timer.function.name,
                next.to_rfc3339()
            ),
        );
        // An early end of the last sleep would fire twice.
        while let Ok(left) = (next - Utc::now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
        fire(&timer, &app).await;
    }
}

/// Runs the function once, to its end.
async fn fire(timer: &Timer, app: &App) {
    let function = &timer.function;
    let now = Utc::now();
    let Some(trigger) = function.trigger() else {
        return;
    };
    let mut data = JsonObject::from_iter([(trigger.name.as_str(), timer.value().double_encoded())]);
    app.add_inputs(function, &mut data);
    let mut metadata = BindingData::new();
    metadata.insert_system(&function.name);
    let reason = format!("Timer fired at {}", now.to_rfc3339());
    let invocation = app.handler.begin(&function.name, &reason);
    let sent = invocation.send(data, metadata.into_metadata()).await;
    let error = sent.err().map(|error| error.to_string());
    invocation.end(error.as_deref());
    timer.has_fired(now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host_json::HostJson;

    /// The timers of an app with one function, and the errors in the log.
    fn timers(properties: &str, settings: &[(&str, &str)]) -> (Timers, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(
            root.path().join("host.json"),
            r#"{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"h"}}}"#,
        )
        .unwrap();
        std::fs::create_dir(root.path().join("tick")).unwrap();
        std::fs::write(
            root.path().join("tick/function.json"),
            format!(r#"{{"bindings":[{{"type":"timerTrigger","name":"timer",{properties}}}]}}"#),
        )
        .unwrap();
        let environment: Environment = settings.iter().copied().collect();
        let host = HostJson::read(root.path(), &environment).unwrap();
        let functions = crate::functions::load(root.path(), &host, &environment).unwrap();
        let log = Logger::memory();
        let timers = Timers::of(&functions, &environment, &log);
        let errors = log.messages().into_iter().map(|(_, text)| text);
        (timers, errors.collect())
    }

    fn status(properties: &str) -> Option<(String, String)> {
        let (timers, errors) = timers(properties, &[]);
        assert_eq!(errors, Vec::<String>::new());
        let value = timers.trigger_value("tick").unwrap().to_compact();
        let value: serde_json::Value = serde_json::from_str(&value).unwrap();
        assert_eq!(value["IsPastDue"], false);
        assert_eq!(value["Schedule"]["AdjustForDST"], true);
        let text = |name: &str| value["ScheduleStatus"][name].as_str().map(str::to_owned);
        Some((text("Last")?, text("Next")?))
    }

    #[test]
    fn a_monitored_timer_gets_its_times() {
        let (last, next) = status(r#""schedule":"0 0 0 1 1 *""#).unwrap();
        assert_eq!(last, NEVER);
        assert!(next.ends_with("-01-01T00:00:00+00:00"), "{next}");
        assert_eq!(
            status(r#""schedule":"0 0 0 1 1 *","useMonitor":false"#),
            None
        );
        assert_eq!(status(r#""schedule":"*/10 * * * * *""#), None);
    }

    #[test]
    fn the_time_of_the_last_run_is_told() {
        let (timers, _) = timers(r#""schedule":"0 0 0 1 1 *""#, &[]);
        timers.0[0].has_fired("2026-12-31T23:59:58Z".parse().unwrap());
        let value = timers.trigger_value("tick").unwrap().to_compact();
        let times = r#"{"Last":"2026-12-31T23:59:58+00:00","Next":"2027-01-01T00:00:00+00:00","LastUpdated":"2026-12-31T23:59:58+00:00"}"#;
        assert!(value.contains(times), "{value}");
    }

    #[test]
    fn a_schedule_may_be_a_setting() {
        let schedule = r#""schedule":"%TickSchedule%""#;
        let (found, errors) = timers(schedule, &[("TickSchedule", "00:05:00")]);
        assert_eq!((found.0.len(), errors.len()), (1, 0));
        let (found, errors) = timers(schedule, &[]);
        assert_eq!(found.0.len(), 0);
        assert!(
            errors[0].contains("'%TickSchedule%' does not resolve to a value."),
            "{errors:?}"
        );
    }

    #[test]
    fn a_schedule_that_is_none_is_an_error_and_its_function_does_not_run() {
        for schedule in [r#""schedule":"often""#, r#""schedule":5"#, r#""other":1"#] {
            let (found, errors) = timers(schedule, &[]);
            assert_eq!(found.0.len(), 0);
            assert!(
                errors[0].contains("was not recognized as a valid cron expression"),
                "{errors:?}"
            );
        }
    }
}
