//! Token buckets with the published targets of Azure Tables.
//!
//! Invariant: over any time, no more entities are let through than the capacity of the bucket and what its rate adds in that
//! time, beside the last page.

use std::{collections::HashMap, sync::Mutex, time::Instant};

/// What a bucket gets in a second, and what it holds. It is full at the beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Entities in a second.
    pub(crate) rate: f64,
    /// The most entities that can be taken at once.
    pub(crate) burst: f64,
}

/// The limits of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of each of its partitions.
    pub(crate) partition: Limit,
    /// Of all of them together.
    pub(crate) account: Limit,
}

impl Limits {
    /// 2,000 entities a second in a partition, 20,000 in an account. How much can be saved up is not published: a second
    /// here.
    pub(crate) const PUBLISHED: Self = Self {
        partition: Limit {
            rate: 2_000.0,
            burst: 2_000.0,
        },
        account: Limit {
            rate: 20_000.0,
            burst: 20_000.0,
        },
    };
}

struct Bucket {
    limit: Limit,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn full(limit: Limit) -> Self {
        Self {
            limit,
            tokens: limit.burst,
            filled: Instant::now(),
        }
    }

    fn is_empty(&mut self) -> bool {
        let now = Instant::now();
        let added = (now - self.filled).as_secs_f64() * self.limit.rate;
        self.tokens = (self.tokens + added).min(self.limit.burst);
        self.filled = now;
        self.tokens <= 0.0
    }
}

struct Buckets {
    account: Bucket,
    partitions: HashMap<String, Bucket>,
    of_partition: Limit,
}

impl Buckets {
    fn partition(&mut self, key: &str) -> &mut Bucket {
        let limit = self.of_partition;
        self.partitions
            .entry(key.to_owned())
            .or_insert_with(|| Bucket::full(limit))
    }
}

/// The buckets of an account.
pub(super) struct Throttle(Mutex<Buckets>);

impl Throttle {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Mutex::new(Buckets {
            account: Bucket::full(limits.account),
            partitions: HashMap::new(),
            of_partition: limits.partition,
        }))
    }

    /// Takes so many tokens, unless the bucket of the account or of the partition is empty. A bucket can go below zero by
    /// what one request takes; it then stays empty for longer.
    pub(super) fn take(&self, partition: &str, entities: u64) -> bool {
        let mut buckets = self.0.lock().unwrap();
        if buckets.account.is_empty() || buckets.partition(partition).is_empty() {
            return false;
        }
        buckets.account.tokens -= entities as f64;
        buckets.partition(partition).tokens -= entities as f64;
        true
    }

    /// Puts right what [`take`](Self::take) took before the page was known: what was too much goes back, and entities of
    /// other partitions are taken from the buckets of those. A page without entities costs one.
    pub(super) fn correct(&self, partition: &str, taken: u64, page: &[(String, u64)]) {
        let mut buckets = self.0.lock().unwrap();
        let returned: u64 = page.iter().map(|(_, entities)| entities).sum();
        buckets.account.tokens += taken as f64 - returned.max(1) as f64;
        let of_an_empty_page = if returned == 0 { 1.0 } else { 0.0 };
        buckets.partition(partition).tokens += taken as f64 - of_an_empty_page;
        for (key, entities) in page {
            buckets.partition(key).tokens -= *entities as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets that do not fill while a test runs.
    const FIXED: Limits = Limits {
        partition: Limit {
            rate: 0.0,
            burst: 2_000.0,
        },
        account: Limit {
            rate: 0.0,
            burst: 20_000.0,
        },
    };

    #[test]
    fn a_partition_and_the_account_run_empty_by_what_was_returned() {
        let throttle = Throttle::new(FIXED);
        assert!(throttle.take("a", 1_000));
        throttle.correct("a", 1_000, &[("a".to_owned(), 999)]);
        assert!(throttle.take("a", 1_000));
        throttle.correct("a", 1_000, &[("a".to_owned(), 1_000)]);
        assert!(throttle.take("a", 1_000), "one token is left");
        assert!(!throttle.take("a", 1), "the partition is empty");
        for other in 0..17 {
            assert!(throttle.take(&other.to_string(), 1_000));
        }
        assert!(throttle.take("b", 1_000), "one token is left");
        assert!(!throttle.take("c", 1), "the account is empty");
    }

    #[test]
    fn an_empty_page_costs_one() {
        let throttle = Throttle::new(FIXED);
        for _ in 0..2_000 {
            assert!(throttle.take("a", 1_000));
            throttle.correct("a", 1_000, &[]);
        }
        assert!(!throttle.take("a", 1_000));
    }
}
