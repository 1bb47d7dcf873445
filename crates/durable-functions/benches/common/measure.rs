//! Measuring two things so that both meet the same machine.

use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(30);

/// The best time of one call of each in microseconds. The calls alternate in short rounds, so that
/// whatever else the machine does hits them alike, and the best round is the least disturbed one.
pub(crate) fn interleaved<const K: usize>(mut calls: [&mut dyn FnMut(); K]) -> [f64; K] {
    let counts = calls.each_mut().map(|call| {
        call();
        let start = Instant::now();
        call();
        let once = start.elapsed().max(Duration::from_nanos(100));
        (ROUND.as_nanos() / once.as_nanos()).clamp(3, 100_000) as u32
    });
    let mut best = [f64::INFINITY; K];
    for _ in 0..ROUNDS {
        for ((call, count), best) in calls.iter_mut().zip(counts).zip(&mut best) {
            let start = Instant::now();
            for _ in 0..count {
                call();
            }
            let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(count);
            *best = best.min(each);
        }
    }
    best
}

/// The best time of `call` in microseconds, each on a state of its own that `prepare` makes outside
/// of the measurement.
pub(crate) fn prepared<T>(prepare: impl Fn() -> T, mut call: impl FnMut(&mut T)) -> f64 {
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
