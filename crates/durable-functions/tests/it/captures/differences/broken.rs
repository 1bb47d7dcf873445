//! The recorded worker answered wrongly, or not at all, to see what the host does. Our engine makes
//! no such answers; the entries show how it answers these requests.

use super::Difference;

const NO_VALID_ANSWER: &str = "the recorded worker gave no valid answer; ours always does";
const PANIC: &str =
    "the recorded worker answered HTTP 500; here a panic is a failure of that one instance";
const NO_SUCH_ACTION: &str =
    "the recorded answer holds an action that the host refuses; the API has none of them";
const BEHIND_COMPLETION: &str =
    "the recorded worker put actions behind the completion; ours is always the last";
const ASKS_FOR_REDELIVERY: &str = "the recorded worker asked for the turn again; to each delivery \
    ours gives the answer that the recorded one gave in the end";
const NO_SUCH_STATUS: &str =
    "the recorded completion has a status that no orchestration should end with; ours completes";

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "bad-answers",
        turns: &[2],
        reason: PANIC,
        ours: &["#0 Failed -; Panic: the orchestrator panicked: lost"],
    },
    Difference {
        case: "bad-answers",
        turns: &[6],
        reason: "the recorded worker answered HTTP 404; here an error is a failure of that one \
                 instance",
        ours: &["#0 Failed -; Error: entity not found"],
    },
    Difference {
        case: "bad-answers",
        turns: &[10, 14, 18, 22, 26, 30, 34],
        reason: NO_VALID_ANSWER,
        ours: &[r#"#0 Completed "ok""#],
    },
    Difference {
        case: "sub-http-500",
        turns: &[3],
        reason: PANIC,
        ours: &["#0 Failed -; Panic: the orchestrator panicked: lost"],
    },
    Difference {
        case: "rewind-host-failure",
        turns: &[2, 5],
        reason: PANIC,
        ours: &["#0 Failed -; Panic: the orchestrator panicked: lost"],
    },
    Difference {
        case: "rewind-open-activity",
        turns: &[5, 19],
        reason: "the recorded worker answered HTTP 500; ours waits for the other activity",
        ours: &[],
    },
    Difference {
        case: "empty-body",
        turns: &[2, 3, 4],
        reason: NO_VALID_ANSWER,
        ours: &[r#"#0 Completed "ok""#],
    },
    Difference {
        case: "orchestrator-crash",
        turns: &[2],
        reason: "the recorded worker died; a worker that lives decides this",
        ours: &[r#"#0 Completed "never""#],
    },
    Difference {
        case: "orchestrator-crash-later",
        turns: &[6],
        reason: "the recorded worker died; ours gives the answer that the recorded one gave after \
                 the rewind",
        ours: &[r#"#1 Completed "never""#],
    },
    Difference {
        case: "orchestrator-timeout",
        turns: &[4],
        reason: "the recorded worker did not answer; ours gives the answer that the recorded one \
                 gave to the second delivery",
        ours: &["#1 activity echo 2"],
    },
    Difference {
        case: "redeliver",
        turns: &[2, 3, 20],
        reason: ASKS_FOR_REDELIVERY,
        ours: &["#0 activity echo 1"],
    },
    Difference {
        case: "redeliver",
        turns: &[13, 14],
        reason: ASKS_FOR_REDELIVERY,
        ours: &["#1 activity echo 2"],
    },
    Difference {
        case: "redeliver-endless",
        turns: &[4, 5, 6, 7, 8],
        reason: "the recorded worker asked for the turn again, to the end; ours goes on",
        ours: &["#1 activity echo 2"],
    },
    Difference {
        case: "odd-actions",
        turns: &[2, 5, 8],
        reason: NO_SUCH_ACTION,
        ours: &[r#"#0 Completed "ok""#],
    },
    Difference {
        case: "odd-actions",
        turns: &[16],
        reason: "the recorded timer has no time; here every timer has one",
        ours: &[r#"#0 Completed "ok""#],
    },
    Difference {
        case: "odd-actions",
        turns: &[19],
        reason: "the recorded answer holds two completions, of which the host takes the last; ours \
                 holds one",
        ours: &[r#"#0 Completed "second""#],
    },
    Difference {
        case: "odd-actions",
        turns: &[31],
        reason: "the recorded worker asked for a history that the request holds; ours asks only \
                 when there is none",
        ours: &[r#"#0 Completed "ok""#],
    },
    Difference {
        case: "task-after-completion",
        turns: &[2],
        reason: BEHIND_COMPLETION,
        ours: &[r#"#0 Completed "first""#],
    },
    Difference {
        case: "action-after-completion",
        turns: &[2, 3, 7],
        reason: BEHIND_COMPLETION,
        ours: &[r#"#0 Completed "first""#],
    },
    Difference {
        case: "action-after-completion",
        turns: &[12],
        reason: "started and terminated in one turn: ours has completed before the termination \
                 arrives; the recorded worker let the termination win, to end the poison",
        ours: &[r#"#0 Completed "first""#],
    },
    Difference {
        case: "completion-status",
        turns: &[23],
        reason: NO_SUCH_STATUS,
        ours: &[r#"#0 Completed "cancel""#],
    },
    Difference {
        case: "completion-status",
        turns: &[27],
        reason: NO_SUCH_STATUS,
        ours: &[r#"#0 Completed "by myself""#],
    },
    Difference {
        case: "completion-status",
        turns: &[31, 36],
        reason: NO_SUCH_STATUS,
        ours: &[r#"#0 Completed "odd""#],
    },
    Difference {
        case: "custom-status-kinds",
        turns: &[39],
        reason: "the recorded worker sent the custom status once, and the host lost it; ours sends \
                 it on every turn",
        ours: &[r#"status "first""#],
    },
    Difference {
        case: "custom-status-kinds",
        turns: &[42],
        reason: "the recorded worker sent the custom status once, and the host lost it; ours sends \
                 it on every turn",
        ours: &[r#"status "first""#, r#"#0 Completed "ok""#],
    },
    Difference {
        case: "suspend-naive",
        turns: &[6],
        reason: "the recorded worker ignored the suspension; ours holds the event back until it is \
                 resumed",
        ours: &[r#"status "waiting""#],
    },
];
