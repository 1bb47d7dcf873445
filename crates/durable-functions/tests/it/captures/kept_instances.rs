//! Kept instances depend on one fact: within one execution, the past events of a turn begin byte for
//! byte with all events of the turn before.
//!
//! An engine may therefore keep a live orchestrator and feed it only the rest. The exceptions are
//! listed, each with its reason: there, only a full replay gives the right answer.

use std::collections::HashMap;

use bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::captures::case::{self, Turn};

use Exception::{DeliveredAgain, Rewound};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Exception {
    /// The past events are those of the aborted turn; the new ones begin with another
    /// `OrchestratorStarted`.
    DeliveredAgain,
    /// Events inside the past were replaced, under the same execution id.
    Rewound,
}

/// The turns, by case and number, whose past events are not the continuation of the turn before.
const EXCEPTIONS: &[(&str, u32, Exception)] = &[
    ("action-after-completion", 3, DeliveredAgain),
    ("action-after-completion", 7, DeliveredAgain),
    ("action-after-completion", 12, DeliveredAgain),
    ("activity-failure-reason", 34, Rewound),
    ("activity-failure-text", 39, Rewound),
    ("empty-body", 3, DeliveredAgain),
    ("empty-body", 4, DeliveredAgain),
    ("nonchar-poison", 15, DeliveredAgain),
    ("nonchar-poison", 44, DeliveredAgain),
    ("odd-actions", 32, DeliveredAgain),
    ("orchestrator-timeout", 5, DeliveredAgain),
    ("redeliver", 3, DeliveredAgain),
    ("redeliver", 4, DeliveredAgain),
    ("redeliver", 14, DeliveredAgain),
    ("redeliver", 15, DeliveredAgain),
    ("redeliver", 21, DeliveredAgain),
    ("redeliver-endless", 5, DeliveredAgain),
    ("redeliver-endless", 6, DeliveredAgain),
    ("redeliver-endless", 7, DeliveredAgain),
    ("redeliver-endless", 8, DeliveredAgain),
    ("redeliver-endless", 11, DeliveredAgain),
    ("rewind", 9, Rewound),
    ("rewind-reused-id", 8, Rewound),
    ("rewind-reused-id", 33, Rewound),
    ("rewind-sub", 13, Rewound),
    ("rewind-sub", 16, Rewound),
    // Two children with one id: the second start overwrote the first.
    ("sub-same-id", 10, DeliveredAgain),
    ("timer-8-days", 3, DeliveredAgain),
    ("timer-8-days", 8, DeliveredAgain),
    ("timer-8-days", 12, DeliveredAgain),
];

const PAST_EVENTS: u32 = 3;
const NEW_EVENTS: u32 = 4;

/// The bytes of each past event, and of each new event, as they stand in the request.
fn events(request: &[u8]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let (mut past, mut new) = (Vec::new(), Vec::new());
    let mut rest = request;
    while rest.has_remaining() {
        let (number, wire_type) = decode_key(&mut rest).unwrap();
        let list = match number {
            PAST_EVENTS => &mut past,
            NEW_EVENTS => &mut new,
            _ => {
                skip_field(wire_type, number, &mut rest, DecodeContext::default()).unwrap();
                continue;
            }
        };
        assert_eq!(wire_type, WireType::LengthDelimited);
        let length = usize::try_from(decode_varint(&mut rest).unwrap()).unwrap();
        let (event, behind) = rest.split_at(length);
        list.push(event);
        rest = behind;
    }
    (past, new)
}

/// How `after` does not continue `before`, if it does not.
fn exception(before: &Turn, after: &Turn) -> Option<Exception> {
    let (before, after) = (before.request(), after.request());
    let (past, new) = events(&before);
    let (past_after, _) = events(&after);
    if past_after.starts_with(&[past.as_slice(), &new].concat()) {
        None
    } else if past_after == past {
        Some(DeliveredAgain)
    } else {
        Some(Rewound)
    }
}

#[test]
fn past_events_begin_with_all_that_the_turn_before_saw() {
    let mut pairs = 0;
    let mut found = Vec::new();
    for name in case::names() {
        let case = case::load(&name);
        let mut latest: HashMap<_, &Turn> = HashMap::new();
        for turn in &case.turns {
            // A host that relies on us to keep the history sends none: there is nothing to compare.
            let Some(execution) = turn.execution_id() else {
                continue;
            };
            if let Some(before) = latest.insert((&turn.instance, execution), turn) {
                pairs += 1;
                found.extend(exception(before, turn).map(|kind| (name.clone(), turn.n, kind)));
            }
        }
    }
    let listed: Vec<_> = EXCEPTIONS
        .iter()
        .map(|(name, n, kind)| ((*name).to_owned(), *n, *kind))
        .collect();
    assert_eq!(found, listed);
    assert_eq!(pairs, 389);
}
