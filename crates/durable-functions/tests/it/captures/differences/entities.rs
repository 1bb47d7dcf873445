//! Messages to entities in another form than ours, and what the host says about a failed one.

use super::Difference;

const ENTITY_ACTION: &str = "an entity action, which the host sends without a label: by default the \
    entity drops such a call or lock; ours is the same message with a label";
const UNLABELLED: &str =
    "the recorded call has no label: by default the entity drops it; ours has one";
const SIGNAL: &str = "an entity action, which the host sends without sender and label; ours has both, \
    so that the signal keeps its place among calls";
const SCHEDULED: &str = "an entity action; ours is the event that the host makes of it";
const RELEASES: &str =
    "entity actions, in the order of locking; ours are events, in the reverse order";
const OLDER_FORM: &str = "the host's reply holds the failure twice, the second time in an older form \
    (exceptionType and result); the orchestrator gets it once";

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "entity-actions",
        turns: &[2],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#0 event op to Some("@counter@entity-actions") {"op":"actions","signal":false,"input":"{\"id\":\"entity-actions.started\"}","id":"d26d1eba-0735-5c0c-b591-d11e74a994b2","parent":"entity-actions","parentExecution":"37f8900c-2c3b-4d9a-811b-c2287e597f2d","Timestamp":"2026-11-21T06:25:09.9586663Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-call",
        turns: &[2],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#0 event op to Some("@counter@entity-call") {"op":"add","signal":false,"input":"5","id":"5d55ed9f-6132-516f-b9bd-4f49a8f03d21","parent":"entity-call","parentExecution":"6166172a-d60b-4429-89e2-a815db731f82","Timestamp":"2026-11-21T06:24:48.6223755Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-call-no-reorder",
        turns: &[2],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#0 event op to Some("@counter@entity-call-no-reorder") {"op":"add","signal":false,"input":"5","id":"eb3b763b-7874-5ab0-bd6f-fa509e595c5b","parent":"entity-call-no-reorder","parentExecution":"ef37a229-b00c-4562-830c-4028000311b4","Timestamp":"2026-11-21T06:25:09.9587311Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-call-no-reorder",
        turns: &[4],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#1 event op to Some("@counter@entity-call-no-reorder") {"op":"get","signal":false,"id":"05e9b126-5039-5a70-b81a-33112902d24b","parent":"entity-call-no-reorder","parentExecution":"ef37a229-b00c-4562-830c-4028000311b4","Timestamp":"2026-11-21T06:25:10.1455204Z","Predecessor":"2026-11-21T06:25:09.9587311Z"}"#,
        ],
    },
    Difference {
        case: "entity-call-no-reorder",
        turns: &[6],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#2 event op to Some("@counter@entity-call-no-reorder") {"op":"add","signal":true,"input":"10","id":"8e084ae1-a7e4-5167-b63a-09cfba8c0488","parent":"entity-call-no-reorder","parentExecution":"ef37a229-b00c-4562-830c-4028000311b4","Timestamp":"2026-11-21T06:25:10.2125896Z","Predecessor":"2026-11-21T06:25:10.1455204Z"}"#,
            r#"#3 event op to Some("@counter@entity-call-no-reorder") {"op":"get","signal":false,"id":"4a4140c0-20a6-5c68-95a4-865b30c7d8f4","parent":"entity-call-no-reorder","parentExecution":"ef37a229-b00c-4562-830c-4028000311b4","Timestamp":"2026-11-21T06:25:10.2125897Z","Predecessor":"2026-11-21T06:25:10.2125896Z"}"#,
        ],
    },
    Difference {
        case: "entity-call-no-reorder",
        turns: &[8],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#4 event op to Some("@counter@entity-call-no-reorder") {"op":"fail","signal":false,"id":"43e808d4-d983-5969-87e2-387602a057ec","parent":"entity-call-no-reorder","parentExecution":"ef37a229-b00c-4562-830c-4028000311b4","Timestamp":"2026-11-21T06:25:10.2573116Z","Predecessor":"2026-11-21T06:25:10.2125897Z"}"#,
        ],
    },
    Difference {
        case: "entity-call-no-reorder",
        turns: &[10],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#5 event op to Some("@counter@entity-call-no-reorder") {"op":"noSuchOperation","signal":false,"id":"9a8546d1-38b5-5e28-b28c-4f9fdd9f9ac2","parent":"entity-call-no-reorder","parentExecution":"ef37a229-b00c-4562-830c-4028000311b4","Timestamp":"2026-11-21T06:25:10.3025912Z","Predecessor":"2026-11-21T06:25:10.2573116Z"}"#,
        ],
    },
    Difference {
        case: "entity-call-unlabelled",
        turns: &[2],
        reason: UNLABELLED,
        ours: &[
            r#"#0 event op to Some("@counter@entity-call-unlabelled") {"op":"add","signal":false,"input":"5","id":"db6cad6e-08b8-5518-ac15-ed8d14491891","parent":"entity-call-unlabelled","parentExecution":"a37b17bd-1768-4eb9-b779-26cc0cc85627","Timestamp":"2026-11-21T06:24:48.6308078Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-lock",
        turns: &[2],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#0 event op to Some("@counter@entity-lock.a") {"op":null,"id":"785f6428-b42a-5fd9-a78d-9cd59dfac639","parent":"entity-lock","parentExecution":"2a0a087a-b236-4fff-84bb-d44d414c786f","lockset":[{"name":"counter","key":"entity-lock.a"},{"name":"counter","key":"entity-lock.b"}],"pos":0,"Timestamp":"2026-11-21T06:24:48.6225636Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-lock-no-reorder",
        turns: &[2],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#0 event op to Some("@counter@entity-lock-no-reorder.a") {"op":null,"id":"e4012711-cc0d-5f95-bb7a-29292fa31a54","parent":"entity-lock-no-reorder","parentExecution":"dd80baf0-0442-4348-a2f2-145f611c7573","lockset":[{"name":"counter","key":"entity-lock-no-reorder.a"},{"name":"counter","key":"entity-lock-no-reorder.b"}],"pos":0,"Timestamp":"2026-11-21T06:25:09.9577012Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-lock-no-reorder",
        turns: &[3],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#1 event op to Some("@counter@entity-lock-no-reorder.a") {"op":"add","signal":false,"input":"1","id":"e62a4a6e-e098-502b-8cfc-20183d737733","parent":"entity-lock-no-reorder","parentExecution":"dd80baf0-0442-4348-a2f2-145f611c7573","Timestamp":"2026-11-21T06:25:10.1316370Z","Predecessor":"2026-11-21T06:25:09.9577012Z"}"#,
        ],
    },
    Difference {
        case: "entity-lock-no-reorder",
        turns: &[5],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#2 event op to Some("@counter@entity-lock-no-reorder.b") {"op":"add","signal":false,"input":"2","id":"e16538bf-72fc-5430-a572-b48a11dbd81b","parent":"entity-lock-no-reorder","parentExecution":"dd80baf0-0442-4348-a2f2-145f611c7573","Timestamp":"2026-11-21T06:25:10.1948295Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-lock-no-reorder",
        turns: &[7],
        reason: RELEASES,
        ours: &[
            r#"#3 event release to Some("@counter@entity-lock-no-reorder.b") {"parent":"entity-lock-no-reorder","id":"e4012711-cc0d-5f95-bb7a-29292fa31a54"}"#,
            r#"#4 event release to Some("@counter@entity-lock-no-reorder.a") {"parent":"entity-lock-no-reorder","id":"e4012711-cc0d-5f95-bb7a-29292fa31a54"}"#,
            r#"#5 Completed {"granted":{"result":"Lock Acquisition Completed"},"v":{"result":null}}"#,
        ],
    },
    Difference {
        case: "entity-missing-labelled",
        turns: &[3],
        reason: OLDER_FORM,
        ours: &[
            r#"#1 Completed {"failureDetails":{"ErrorMessage":"The function 'nosuchentity' doesn't exist, is disabled, or is not an entity function. Additional info: The following are the known entity functions: 'counter'.","ErrorType":"EntityFunctionNotFound","InnerFailure":null,"IsNonRetriable":true},"result":null}"#,
        ],
    },
    Difference {
        case: "entity-missing-no-reorder",
        turns: &[2],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#0 event op to Some("@nosuchentity@k") {"op":"get","signal":false,"id":"66627471-30ec-5d18-85b6-d3256391eec2","parent":"entity-missing-no-reorder","parentExecution":"faa2f827-eb4c-4a06-95bb-8c7e649606cb","Timestamp":"2026-11-21T06:25:09.9587205Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-missing-no-reorder",
        turns: &[3],
        reason: OLDER_FORM,
        ours: &[
            r#"#1 Completed {"failureDetails":{"ErrorMessage":"The function 'nosuchentity' doesn't exist, is disabled, or is not an entity function. Additional info: The following are the known entity functions: 'counter'.","ErrorType":"EntityFunctionNotFound","InnerFailure":null,"IsNonRetriable":true},"result":null}"#,
        ],
    },
    Difference {
        case: "entity-scheduled",
        turns: &[2],
        reason: SCHEDULED,
        ours: &[
            r#"#0 event op@2026-11-21T06:24:51.0660000Z to Some("@counter@entity-scheduled") {"op":"add","signal":true,"input":"3","id":"cbcc928e-d5c2-589b-981a-3dce4ea5b5da","due":"2026-11-21T06:24:51.0660000Z","Timestamp":"0001-01-01T00:00:00","Predecessor":"0001-01-01T00:00:00"}"#,
            r#"#1 timer 2026-11-21T06:24:53.566Z"#,
        ],
    },
    Difference {
        case: "entity-scheduled",
        turns: &[4],
        reason: ENTITY_ACTION,
        ours: &[
            r#"#2 event op to Some("@counter@entity-scheduled") {"op":"get","signal":false,"id":"7990a236-96ff-5055-9ab9-e22a5dd944cd","parent":"entity-scheduled","parentExecution":"11a5435c-5211-41d4-8903-952370aedbfa","Timestamp":"2026-11-21T06:24:53.1950717Z","Predecessor":"0001-01-01T00:00:00"}"#,
        ],
    },
    Difference {
        case: "entity-signal-action",
        turns: &[2],
        reason: SIGNAL,
        ours: &[
            r#"#0 event op to Some("@counter@entity-signal-action") {"op":"add","signal":true,"input":"4","id":"4baa2b11-c783-56ed-925b-45e8e92b209f","parent":"entity-signal-action","parentExecution":"87a72be1-dda4-401d-ae17-85bf239ea050","Timestamp":"2026-11-21T06:33:10.4985666Z","Predecessor":"0001-01-01T00:00:00"}"#,
            r#"#1 Completed "signalled""#,
        ],
    },
];
