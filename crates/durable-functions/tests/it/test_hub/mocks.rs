//! Activities that a test stands in for, and what a test does at moments of the hub's time.

use std::time::{Duration, SystemTime};

use durable_functions::testing::{Faults, TestErrorKind, TestHub};
use durable_functions::{
    Activity, Event, Failure, HttpRequest, OrchestrationContext, Orchestrator, Result, RetryPolicy,
    RuntimeStatus,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const CHARGE: Activity<u32, String> =
    Activity::new("charge").with_retry(RetryPolicy::new(3, MINUTE));
const ORDER: Orchestrator<u32, String> = Orchestrator::new("order");
const APPROVED: Event<bool> = Event::new("Approved");
const APPROVAL: Orchestrator<(), String> = Orchestrator::new("approval");

async fn order(ctx: OrchestrationContext, cents: u32) -> Result<String> {
    Ok(ctx.call(CHARGE, cents).await?)
}

/// Waits for a day.
async fn approval(ctx: OrchestrationContext, (): ()) -> Result<String> {
    let answer = ctx.timeout(24 * HOUR, ctx.wait_for(APPROVED)).await;
    let answer = answer.ok().transpose()?;
    Ok(match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "no answer",
    }
    .to_owned())
}

fn hub() -> TestHub {
    TestHub::new()
        .orchestrator(ORDER, order)
        .orchestrator(APPROVAL, approval)
}

#[tokio::test]
async fn a_mock_fails_so_often_as_it_is_told_and_records_its_calls() {
    let mut hub = hub();
    let charge = hub.mock(CHARGE, |cents| Ok(format!("receipt for {cents}")));
    charge.fail_next(2, Failure::new("Busy", "later"));
    assert_eq!(hub.run(ORDER, &700).await.unwrap(), "receipt for 700");
    assert_eq!(charge.calls(), [700, 700, 700]);
    charge.fail_next(3, Failure::new("Busy", "later"));
    let error = hub.run(ORDER, &800).with_id("b").await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("'b' failed: Busy: activity 'charge' (#"),
        "{text}"
    );
    assert_eq!(charge.count(), 6);
    let failure = hub.failure("b").unwrap();
    assert_eq!(failure.error_type(), "Busy");
    charge.return_next(["late".to_owned()]);
    let again = hub.restart_as_new("b").unwrap();
    hub.run_until_ended(&again).await.unwrap();
    assert_eq!(hub.output::<String>(&again).unwrap(), "late");
    let error = hub.failure(&again).unwrap_err();
    let text = format!("'{again}' has not failed: it is Completed");
    assert!(error.to_string().starts_with(&text), "{error}");
}

