//! One test for each recorded case.

use crate::captures::{case, replay};

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay::replay(&file(stringify!($name)));
            }
        )+

        const ALL: &[&str] = &[$(stringify!($name)),+];
    };
}

cases! {
    action_after_completion,
    action_ids,
    activity_answers,
    activity_crash,
    activity_failure_reason,
    activity_failure_text,
    activity_inputs,
    activity_timeout,
    bad_answers,
    builtin_http,
    can_activity,
    can_carryover,
    can_carryover_all,
    can_no_carryover,
    can_pending,
    can_version,
    case_names,
    chain,
    client_binding,
    completion_status,
    custom_status_kinds,
    custom_status_size,
    dotnet_isolated_with_custom_handler,
    duplicate_id,
    empty_body,
    entity_actions,
    entity_bad_answers,
    entity_batch,
    entity_call,
    entity_call_labelled,
    entity_call_no_reorder,
    entity_call_unlabelled,
    entity_lock,
    entity_lock_labelled,
    entity_lock_no_reorder,
    entity_missing_labelled,
    entity_missing_no_reorder,
    entity_scheduled,
    entity_signal,
    entity_signal_action,
    event,
    event_buffered,
    event_burst,
    event_early,
    fan_out_200,
    grpc_hello,
    grpc_history,
    grpc_manage,
    grpc_query,
    grpc_start,
    grpc_wait,
    http_api,
    http_auth,
    http_host,
    http_list,
    inputs,
    inputs_grpc,
    instance_id_odd,
    instance_id_plus,
    large_2m,
    large_70k,
    nonchar_poison,
    nonchar_poison_result,
    odd_actions,
    one_activity,
    open_at_end,
    orchestrator_crash,
    orchestrator_crash_later,
    orchestrator_timeout,
    output_binding,
    outputs,
    purge,
    purge_filter,
    redeliver,
    redeliver_endless,
    restart,
    return_values,
    reuse_policy,
    rewind,
    rewind_host_failure,
    rewind_open_activity,
    rewind_own_failure,
    rewind_reused_id,
    rewind_sub,
    scheduled_start,
    send_event,
    send_event_no_instance,
    send_event_nobody,
    start_at_sign,
    sub,
    sub_default_id,
    sub_duplicate,
    sub_fails,
    sub_http_500,
    sub_missing,
    sub_same_id,
    sub_terminated,
    suspend_activity,
    suspend_naive,
    suspend_resume,
    suspend_terminate,
    tags,
    task_after_completion,
    terminate_activity,
    terminate_idle,
    terminate_no_reason,
    terminate_pending,
    terminate_recursive,
    timer,
    timer_1_hour,
    timer_6_days,
    timer_8_days,
    timer_race,
    timers_odd,
    trace_parent,
    trace_parent_v2,
    version,
}

/// A case is a file `can-activity.json` and a test `can_activity`.
fn file(test: &str) -> String {
    test.replace('_', "-")
}

#[test]
fn every_fixture_has_a_test_and_every_test_a_fixture() {
    let tests: Vec<_> = ALL.iter().map(|test| file(test)).collect();
    assert_eq!(tests, case::names());
}

/// The tests hold all recordings, not a selection.
#[test]
fn all_recorded_cases_are_here() {
    let cases: Vec<_> = case::names().iter().map(|name| case::load(name)).collect();
    assert_eq!(cases.len(), 117);
    assert_eq!(
        cases.iter().map(|case| case.turns.len()).sum::<usize>(),
        697
    );
    assert!(cases.iter().all(|case| !case.about.is_empty()));
}
