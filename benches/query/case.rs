//! What is measured: the rows, and how the server answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::macros::date;

use crate::table_service::{Generated, Limits, Options, Rows};

/// The data and the limits of one measurement.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) days: u32,
    pub(crate) rows_per_day: u32,
    pub(crate) distinct: u64,
    /// Of each page.
    pub(crate) latency_ms: u64,
    /// Whether the server keeps to the published targets of Azure Tables.
    pub(crate) is_throttled: bool,
    /// Whether it speaks TLS.
    pub(crate) is_tls: bool,
}

/// Pages of 20 ms, with nothing else in the way.
pub(crate) const LATENCY: Case = Case {
    days: 60,
    rows_per_day: 2_000,
    distinct: 40_000,
    latency_ms: 20,
    is_throttled: false,
    is_tls: false,
};

/// Half a minute at the limit of the account.
pub(crate) const LIMITS: Case = Case {
    days: 120,
    rows_per_day: 5_000,
    distinct: 200_000,
    latency_ms: 20,
    is_throttled: true,
    is_tls: false,
};

/// 10 million rows of a year.
pub(crate) const MEMORY: Case = Case {
    days: 365,
    rows_per_day: 27_398,
    distinct: 3_000_000,
    latency_ms: 0,
    is_throttled: false,
    is_tls: false,
};

impl Case {
    /// The same with or without TLS.
    pub(crate) fn over(self, is_tls: bool) -> Self {
        Self { is_tls, ..self }
    }

    fn rows(&self) -> Generated {
        Generated {
            first_day: date!(2021 - 01 - 01),
            days: self.days,
            rows_per_day: self.rows_per_day,
            distinct: self.distinct,
            empty_cert_share: 0.0,
        }
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            latency: Duration::from_millis(self.latency_ms),
            is_tls: self.is_tls,
            throttle: self.is_throttled.then_some(Limits::PUBLISHED),
            ..Options::new(Rows::Generated(self.rows()))
        }
    }

    /// The first day and the last.
    pub(crate) fn range(&self) -> (String, String) {
        (self.rows().day(0), self.rows().day(self.days - 1))
    }

    /// All days.
    pub(crate) fn all_days(&self) -> Vec<String> {
        (0..self.days).map(|day| self.rows().day(day)).collect()
    }

    /// The least seconds in which the server gives this many rows out: what it has saved up at the beginning costs no
    /// time. `None` without a limit.
    pub(crate) fn least_seconds(&self, rows: u64) -> Option<f64> {
        let account = Limits::PUBLISHED.account;
        self.is_throttled
            .then(|| (rows as f64 - account.burst) / account.rate)
    }
}
