//! Ids as recorded.

use std::collections::VecDeque;

use task_hub::Ids;

/// Gives the ids that the next step must draw, in this order.
#[derive(Default)]
pub(super) struct Recorded {
    next: VecDeque<Option<u128>>,
    made_up: u128,
}

impl Recorded {
    /// An id in either form; `None` when no request shows it.
    pub(super) fn expect(&mut self, id: Option<&str>) {
        self.next.push_back(id.and_then(number));
    }

    /// Forgets the ids that were not drawn, and returns how many there were.
    pub(super) fn forget(&mut self) -> usize {
        std::mem::take(&mut self.next).len()
    }
}

impl Ids for Recorded {
    fn draw(&mut self) -> u128 {
        self.made_up += 1;
        self.next.pop_front().flatten().unwrap_or(self.made_up)
    }
}

fn number(id: &str) -> Option<u128> {
    u128::from_str_radix(&id.replace('-', ""), 16).ok()
}
