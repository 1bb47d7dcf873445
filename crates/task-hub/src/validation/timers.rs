//! What becomes of timers.

use durable_protocol::Timestamp;

use super::{Checked, Testbed, make};
use crate::changes::{CancelledTimers, Changes};
use crate::store::{Store, StoreError};

fn due_numbers(store: &impl Store, now: Timestamp, limit: usize) -> Result<Vec<u64>, StoreError> {
    let due = store.due(now, limit)?;
    Ok(due.iter().map(|timer| timer.message.number).collect())
}

/// Times on both sides of 1970, and one hundred nanoseconds apart.
///
/// # Errors
/// The store failed.
pub fn timers_are_found_by_due_time_and_then_by_number(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let time = |seconds, nanos| Timestamp { seconds, nanos };
    store.apply(Changes {
        timers: vec![
            make::timer(5, "a", time(10, 200)),
            make::timer(4, "b", time(10, 100)),
            make::timer(3, "a", time(10, 200)),
            make::timer(2, "a", time(-10, 999_999_900)),
            make::timer(1, "a", time(-11, 0)),
            make::timer(6, "a", time(253_402_300_799, 999_999_900)),
        ],
        ..Changes::default()
    })?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert_eq!(store.next_due()?, Some(time(-11, 0)));
    assert_eq!(due_numbers(&store, make::at(0), 9)?, [1, 2, 4, 3, 5]);
    assert_eq!(due_numbers(&store, make::at(0), 2)?, [1, 2]);
    assert_eq!(due_numbers(&store, time(10, 100), 9)?, [1, 2, 4]);
    assert_eq!(
        store.due(time(-11, 0), 9)?,
        [make::timer(1, "a", time(-11, 0))]
    );
    Ok(())
}

/// Not by 100 ns.
///
/// # Errors
/// The store failed.
pub fn a_timer_is_not_found_before_its_time(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let due = make::at(0);
    store.apply(Changes {
        timers: vec![make::timer(1, "a", due)],
        ..Changes::default()
    })?;
    let before = Timestamp {
        nanos: due.nanos - 100,
        ..due
    };
    assert!(store.due(before, 9)?.is_empty());
    assert_eq!(store.due(due, 9)?.len(), 1);
    // A timer is no message yet.
    assert!(store.inbox("a")?.is_empty());
    assert!(store.waiting()?.targets.is_empty());
    Ok(())
}

/// Not those of another execution, another instance, or none.
///
/// # Errors
/// The store failed.
pub fn timers_are_cancelled_for_one_execution_only(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let mut other = make::timer(2, "a", make::at(0));
    other.message.execution = Some("e2".to_owned());
    let mut none = make::timer(3, "a", make::at(0));
    none.message.execution = None;
    store.apply(Changes {
        timers: vec![
            make::timer(1, "a", make::at(0)),
            other,
            none,
            make::timer(4, "b", make::at(0)),
        ],
        ..Changes::default()
    })?;
    store.apply(Changes {
        cancelled: vec![CancelledTimers {
            target: "a".to_owned(),
            execution: "e1".to_owned(),
        }],
        ..Changes::default()
    })?;
    assert_eq!(due_numbers(&store, make::at(1), 9)?, [2, 3, 4]);
    Ok(())
}

/// Its message has another number.
///
/// # Errors
/// The store failed.
pub fn a_fired_timer_is_gone(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    store.apply(Changes {
        timers: vec![make::timer(1, "a", make::at(0))],
        ..Changes::default()
    })?;
    store.commit()?;
    store.apply(Changes {
        fired: vec![1],
        sent: vec![make::message(2, "a")],
        ..Changes::default()
    })?;
    assert_eq!(store.next_due()?, None);
    assert!(store.due(make::at(1), 9)?.is_empty());
    assert_eq!(store.inbox("a")?, [make::message(2, "a")]);
    Ok(())
}
