//! What a commit and a crash do.

use durable_protocol::messages::OrchestrationStatus;

use super::{Checked, Testbed, make};
use crate::changes::{Changes, Payload};
use crate::store::Store;

/// Reads see a step at once.
///
/// # Errors
/// The store failed.
pub fn an_applied_step_is_visible_before_its_commit(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    store.apply(make::instance("a"))?;
    store.apply(Changes {
        sent: vec![make::message(1, "a")],
        ..Changes::default()
    })?;
    assert!(store.instance("a")?.is_some());
    assert_eq!(store.inbox("a")?, [make::message(1, "a")]);
    assert_eq!(store.waiting()?.targets, ["a"]);
    Ok(())
}

/// A crash takes the store back to its last commit.
///
/// # Errors
/// The store failed.
pub fn a_crash_loses_the_steps_that_were_not_committed_and_no_other(
    testbed: &mut impl Testbed,
) -> Checked {
    let mut store = testbed.create()?;
    let mut begin = make::instance("a");
    begin.sent = vec![make::message(1, "a"), make::message(2, "a")];
    begin.timers = vec![make::timer(3, "a", make::at(1))];
    begin.scheduled = vec![make::activity(4, "a")];
    store.apply(begin)?;
    store.commit()?;
    store.apply(Changes {
        consumed: vec![1],
        fired: vec![3],
        finished: vec![4],
        sent: vec![make::message(5, "a"), make::message(6, "b")],
        timers: vec![make::timer(7, "b", make::at(0))],
        ..make::instance("b")
    })?;
    let mut store = testbed.crash(store)?;
    assert!(store.instance("b")?.is_none());
    assert_eq!(
        store.inbox("a")?,
        [make::message(1, "a"), make::message(2, "a")]
    );
    assert!(store.inbox("b")?.is_empty());
    assert_eq!(store.next_due()?, Some(make::at(1)));
    assert_eq!(store.activity(4)?, Some(make::activity(4, "a")));
    assert_eq!(store.waiting()?.last_number, 4);
    // It works on.
    store.apply(make::instance("c"))?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert!(store.instance("a")?.is_some());
    assert!(store.instance("c")?.is_some());
    Ok(())
}

/// One commit covers all steps since the one before.
///
/// # Errors
/// The store failed.
pub fn steps_between_two_commits_are_durable_together(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    for id in ["a", "b", "c"] {
        let mut changes = make::instance(id);
        for change in &mut changes.instances {
            change.input = Payload::Set(Some(id.to_owned()));
        }
        store.apply(changes)?;
    }
    store.commit()?;
    let store = testbed.crash(store)?;
    for id in ["a", "b", "c"] {
        let record = make::record(id, OrchestrationStatus::Running, make::at(0));
        assert_eq!(store.instance(id)?, Some(record));
        assert_eq!(store.payloads(id)?.input.as_deref(), Some(id));
    }
    Ok(())
}

/// A commit may come without a step.
///
/// # Errors
/// The store failed.
pub fn a_commit_without_steps_changes_nothing(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    store.commit()?;
    store.apply(make::instance("a"))?;
    store.commit()?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert!(store.instance("a")?.is_some());
    Ok(())
}

/// A hub goes back to the last commit after an error.
///
/// # Errors
/// The store failed.
pub fn a_rollback_undoes_the_steps_that_were_not_committed_and_no_other(
    testbed: &mut impl Testbed,
) -> Checked {
    let mut store = testbed.create()?;
    store.rollback()?;
    let mut begin = make::instance("a");
    begin.sent = vec![make::message(1, "a")];
    store.apply(begin)?;
    store.commit()?;
    store.apply(Changes {
        consumed: vec![1],
        ..make::instance("b")
    })?;
    store.rollback()?;
    assert!(store.instance("b")?.is_none());
    assert_eq!(store.inbox("a")?, [make::message(1, "a")]);
    store.apply(make::instance("c"))?;
    store.commit()?;
    let store = testbed.crash(store)?;
    assert!(store.instance("b")?.is_none());
    assert!(store.instance("c")?.is_some());
    Ok(())
}
