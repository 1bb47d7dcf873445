//! Lists of many instances, against the store in memory.

use durable_protocol::messages::OrchestrationStatus::{
    self, Completed, Failed, Running, Terminated,
};
use task_hub::changes::Changes;
use task_hub::query::{InstanceFilter, PageRequest};
use task_hub::validation::{Testbed as _, make};
use task_hub::{MemoryStore, Store};

use super::Sqlite;

/// More than both of the limits of a list.
const INSTANCES: usize = 13_000;

/// Ids in blocks of one status, times against the order of the ids.
fn status(number: usize) -> OrchestrationStatus {
    match number {
        0..11_500 => Completed,
        11_500..11_510 => Failed,
        _ if number.is_multiple_of(100) => Terminated,
        _ => Running,
    }
}

fn id(number: usize) -> String {
    format!("i{number:05}")
}

fn created(number: usize) -> durable_protocol::Timestamp {
    make::at((INSTANCES - number) as i64)
}

fn fill(store: &mut impl Store) {
    for number in 0..INSTANCES {
        let record = make::record(&id(number), status(number), created(number));
        let changes = Changes {
            instances: vec![make::change(record)],
            ..Changes::default()
        };
        store.apply(changes).unwrap();
    }
    store.commit().unwrap();
}

/// The ids of all pages.
fn all(store: &impl Store, filter: &InstanceFilter, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { after, limit };
        let page = store.instances(filter, &page).unwrap();
        pages.push(page.rows.into_iter().map(|row| row.id).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[test]
fn filtered_lists_are_those_of_the_store_in_memory_wherever_the_matches_lie() {
    let mut memory = MemoryStore::new();
    let mut testbed = Sqlite::new();
    let mut sqlite = testbed.create().unwrap();
    fill(&mut memory);
    fill(&mut sqlite);
    let all_of = InstanceFilter::default();
    let with = |statuses: &[OrchestrationStatus]| InstanceFilter {
        statuses: statuses.to_vec(),
        ..all_of.clone()
    };
    let filters = [
        // Found along the ids, by the index, and by both.
        (with(&[Completed]), 5_000),
        (with(&[Failed]), 4),
        (with(&[Failed]), 100),
        (with(&[Failed, Terminated]), 7),
        (with(&[Running]), 500),
        (with(&[Running, Running, Failed]), 900),
        // So many matches that the index is left again.
        (
            InstanceFilter {
                prefix: "i12".to_owned(),
                ..with(&[Completed])
            },
            10,
        ),
        (
            InstanceFilter {
                created_from: Some(created(12_990)),
                created_to: Some(created(50)),
                prefix: "i1".to_owned(),
                ..with(&[Completed, Terminated])
            },
            600,
        ),
        (
            InstanceFilter {
                created_to: Some(created(12_500)),
                ..all_of.clone()
            },
            77,
        ),
        (
            InstanceFilter {
                created_to: Some(created(2_500)),
                ..all_of.clone()
            },
            3_000,
        ),
        (
            InstanceFilter {
                created_from: Some(created(12_501)),
                created_to: Some(created(12_501)),
                ..all_of.clone()
            },
            1,
        ),
    ];
    for (filter, limit) in filters {
        let expected = all(&memory, &filter, limit);
        assert_eq!(all(&sqlite, &filter, limit), expected, "{filter:?} {limit}");
    }
}
