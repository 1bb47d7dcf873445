//! Messages of a real queue, under local-host: each reaches its function, and none is lost.
#![cfg(unix)]

use super::support::{
    app_folder::AppFolder,
    fake_table::{FakeTable, Step},
    host::{Host, Launch, send_signal},
    queues::{Queues, Visible},
};

/// The queue of tests/apps/misbehaving/on-message, which holds the first delivery of each message.
const HELD: &str = "held-messages";

/// The functions of these tests read no table.
const NO_TABLE: &str = "AccountName=a;AccountKey=aw==;TableEndpoint=http://127.0.0.1:9/a";

async fn with_held_messages(queues: &Queues) -> (Launch, Host) {
    let launch = AppFolder::misbehaving(NO_TABLE)
        .setting("Queues", &queues.connection_string())
        .launch();
    let host = launch.start().await;
    host.logged("on-message: reading the queue 'held-messages'", 1)
        .await;
    (launch, host)
}

/// Waits until the message has been taken by its second delivery.
async fn taken_at_the_second_delivery(host: &Host, queues: &Queues) {
    host.logged("on-message: Trigger Details: MessageId: ", 1)
        .await;
    host.logged(", DequeueCount: 2, InsertedOn: ", 1).await;
    host.logged("Executed 'Functions.on-message' (Succeeded", 1)
        .await;
    while queues.count(HELD).await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_message_starts_a_job_and_a_malformed_one_is_in_the_poison_queue_after_five_tries() {
    let queues = Queues::start();
    let table = FakeTable::start(vec![Step::page(&["1", "2", "2"])]).await;
    let host = AppFolder::product(&table.connection_string())
        .queue_trigger(&queues.connection_string())
        .start()
        .await;
    host.logged("submit-event: reading the queue 'submit-events'", 1)
        .await;
    let malformed = r#"{"sessionId":"secret-session","start":"never"}"#;
    queues.put("submit-events", malformed).await;
    let job = r#"{"sessionId":"secret-session","start":"2021-01-01","end":"2021-01-31"}"#;
    queues.put("submit-events", job).await;

    host.logged("Executed 'Functions.submit-event' (Succeeded", 1)
        .await;
    host.logged("Executed 'Functions.query-activity' (Succeeded", 1)
        .await;
    host.logged(
        "Message has reached MaxDequeueCount of 5. Moving message to queue 'submit-events-poison'.",
        1,
    )
    .await;
    while queues.count("submit-events").await > 0 {
        tokio::task::yield_now().await;
    }
    let poison = queues.visible("submit-events-poison").await;
    let texts: Vec<_> = poison.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, [malformed]);
    let log = host.log();
    let deliveries = log.matches("submit-event: Trigger Details: MessageId: ");
    assert_eq!(deliveries.count(), 6, "{log}");
    assert!(!log.contains("secret-session"), "{log}");
}

#[tokio::test]
async fn a_message_whose_handler_is_killed_is_delivered_again() {
    let queues = Queues::start();
    let (_launch, host) = with_held_messages(&queues).await;
    queues.put(HELD, "text").await;
    host.logged("a message is held", 1).await;
    send_signal(*host.handlers().last().unwrap(), "KILL");
    taken_at_the_second_delivery(&host, &queues).await;
}

#[tokio::test]
async fn a_message_under_way_at_ctrl_c_is_visible_at_once_and_delivered_by_the_next_host() {
    let queues = Queues::start();
    let (launch, mut host) = with_held_messages(&queues).await;
    queues.put(HELD, "text").await;
    host.logged("a message is held", 1).await;
    assert_eq!(host.stop("INT").await, Some(0));
    assert_eq!(
        queues.visible(HELD).await,
        [Visible {
            text: "text".to_owned(),
            dequeue_count: 1
        }]
    );
    let host = launch.start().await;
    taken_at_the_second_delivery(&host, &queues).await;
}

#[tokio::test]
async fn an_emulator_that_comes_late_or_goes_away_is_used_as_soon_as_it_is_there() {
    let mut queues = Queues::stopped();
    let launch = AppFolder::misbehaving(NO_TABLE)
        .setting("Queues", &queues.connection_string())
        .launch();
    let host = launch.start().await;
    host.logged(
        "on-message: the queue 'held-messages' cannot be read: nothing answers at http://127.0.0.1:",
        1,
    )
    .await;
    queues.start_again();
    host.logged("on-message: reading the queue 'held-messages'", 1)
        .await;
    queues.put(HELD, "text").await;
    host.logged("a message is held", 1).await;
    queues.stop();
    // The function fails while the emulator is away.
    send_signal(*host.handlers().last().unwrap(), "KILL");
    host.logged("on-message: the queue 'held-messages' cannot be read", 2)
        .await;
    queues.start_again();
    taken_at_the_second_delivery(&host, &queues).await;
}
