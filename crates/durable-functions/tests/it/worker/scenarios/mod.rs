//! What every sidecar does with a worker: one list, which runs on each sidecar.
//!
//! The first three modules are the 23 scenarios of durabletask's own end-to-end test
//! (`test_orchestration_e2e.py`). One of them takes days, and runs on the peer only, whose clock can be moved.

mod calls;
mod events;
pub(super) mod lifetime;
mod lost;
mod programs;
pub(super) mod rewinds;
mod versions;

/// A test for each scenario, with a new sidecar.
macro_rules! on {
    ($sidecar:ident: $($module:ident { $($name:ident),* $(,)? })*) => {
        mod $sidecar {
            $(mod $module {
                use super::super::super::sidecar::Sidecar;

                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $name() {
                        let mut sidecar = Sidecar::$sidecar().await;
                        super::super::$module::$name(&mut sidecar).await;
                        sidecar.end().await;
                    }
                )*
            })*
        }
    };
}

macro_rules! scenarios {
    ($($sidecar:ident),*) => {
        $(on! {
            $sidecar:
            calls {
                an_empty_orchestration_completes_without_a_custom_status,
                ten_activities_run_one_after_the_other,
                a_failed_activity_is_caught_and_two_others_compensate_for_it,
                ten_children_with_three_activities_each_run_side_by_side,
                a_child_is_called_by_its_name,
                retries_of_a_child_and_of_its_activity_are_nested,
                no_retry_begins_after_the_time_limit_of_the_retries,
            }
            events {
                three_events_that_were_raised_at_once_are_awaited_in_order,
                an_event_or_a_timer_ends_the_wait,
                an_event_that_wins_leaves_the_timer_without_effect,
                an_event_from_another_orchestration_arrives_once,
                an_event_to_a_missing_instance_does_not_fail_the_sender,
                of_two_events_the_one_that_loses_is_not_taken,
            }
            lifetime {
                the_history_shows_the_start_the_call_and_its_result,
                a_suspended_instance_takes_an_event_after_the_resume,
                a_terminated_instance_has_the_output_that_the_client_gave,
                a_parent_with_a_waiting_child_is_terminated_and_purged,
                a_restart_under_the_same_id_runs_the_instance_again,
                a_restart_under_a_new_id_runs_another_instance,
                events_are_carried_over_five_new_executions,
                a_custom_status_is_json_text,
                new_uuids_differ_and_stay_the_same_in_every_replay,
            }
            programs {
                activities_run_in_a_chain_and_in_a_fan_out_of_50,
                a_failed_activity_is_retried_and_its_failure_arrives_with_type_and_cause,
                timers_events_and_time_limits_end_as_they_should,
                children_and_new_executions_run,
                an_instance_can_be_suspended_resumed_and_terminated,
                entities_are_called_signalled_and_locked,
                instances_go_on_with_another_worker_after_a_stop,
            }
            rewinds {
                a_rewind_runs_the_failed_activity_again_and_keeps_the_other_results,
                a_rewind_of_a_parent_rewinds_the_failed_child,
                an_instance_that_fails_again_is_rewound_again,
                a_rewind_of_an_activity_with_retries_begins_them_anew,
                only_a_failed_instance_is_rewound,
            }
            lost {
                every_instance_reaches_its_result_although_the_stream_is_cut_again_and_again,
                every_instance_reaches_its_result_although_the_worker_is_killed_again_and_again,
            }
            versions {
                the_version_of_the_start_reaches_the_orchestrator,
                another_version_fails_on_a_worker_of_one_version,
                a_newer_version_fails_on_a_worker_for_older_ones,
                workers_of_different_functions_share_a_task_hub,
            }
        })*
    };
}

scenarios!(peer, local_host);
