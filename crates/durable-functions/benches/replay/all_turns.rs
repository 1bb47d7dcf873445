//! All turns of an orchestration, against the sum of their floors.

use std::hint::black_box;
use std::time::Instant;

use durable_functions::worker::{KeptInstances, KeptLimits, run_turn};

use crate::shapes::Shape;
use crate::{floor, measure};

pub(crate) struct AllTurns<'a> {
    shape: &'a Shape,
    n: u32,
    requests: Vec<String>,
    /// Of the floors, replayed, kept.
    best_us: [f64; 3],
}

impl<'a> AllTurns<'a> {
    pub(crate) fn new(shape: &'a Shape, n: u32) -> Self {
        let history = (shape.history)(n);
        AllTurns {
            shape,
            n,
            requests: (0..history.turns())
                .map(|turn| history.request(turn))
                .collect(),
            best_us: [f64::INFINITY; 3],
        }
    }

    pub(crate) fn measure(&mut self) {
        let (function, requests) = (&self.shape.function, &self.requests);
        let measured = measure::interleaved([
            &mut || floor::answer_all(requests),
            &mut || {
                for request in requests {
                    black_box(run_turn(function, request));
                }
            },
            &mut || {
                let mut kept = KeptInstances::new(KeptLimits::default().verify_every(0));
                for request in requests {
                    black_box(kept.run_turn(function, request, Instant::now()));
                }
                assert_eq!(kept.continued() + 1, requests.len() as u64);
            },
        ]);
        for (best, measured) in self.best_us.iter_mut().zip(measured) {
            *best = best.min(measured);
        }
    }

    pub(crate) fn print(&self) {
        let [floor_us, replay_us, kept_us] = self.best_us;
        println!(
            "{} of {}, all {} turns: floors {floor_us:.0} µs, replayed {replay_us:.0} µs ({:.2}), kept \
             {kept_us:.0} µs ({:.3})",
            self.shape.name,
            self.n,
            self.requests.len(),
            replay_us / floor_us,
            kept_us / floor_us,
        );
    }
}
