//! `extensions.queues`.

use std::time::Duration;

use anyhow::bail;
use functions_handler::host_json::HostJson as Values;

/// The section with the options of queue triggers.
const SECTION: &str = "extensions:queues";
const LARGEST_BATCH: usize = 32;
const SHORTEST_POLL: Duration = Duration::from_millis(100);
const SEVEN_DAYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How messages of storage queues are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// `batchSize`: how many messages are taken at once, 1 to 32; 16 by default.
    pub batch_size: usize,
    /// `newBatchThreshold`: messages are taken while not more than this many are under way; half of the batch
    /// size by default.
    pub new_batch_threshold: usize,
    /// `maxPollingInterval`: the longest pause between two looks at an empty queue, at least 100 milliseconds.
    /// 1 second by default, and 1 minute on a real host.
    pub max_polling_interval: Duration,
    /// `visibilityTimeout`: after how long a message whose function failed is delivered again, up to 7 days;
    /// at once by default.
    pub visibility_timeout: Duration,
    /// `maxDequeueCount`: after this many deliveries without success a message is moved to the poison queue; 5
    /// by default.
    pub max_dequeue_count: u64,
    /// `messageEncoding` is `base64`, the default, and not `none`.
    pub base64: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            batch_size: 16,
            new_batch_threshold: 8,
            max_polling_interval: Duration::from_secs(1),
            visibility_timeout: Duration::ZERO,
            max_dequeue_count: 5,
            base64: true,
        }
    }
}

/// # Errors
/// A value that stops a real host.
pub(super) fn options(values: &Values) -> anyhow::Result<QueueOptions> {
    let default = QueueOptions::default();
    let batch_size = count(values, "batchSize", 1..=LARGEST_BATCH)?.unwrap_or(default.batch_size);
    let threshold = count(values, "newBatchThreshold", 0..=usize::MAX)?;
    let most = count(values, "maxDequeueCount", 1..=usize::MAX)?;
    Ok(QueueOptions {
        batch_size,
        new_batch_threshold: threshold.unwrap_or(batch_size / 2),
        max_polling_interval: span(values, "maxPollingInterval", SHORTEST_POLL..=SEVEN_DAYS)?
            .unwrap_or(default.max_polling_interval),
        visibility_timeout: span(values, "visibilityTimeout", Duration::ZERO..=SEVEN_DAYS)?
            .unwrap_or(default.visibility_timeout),
        max_dequeue_count: match most {
            Some(most) => u64::try_from(most)?,
            None => default.max_dequeue_count,
        },
        base64: match value(values, "messageEncoding") {
            None => default.base64,
            Some(text) if text.eq_ignore_ascii_case("base64") => true,
            Some(text) if text.eq_ignore_ascii_case("none") => false,
            Some(text) => {
                bail!("host.json {SECTION}:messageEncoding: expected base64 or none, got '{text}'.")
            }
        },
    })
}

fn value<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    values
        .get(&format!("{SECTION}:{name}"))
        .filter(|value| !value.is_empty())
}

fn count(
    values: &Values,
    name: &str,
    range: std::ops::RangeInclusive<usize>,
) -> anyhow::Result<Option<usize>> {
    let Some(text) = value(values, name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(count) if range.contains(&count) => Ok(Some(count)),
        _ => {
            let upper = match *range.end() {
                usize::MAX => String::new(),
                end => format!(" to {end}"),
            };
            bail!(
                "host.json {SECTION}:{name}: expected a whole number from {}{upper}, got '{text}'.",
                range.start()
            )
        }
    }
}

fn span(
    values: &Values,
    name: &str,
    range: std::ops::RangeInclusive<Duration>,
) -> anyhow::Result<Option<Duration>> {
    let span = values.time_span(&format!("{SECTION}:{name}"))?;
    if let Some(span) = span
        && !range.contains(&span)
    {
        bail!(
            "host.json {SECTION}:{name}: expected a time span from {:?} to 7 days, got {span:?}.",
            range.start()
        );
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(queues: &str) -> anyhow::Result<QueueOptions> {
        let text = format!(r#"{{"extensions":{{"queues":{queues}}}}}"#);
        options(&Values::parse(Path::new("host.json"), &text)?)
    }

    #[test]
    fn the_options_are_those_of_the_extension() {
        assert_eq!(read("{}").unwrap(), QueueOptions::default());
        let options = read(
            r#"{"batchSize":3,"maxPollingInterval":"00:00:02","visibilityTimeout":"00:00:30","maxDequeueCount":2,"messageEncoding":"None"}"#,
        );
        assert_eq!(
            options.unwrap(),
            QueueOptions {
                batch_size: 3,
                new_batch_threshold: 1,
                max_polling_interval: Duration::from_secs(2),
                visibility_timeout: Duration::from_secs(30),
                max_dequeue_count: 2,
                base64: false,
            }
        );
        let threshold = read(r#"{"newBatchThreshold":0}"#).unwrap();
        assert_eq!(threshold.new_batch_threshold, 0);
    }

    #[test]
    fn what_stops_a_real_host_is_refused_by_name() {
        for (queues, expected) in [
            (
                r#"{"batchSize":33}"#,
                "batchSize: expected a whole number from 1 to 32, got '33'",
            ),
            (
                r#"{"maxDequeueCount":0}"#,
                "maxDequeueCount: expected a whole number from 1, got '0'",
            ),
            (r#"{"newBatchThreshold":-1}"#, "newBatchThreshold"),
            (r#"{"visibilityTimeout":"soon"}"#, "visibilityTimeout"),
            (r#"{"visibilityTimeout":"8.00:00:00"}"#, "to 7 days"),
            (
                r#"{"maxPollingInterval":"00:00:00"}"#,
                "expected a time span from 100ms to 7 days",
            ),
            (
                r#"{"messageEncoding":"utf8"}"#,
                "messageEncoding: expected base64 or none, got 'utf8'",
            ),
        ] {
            let error = read(queues).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
