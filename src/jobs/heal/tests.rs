mod hub;

use std::time::{Duration, SystemTime};

use durable_functions::{History, RuntimeStatus};
use proptest::prelude::*;
use serde::Deserialize;

use super::{
    decision::{Decision, Tried, decide},
    loss::Loss,
    past::{self, End, Past},
    tried::Attempts,
};

const JOB: &str = "process-submission";
const INVOCATION: &str = "Microsoft.Azure.WebJobs.Host.FunctionInvocationException";

/// The output of a failed instance on a real host.
#[derive(Deserialize)]
struct Recorded {
    /// The capture, and the version of the extension.
    from: String,
    orchestrator: String,
    output: String,
    lost: Option<String>,
}

/// The output of a job whose turn failed with these exceptions.
fn failed_turn(exceptions: &str) -> String {
    let details =
        format!("{INVOCATION}: Exception while executing function: Functions.{JOB}{exceptions}");
    serde_json::json!({
        "message": format!("Function '{JOB}' failed with an unhandled exception."),
        "details": details,
    })
    .to_string()
}

fn lost(output: &str) -> Option<Loss> {
    Loss::in_output(JOB, output)
}

fn history(text: &str) -> Past {
    let mut past = Past::default();
    for event in History::from_json(text).unwrap().iter() {
        past.add(&event);
    }
    past
}

#[test]
fn of_all_recorded_failures_only_those_of_handlers_that_died_are_losses() {
    let recorded = include_str!("../../../tests/fixtures/host-failures/outputs.json");
    let recorded: Vec<Recorded> = serde_json::from_str(recorded).unwrap();
    for it in &recorded {
        let expected = it.lost.as_deref().map(|what| {
            assert_eq!(what, "turn");
            Loss::Turn
        });
        let found = Loss::in_output(&it.orchestrator, &it.output);
        assert_eq!(found, expected, "{}: {}", it.from, it.output);
    }
    assert_eq!(recorded.iter().filter(|it| it.lost.is_some()).count(), 2);
}

#[test]
fn every_way_in_which_a_connection_to_the_handler_ends_is_a_loss() {
    let sending = "\n ---> System.Net.Http.HttpRequestException: An error occurred while sending the request.";
    let refused =
        "\n ---> System.Net.Http.HttpRequestException: Connection refused (127.0.0.1:40000)";
    let reset = "Unable to read data from the transport connection: Connection reset by peer.";
    for exceptions in [
        format!(
            "{sending}\n ---> System.Net.Http.HttpIOException: The response ended prematurely. (ResponseEnded)\n   at x"
        ),
        format!(
            "{sending}\n ---> System.IO.IOException: {reset}\n ---> System.Net.Sockets.SocketException (104): Connection reset by peer"
        ),
        format!(
            "{refused}\n ---> System.Net.Sockets.SocketException (111): Connection refused\n   at x"
        ),
        // As local-host writes it, and as a host on Windows does.
        format!("{refused}\n ---> System.Net.Sockets.SocketException: Connection refused"),
        format!("{sending}\n ---> System.IO.IOException: {reset}").replace('\n', "\r\n"),
    ] {
        assert_eq!(
            lost(&failed_turn(&exceptions)),
            Some(Loss::Turn),
            "{exceptions}"
        );
    }
    let activity =
        format!("{INVOCATION}: Exception while executing function: Functions.query-activity");
    assert_eq!(lost(&activity), Some(Loss::Activity));
}

