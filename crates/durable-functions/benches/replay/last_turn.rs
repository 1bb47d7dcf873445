//! The last turn of an orchestration, with its whole history.

use std::hint::black_box;
use std::time::Instant;

use durable_functions::worker::{KeptInstances, KeptLimits, run_turn};

use crate::shapes::Shape;
use crate::{floor, measure, prepared};

/// One line of the table. The figures are the best of all measurements.
pub(crate) struct LastTurn<'a> {
    shape: &'a Shape,
    n: u32,
    request: String,
    before: String,
    floor_us: f64,
    replay_us: f64,
    kept_us: f64,
}

impl<'a> LastTurn<'a> {
    pub(crate) fn new(shape: &'a Shape, n: u32) -> Self {
        let history = (shape.history)(n);
        let last = history.turns() - 1;
        let request = history.request(last);
        assert_eq!(
            run_turn(&shape.function, &request),
            floor::answer(&request),
            "engine and floor must come to the same answer"
        );
        LastTurn {
            shape,
            n,
            request,
            before: history.request(last - 1),
            floor_us: f64::INFINITY,
            replay_us: f64::INFINITY,
            kept_us: f64::INFINITY,
        }
    }

    pub(crate) fn measure(&mut self) {
        let (function, request) = (&self.shape.function, &self.request);
        let [floor_us, replay_us] =
            measure::interleaved([&mut || drop(black_box(floor::answer(request))), &mut || {
                drop(black_box(run_turn(function, request)))
            }]);
        let kept_us = prepared::best(
            || {
                let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
                kept.run_turn(function, &self.before, Instant::now());
                kept
            },
            |kept| {
                black_box(kept.run_turn(function, request, Instant::now()));
                assert_eq!(kept.continued(), 1, "the turn must have been continued");
            },
        );
        self.floor_us = self.floor_us.min(floor_us);
        self.replay_us = self.replay_us.min(replay_us);
        self.kept_us = self.kept_us.min(kept_us);
    }

    pub(crate) fn print_head() {
        println!(
            "shape    |     n | request KiB |  floor µs | replay µs | per task | ratio | kept µs | ratio"
        );
        println!(
            "-------- | ----: | ----------: | --------: | --------: | -------: | ----: | ------: | ----:"
        );
    }

    pub(crate) fn print(&self) {
        println!(
            "{:8} | {:5} | {:11.1} | {:9.1} | {:9.1} | {:8.3} | {:5.2} | {:7.1} | {:5.2}",
            self.shape.name,
            self.n,
            self.request.len() as f64 / 1024.0,
            self.floor_us,
            self.replay_us,
            self.replay_us / f64::from(self.n),
            self.replay_us / self.floor_us,
            self.kept_us,
            self.kept_us / self.floor_us,
        );
    }

    /// The line for the file of figures, if it belongs there.
    pub(crate) fn figures(&self) -> Option<serde_json::Value> {
        self.shape.compared.then(|| {
            serde_json::json!({
                "shape": self.shape.name,
                "n": self.n,
                "floor_us": self.floor_us,
                "replay_us": self.replay_us,
                "ratio": self.replay_us / self.floor_us,
                "kept_us": self.kept_us,
                "kept_ratio": self.kept_us / self.floor_us,
            })
        })
    }
}
