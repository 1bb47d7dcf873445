//! Lists and pages.

use durable_protocol::messages::OrchestrationStatus;

use super::{Checked, Testbed, make};
use crate::changes::{Changes, EntityRecord};
use crate::query::{EntityFilter, InstanceFilter, PageRequest};
use crate::store::{Store, StoreError};

fn ids(
    store: &impl Store,
    filter: &InstanceFilter,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<String>, Option<String>), StoreError> {
    let page = store.instances(
        filter,
        &PageRequest {
            after: after.map(str::to_owned),
            limit,
        },
    )?;
    let ids = page.rows.into_iter().map(|row| row.id).collect();
    Ok((ids, page.next))
}

/// A hub that opens the store finds all its work.
///
/// # Errors
/// The store failed.
pub fn waiting_names_every_target_once_and_the_highest_number(
    testbed: &mut impl Testbed,
) -> Checked {
    let mut store = testbed.create()?;
    store.apply(Changes {
        sent: vec![
            make::message(3, "b"),
            make::message(1, "a"),
            make::message(2, "b"),
            make::message(4, "@e@k"),
        ],
        timers: vec![make::timer(9, "c", make::at(0))],
        scheduled: vec![make::activity(5, "d")],
        ..Changes::default()
    })?;
    store.commit()?;
    let store = testbed.crash(store)?;
    let mut waiting = store.waiting()?;
    waiting.targets.sort_unstable();
    assert_eq!(waiting.targets, ["@e@k", "a", "b"]);
    assert_eq!(waiting.activities, [5]);
    assert_eq!(waiting.last_number, 9);
    Ok(())
}

/// All conditions hold together, and times include their ends.
///
/// # Errors
/// The store failed.
pub fn instances_are_listed_by_status_time_and_prefix(testbed: &mut impl Testbed) -> Checked {
    use OrchestrationStatus::{Completed, Failed, Running};
    let mut store = testbed.create()?;
    let rows = [
        ("a1", Running, 1),
        ("a2", Completed, 2),
        ("a3", Failed, 3),
        ("b1", Completed, 4),
        ("c", Completed, 5),
    ];
    store.apply(Changes {
        instances: rows
            .map(|(id, status, created)| make::change(make::record(id, status, make::at(created))))
            .to_vec(),
        ..Changes::default()
    })?;
    let all = InstanceFilter::default();
    let list = |filter: InstanceFilter| ids(&store, &filter, None, 10).map(|(ids, _)| ids);
    assert_eq!(list(all.clone())?, ["a1", "a2", "a3", "b1", "c"]);
    assert_eq!(
        list(InstanceFilter {
            statuses: vec![Completed, Failed],
            ..all.clone()
        })?,
        ["a2", "a3", "b1", "c"]
    );
    assert_eq!(
        list(InstanceFilter {
            created_from: Some(make::at(2)),
            created_to: Some(make::at(4)),
            ..all.clone()
        })?,
        ["a2", "a3", "b1"]
    );
    assert_eq!(
        list(InstanceFilter {
            statuses: vec![Completed],
            created_to: Some(make::at(4)),
            prefix: "a".to_owned(),
            ..all.clone()
        })?,
        ["a2"]
    );
    let upper = InstanceFilter {
        prefix: "A".to_owned(),
        ..all
    };
    assert!(list(upper)?.is_empty(), "ids are case-sensitive");
    Ok(())
}

