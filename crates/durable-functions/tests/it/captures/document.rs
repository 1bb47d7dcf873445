//! `docs/captures.md` says what the tests find.

use std::fs;
use std::path::PathBuf;

use crate::captures::case::{self, Case, Turn};
use crate::captures::differences;

/// The last line of the table's head.
const TABLE: &str = "|---|---|---|---|";
const CLIENTS: &str = "clients or bindings only";

/// How the exchanges of a case compare.
#[derive(Default)]
struct Tally {
    turns: Count,
    batches: Count,
    /// Reasons and the exchanges they are for, in their order.
    others: Vec<(&'static str, Vec<u32>)>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    all: usize,
    same: usize,
}

impl Count {
    fn add(&mut self, other: Count) {
        self.all += other.all;
        self.same += other.same;
    }

    fn cell(self) -> String {
        match self.all {
            0 => String::new(),
            all => format!("{} of {all}", self.same),
        }
    }
}

impl Tally {
    fn of(case: &Case) -> Self {
        let mut tally = Tally::default();
        tally.turns = tally.count(case, &case.turns);
        tally.batches = tally.count(case, &case.entity_batches);
        tally
    }

    fn count(&mut self, case: &Case, exchanges: &[Turn]) -> Count {
        let all = exchanges.len();
        let mut same = all;
        for exchange in exchanges {
            if let Some(difference) = differences::of(&case.name, exchange.n) {
                same -= 1;
                self.note(difference.reason, exchange.n);
            }
        }
        Count { all, same }
    }

    fn note(&mut self, reason: &'static str, exchange: u32) {
        match self.others.last_mut() {
            Some((last, numbers)) if *last == reason => numbers.push(exchange),
            _ => self.others.push((reason, vec![exchange])),
        }
    }

    fn remarks(&self) -> String {
        if self.turns.all + self.batches.all == 0 {
            return CLIENTS.to_owned();
        }
        let others = self.others.iter();
        let remarks = others.map(|(reason, exchanges)| format!("{}: {reason}", numbers(exchanges)));
        remarks.collect::<Vec<_>>().join("<br>")
    }
}

/// The rows of the table: how many turns and batches give the recorded answer, and why the others do
/// not.
fn rows() -> Vec<String> {
    let (mut cases, mut turns, mut batches) = (0, Count::default(), Count::default());
    let mut rows = Vec::new();
    for name in case::names() {
        let tally = Tally::of(&case::load(&name));
        rows.push(format!(
            "| `{name}` | {} | {} | {} |",
            tally.turns.cell(),
            tally.batches.cell(),
            tally.remarks()
        ));
        cases += 1;
        turns.add(tally.turns);
        batches.add(tally.batches);
    }
    let listed = turns.all - turns.same + batches.all - batches.same;
    rows.push(format!(
        "| all {cases} | {} | {} | {listed} listed |",
        turns.cell(),
        batches.cell()
    ));
    rows
}

fn numbers(exchanges: &[u32]) -> String {
    let list: Vec<_> = exchanges.iter().map(u32::to_string).collect();
    list.join(", ")
}

#[test]
fn the_table_in_the_documentation_is_what_the_tests_find() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/captures.md");
    let text = fs::read_to_string(path).unwrap();
    let documented: Vec<_> = text
        .lines()
        .skip_while(|line| *line != TABLE)
        .skip(1)
        .collect();
    let rows = rows();
    assert!(
        documented == rows,
        "docs/captures.md must end with these rows:\n{}\n",
        rows.join("\n")
    );
}

/// An entry for an exchange that does not exist would never be looked at.
#[test]
fn every_listed_difference_is_that_of_a_recorded_exchange() {
    for (name, n) in differences::listed() {
        let case = case::load(name);
        let mut exchanges = case.turns.iter().chain(&case.entity_batches);
        assert!(
            exchanges.any(|exchange| exchange.n == n),
            "{name} has no exchange {n}"
        );
    }
}
