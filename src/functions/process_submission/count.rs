//! The count of one job: slices are read, then the values that they have spilled are merged.
//!
//! Invariant: the count is that of all values of all slices, or there is none. Values that a slice returned are here;
//! those that it spilled are in the scratch table, and a merge that does not find all of them fails.

use std::{
    collections::{BTreeSet, VecDeque},
    pin::Pin,
    time::{Duration, SystemTime},
};

use durable_functions::{Failure, OrchestrationContext, Result, RetryPolicy, TaskError};
use futures::{StreamExt, stream::FuturesUnordered};

use crate::{
    audit::{AuditError, Slice, Spilled, ValueHash, Values, days_of},
    dates::DateRange,
    functions::{
        clear_activity::CLEAR_ACTIVITY,
        merge_activity::{MERGE_ACTIVITY, MergeInput, Merged},
        query_activity::{QUERY_ACTIVITY, Queried, QueryInput},
    },
    jobs::progress::{Progress, Stage},
    scratch::{Buckets, Scope},
};

/// How many slices of a job are read at a time. Each reads several partitions at once; together they ask for more than the
/// ten partitions that are the limit of an account.
const SLICES_AT_ONCE: usize = 4;
/// How many merges of a job run at a time. The memory of each is bounded, and it waits for the table most of the time.
const MERGES_AT_ONCE: usize = 2;
/// How many spilled values one merge reads, about. 2 million are some 45 MB on the wire.
const VALUES_PER_MERGE: u64 = 2_000_000;
/// How long a job that has failed waits for what runs of it. It takes a second or two, and no longer where nothing runs
/// any more: after that the job fails all the same.
const STOP_TIME: Duration = Duration::from_secs(15);

/// What runs of a job.
type Running = FuturesUnordered<Pin<Box<dyn Future<Output = Result<Ended, TaskError>>>>>;

/// What has ended.
enum Ended {
    /// A slice of so many days.
    Slice(u32, Queried),
    Merge(Merged),
}

pub(super) struct Count<'c> {
    context: &'c OrchestrationContext,
    range: DateRange,
    scope: Scope,
    retry: RetryPolicy,
    begin: SystemTime,
    progress: Progress,
    running: Running,
    values: BTreeSet<ValueHash>,
    /// The count of the only slice of the range.
    counted: Option<u64>,
    spilled: Spilled,
}

impl<'c> Count<'c> {
    pub(super) fn begin(context: &'c OrchestrationContext, range: DateRange) -> Self {
        let progress = Progress::begin(&range);
        context.set_custom_status(progress);
        Self {
            context,
            range,
            scope: Scope::from_uuid(context.new_uuid()),
            retry: retry(context),
            begin: context.now(),
            progress,
            running: Running::new(),
            values: BTreeSet::new(),
            counted: None,
            spilled: Spilled::default(),
        }
    }

    /// The number of distinct values.
    pub(super) async fn run(&mut self) -> Result<u64, Failure> {
        self.query().await?;
        let values = if let Some(count) = self.counted {
            count
        } else if self.spilled.is_empty() {
            self.values.len() as u64
        } else {
            self.show(Stage::Merging);
            let values = self.merge().await?;
            self.clear().await;
            values
        };
        self.show(Stage::Done);
        Ok(values)
    }

    /// Waits until nothing of the job runs any more, and removes what it has spilled.
    pub(super) async fn stop(&mut self) {
        self.show(Stage::Stopping);
        let running = &mut self.running;
        let ended = async { while running.next().await.is_some() {} };
        let _ = self.context.timeout(STOP_TIME, ended).await;
        // A slice that failed may have spilled as well. Once and not for long: a storage that has failed the job fails here
        // too, and what is left, the sweep removes.
        let clear = self.context.call(CLEAR_ACTIVITY, self.scope);
        let _ = self.context.timeout(STOP_TIME, clear).await;
    }

