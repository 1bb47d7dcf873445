//! What the rows are after steps.

use durable_protocol::Timestamp;
use durable_protocol::messages::OrchestrationStatus;
use prost::bytes::Bytes;

use super::{Checked, Testbed, make};
use crate::changes::{Changes, EntityRecord, HistoryChange, InstanceChange, Payload};
use crate::instance::{InstanceRecord, Payloads, Phase};
use crate::store::{Store, StoreError, Waiting};

fn events(texts: &[&str]) -> Vec<Bytes> {
    let texts = texts.iter();
    texts
        .map(|text| Bytes::from((*text).to_owned().into_bytes()))
        .collect()
}

fn with_history(store: &mut impl Store, id: &str, history: HistoryChange) -> Checked {
    let mut changes = make::instance(id);
    let mut known = 0;
    if !history.cleared
        && let Some(record) = store.instance(id)?
    {
        known = record.history;
    }
    for change in &mut changes.instances {
        change.record.history = known + history.appended.len() as u64;
        change.history = history.clone();
    }
    store.apply(changes)
}

fn appended(texts: &[&str]) -> HistoryChange {
    HistoryChange {
        appended: events(texts),
        ..HistoryChange::default()
    }
}

/// Every field, in all its forms.
///
/// # Errors
/// The store failed.
pub fn a_record_comes_back_as_it_was(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let full = make::record(
        "id '%_\u{e9}\u{0}",
        OrchestrationStatus::Failed,
        make::at(0),
    );
    let bare = InstanceRecord {
        id: "bare".to_owned(),
        custom_status: None,
        created: Timestamp {
            seconds: -62_135_596_800,
            nanos: 999_999_900,
        },
        phase: Phase::Scheduled,
        first_turn: None,
        earlier: 0,
        ..full.clone()
    };
    let ended = InstanceRecord {
        id: "ended".to_owned(),
        phase: Phase::Ended,
        status: OrchestrationStatus::Terminated,
        ..full.clone()
    };
    let records = [full, bare, ended];
    store.apply(Changes {
        instances: records.iter().cloned().map(make::change).collect(),
        ..Changes::default()
    })?;
    store.commit()?;
    let store = testbed.crash(store)?;
    for record in records {
        assert_eq!(store.instance(&record.id)?, Some(record));
    }
    Ok(())
}

/// Absent, empty and large payloads.
///
/// # Errors
/// The store failed.
pub fn payloads_change_only_when_they_are_set(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let large = "\u{1F600}\u{0}".repeat(200_000);
    let mut set = |input: Payload, output: Payload| -> Result<Payloads, StoreError> {
        let record = make::record("a", OrchestrationStatus::Running, make::at(0));
        store.apply(Changes {
            instances: vec![InstanceChange {
                input,
                output,
                ..make::change(record)
            }],
            ..Changes::default()
        })?;
        store.commit()?;
        store.payloads("a")
    };
    let some = |text: &str| Payload::Set(Some(text.to_owned()));
    let none = set(Payload::Keep, Payload::Keep)?;
    assert_eq!(none, Payloads::default());
    let first = set(some(&large), some(""))?;
    assert_eq!(first.input.as_deref(), Some(large.as_str()));
    assert_eq!(first.output.as_deref(), Some(""));
    let kept = set(Payload::Keep, some("out"))?;
    assert_eq!(kept.input.as_deref(), Some(large.as_str()));
    assert_eq!(kept.output.as_deref(), Some("out"));
    let removed = set(Payload::Set(None), Payload::Keep)?;
    assert_eq!(removed.input, None);
    assert_eq!(removed.output.as_deref(), Some("out"));
    Ok(())
}

/// Across steps and commits.
///
/// # Errors
/// The store failed.
pub fn events_are_appended_in_order(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    with_history(&mut store, "a", appended(&["1", ""]))?;
    store.commit()?;
    with_history(&mut store, "a", appended(&["3"]))?;
    with_history(&mut store, "b", appended(&["x"]))?;
    with_history(&mut store, "a", appended(&["4", "5"]))?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert_eq!(store.history("a")?, events(&["1", "", "3", "4", "5"]));
    assert_eq!(store.history("b")?, events(&["x"]));
    Ok(())
}

/// A rewind replaces events and may be followed by new ones.
///
/// # Errors
/// The store failed.
pub fn an_event_is_replaced_at_its_index(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    with_history(&mut store, "a", appended(&["1", "2", "3"]))?;
    let [second, fourth] = [Bytes::from_static(b"two"), Bytes::from_static(b"4")];
    with_history(
        &mut store,
        "a",
        HistoryChange {
            cleared: false,
            replaced: vec![(1, second)],
            appended: vec![fourth],
        },
    )?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert_eq!(store.history("a")?, events(&["1", "two", "3", "4"]));
    Ok(())
}

/// A history belongs to one execution.
///
/// # Errors
/// The store failed.
pub fn a_new_execution_clears_the_history_and_begins_it(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    with_history(&mut store, "a", appended(&["1", "2"]))?;
    let cleared = HistoryChange {
        cleared: true,
        ..appended(&["new"])
    };
    with_history(&mut store, "a", cleared)?;
    with_history(&mut store, "a", appended(&["more"]))?;
    assert_eq!(store.history("a")?, events(&["new", "more"]));
    Ok(())
}

