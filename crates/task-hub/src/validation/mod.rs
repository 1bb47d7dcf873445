//! Checks that any [`Store`] must pass.
//!
//! A store implements [`Testbed`] and calls [`store_tests!`](crate::store_tests) in a test module. Each check
//! is a test named after its guarantee. Invariant: a check uses the trait only, so it holds for every store.

pub mod durability;
pub mod lists;
pub mod make;
pub mod tables;
pub mod timers;

use crate::store::{Store, StoreError};

/// Makes the stores of one test.
pub trait Testbed {
    /// The store under test.
    type Store: Store;

    /// An empty store. Two stores of one testbed share nothing.
    ///
    /// # Errors
    /// The store failed.
    fn create(&mut self) -> Result<Self::Store, StoreError>;

    /// Ends a store without a commit, as a crash does, and opens its data again.
    ///
    /// # Errors
    /// The store failed.
    fn crash(&mut self, store: Self::Store) -> Result<Self::Store, StoreError>;
}

/// What a check returns: it panics when a guarantee is broken.
pub type Checked = Result<(), StoreError>;

/// Makes one test of each check. The argument is an expression for a new [`Testbed`].
#[macro_export]
macro_rules! store_tests {
    ($testbed:expr) => {
        $crate::store_tests! { @each $testbed,
            durability::an_applied_step_is_visible_before_its_commit,
            durability::a_crash_loses_the_steps_that_were_not_committed_and_no_other,
            durability::steps_between_two_commits_are_durable_together,
            durability::a_rollback_undoes_the_steps_that_were_not_committed_and_no_other,
            durability::a_commit_without_steps_changes_nothing,
            tables::a_record_comes_back_as_it_was,
            tables::payloads_change_only_when_they_are_set,
            tables::events_are_appended_in_order,
            tables::an_event_is_replaced_at_its_index,
            tables::a_new_execution_clears_the_history_and_begins_it,
            tables::an_inbox_is_in_the_order_of_the_numbers,
            tables::consumed_messages_are_gone_and_others_stay,
            tables::activities_stay_until_they_are_finished,
            tables::an_entity_comes_back_as_it_was,
            timers::timers_are_found_by_due_time_and_then_by_number,
            timers::a_timer_is_not_found_before_its_time,
            timers::timers_are_cancelled_for_one_execution_only,
            timers::a_fired_timer_is_gone,
            tables::a_purge_removes_all_but_activities_of_one_id_only,
            tables::an_unknown_id_has_nothing,
            lists::waiting_names_every_target_once_and_the_highest_number,
            lists::instances_are_listed_by_status_time_and_prefix,
            lists::pages_have_every_row_once_in_the_order_of_the_ids,
            lists::a_page_goes_on_although_rows_came_and_went,
            lists::a_prefix_has_no_wildcards,
            lists::entities_are_listed_by_time_and_prefix,
        }
    };
    (@each $testbed:expr, $($module:ident :: $check:ident),* $(,)?) => {
        $(
            #[test]
            fn $check() {
                $crate::validation::$module::$check(&mut $testbed).unwrap();
            }
        )*
    };
}
