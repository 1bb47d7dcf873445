//! What the recorded worker could express and our API cannot.

use super::Difference;

const JSON_ONLY: &str =
    "the recorded text is not JSON; here every input, output and status is written as JSON";
const NULL_IS_ABSENT: &str = "an input that is null is not sent; the activity reads null as well";
const ABSENT_IS_NULL: &str =
    "an input that is absent or empty is read as null; a function cannot tell them apart";
const NO_TAGS: &str = "the API has no tags";
const NO_ACTIVITY_VERSION: &str = "the recorded call has a version, which the host only writes into the history; the API has none";
const FAILURE_DETAILS: &str = "a failure always has details here, and never a result beside them";

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "activity-inputs",
        turns: &[4],
        reason: JSON_ONLY,
        ours: &[r#"#1 activity inspect """#],
    },
    Difference {
        case: "activity-inputs",
        turns: &[5],
        reason: NULL_IS_ABSENT,
        ours: &["#2 activity inspect -"],
    },
    Difference {
        case: "activity-inputs",
        turns: &[27],
        reason: JSON_ONLY,
        ours: &[r#"#13 activity inspect "not json""#],
    },
    Difference {
        case: "activity-inputs",
        turns: &[28],
        reason: JSON_ONLY,
        ours: &[r#"#14 activity inspect "{\"broken\":""#],
    },
    Difference {
        case: "inputs",
        turns: &[2, 5],
        reason: ABSENT_IS_NULL,
        ours: &[r#"#0 Completed {"raw":"null","absent":false}"#],
    },
    Difference {
        case: "inputs",
        turns: &[14],
        reason: "white space around the input is no part of it",
        ours: &[
            r#"#0 Completed {"raw":"{ \"a\" : 1.50, \"when\" : \"2024-01-02T03:04:05.1200000+02:00\", \"big\": 12345678901234567890 }","absent":false}"#,
        ],
    },
    Difference {
        case: "inputs-grpc",
        turns: &[2, 6],
        reason: ABSENT_IS_NULL,
        ours: &[r#"#0 Completed {"raw":"null","absent":false}"#],
    },
    Difference {
        case: "inputs-grpc",
        turns: &[18],
        reason: "the input is not JSON; ours fails the instance and says so",
        ours: &[
            "#0 Failed -; InvalidInput: the input of orchestrator 'inputEcho' is not of type Raw: \
             expected ident at line 1 column 2 (non-retriable)",
        ],
    },
    Difference {
        case: "outputs",
        turns: &[2],
        reason: "the recorded output is absent; ours is null, which the status over HTTP shows as well",
        ours: &["#0 Completed null"],
    },
    Difference {
        case: "outputs",
        turns: &[10],
        reason: JSON_ONLY,
        ours: &[r#"#0 Completed """#],
    },
    Difference {
        case: "outputs",
        turns: &[18],
        reason: JSON_ONLY,
        ours: &[r#"#0 Completed "not json {""#],
    },
    Difference {
        case: "custom-status-kinds",
        turns: &[9],
        reason: JSON_ONLY,
        ours: &[r#"status """#],
    },
    Difference {
        case: "custom-status-kinds",
        turns: &[13],
        reason: JSON_ONLY,
        ours: &[r#"status """#, r#"#0 Completed "ok""#],
    },
    Difference {
        case: "custom-status-kinds",
        turns: &[16],
        reason: JSON_ONLY,
        ours: &[r#"status "hello {""#],
    },
    Difference {
        case: "custom-status-kinds",
        turns: &[20],
        reason: JSON_ONLY,
        ours: &[r#"status "hello {""#, r#"#0 Completed "ok""#],
    },
    Difference {
        case: "completion-status",
        turns: &[6],
        reason: FAILURE_DETAILS,
        ours: &["#0 Failed -; Error: only a result"],
    },
    Difference {
        case: "completion-status",
        turns: &[10],
        reason: FAILURE_DETAILS,
        ours: &["#0 Failed -; T: M"],
    },
    Difference {
        case: "completion-status",
        turns: &[14],
        reason: FAILURE_DETAILS,
        ours: &["#0 Failed -; Error: "],
    },
    Difference {
        case: "tags",
        turns: &[2],
        reason: NO_TAGS,
        ours: &["#0 activity echo 1"],
    },
    Difference {
        case: "tags",
        turns: &[4],
        reason: NO_TAGS,
        ours: &["#1 child 'tags.sub1' tagEcho 1"],
    },
    Difference {
        case: "tags",
        turns: &[5],
        reason: NO_TAGS,
        ours: &["#0 Completed null"],
    },
    Difference {
        case: "tags",
        turns: &[6],
        reason: NO_TAGS,
        ours: &[r#"#2 Completed {"child":{"childTag":"b","team":"blue"}}"#],
    },
    Difference {
        case: "can-version",
        turns: &[2],
        reason: NO_TAGS,
        ours: &[r#"#0 ContinuedAsNew {"n":1} version ''"#],
    },
    Difference {
        case: "version",
        turns: &[4, 11, 18, 25],
        reason: NO_ACTIVITY_VERSION,
        ours: &["#1 activity echo 1"],
    },
];