/// Not in the order of arrival in the store.
///
/// # Errors
/// The store failed.
pub fn an_inbox_is_in_the_order_of_the_numbers(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    for numbers in [[9, 2], [10, 1], [300, 4]] {
        store.apply(Changes {
            sent: numbers
                .map(|number| make::message(number, "a"))
                .into_iter()
                .chain([make::message(numbers[0] + 1000, "b")])
                .collect(),
            ..Changes::default()
        })?;
    }
    let inbox = store.inbox("a")?;
    let numbers: Vec<u64> = inbox.iter().map(|message| message.number).collect();
    assert_eq!(numbers, [1, 2, 4, 9, 10, 300]);
    Ok(())
}

/// Messages are consumed one by one.
///
/// # Errors
/// The store failed.
pub fn consumed_messages_are_gone_and_others_stay(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let mut plain = make::message(3, "a");
    plain.execution = None;
    store.apply(Changes {
        sent: vec![make::message(1, "a"), make::message(2, "a"), plain.clone()],
        ..Changes::default()
    })?;
    store.apply(Changes {
        consumed: vec![1, 2],
        sent: vec![make::message(4, "a")],
        ..Changes::default()
    })?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert_eq!(store.inbox("a")?, [plain, make::message(4, "a")]);
    Ok(())
}

/// Also when their instance does not exist.
///
/// # Errors
/// The store failed.
pub fn activities_stay_until_they_are_finished(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    store.apply(Changes {
        scheduled: vec![make::activity(7, "a"), make::activity(5, "b")],
        ..Changes::default()
    })?;
    store.commit()?;
    assert_eq!(store.activity(7)?, Some(make::activity(7, "a")));
    assert_eq!(store.waiting()?.activities, [5, 7]);
    store.apply(Changes {
        finished: vec![7],
        ..Changes::default()
    })?;
    assert_eq!(store.activity(7)?, None);
    assert_eq!(store.waiting()?.activities, [5]);
    Ok(())
}

/// Every field, in all its forms.
///
/// # Errors
/// The store failed.
pub fn an_entity_comes_back_as_it_was(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let full = EntityRecord {
        id: "@e@k".to_owned(),
        state: Some(String::new()),
        locked_by: Some("a".to_owned()),
        modified: Some(make::at(0)),
    };
    let bare = EntityRecord {
        id: "@e@bare".to_owned(),
        ..EntityRecord::default()
    };
    store.apply(Changes {
        entities: vec![full.clone(), bare.clone()],
        ..Changes::default()
    })?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert_eq!(store.entity("@e@k")?, Some(full));
    assert_eq!(store.entity("@e@bare")?, Some(bare));
    Ok(())
}

/// Activities run although nobody waits for them, as on a real host.
///
/// # Errors
/// The store failed.
pub fn a_purge_removes_all_but_activities_of_one_id_only(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    for (number, id) in [(1, "a"), (11, "ab"), (21, "@e@k")] {
        with_history(&mut store, id, appended(&["1"]))?;
        store.apply(Changes {
            entities: vec![EntityRecord {
                id: id.to_owned(),
                ..EntityRecord::default()
            }],
            sent: vec![make::message(number, id)],
            timers: vec![make::timer(number + 1, id, make::at(0))],
            scheduled: vec![make::activity(number + 2, id)],
            ..Changes::default()
        })?;
    }
    store.apply(Changes {
        purged: vec!["a".to_owned(), "@e@k".to_owned(), "unknown".to_owned()],
        ..Changes::default()
    })?;
    store.commit()?;
    let mut store = testbed.crash(store)?;
    for id in ["a", "@e@k"] {
        assert_eq!(store.instance(id)?, None);
        assert_eq!(store.entity(id)?, None);
        assert!(store.history(id)?.is_empty());
        assert!(store.inbox(id)?.is_empty());
    }
    assert_eq!(store.history("ab")?, events(&["1"]));
    let due = store.due(make::at(1), 9)?;
    let numbers: Vec<u64> = due.iter().map(|timer| timer.message.number).collect();
    assert_eq!(numbers, [12]);
    let expected = Waiting {
        targets: vec!["ab".to_owned()],
        activities: vec![3, 13, 23],
        last_number: 23,
    };
    assert_eq!(store.waiting()?, expected);
    // The id can be used again.
    with_history(&mut store, "a", appended(&["new"]))?;
    assert_eq!(store.history("a")?, events(&["new"]));
    assert_eq!(store.payloads("a")?, Payloads::default());
    Ok(())
}

/// No error.
///
/// # Errors
/// The store failed.
pub fn an_unknown_id_has_nothing(testbed: &mut impl Testbed) -> Checked {
    let store = testbed.create()?;
    assert_eq!(store.instance("a")?, None);
    assert_eq!(store.payloads("a")?, Payloads::default());
    assert!(store.history("a")?.is_empty());
    assert!(store.inbox("a")?.is_empty());
    assert_eq!(store.activity(1)?, None);
    assert_eq!(store.entity("@e@k")?, None);
    assert_eq!(store.next_due()?, None);
    assert_eq!(store.waiting()?, Waiting::default());
    Ok(())
}
