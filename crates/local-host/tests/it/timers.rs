//! Timer triggers fire by themselves.

use crate::support::{Host, Options};

async fn start(timer: &'static str) -> Host {
    Host::start_options(Options {
        timer: Some(timer),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_timer_fires_at_its_times_one_after_the_other() {
    let host = start(
        r#"{"bindings":[{"type":"timerTrigger","name":"tick","schedule":"* * * * * *"},{"type":"durableClient","direction":"in","name":"starter"}]}"#,
    )
    .await;
    host.handler.answer_json("{}");
    host.handler.answer_json("{}");
    for _ in 0..2 {
        let received = host.handler.next_received().await;
        assert_eq!(received.target(), "/timer");
        let data = &received.json()["Data"];
        assert_eq!(data["tick"]["IsPastDue"], false);
        assert_eq!(data["tick"]["Schedule"]["AdjustForDST"], true);
        assert!(data["starter"].as_str().unwrap().contains("MyHub"));
        assert_eq!(received.json()["Metadata"]["sys"]["MethodName"], "timer");
    }
    let log: Vec<_> = host
        .log
        .messages()
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert!(
        log.iter()
            .any(|line| line.contains("Executed 'Functions.timer' (Succeeded")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_timer_with_run_on_startup_fires_at_once() {
    let host = start(
        r#"{"bindings":[{"type":"timerTrigger","name":"tick","schedule":"0 0 0 1 1 *","runOnStartup":true}]}"#,
    )
    .await;
    assert_eq!(host.handler.next_received().await.target(), "/timer");
}
