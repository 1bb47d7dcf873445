//! `docs/captures.md` says what the tests find.

use std::fs;
use std::path::PathBuf;

use crate::case::{self, Case, Turn};
use crate::differences;

const ENTITIES: &str = "the orchestrator uses entities; not replayed yet";
/// The last line of the table's head.
const TABLE: &str = "|---|---|---|";
const NO_TURN: &str = "no orchestrator turn: clients, bindings or entity functions only";

/// What came of the turns of a case.
#[derive(Default)]
struct Tally {
    turns: usize,
    same: usize,
    /// Reasons and the turns they are for, in the order of the turns.
    others: Vec<(&'static str, Vec<u32>)>,
}

impl Tally {
    fn of(case: &Case) -> Self {
        let mut tally = Tally::default();
        for turn in &case.turns {
            tally.turns += 1;
            if differences::ENTITY_CALLERS.contains(&turn.function.as_str()) {
                tally.note(ENTITIES, turn);
            } else if let Some(difference) = differences::of(&case.name, turn.n) {
                tally.note(difference.reason, turn);
            } else {
                tally.same += 1;
            }
        }
        tally
    }

    fn note(&mut self, reason: &'static str, turn: &Turn) {
        match self.others.last_mut() {
            Some((last, turns)) if *last == reason => turns.push(turn.n),
            _ => self.others.push((reason, vec![turn.n])),
        }
    }

    fn remarks(&self) -> String {
        if self.turns == 0 {
            return NO_TURN.to_owned();
        }
        let others = self.others.iter();
        let remarks = others.map(|(reason, turns)| format!("{}: {reason}", numbers(turns)));
        remarks.collect::<Vec<_>>().join("<br>")
    }
}

/// The rows of the table: how many turns give the recorded answer, and why the others do not.
fn rows() -> Vec<String> {
    let (mut cases, mut turns, mut same, mut entities) = (0, 0, 0, 0);
    let mut rows = Vec::new();
    for name in case::names() {
        let tally = Tally::of(&case::load(&name));
        let remarks = tally.remarks();
        rows.push(format!(
            "| `{name}` | {} of {} | {remarks} |",
            tally.same, tally.turns
        ));
        cases += 1;
        turns += tally.turns;
        same += tally.same;
        let of_entities = tally
            .others
            .iter()
            .filter(|(reason, _)| *reason == ENTITIES);
        entities += of_entities.map(|(_, turns)| turns.len()).sum::<usize>();
    }
    let listed = turns - same - entities;
    rows.push(format!(
        "| all {cases} | {same} of {turns} | {listed} listed, {entities} with entities |"
    ));
    rows
}

fn numbers(turns: &[u32]) -> String {
    let list: Vec<_> = turns.iter().map(u32::to_string).collect();
    let noun = if turns.len() == 1 { "turn" } else { "turns" };
    format!("{noun} {}", list.join(", "))
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

/// An entry for a turn that does not exist would never be looked at.
#[test]
fn every_listed_difference_is_that_of_a_recorded_turn() {
    for (name, n) in differences::listed() {
        let case = case::load(name);
        let turn = case.turns.iter().find(|turn| turn.n == n);
        let turn = turn.unwrap_or_else(|| panic!("{name} has no turn {n}"));
        let function = turn.function.as_str();
        assert!(
            !differences::ENTITY_CALLERS.contains(&function),
            "{name} {n}"
        );
    }
}

/// The same for an orchestrator that is left out.
#[test]
fn every_entity_caller_is_a_recorded_orchestrator() {
    let cases: Vec<_> = case::names().iter().map(|name| case::load(name)).collect();
    for caller in differences::ENTITY_CALLERS {
        let mut turns = cases.iter().flat_map(|case| &case.turns);
        assert!(turns.any(|turn| turn.function == *caller), "{caller}");
    }
}
