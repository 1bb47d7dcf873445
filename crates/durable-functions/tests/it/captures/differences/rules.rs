//! Both answers are right; ours follows a rule that the recorded worker did not have.

use super::Difference;

const ASKED_AGAIN: &str = "an activity that was open when the instance failed is asked for again after \
    the rewind, under another id: a result that came while the instance was Failed is lost; the \
    recorded worker waited for it";

const SPLIT_TIMER: &str = "a timer longer than three days is split here: over seven days it poisons \
    the task hub, and the other SDKs split at three";

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "timer-6-days",
        turns: &[2],
        reason: SPLIT_TIMER,
        ours: &["#0 timer 2026-11-24T06:24:35.067Z"],
    },
    Difference {
        case: "timer-8-days",
        turns: &[2],
        reason: SPLIT_TIMER,
        ours: &["#0 timer 2026-11-24T06:41:38.179Z"],
    },
    Difference {
        case: "timer-8-days",
        turns: &[3],
        reason: SPLIT_TIMER,
        ours: &["#0 timer 2026-11-24T06:41:40.985Z"],
    },
    Difference {
        case: "timer-8-days",
        turns: &[8],
        reason: SPLIT_TIMER,
        ours: &["#0 timer 2026-11-24T06:42:00.985Z"],
    },
    Difference {
        case: "timer-8-days",
        turns: &[12],
        reason: "started and terminated in one turn: ours sends what was decided before the \
                 termination as well; the recorded worker held its poisonous timer back",
        ours: &["#0 timer 2026-11-24T06:42:20.984Z", "#1 Terminated end"],
    },
    Difference {
        case: "nonchar-poison",
        turns: &[14, 15],
        reason: "the recorded worker sent U+FFFF as it is, which poisons the task hub; ours escapes it",
        ours: &[r#"#0 activity echoRaw "x\uffffy""#],
    },
    Difference {
        case: "nonchar-poison",
        turns: &[44],
        reason: "started and terminated in one turn: ours sends what was decided before the \
                 termination as well; the recorded worker held its poisonous activity back",
        ours: &[r#"#0 activity echoRaw "x\uffffy""#, "#1 Terminated stop"],
    },
    Difference {
        case: "custom-status-size",
        turns: &[6],
        reason: "a custom status over the limit fails the instance at the host, with an unhandled \
                 exception as its output; ours fails it first, with a failure of its own",
        ours: &[
            "#0 timer 2026-11-21T06:28:22.259Z",
            "#1 Failed -; CustomStatusTooLarge: the custom status has 8193 UTF-16 units as JSON \
             text; the limit is 8192 (non-retriable)",
        ],
    },
    Difference {
        case: "rewind-open-activity",
        turns: &[8, 22],
        reason: ASKED_AGAIN,
        ours: &["#16777217 activity slow {\"ms\":3000}"],
    },
    Difference {
        case: "send-event-no-instance",
        turns: &[2],
        reason: "an event without a receiver fails the instance at the host; ours refuses it with \
                 an error that the orchestrator can catch, and here did not",
        ours: &[
            "#0 Failed -; InvalidInstanceId: event 'x' cannot be sent to '': it must not be empty or blank (non-retriable)",
        ],
    },
    Difference {
        case: "sub-default-id",
        turns: &[2],
        reason: "an empty child id poisons the task hub; ours makes one from the execution id",
        ours: &["#0 child 'f28f4ff0-c75d-4fd8-95a6-d281da548f09:0000' oneActivity 1"],
    },
    Difference {
        case: "version",
        turns: &[2],
        reason: "a child without a version gets the host's defaultVersion from the worker here; the \
                 host gives it none",
        ours: &["#0 child 'version.default.sub0' versionEcho 1 version '1.0'"],
    },
];
