//! The handler of the end-to-end tests: the functions of the product, one of which panics on a certain day, and
//! functions that misbehave in other ways. Their folders are in tests/apps/misbehaving.
#![allow(clippy::panic)] // Panicking is what this program is for.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    process::ExitCode,
    time::Duration,
};

use durable_functions::{
    Activity, ActivityContext, AppExt, OrchestrationContext, Orchestrator, Result, TaskError,
};
use function_app::{
    audit::{AuditTable, SliceLimits},
    functions::{
        clear_activity::{CLEAR_ACTIVITY, clear_activity},
        merge_activity::{MERGE_ACTIVITY, merge_activity},
        process_submission::{JobInput, PROCESS_SUBMISSION, process_submission},
        query_activity::{QUERY_ACTIVITY, Queried, QueryInput, query_activity},
    },
    logging,
    scratch::Scratch,
    settings::Settings,
};
use functions_handler::routing::get;
use functions_handler::{Answer, App, FunctionError, Invocation, Message, logs, output::Output};
use serde::{Deserialize, Serialize};

/// The activity of a job that starts on this day panics.
const DAY_OF_PANIC: &str = "1999-12-31";

/// Jobs that start on these days count nothing: their custom status is a decision, as that of a submission to a
/// conference.
const DAYS_OF_DECISIONS: [(&str, &str); 2] =
    [("1999-12-29", "Approved"), ("1999-12-30", "Rejected")];

/// The address of a server of the test. The handler asks it when it has started a job, and waits until it answers. So a
/// test can kill the handler before it does anything else.
const ASK_WHEN_STARTED: &str = "ASK_WHEN_STARTED";
/// What the function app logs when it has started a job.
const STARTED: &[u8] = b"job started";

const MISBEHAVE: Orchestrator<Misbehaviour, Outcome> = Orchestrator::new("misbehave");
const SLEEP: Activity<u64, ()> = Activity::new("sleep");

/// What the orchestrator `misbehave` does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Misbehaviour {
    /// It calls an activity that sleeps for this many seconds.
    Sleep(u64),
    /// It panics.
    Panic,
}

/// What became of the activity: the type of its failure, if it failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    failure: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match app() {
        Ok(app) => app.serve().await.exit(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn app() -> Result<App<function_app::AppState>, Box<dyn std::error::Error>> {
    match std::env::var(ASK_WHEN_STARTED) {
        Ok(address) => {
            let lines = logging::builder().build(move || Asking(address.clone()))?;
            tracing::subscriber::set_global_default(lines)?;
            logs::hook_panics();
        }
        Err(_) => logging::builder().init()?,
    }
    let mut settings = Settings::from_env()?;
    if std::env::var_os("JOBS_EXPIRE_AT_ONCE").is_some() {
        settings.jobs.retention = Some(Duration::ZERO);
    }
    if std::env::var_os("TOMBSTONES_EXPIRE_AT_ONCE").is_some() {
        settings.jobs.tombstones = Duration::ZERO;
    }
    let table = AuditTable::open(&settings.storage, settings.query.clone())?;
    let scratch = Scratch::open(&settings.scratch, &settings.query)?;
    let (of_merge, of_clear) = (scratch.clone(), scratch.clone());
    let limits = limits();
    Ok(function_app::app_without_job(settings)?
        .orchestrator(PROCESS_SUBMISSION, process_or_decide)
        .activity(QUERY_ACTIVITY, move |context, input| {
            query_or_panic(context, (table.clone(), scratch.clone()), limits, input)
        })
        .activity(MERGE_ACTIVITY, move |context, input| {
            merge_activity(context, of_merge.clone(), input)
        })
        .activity(CLEAR_ACTIVITY, move |context, scope| {
            clear_activity(context, of_clear.clone(), scope)
        })
        .http(
            "client-binding",
            get(client_binding).with_route("client-binding"),
        )
        .http("process-id", get(process_id).with_route("process-id"))
        .http(
            "panic-at-once",
            get(panic_at_once).with_route("panic-at-once"),
        )
        .function("on-message", on_message)
        .orchestrator(MISBEHAVE, misbehave)
        .activity(SLEEP, sleep))
}

async fn process_or_decide(context: OrchestrationContext, input: JobInput) -> Result<u64> {
    let start = input.range.start().to_string();
    match DAYS_OF_DECISIONS.iter().find(|(day, _)| *day == start) {
        Some((_, decision)) => {
            context.set_custom_status(decision);
            Ok(0)
        }
        None => process_submission(context, input).await,
    }
}

/// The limits of a slice, lowered by a test so that small tables spill and are read in several turns.
fn limits() -> SliceLimits {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let default = SliceLimits::default();
    SliceLimits {
        time: number("SLICE_MILLIS").map_or(default.time, |it| Duration::from_millis(it.into())),
        inline: number("SLICE_INLINE").map_or(default.inline, |it| it as usize),
        in_memory: number("SLICE_IN_MEMORY").map_or(default.in_memory, |it| it as usize),
    }
}

async fn query_or_panic(
    context: ActivityContext,
    tables: (AuditTable, Scratch),
    limits: SliceLimits,
    input: QueryInput,
) -> Result<Queried> {
    if input.range.start().to_string() == DAY_OF_PANIC {
        panic!("the internal text of a panic");
    }
    query_activity(context, tables, limits, input).await
}

/// Answers with the address of the task hub, for tests. No real function may do that.
async fn client_binding(invocation: Invocation) -> String {
    let binding = invocation.data("starter").map(|value| value.text());
    match binding {
        Some(Ok(Some(text))) => text.into_owned(),
        _ => String::new(),
    }
}

async fn process_id() -> String {
    std::process::id().to_string()
}

async fn panic_at_once() -> String {
    panic!("the internal text of a panic");
}

/// Never ends with the first delivery of a message, and takes every other.
async fn on_message(invocation: Invocation) -> Result<Answer, FunctionError> {
    let message = Message::of(&invocation, "message")?;
    if message.delivery_count() == Some(1) {
        println!("a message is held");
        std::future::pending::<()>().await;
    }
    Ok(Answer::new())
}

async fn misbehave(context: OrchestrationContext, misbehaviour: Misbehaviour) -> Result<Outcome> {
    match misbehaviour {
        Misbehaviour::Sleep(seconds) => {
            let slept = context.call(SLEEP, seconds).await;
            let failure = slept.map_err(TaskError::into_failure).err();
            Ok(Outcome {
                failure: failure.map(|failure| failure.error_type().to_owned()),
            })
        }
        Misbehaviour::Panic => panic!("the internal text of a panic"),
    }
}

async fn sleep(_: ActivityContext, seconds: u64) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(())
}

/// Writes lines of the log to the standard output. After the line that says that a job was started it asks the test.
struct Asking(String);

impl Write for Asking {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Output::stdout().write(line);
        if line.windows(STARTED.len()).any(|part| part == STARTED) {
            let mut test = TcpStream::connect(&self.0)?;
            // One byte, or the end of the test.
            test.read(&mut [0])?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
