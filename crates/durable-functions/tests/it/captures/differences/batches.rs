//! Batches of entity operations. Their numbers are those of the exchanges, as for turns.

use super::Difference;

const NO_ANSWER: &str = "the recorded worker answered HTTP 500, and the operation was lost; here an \
    operation that cannot run has a failure as its result";
const NO_RESULT: &str = "the recorded answer has no result for the operation, which the host then asks \
    for again without end; ours always has one";
const WHOLE_BATCH: &str = "the recorded worker failed the whole batch, and its operations were lost; ours \
    fails the one operation";
const NOT_FOUND: &str = "a missing operation has another error type here, and is not retried";
const TYPED_STATE: &str =
    "the recorded worker added a text to a number; here state and input have a type";

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "entity-bad-answers",
        turns: &[4],
        reason: NO_ANSWER,
        ours: &[
            "failure; OperationNotFound: entity function 'counter' has no operation 'http500', \
             only: add, get, fail, actions, delete (non-retriable)",
            "state 1",
        ],
    },
    Difference {
        case: "entity-bad-answers",
        turns: &[9],
        reason: NO_RESULT,
        ours: &[
            "failure; OperationNotFound: entity function 'counter' has no operation 'short', \
             only: add, get, fail, actions, delete (non-retriable)",
            "state 1",
        ],
    },
    Difference {
        case: "entity-bad-answers",
        turns: &[10, 1158],
        reason: NO_RESULT,
        ours: &[
            "failure; OperationNotFound: entity function 'counter' has no operation 'short', \
             only: add, get, fail, actions, delete (non-retriable)",
            "state 99",
        ],
    },
    Difference {
        case: "entity-bad-answers",
        turns: &[656],
        reason: WHOLE_BATCH,
        ours: &[
            "failure; OperationNotFound: entity function 'counter' has no operation 'batchFail', \
             only: add, get, fail, actions, delete (non-retriable)",
            "state 1",
        ],
    },
    Difference {
        case: "entity-call-labelled",
        turns: &[12],
        reason: NOT_FOUND,
        ours: NO_SUCH_OPERATION,
    },
    Difference {
        case: "entity-call-no-reorder",
        turns: &[11],
        reason: NOT_FOUND,
        ours: NO_SUCH_OPERATION,
    },
    Difference {
        case: "entity-signal",
        turns: &[13],
        reason: TYPED_STATE,
        ours: &[
            "failure; InvalidInput: the input of operation 'add' is not of type i64: invalid type: \
             string \"8\", expected i64 at line 1 column 3 (non-retriable)",
            "state 12",
        ],
    },
    Difference {
        case: "entity-signal",
        turns: &[14],
        reason: TYPED_STATE,
        ours: &[
            "failure; InvalidState: the stored state of @counter@entity-signal is not of type i64: \
             invalid type: string \"128\", expected i64 at line 1 column 5 (non-retriable)",
            "state \"128\"",
        ],
    },
];

const NO_SUCH_OPERATION: &[&str] = &[
    "failure; OperationNotFound: entity function 'counter' has no operation 'noSuchOperation', \
     only: add, get, fail, actions, delete (non-retriable)",
    "state 15",
];
