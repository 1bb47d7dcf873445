//! Measuring what can be done only once to each state.

use std::time::Instant;

const ROUNDS: usize = 15;

/// The best time of `call` in microseconds, each on a state of its own that `prepare` makes outside
/// of the measurement.
pub(crate) fn best<T>(prepare: impl Fn() -> T, mut call: impl FnMut(&mut T)) -> f64 {
    const STATES: usize = 20;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let mut states: Vec<T> = (0..STATES).map(|_| prepare()).collect();
        let start = Instant::now();
        states.iter_mut().for_each(&mut call);
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / STATES as f64);
    }
    best
}
