//! The turns and entity batches that we answer in another way than the recorded worker, with the
//! reason and our answer.
//!
//! There is one file for each kind of reason. An entry holds our whole answer, so that it cannot
//! change unnoticed. It must name an exchange whose recorded answer is a different one.

mod api;
mod batches;
mod broken;
mod entities;
mod rules;

/// Turns, or entity batches, of one case for which we have the same answer.
pub(crate) struct Difference {
    case: &'static str,
    turns: &'static [u32],
    pub(crate) reason: &'static str,
    /// Our answer, as [`Form::describe`](crate::captures::answer::Form::describe) or `batches` shows it.
    pub(crate) ours: &'static [&'static str],
}

fn all() -> impl Iterator<Item = &'static Difference> {
    [
        api::DIFFERENCES,
        batches::DIFFERENCES,
        broken::DIFFERENCES,
        entities::DIFFERENCES,
        rules::DIFFERENCES,
    ]
    .into_iter()
    .flatten()
}

/// The entry for a turn.
pub(crate) fn of(case: &str, turn: u32) -> Option<&'static Difference> {
    all().find(|difference| difference.case == case && difference.turns.contains(&turn))
}

/// The case and the number of each turn that is listed.
pub(crate) fn listed() -> impl Iterator<Item = (&'static str, u32)> {
    all().flat_map(|difference| difference.turns.iter().map(|turn| (difference.case, *turn)))
}

#[test]
fn no_turn_is_listed_twice() {
    let mut turns: Vec<_> = listed().collect();
    let all = turns.len();
    turns.sort_unstable();
    turns.dedup();
    assert_eq!(turns.len(), all);
}