/// Page by page, with and without a filter.
///
/// # Errors
/// The store failed.
pub fn pages_have_every_row_once_in_the_order_of_the_ids(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let mut expected = Vec::new();
    for number in 0..25 {
        let id = format!(
            "{}{number}",
            if number % 2 == 0 { "even" } else { "\u{e9}" }
        );
        store.apply(make::instance(&id))?;
        expected.push(id);
    }
    expected.sort_unstable();
    for (prefix, limit) in [("", 7), ("even", 13), ("even", 4), ("\u{e9}", 12), ("", 25)] {
        let filter = InstanceFilter {
            prefix: prefix.to_owned(),
            ..InstanceFilter::default()
        };
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (mut rows, next) = ids(&store, &filter, after.as_deref(), limit)?;
            assert!(rows.len() <= limit);
            assert!(next.is_none() || next.as_ref() == rows.last());
            found.append(&mut rows);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let wanted = expected.iter().filter(|id| id.starts_with(prefix));
        assert!(found.iter().eq(wanted), "{prefix} {limit}: {found:?}");
    }
    Ok(())
}

/// Also when the row at the end of the page before is gone.
///
/// # Errors
/// The store failed.
pub fn a_page_goes_on_although_rows_came_and_went(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    for id in ["a", "b", "c", "d"] {
        store.apply(make::instance(id))?;
    }
    let all = InstanceFilter::default();
    let (rows, next) = ids(&store, &all, None, 2)?;
    assert_eq!(rows, ["a", "b"]);
    store.apply(Changes {
        purged: vec!["b".to_owned()],
        ..make::instance("aa")
    })?;
    let (rows, next) = ids(&store, &all, next.as_deref(), 2)?;
    assert_eq!(rows, ["c", "d"]);
    assert_eq!(next, None);
    Ok(())
}

/// `%`, `_`, `*`, `?` and `[` stand for themselves.
///
/// # Errors
/// The store failed.
pub fn a_prefix_has_no_wildcards(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let special = ["%x", "*x", "?x", "[a]x", "_x", "\\x"];
    for id in special.iter().chain(&["plain"]) {
        store.apply(make::instance(id))?;
    }
    for id in special {
        let filter = InstanceFilter {
            prefix: id.trim_end_matches('x').to_owned(),
            ..InstanceFilter::default()
        };
        assert_eq!(ids(&store, &filter, None, 10)?.0, [id]);
    }
    Ok(())
}

/// Entities without a state are listed on request only.
///
/// # Errors
/// The store failed.
pub fn entities_are_listed_by_time_and_prefix(testbed: &mut impl Testbed) -> Checked {
    let mut store = testbed.create()?;
    let entity = |id: &str, state: Option<&str>, modified: Option<i64>| EntityRecord {
        id: id.to_owned(),
        state: state.map(str::to_owned),
        locked_by: None,
        modified: modified.map(make::at),
    };
    store.apply(Changes {
        entities: vec![
            entity("@a@1", Some("1"), Some(1)),
            entity("@a@2", None, Some(2)),
            entity("@a@3", Some("3"), Some(3)),
            entity("@b@1", Some("1"), Some(4)),
            entity("@b@2", None, None),
        ],
        ..Changes::default()
    })?;
    let list = |filter: &EntityFilter, after: Option<&str>, limit: usize| {
        let page = store.entities(
            filter,
            &PageRequest {
                after: after.map(str::to_owned),
                limit,
            },
        )?;
        let ids: Vec<_> = page.rows.into_iter().map(|row| row.id).collect();
        Ok::<_, StoreError>((ids, page.next))
    };
    let all = EntityFilter::default();
    let (first, next) = list(&all, None, 2)?;
    assert_eq!(first, ["@a@1", "@a@3"]);
    assert_eq!(next.as_deref(), Some("@a@3"));
    assert_eq!(list(&all, next.as_deref(), 2)?.0, ["@b@1"]);
    let transient = EntityFilter {
        transient: true,
        ..all.clone()
    };
    assert_eq!(list(&transient, None, 10)?.0.len(), 5);
    let some = EntityFilter {
        modified_from: Some(make::at(2)),
        modified_to: Some(make::at(3)),
        prefix: "@a@".to_owned(),
        transient: true,
    };
    assert_eq!(list(&some, None, 10)?.0, ["@a@2", "@a@3"]);
    Ok(())
}
