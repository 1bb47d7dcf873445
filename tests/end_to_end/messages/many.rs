//! Many messages, delivered in any order and more than once.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::json;

use super::*;
use crate::support::random::Random;

/// A job for these days counts nothing: see tests/apps/misbehaving.rs.
const DAYS: (&str, &str) = ("1999-12-29", "1999-12-30");
const MESSAGES: usize = 10_000;
const SESSIONS: u64 = 100;
/// Deliveries at the same time.
const AT_ONCE: usize = 64;

#[tokio::test]
async fn row_3_many_messages_delivered_up_to_three_times_start_one_job_each_in_the_right_session() {
    let (table, store) = (table().await, Sessions::new(MemoryStore::new()));
    let host = start(&table).await;
    let (router, binding) = (handler(store.clone()), binding(&host).await);
    let mut random = Random::new();
    let session_of: Vec<u64> = (0..MESSAGES).map(|_| random.below(SESSIONS)).collect();
    let mut deliveries = Vec::new();
    for (message, session) in session_of.iter().enumerate() {
        for count in 0..=random.below(3) {
            deliveries.push((message, session, count + 1));
        }
    }
    random.shuffle(&mut deliveries);

    let taken = deliveries.iter().map(|(message, session, count)| {
        let (start, end) = DAYS;
        let text = json!({ "sessionId": format!("s-{session}"), "start": start, "end": end });
        let time = format!("2026-01-01T00:00:{:02}", message / 1000);
        let delivery = Delivery::of(text.to_string())
            .with("MessageId", format!("m-{message}"))
            .with("SequenceNumber", *message)
            .with("EnqueuedTimeUtc", time)
            .with("DeliveryCount", *count);
        let (router, binding) = (&router, &binding);
        async move { delivery.to_handler(router, binding).await }
    });
    let taken: Vec<bool> = stream::iter(taken)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(taken.iter().all(|taken| *taken));

    for session in 0..SESSIONS {
        let newest_first = (0..MESSAGES).rev().filter(|it| session_of[*it] == session);
        let expected: Vec<_> = newest_first.map(|it| job_id(&format!("m-{it}"))).collect();
        let found = jobs_of(&store, &format!("s-{session}")).await;
        assert_eq!(found.unwrap_or_default(), expected, "session {session}");
    }
    let expected: BTreeSet<_> = (0..MESSAGES).map(|it| job_id(&format!("m-{it}"))).collect();
    let found = instances(&TaskHub::of(&host).await).await;
    assert_eq!(found.len(), MESSAGES);
    assert_eq!(BTreeSet::from_iter(found), expected);
}