#[test]
fn an_answer_of_the_handler_is_no_loss_whatever_it_says() {
    let request = "\n ---> System.Net.Http.HttpRequestException: ";
    let ended =
        "\n ---> System.Net.Http.HttpIOException: The response ended prematurely. (ResponseEnded)";
    for exceptions in [
        format!(
            "{request}Response status code does not indicate success: 500 (Internal Server Error)."
        ),
        format!(
            "{request}Response status code does not indicate success: 500 (x).\n   at y{ended}"
        ),
        format!("{request}An error occurred while sending the request."),
        format!(
            "{request}An error occurred while sending the request.\n ---> System.Net.Http.HttpIOException: The server returned an invalid or unrecognized response. (InvalidResponse)"
        ),
        format!("\n ---> System.InvalidOperationException: {request}x{ended}"),
        ended.to_owned(),
        String::new(),
    ] {
        assert_eq!(lost(&failed_turn(&exceptions)), None, "{exceptions}");
    }
    let turn = failed_turn(&format!("{request}x{ended}"));
    assert_eq!(lost(&turn), Some(Loss::Turn));
    assert_eq!(Loss::in_output("another", &turn), None);
    for text in [
        format!("Internal: {turn}"),
        format!("{turn} "),
        format!("[{turn}]"),
        turn.replace("\"details\"", "\"more\":1,\"details\""),
        turn.replace("\"details\"", "\"detail\""),
        format!(
            "ScanTimeout: {INVOCATION}: Exception while executing function: Functions.query-activity"
        ),
        format!("Internal: System.Net.Http.HttpRequestException: {ended}"),
        INVOCATION.to_owned(),
        String::new(),
    ] {
        // White space around JSON is JSON; no host writes it, and no failure of ours is JSON.
        let expected = (text.trim_end() == turn).then_some(Loss::Turn);
        assert_eq!(lost(&text), expected, "{text}");
    }
}

#[test]
fn a_recorded_history_tells_an_activity_that_was_lost_from_one_that_failed() {
    let lost = history(include_str!(
        "../../../tests/fixtures/host-failures/lost-activity.json"
    ));
    assert!(lost.lost_activity);
    let failed = history(include_str!(
        "../../../tests/fixtures/host-failures/activity-500.json"
    ));
    assert!(!failed.lost_activity);
}

#[test]
fn a_recorded_rewind_by_somebody_else_goes_on_and_does_not_count() {
    let text = include_str!("../../../tests/fixtures/host-failures/rewound.json");
    let past = history(text);
    assert_eq!((past.rewinds, past.end), (0, None));
    let ours = text.replace("\"again\"", &format!("\"{}\"", past::reason(2)));
    assert_eq!(history(&ours).rewinds, 2);
}

fn ended(error_type: Option<&str>) -> Past {
    Past {
        end: Some(End {
            at: SystemTime::UNIX_EPOCH,
            status: RuntimeStatus::Failed,
            error_type: error_type.map(str::to_owned),
        }),
        ..Past::default()
    }
}

/// The decision this many seconds after the failure.
fn decision(loss: Loss, past: &Past, tried: Option<Tried>, seconds: u64) -> Decision {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    decide(loss, past, tried, now)
}

#[test]
fn a_lost_turn_is_rewound_at_once_then_after_growing_pauses_then_no_more() {
    let mut past = ended(None);
    for (rewinds, due) in [(0, 0), (1, 10), (2, 60)] {
        past.rewinds = rewinds;
        assert_eq!(
            decision(Loss::Turn, &past, None, due),
            Decision::Rewind(rewinds + 1)
        );
        if due > 0 {
            assert_eq!(decision(Loss::Turn, &past, None, due - 1), Decision::Wait);
        }
    }
    for rewinds in [3, 4, u32::MAX] {
        past.rewinds = rewinds;
        assert_eq!(decision(Loss::Turn, &past, None, 1_000_000), Decision::Show);
    }
}

#[test]
fn what_the_history_does_not_confirm_is_never_rewound() {
    // The orchestrator itself failed with a text that looks like the host's.
    let own = ended(Some("ScanTimeout"));
    assert_eq!(decision(Loss::Turn, &own, None, 0), Decision::Show);
    let mut activity = ended(Some(INVOCATION));
    assert_eq!(decision(Loss::Activity, &activity, None, 0), Decision::Show);
    assert_eq!(decision(Loss::Turn, &activity, None, 0), Decision::Show);
    activity.lost_activity = true;
    assert_eq!(
        decision(Loss::Activity, &activity, None, 0),
        Decision::Rewind(1)
    );
    let mut other = ended(None);
    other.lost_activity = true;
    assert_eq!(decision(Loss::Activity, &other, None, 0), Decision::Show);
}

