//! Measuring two things under the same load of the machine.

use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(30);

/// The best time of one call of each in microseconds. The calls alternate in short rounds, so that other
/// load of the machine affects both alike, and the best round is the least disturbed one.
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
