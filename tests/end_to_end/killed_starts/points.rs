//! The points of a start at which a test can hold everything and kill a process.
//!
//! A plan says at which point, and at which passage of it. When that passage comes, all passages are held until the
//! process is dead. So it dies between two certain steps, however fast they follow each other.

use tokio::sync::watch;

use super::super::support::random::Random;

/// A point that a message passes on its way to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// A request to the store has left the handler, and has not reached the store.
    StoreRequest,
    /// The store has answered, and the handler does not know it yet.
    StoreAnswer,
    /// The job has started, and the invocation has not been answered.
    Started,
}

/// When a process dies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// `None`: at any point.
    point: Option<Point>,
    /// How many passages come before.
    passages: u64,
    pub(super) end: End,
}

/// How it dies at the point.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// While everything is held. Requests to the store that are held get there afterwards, or are lost.
    Held { requests_are_lost: bool },
    /// So many microseconds later, wherever the messages are by then.
    Later { micros: u64 },
}

impl Plan {
    /// A process dies while all messages are held at this point; without one it dies a little after any point.
    pub(super) fn new(point: Option<Point>, random: &mut Random) -> Self {
        const PASSAGES: u64 = 16;
        const LATEST: u64 = 10_000;
        Self {
            point,
            passages: random.below(PASSAGES),
            end: match point {
                Some(_) => End::Held {
                    requests_are_lost: random.below(2) == 0,
                },
                None => End::Later {
                    micros: random.below(LATEST),
                },
            },
        }
    }
}

/// The points of all messages of a host. Clones share them.
#[derive(Clone)]
pub(super) struct Points(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Everything passes.
    Open,
    /// Everything passes until the plan is due.
    Armed(Plan),
    /// The plan is due.
    Due(Plan),
}

impl Points {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Phase::Open))
    }

    /// Waits until the plan is due. The process is to be killed then.
    pub(super) async fn due(&self, plan: Plan) {
        self.0.send_replace(Phase::Armed(plan));
        let mut phase = self.0.subscribe();
        let due = phase.wait_for(|phase| matches!(phase, Phase::Due(_)));
        due.await.unwrap();
    }

    /// The process is dead: everything passes again.
    pub(super) fn open(&self) {
        self.0.send_replace(Phase::Open);
    }

    /// Passes a point, as soon as nothing is held. Returns whether what passes is lost on the way.
    pub(super) async fn pass(&self, point: Point) -> bool {
        let mut phase = self.0.subscribe();
        self.0.send_if_modified(|phase| match phase {
            Phase::Armed(plan) if plan.point.is_none_or(|it| it == point) => {
                match plan.passages.checked_sub(1) {
                    Some(passages) => plan.passages = passages,
                    None => *phase = Phase::Due(*plan),
                }
                true
            }
            _ => false,
        });
        let now = *phase.borrow_and_update();
        let Phase::Due(Plan {
            end: End::Held { requests_are_lost },
            ..
        }) = now
        else {
            return false;
        };
        let open = phase.wait_for(|phase| !matches!(phase, Phase::Due(_)));
        open.await.unwrap();
        requests_are_lost
    }
}
