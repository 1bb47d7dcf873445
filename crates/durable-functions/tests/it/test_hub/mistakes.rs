//! What a test is told when the code under test is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use durable_functions::testing::{TestError, TestErrorKind};
use durable_functions::{Event, OrchestrationContext, Orchestrator, RuntimeStatus};

use super::{BREAK, DOUBLE, hub};

const F: Orchestrator<u32, u32> = Orchestrator::new("f");
const GO: Event<u32> = Event::new("Go");

/// The text without the report, which is long.
fn first_lines(error: &TestError, count: usize) -> String {
    let lines: Vec<_> = error
        .to_string()
        .lines()
        .take(count)
        .map(str::to_owned)
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn an_id_that_a_client_refuses_is_refused() {
    let mut hub = hub().orchestrator(F, async |_: OrchestrationContext, n: u32| Ok(n));
    let error = hub.run(F, &3).with_id("order/3").await.unwrap_err();
    assert!(matches!(error.kind(), TestErrorKind::Refused(_)));
    assert_eq!(
        first_lines(&error, 1),
        "'order/3' is not a valid instance id: it must not contain / \\ # ? + or control characters"
    );
}

#[tokio::test]
async fn code_that_alternates_its_calls_is_shown_with_both_decisions() {
    let runs = Arc::new(AtomicU32::new(0));
    let mut hub = hub().orchestrator(F, move |ctx: OrchestrationContext, n: u32| {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            let activity = if run.is_multiple_of(2) { DOUBLE } else { BREAK };
            Ok(ctx.call(activity, n).await?)
        }
    });
    let id = hub.start(F, &3).with_id("a").await.unwrap();
    let error = hub.run_until_ended(&id).await.unwrap_err();
    let file = file!();
    let line = |text: &str| {
        let lines = include_str!("mistakes.rs").lines();
        let found = lines.zip(1..).find(|(it, _)| it.contains(text));
        found.unwrap().1
    };
    let call = line("Ok(ctx.call(activity, n)");
    assert_eq!(
        first_lines(&error, 3),
        format!(
            "orchestrator 'f' is not deterministic: two runs of the same turn of 'a' asked for different things\n  \
             one run:     #0 activity 'double' with the input 3 (at {file}:{call}:20)\n  \
             another run: #0 activity 'break' with the input 3 (at {file}:{call}:20)"
        )
    );
    let text = format!("{error:?}");
    assert!(text.contains("seed 0"), "{text}");
    assert!(
        text.contains("not delivered: ExecutionStarted f(3)"),
        "{text}"
    );
}

#[tokio::test]
async fn code_that_reads_the_clock_is_noticed() {
    let mut hub = hub().orchestrator(F, async |ctx: OrchestrationContext, _: u32| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(ctx.call(DOUBLE, now.subsec_nanos()).await?)
    });
    let error = hub.run(F, &3).await.unwrap_err();
    assert!(matches!(error.kind(), TestErrorKind::TurnsDiffer { .. }));
}

#[tokio::test]
async fn a_function_that_is_not_registered_is_named() {
    let mut hub = hub().orchestrator(F, async |ctx: OrchestrationContext, n: u32| {
        let child = Orchestrator::<u32, u32>::new("g");
        Ok(ctx.call_orchestrator(child, n).await?)
    });
    let error = hub.run(F, &3).await.unwrap_err();
    assert_eq!(
        first_lines(&error, 1),
        "orchestrator 'g' is called, and the test registers no orchestrator of this name (it registers 'f'): add \
         `.orchestrator(HANDLE, function)`"
    );
}

#[tokio::test]
async fn an_instance_that_waits_for_ever_is_shown_with_its_history() {
    let mut hub = hub().orchestrator(F, async |ctx: OrchestrationContext, n: u32| {
        ctx.call(DOUBLE, n).await?;
        Ok(ctx.wait_for(GO).await?)
    });
    let id = hub.start(F, &3).with_id("a").await.unwrap();
    let error = hub.run_until_ended(&id).await.unwrap_err();
    let status = RuntimeStatus::Running;
    let instance = "a".to_owned();
    assert_eq!(error.kind(), &TestErrorKind::Idle { instance, status });
    let report = error.to_string();
    for line in [
        "instance 'a' of f: Running",
        "  ExecutionStarted f(3)",
        "  #0 TaskScheduled double",
        "  TaskCompleted #0 6",
    ] {
        assert!(
            report.lines().any(|it| it.trim_end() == line),
            "{line}: {report}"
        );
    }
}

#[tokio::test]
async fn an_instance_that_failed_has_no_output() {
    let mut hub = hub().orchestrator(F, async |ctx: OrchestrationContext, n: u32| {
        Ok(ctx.call(BREAK, n).await?)
    });
    let error = hub.run(F, &3).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("' failed: Broken: activity 'break' (#0) failed: no luck with 3"),
        "{text}"
    );
    assert!(
        text.lines()
            .any(|it| it == "  TaskFailed #0 Broken: no luck with 3"),
        "{text}"
    );
}

#[tokio::test]
async fn an_unknown_instance_and_a_second_start_are_refused() {
    let mut hub = hub().orchestrator(F, async |ctx: OrchestrationContext, _: u32| {
        Ok(ctx.wait_for(GO).await?)
    });
    let unknown = hub.run_until_ended("nobody").await.unwrap_err();
    assert_eq!(unknown.kind(), &TestErrorKind::NoInstance("nobody".into()));
    hub.start(F, &1).with_id("a").await.unwrap();
    let taken = hub.start(F, &1).with_id("a").await.unwrap_err();
    assert!(matches!(taken.kind(), TestErrorKind::Refused(_)), "{taken}");
}
