//! The lines of code that ask for actions, for messages that name them.
//!
//! A flag of the thread, as that of a replay. It is set only while a test hub runs a turn.

use std::cell::{Cell, RefCell};
use std::panic::Location;

type Place = &'static Location<'static>;

thread_local! {
    /// Whether the thread notes. Apart from the list, because a flag without a destructor costs nothing to look at.
    static NOTES: Cell<bool> = const { Cell::new(false) };
    static NOTED: RefCell<Option<Sites>> = const { RefCell::new(None) };
}

/// Where a turn asked for its actions.
#[derive(Default)]
pub(super) struct Sites(Vec<(i32, Place)>);

impl Sites {
    /// Where the action with this id was asked for; `None` for what the engine asks for by itself, such as a retry.
    pub(super) fn of(&self, id: i32) -> Option<Place> {
        let found = self.0.iter().find(|(noted, _)| *noted == id);
        found.map(|(_, place)| *place)
    }
}

/// Notes that the caller asks for the action with this id.
#[track_caller]
#[inline(always)]
pub(crate) fn note(id: impl FnOnce() -> i32) {
    if NOTES.get() {
        add(id(), Location::caller());
    }
}

#[cold]
fn add(id: i32, place: Place) {
    // On a thread that ends the list may be gone; no orchestrator runs there.
    let _ = NOTED.try_with(|noted| {
        if let Ok(mut noted) = noted.try_borrow_mut()
            && let Some(sites) = noted.as_mut()
        {
            sites.0.push((id, place));
        }
    });
}

/// Runs a turn, and gives where it asked for its actions.
pub(super) fn noted<T>(run: impl FnOnce() -> T) -> (T, Sites) {
    NOTED.set(Some(Sites::default()));
    NOTES.set(true);
    let result = run();
    NOTES.set(false);
    (result, NOTED.take().unwrap_or_default())
}
