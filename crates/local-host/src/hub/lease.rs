//! Work that was handed out.
//!
//! Invariant: every lease ends with exactly one message to the driver. Work whose task was dropped is abandoned, so
//! it is done again. The place is free when the driver has taken the end.

use durable_protocol::Timestamp;
use task_hub::work::{ActivityOutcome, BatchOutcome, Taken, TurnOutcome};
use task_hub::{Kind, Moment, StoreError, Token};
use tokio::sync::OwnedSemaphorePermit;

use super::driver::{Driver, TaskHub};

/// The right to answer one work item.
pub(super) struct Lease {
    driver: Driver,
    kind: Kind,
    token: Token,
    /// `None` when the end was sent.
    place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    pub(super) fn new(
        driver: Driver,
        kind: Kind,
        token: Token,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            driver,
            kind,
            token,
            place: Some(place),
        }
    }

    /// Ends a turn. After the commit, `then` learns what became of it, and the time of the step.
    pub(super) fn end_turn(
        self,
        outcome: TurnOutcome,
        then: impl FnOnce(Taken, Timestamp) + Send + 'static,
    ) {
        self.end(|hub, at, token| hub.turn_done(at, token, outcome), then);
    }

    pub(super) fn end_activity(self, outcome: ActivityOutcome) {
        self.end(
            |hub, at, token| hub.activity_done(at, token, outcome),
            |_, _| {},
        );
    }

    pub(super) fn end_batch(self, outcome: BatchOutcome) {
        self.end(
            |hub, at, token| hub.batch_done(at, token, outcome),
            |_, _| {},
        );
    }

    fn end(
        mut self,
        run: impl FnOnce(&mut TaskHub, &mut Moment<'_>, &Token) -> Result<Taken, StoreError>
        + Send
        + 'static,
        then: impl FnOnce(Taken, Timestamp) + Send + 'static,
    ) {
        self.send(run, then);
    }

    fn send(
        &mut self,
        run: impl FnOnce(&mut TaskHub, &mut Moment<'_>, &Token) -> Result<Taken, StoreError>
        + Send
        + 'static,
        then: impl FnOnce(Taken, Timestamp) + Send + 'static,
    ) {
        let Some(place) = self.place.take() else {
            return;
        };
        let token = self.token.clone();
        self.driver.post(
            move |hub, at| {
                drop(place);
                run(hub, at, &token)
            },
            then,
        );
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.kind {
            Kind::Turn => self.send(
                |hub, at, token| hub.turn_done(at, token, TurnOutcome::Abandoned),
                |_, _| {},
            ),
            Kind::Activity => self.send(
                |hub, at, token| hub.activity_done(at, token, ActivityOutcome::Abandoned),
                |_, _| {},
            ),
            Kind::Batch => self.send(
                |hub, at, token| hub.batch_done(at, token, BatchOutcome::Abandoned),
                |_, _| {},
            ),
        }
    }
}
