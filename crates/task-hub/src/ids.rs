//! Ids, drawn from a source that the caller owns.
//!
//! Invariant: the hub never makes an id by itself, so the same inputs with the same source give the same
//! histories.

use durable_protocol::Timestamp;

/// A source of ids. Production draws random UUIDs (version 4), tests count.
///
/// Two draws must never give the same number, also not across restarts: lease tokens and execution ids tell
/// old work from new.
pub trait Ids {
    /// The next 128 bits.
    fn draw(&mut self) -> u128;
}

/// What the world gives to one step: the time and a source of ids.
pub struct Moment<'a> {
    /// The current time.
    pub now: Timestamp,
    /// Where ids come from.
    pub ids: &'a mut dyn Ids,
}

impl<'a> Moment<'a> {
    /// `now` is cut to steps of 100 ns, as the host's times are.
    pub fn new(now: Timestamp, ids: &'a mut dyn Ids) -> Self {
        Self {
            now: now.in_ticks(),
            ids,
        }
    }
}

/// 32 hex digits.
pub(crate) fn plain(ids: &mut dyn Ids) -> String {
    format!("{:032x}", ids.draw())
}

/// The same with hyphens. A real host gives execution ids of this form to starts by clients only.
pub(crate) fn hyphenated(ids: &mut dyn Ids) -> String {
    let digits = plain(ids);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;
    impl Ids for One {
        fn draw(&mut self) -> u128 {
            0x0011_2233_4455_6677_8899_aabb_ccdd_eeff
        }
    }

    #[test]
    fn ids_have_the_two_forms_of_a_real_host() {
        assert_eq!(plain(&mut One), "00112233445566778899aabbccddeeff");
        assert_eq!(hyphenated(&mut One), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
