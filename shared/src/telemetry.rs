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
    /// A delivery of a wish that had ended before.
    Duplicate,
    /// A wish comes again.
    Deferred,
    /// A wish will not be carried out.
    Rejected,
    /// A permission or a quota is missing.
    Denied,
    /// A scheduler's placeholder arrived literally.
    UnresolvedPlaceholder,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Duplicate => "Duplicate",
            Self::Deferred => "Deferred",
            Self::Rejected => "Rejected",
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

    /// Writes one line in CloudWatch's embedded metric format, if anything was counted.
    pub fn publish(&self, operation: &str, now: Timestamp) {
        if let Some(line) = self.line(operation, now) {
            // Where standard output is gone, so is everything that could be told.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }
    }

    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    fn line(&self, operation: &str, now: Timestamp) -> Option<Value> {
        let mut values: Map<String, Value> = self
            .counts
            .iter()
            .map(|(metric, count)| (metric.name().to_owned(), json!(count)))
            .collect();
        let mut metrics: Vec<Value> =
            values.keys().map(|name| json!({"Name": name, "Unit": "Count"})).collect();
        // The format takes at most a hundred values of one metric.
        if let Some(latencies) = self.call_latencies.chunks(100).next() {
            metrics.push(json!({"Name": "CallLatency", "Unit": "Milliseconds"}));
            values.insert("CallLatency".to_owned(), json!(latencies));
        }
        if metrics.is_empty() {
            return None;
        }
        values.insert("operation".to_owned(), json!(operation));
        values.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.epoch_millis(),
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [["operation"]], "Metrics": metrics}
                ]
            }),
        );
        Some(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counted_metric_is_declared_and_carries_its_value() {
        let mut metrics = Metrics::default();
        metrics.count(Metric::Started);
        metrics.count(Metric::Started);
        metrics.count(Metric::Denied);
        metrics.call_latency(12);
        let line = metrics.line("Op", Timestamp::from_epoch_millis(5)).unwrap();
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 5,
                    "CloudWatchMetrics": [{
                        "Namespace": "Reveille",
                        "Dimensions": [["operation"]],
                        "Metrics": [
                            {"Name": "Denied", "Unit": "Count"},
                            {"Name": "Started", "Unit": "Count"},
                            {"Name": "CallLatency", "Unit": "Milliseconds"}
                        ]
                    }]
                },
                "operation": "Op", "Started": 2, "Denied": 1, "CallLatency": [12]
            })
        );
    }

    #[test]
    fn nothing_counted_is_nothing_written() {
        assert_eq!(Metrics::default().line("Op", Timestamp::from_epoch_millis(0)), None);
    }
}
