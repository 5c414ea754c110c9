//! Log lines and metrics: JSON, one line per wish, no bodies and no secrets.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::Timestamp;

/// The CloudWatch namespace of every metric.
pub const NAMESPACE: &str = "Reveille";

/// Lambda's own variable for the level of a function's log.
const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Begins to log to standard output, as JSON.
///
/// The level is the function's own, from Lambda's logging controls. What is not ours stays at
/// warnings, whatever the level: the AWS clients print requests and headers when they debug.
pub fn init() {
    let level = std::env::var(LOG_LEVEL).ok().and_then(|level| level.parse().ok());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_span_list(false);
    let ours = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("lambda_runtime", LevelFilter::INFO)
        .with_target("shared", level.unwrap_or(LevelFilter::INFO));
    // A second subscriber is refused; the first one goes on.
    let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
}

/// What is counted, by operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// AWS accepted a wish.
    Started,
    /// The same for a wish that a schedule brought.
    StartedOnSchedule,
    /// A delivery of a wish that had ended before.
    Duplicate,
    /// A wish comes again.
    Deferred,
    /// A wish will not be carried out.
    Rejected,
    /// It may have been carried out, and nobody but a person can tell: rejected too.
    OutcomeUnknown,
    /// A permission or a quota is missing.
    Denied,
    /// A scheduler's placeholder arrived literally.
    UnresolvedPlaceholder,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::StartedOnSchedule => "StartedOnSchedule",
            Self::Duplicate => "Duplicate",
            Self::Deferred => "Deferred",
            Self::Rejected => "Rejected",
            Self::OutcomeUnknown => "OutcomeUnknown",
            Self::Denied => "Denied",
            Self::UnresolvedPlaceholder => "UnresolvedPlaceholder",
        }
    }
}

/// The counts and latencies of one invocation.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    counts: BTreeMap<Metric, u64>,
    call_latencies: Vec<u64>,
}

impl Metrics {
    /// One more of it.
    pub fn count(&mut self, metric: Metric) {
        *self.counts.entry(metric).or_default() += 1;
    }

    /// How long one call took, in milliseconds.
    pub fn call_latency(&mut self, millis: u64) {
        self.call_latencies.push(millis);
    }

    /// Writes what was counted in CloudWatch's embedded metric format: one line, and another for
    /// every further hundred of latencies, since a metric has at most that many values.
    pub fn publish(&self, operation: &str, now: Timestamp) {
        for line in self.lines(operation, now) {
            // Where standard output is gone, so is everything that could be told.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }
    }

    fn lines(&self, operation: &str, now: Timestamp) -> Vec<Value> {
        let mut latencies = self.call_latencies.chunks(MOST_VALUES);
        let counts =
            self.counts.iter().map(|(metric, count)| (metric.name(), "Count", json!(count)));
        let first = counts.chain(latencies.next().map(latency)).collect::<Vec<_>>();
        std::iter::once(first)
            .chain(latencies.map(|values| vec![latency(values)]))
            .filter(|metrics| !metrics.is_empty())
            .map(|metrics| line(metrics, operation, now))
            .collect()
    }
}

/// The most values that a metric has in one line.
const MOST_VALUES: usize = 100;

/// A metric's name, its unit, and its values.
type Measured = (&'static str, &'static str, Value);

fn latency(values: &[u64]) -> Measured {
    ("CallLatency", "Milliseconds", json!(values))
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn line(metrics: Vec<Measured>, operation: &str, now: Timestamp) -> Value {
    let definitions: Vec<_> =
        metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line: Map<String, Value> =
        metrics.into_iter().map(|(name, _, values)| (name.to_owned(), values)).collect();
    line.insert("operation".to_owned(), json!(operation));
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.epoch_millis(),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [["operation"]], "Metrics": definitions}
            ]
        }),
    );
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Metric; 8] = [
        Metric::Started,
        Metric::StartedOnSchedule,
        Metric::Duplicate,
        Metric::Deferred,
        Metric::Rejected,
        Metric::OutcomeUnknown,
        Metric::Denied,
        Metric::UnresolvedPlaceholder,
    ];

    #[test]
    fn every_metric_is_written_as_the_specification_wants_it() {
        let mut metrics = Metrics::default();
        for metric in ALL {
            metrics.count(metric);
            metrics.count(metric);
        }
        for millis in 0..250 {
            metrics.call_latency(millis);
        }
        let lines = metrics.lines("Op", Timestamp::from_epoch_millis(5));
        for line in &lines {
            assert_eq!(harness::emf::findings(line), Vec::<String>::new(), "{line}");
            assert_eq!(line["_aws"]["Timestamp"], 5);
            assert_eq!(line["operation"], "Op");
        }
        for metric in ALL {
            let counted: Vec<_> =
                lines.iter().filter_map(|line| line[metric.name()].as_u64()).collect();
            assert_eq!(counted, [2], "{}", metric.name());
        }
        let latencies = lines.iter().map(|line| line["CallLatency"].as_array().unwrap().len());
        assert_eq!(latencies.collect::<Vec<_>>(), [100, 100, 50], "none is left out");
    }

    #[test]
    fn nothing_counted_is_nothing_written() {
        assert!(Metrics::default().lines("Op", Timestamp::from_epoch_millis(0)).is_empty());
    }
}
