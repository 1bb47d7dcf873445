//! A handler that dies.
#![cfg(unix)]

use super::*;
use crate::support::host::send_signal;

#[tokio::test]
async fn a1_6_a_killed_handler_ends_no_submission_and_repeats_no_stage() {
    let host = AppFolder::example("call-for-speakers")
        .setting("ModerationSeconds", "0.2")
        .setting("ShortlistingSeconds", "3")
        .setting("SelectionSeconds", "0.2")
        .start()
        .await;
    let client = host.client();
    let (id, location) = submit(client, APPROVED).await;
    in_stage(client, &location, "Shortlisting").await;
    send_signal(host.handlers()[0], "KILL");
    host.logged("Worker process started and initialized.", 2)
        .await;
    let done = poll(client, &location, |answer| answer.status == 200).await;
    assert_eq!(done.body, accepted(&id));
    assert_eq!(host.handlers().len(), 2);
    let invoked = ["moderate", "shortlist", "select"].map(|stage| succeeded(&host, stage));
    assert_eq!(invoked, [1, 1, 1]);
}