#[test]
fn a_job_that_goes_on_since_its_status_was_read_is_left_alone() {
    let mut past = ended(None);
    for end in [
        None,
        past.end.clone().map(|end| End {
            status: RuntimeStatus::Completed,
            ..end
        }),
    ] {
        past.end = end;
        assert_eq!(decision(Loss::Turn, &past, None, 100), Decision::Wait);
    }
}

#[test]
fn of_askers_at_the_same_moment_one_rewinds_and_a_rewind_that_leaves_no_trace_counts() {
    let (attempts, past) = (Attempts::default(), ended(None));
    let ask = |seconds| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        attempts.decide("1", SystemTime::UNIX_EPOCH, now, |tried| {
            decide(Loss::Turn, &past, tried, now)
        })
    };
    let day = 86_400;
    assert_eq!(ask(day), Decision::Rewind(1));
    for seconds in [0, 0, 9] {
        assert_eq!(ask(day + seconds), Decision::Wait);
    }
    assert_eq!(ask(day + 10), Decision::Rewind(2));
    assert_eq!(ask(day + 69), Decision::Wait);
    assert_eq!(ask(day + 70), Decision::Rewind(3));
    assert_eq!(ask(day + 71), Decision::Show);
    attempts.forget("1");
    assert_eq!(ask(day + 72), Decision::Rewind(1));
}

#[test]
fn what_was_tried_is_remembered_for_a_bounded_number_of_jobs_the_oldest_going_first() {
    let attempts = Attempts::default();
    let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    for second in 0..1_001 {
        attempts.decide(&second.to_string(), at(0), at(second), |tried| {
            assert_eq!(tried, None);
            Decision::Rewind(1)
        });
    }
    for (job, known) in [("0", false), ("1", true), ("1000", true)] {
        attempts.decide(job, at(0), at(0), |tried| {
            assert_eq!(tried.is_some(), known, "{job}");
            Decision::Show
        });
    }
}

proptest! {
    /// The type of a failure of ours is one of our codes; its message may be anything.
    #[test]
    fn no_failure_of_ours_is_a_loss(
        code in "[A-Z][A-Za-z]{0,20}",
        before in ".{0,20}",
        after in ".{0,20}",
        words in prop::sample::select(vec![
            failed_turn("\n ---> System.Net.Http.HttpRequestException: x\n ---> System.IO.IOException: y"),
            format!("{INVOCATION}: Exception while executing function: Functions.{JOB}"),
            "System.Net.Http.HttpRequestException".to_owned(),
        ]),
    ) {
        let text = format!("{code}: {before}{words}{after}");
        prop_assert_eq!(lost(&text), None);
    }

    #[test]
    fn every_text_is_read(text in ".*", exceptions in ".*") {
        let _ = lost(&text);
        let _ = lost(&failed_turn(&exceptions));
    }

    /// Any number of processes ask at any times. The job fails again after each rewind, or the host loses the rewind.
    #[test]
    fn a_job_is_rewound_three_times_at_most_with_growing_pauses_whoever_asks_and_when(
        asks in prop::collection::vec((0..3_usize, 0..40_u64), 1..60),
        keeps_traces: bool,
    ) {
        let processes = [Attempts::default(), Attempts::default(), Attempts::default()];
        let mut past = ended(None);
        let (mut seconds, mut rewinds, mut last) = (0, Vec::new(), Decision::Wait);
        for (process, passed) in asks {
            seconds += passed;
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let failed = past.end.as_ref().unwrap().at;
            let process = if keeps_traces { process } else { 0 };
            let decision = processes[process].decide("1", failed, now, |tried| {
                decide(Loss::Turn, &past, tried, now)
            });
            if last == Decision::Show {
                prop_assert_eq!(decision, Decision::Show);
            }
            last = decision;
            if let Decision::Rewind(number) = decision {
                rewinds.push(seconds);
                prop_assert_eq!(usize::try_from(number).unwrap(), rewinds.len());
                if keeps_traces {
                    past.rewinds = number;
                    past.end.as_mut().unwrap().at = now;
                }
            }
        }
        prop_assert!(rewinds.len() <= 3);
        let pauses: Vec<u64> = rewinds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (pause, least) in pauses.iter().zip([10, 60]) {
            prop_assert!(*pause >= least);
        }
    }
}