#[tokio::test]
async fn a_mock_answers_differently_from_call_to_call() {
    let mut hub = hub();
    let mut number = 0;
    let charge = hub.mock(CHARGE, move |_| {
        number += 1;
        Ok(format!("receipt {number}"))
    });
    assert_eq!(hub.run(ORDER, &1).await.unwrap(), "receipt 1");
    charge.return_next(["first".to_owned(), "second".to_owned()]);
    for expected in ["first", "second", "receipt 2"] {
        assert_eq!(hub.run(ORDER, &1).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_mock_takes_the_place_of_a_registered_activity_and_the_other_way_round() {
    let mut hub = hub().activity(CHARGE, async |_, _| Ok("real".to_owned()));
    hub.mock(CHARGE, |_| Ok("mocked".to_owned()));
    assert_eq!(hub.run(ORDER, &1).await.unwrap(), "mocked");
    let mut hub = hub.activity(CHARGE, async |_, _| Ok("real".to_owned()));
    assert_eq!(hub.run(ORDER, &1).await.unwrap(), "real");
}

#[tokio::test]
async fn a_mock_that_panics_is_an_activity_that_fails() {
    let mut hub = hub();
    hub.mock(CHARGE, |_| panic!("no"));
    let error = hub.run(ORDER, &1).await.unwrap_err();
    assert!(error.to_string().contains("Panic: "), "{error}");
}

#[tokio::test]
async fn faults_repeat_the_calls_of_a_mock_and_not_their_outcome() {
    let mut hub = hub().with_faults(Faults::none().lost_answers(50));
    let charge = hub.mock(CHARGE, |cents| Ok(cents.to_string()));
    for cents in 0..20 {
        assert_eq!(hub.run(ORDER, &cents).await.unwrap(), cents.to_string());
    }
    assert!(charge.count() > 20);
}

#[tokio::test]
async fn an_event_arrives_at_its_moment_and_before_a_timer_of_the_same_moment() {
    for (hours, expected) in [(0, "yes"), (23, "yes"), (24, "yes"), (25, "no answer")] {
        let mut hub = hub();
        hub.at(hours * HOUR, |hub| match hub.raise("a", APPROVED, &true) {
            // Too late, which is what this test is about.
            Err(error) if matches!(error.kind(), TestErrorKind::Refused(_)) => Ok(()),
            other => other,
        });
        let output = hub.run(APPROVAL, &()).with_id("a").await.unwrap();
        assert_eq!(output, expected, "{hours}");
        hub.run_until_idle().await.unwrap();
    }
}

#[tokio::test]
async fn moments_come_in_the_order_of_time_and_those_of_one_time_in_the_order_of_the_code() {
    let mut hub = hub();
    hub.at(3 * HOUR, |hub| hub.resume("a", "back"));
    hub.at(HOUR, |hub| hub.suspend("a", "lunch"));
    hub.at(2 * HOUR, |hub| hub.raise("a", APPROVED, &false));
    hub.at(2 * HOUR, |hub| hub.raise("a", APPROVED, &true));
    let began = hub.now();
    assert_eq!(hub.run(APPROVAL, &()).with_id("a").await.unwrap(), "no");
    assert_eq!(hub.now(), began + 3 * HOUR);
}

#[tokio::test]
async fn an_instance_is_terminated_at_its_moment() {
    let mut hub = hub();
    hub.at(HOUR, |hub| hub.terminate("a", "enough"));
    let error = hub.run(APPROVAL, &()).with_id("a").await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("'a' has no output, because it is Terminated: enough"),
        "{text}"
    );
}

#[tokio::test]
async fn a_mock_begins_to_fail_at_its_moment() {
    const FOR_EVER: Orchestrator<u32, u32> = Orchestrator::new("forEver");
    const POLL: Activity<u32, ()> = Activity::new("poll");
    let mut hub = TestHub::new().orchestrator(FOR_EVER, async |ctx: OrchestrationContext, n| {
        if ctx.call(POLL, n).await.is_err() {
            return Ok(n);
        }
        ctx.sleep(HOUR).await;
        ctx.continue_as_new(FOR_EVER, n + 1).await
    });
    let poll = hub.mock(POLL, |_| Ok(()));
    hub.at(10 * HOUR + MINUTE, move |_| {
        poll.fail_next(1, Failure::new("Gone", "no"));
        Ok(())
    });
    assert_eq!(hub.run(FOR_EVER, &0).await.unwrap(), 11);
}

#[tokio::test]
async fn an_action_at_a_moment_that_fails_ends_the_run_with_its_error() {
    let mut hub = hub();
    hub.at(HOUR, |hub| hub.raise("nobody", APPROVED, &true));
    let error = hub.run(APPROVAL, &()).with_id("a").await.unwrap_err();
    assert!(matches!(error.kind(), TestErrorKind::Refused(_)), "{error}");
}

#[tokio::test]
async fn a_start_has_id_and_tags_and_a_time() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut hub = hub().starting_at(start);
    hub.mock(CHARGE, |_| Ok(String::new()));
    let id = hub
        .start(ORDER, &1)
        .with_id("later")
        .with_tag("team", "a")
        .scheduled_at(start + HOUR)
        .await
        .unwrap();
    assert_eq!(id, "later");
    hub.advance(HOUR - MINUTE).await.unwrap();
    let status = hub.status(&id).unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Pending);
    hub.advance(MINUTE).await.unwrap();
    let status = hub.status(&id).unwrap().unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Completed);
    assert_eq!(hub.now(), start + HOUR);
}

#[tokio::test]
async fn durable_http_calls_are_answered_and_polled_without_a_server() {
    const REPORT: Orchestrator<(), String> = Orchestrator::new("report");
    let mut hub = TestHub::new().orchestrator(REPORT, async |ctx: OrchestrationContext, (): ()| {
        let request = HttpRequest::post("https://shop.example/reports").header("x-team", "a");
        let response = ctx.call_http(request.body("all")).await?;
        Ok(response.error_for_status()?.into_text())
    });
    let mut polls = 0;
    hub.mock_http(move |request| {
        if request.method() == "POST" {
            assert_eq!(request.headers()["x-team"], "a");
            assert_eq!(request.body(), "all");
        } else {
            assert_eq!(request.uri(), "https://shop.example/reports/1");
            polls += 1;
        }
        let response = http::Response::builder();
        Ok(match polls {
            2 => response.status(200).body("done".to_owned())?,
            _ => response
                .status(202)
                .header("Location", "/reports/1")
                .header("Retry-After", "60")
                .body(String::new())?,
        })
    });
    let began = hub.now();
    assert_eq!(hub.run(REPORT, &()).await.unwrap(), "done");
    assert_eq!(hub.now(), began + 2 * MINUTE);
    hub.mock_http(|_| Ok(http::Response::builder().status(503).body(String::new())?));
    let error = hub.run(REPORT, &()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("HttpStatus: the HTTP response is 503"),
        "{error}"
    );
}

#[tokio::test]
async fn a_durable_http_call_that_nothing_answers_names_the_mock() {
    const GET: Orchestrator<(), String> = Orchestrator::new("get");
    let mut hub = TestHub::new().orchestrator(GET, async |ctx: OrchestrationContext, (): ()| {
        let request = HttpRequest::get("https://shop.example/");
        Ok(ctx.call_http(request).await?.into_text())
    });
    let error = hub.run(GET, &()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("add `hub.mock_http(|request| Ok(response))`"),
        "{error}"
    );
}