    fn show(&mut self, stage: Stage) {
        self.progress = self.progress.in_stage(stage);
        self.context.set_custom_status(self.progress);
    }

    /// Reads all slices.
    async fn query(&mut self) -> Result<(), Failure> {
        let mut waiting = VecDeque::from(Slice::of(&self.range));
        loop {
            while self.running.len() < SLICES_AT_ONCE
                && let Some(slice) = waiting.pop_front()
            {
                self.begin_slice(slice);
            }
            let Some(ended) = self.running.next().await else {
                return Ok(());
            };
            let Ended::Slice(days, queried) = ended.map_err(TaskError::into_failure)? else {
                continue;
            };
            match queried.values {
                Values::Each(values) => self.values.extend(values),
                Values::Count(count) => self.counted = Some(count),
            }
            self.spilled.add(queried.spilled);
            let days = days.saturating_sub(days_of(&queried.rest));
            // What is left of a slice comes before slices that nobody has begun: its continuation tokens are young.
            for rest in Slice::of_rest(queried.rest).into_iter().rev() {
                waiting.push_front(rest);
            }
            self.progress
                .add(days, queried.rows, self.begin, self.context.now());
            self.context.set_custom_status(self.progress);
        }
    }

    fn begin_slice(&mut self, slice: Slice) {
        let days = slice.days();
        let input = QueryInput {
            range: self.range,
            slice,
            scope: self.scope,
            has_spilled: !self.spilled.is_empty(),
        };
        let query = QUERY_ACTIVITY.with_retry(self.retry);
        let queried = self.context.call(query, input);
        self.running.push(Box::pin(
            async move { Ok(Ended::Slice(days, queried.await?)) },
        ));
    }

    /// The number of distinct values, those in the scratch table included.
    async fn merge(&mut self) -> Result<u64, Failure> {
        let merges = self.spilled.values.div_ceil(VALUES_PER_MERGE);
        let mut waiting = VecDeque::from(Buckets::split(merges));
        let mut total = Merged::default();
        loop {
            while self.running.len() < MERGES_AT_ONCE
                && let Some(buckets) = waiting.pop_front()
            {
                self.begin_merge(buckets);
            }
            let Some(ended) = self.running.next().await else {
                break;
            };
            if let Ended::Merge(merged) = ended.map_err(TaskError::into_failure)? {
                total.distinct += merged.distinct;
                total.read += merged.read;
            }
        }
        if total.read != self.spilled.values {
            // An operator has rewound a job whose values were removed when it failed, or somebody has removed them.
            let error = AuditError::ScratchLost;
            return Err(Failure::new(error.code(), error.to_string()));
        }
        Ok(total.distinct)
    }

    fn begin_merge(&mut self, buckets: Buckets) {
        let values = self.values.iter().copied();
        let input = MergeInput {
            scope: self.scope,
            buckets,
            values: values.filter(|value| buckets.contain(value)).collect(),
            spilled: self.spilled.clone(),
        };
        let merge = MERGE_ACTIVITY.with_retry(self.retry);
        let merged = self.context.call(merge, input);
        self.running
            .push(Box::pin(async move { Ok(Ended::Merge(merged.await?)) }));
    }

    /// Removes what was spilled. The count does not depend on it: what is left, the sweep removes.
    async fn clear(&self) {
        let clear = CLEAR_ACTIVITY.with_retry(self.retry);
        let _ = self.context.call(clear, self.scope).await;
    }
}

/// The table client retries single requests by itself. The durable retries are for longer outages, such as a restart of
/// the app: they last half a minute, and a job survives four restarts. The waits differ from job to job, so that those
/// that failed together do not come back together.
fn retry(context: &OrchestrationContext) -> RetryPolicy {
    let jitter = 0.75 + context.rng().next_f64() / 2.0;
    RetryPolicy::new(5, Duration::from_secs(2).mul_f64(jitter)).backoff(2.0)
}
