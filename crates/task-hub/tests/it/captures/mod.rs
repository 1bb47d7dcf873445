//! The traffic of a real host, replayed through the hub: what the host sent to its handler is what the hub gives
//! out, byte for byte. The lists below have every difference, with its reason.
//!
//! - `recording`: the recorded requests, answers and operations of clients. Activities are compared by their
//!   instance, name and input, because drivers word their requests.
//! - `replay`: gives the hub the recorded inputs
//! - `ids`: gives it the recorded ids
//! - `difference`: compares the requests

mod difference;
mod ids;
mod recording;
mod replay;

use std::collections::{BTreeMap, BTreeSet};

use difference::Difference;

/// The kinds of events that a turn or a batch causes. The hub has one time for each step. A real host reads its
/// clock for each event, so the recorded times are up to a second apart.
const TIMES: &[&str] = &[
    "ChildCompleted",
    "ChildFailed",
    "ChildStarted",
    // Sent by an orchestration, an answer of an entity, or carried over to the next execution.
    "EventRaised",
    "EventSent",
    // The place of an undone event of such a kind.
    "GenericEvent",
    "OrchestratorCompleted",
    "TaskScheduled",
    "TimerCreated",
    // It has the time at which the timer was created.
    "TimerFired",
];

/// Cases in which timers fired early: a real host cuts the delay of a timer to whole seconds.
const EARLY_TIMERS: &[&str] = &[
    "action-ids",
    "can-no-carryover",
    "can-pending",
    "custom-status-size",
    "entity-scheduled",
    "event-buffered",
    "grpc-wait",
    "http-api",
    "timer",
    "timers-odd",
];

/// Cases with distributed tracing, which the hub does not have, and with inputs in the history, which is an
/// option of a real host.
const TRACED: &[&str] = &["3.19/trace-parent-v2", "trace-parent-v2"];

/// Cases in which an entity had the messages of one turn in two batches, because its queue was read between them.
const LARGER_BATCHES: &[&str] = &["3.19/entity-call-no-reorder", "entity-call-labelled"];

/// Other differences: the case, the exchanges, the reason.
const OTHERS: &[(&str, &[u64], &str)] = &[
    // The hub fails the instance where a real host delivers the same turn for ever.
    ("action-after-completion", &[3, 7, 11, 12], REFUSED),
    ("nonchar-poison", &[15, 39, 44], REFUSED),
    ("timer-8-days", &[3, 8, 11, 12], REFUSED),
    // Two sub-orchestrations with one id overwrite each other on a real host.
    ("sub-same-id", &[3, 4, 5, 6, 7, 8, 10, 11, 12], REFUSED),
    ("3.19/sub-same-id", &[3, 4, 5, 6, 7, 8, 9, 10, 11], REFUSED),
    // Operations without a result fail at once; a real host sends them again for ever.
    ("entity-bad-answers", &[10, 1158], REFUSED),
    ("3.19/entity-bad-answers", &[10, 258], REFUSED),
    // A real host takes these operations, and they can never be done.
    (
        "http-api",
        &[73],
        "a start under an id that begins with '@'",
    ),
    (
        "start-at-sign",
        &[1],
        "a start under an id that begins with '@'",
    ),
    (
        "3.19/start-at-sign",
        &[1],
        "a start under an id that begins with '@'",
    ),
    (
        "rewind-reused-id",
        &[21, 35],
        "a rewind that a real host loses",
    ),
    ("entity-signal", &[24, 25, 27], SIGNALS),
    ("3.19/entity-signal", &[24, 25, 27], SIGNALS),
    // Drivers decide these.
    (
        "grpc-manage",
        &[26],
        "a purge with an empty id purges nothing",
    ),
    (
        "3.19/grpc-manage",
        &[26],
        "a purge with an empty id purges nothing",
    ),
    (
        "output-binding",
        &[3, 5, 8, 10, 13, 14, 17, 18, 21, 23, 26, 28, 31, 33, 38, 40],
        "starts of output bindings, which no driver has, get ids without hyphens",
    ),
    (
        "dotnet-isolated-with-custom-handler",
        &[4, 5, 9, 14, 15, 16],
        "extended sessions, in which requests have no past events, and inputs are arrays",
    ),
    (
        "activity-inputs",
        &[30, 39],
        "drivers write numbers in the inputs of activities as the host does",
    ),
    (
        "nonchar-poison-result",
        &[9, 18, 36, 37],
        "drivers fail activities whose results contain U+FFFE; a real host runs them for ever",
    ),
    (
        "fan-out-200",
        &[227],
        "the recording has few of the activities",
    ),
    (
        "empty-body",
        &[6],
        "the recording ended before the turn came again",
    ),
    // Queues of Azure Storage.
    (
        "redeliver-endless",
        &[11],
        "the messages of a turn that comes again are hidden meanwhile, and new ones make a turn of their own",
    ),
    (
        "timers-odd",
        &[3],
        "timers that are due within a second fire at once, in an order of their own",
    ),
    (
        "3.19/entity-lock-labelled",
        &[3, 5, 7, 9],
        "the lock went through two queues, which took more than a second",
    ),
];

const REFUSED: &str = "the hub refuses the answer";
const SIGNALS: &str =
    "drivers check that the request id is a GUID; a signal to an id without '@' reaches nobody";

#[test]
fn the_hub_sends_what_a_real_host_sent() {
    let mut found: BTreeMap<String, BTreeSet<(u64, Difference)>> = BTreeMap::new();
    let (mut requests, mut same) = (0, 0);
    for case in recording::cases() {
        let report = replay::replay(&case);
        requests += report.requests;
        same += report.same;
        found.insert(case.name, report.differences.into_iter().collect());
    }
    let mut times = BTreeSet::new();
    let mut cases: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut others: BTreeSet<(&str, u64)> = BTreeSet::new();
    for (case, differences) in &found {
        for (n, difference) in differences {
            let kind = match difference {
                Difference::Time(kind) => {
                    times.insert(*kind);
                    continue;
                }
                Difference::EarlyTimer => "early timer",
                Difference::Trace | Difference::StoredInput => "traced",
                Difference::LargerBatch => "larger batch",
                Difference::Other(what) => {
                    others.insert((case, *n));
                    if !is_listed(case, *n) {
                        println!("{case} {n}: {what}");
                    }
                    continue;
                }
            };
            cases.entry(kind).or_default().insert(case);
        }
    }
    // So few are the same to the last bit of their times, because most contain an event that a turn caused.
    assert_eq!((requests, same), (923, 436));
    // Not more than the lists have, and not less.
    let listed = |list: &[&'static str]| list.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(times, listed(TIMES));
    assert_eq!(cases["early timer"], listed(EARLY_TIMERS));
    assert_eq!(cases["traced"], listed(TRACED));
    assert_eq!(cases["larger batch"], listed(LARGER_BATCHES));
    let listed: BTreeSet<_> = OTHERS
        .iter()
        .flat_map(|(case, exchanges, _)| exchanges.iter().map(move |n| (*case, *n)))
        .collect();
    let not_both: Vec<_> = others.symmetric_difference(&listed).collect();
    assert!(not_both.is_empty(), "{not_both:?}");
}

fn is_listed(case: &str, n: u64) -> bool {
    OTHERS
        .iter()
        .any(|(listed, exchanges, _)| *listed == case && exchanges.contains(&n))
}
