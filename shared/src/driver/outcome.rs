//! What became of each wish of an event, and the line that says so.

use std::any::Any;
use std::time::Duration;

use super::batch::Batch;
use crate::clock::Timestamp;
use crate::failure::Reason;
use crate::ledger::{Item, Status};
use crate::operation::Request;
use crate::telemetry::{Metric, Metrics};
use crate::token::Source;

/// How soon a wish comes again that was not begun.
const SOON: Duration = Duration::from_secs(10);

/// What became of one wish.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Whether it had ended before this delivery.
    pub(super) is_duplicate: bool,
    /// Whether a permission or a quota is missing.
    pub(super) denied: bool,
    /// Which attempt this was; zero where there was none.
    pub(super) attempt: u32,
    /// How long the call took, where there was one.
    pub(super) latency: Option<Duration>,
}

/// How a wish stands after this delivery.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It needs nothing more.
    Ended { status: Status, receipt: Option<String>, reason: Option<Reason> },
    /// It is to be reported.
    Rejected(Reason),
    /// It is to come again.
    Deferred { reason: Reason, after: Duration },
}

impl Outcome {
    pub(super) fn ended(status: Status, receipt: Option<String>, reason: Option<Reason>) -> Self {
        Self::of(Verdict::Ended { status, receipt, reason })
    }

    pub(super) fn duplicate(item: &Item) -> Self {
        let status = item.status.unwrap_or(Status::Started);
        Self::ended(status, item.receipt.clone(), item.reason.clone()).repeated()
    }

    pub(super) fn rejected(reason: Reason) -> Self {
        Self::of(Verdict::Rejected(reason))
    }

    pub(super) fn deferred(reason: Reason, after: Duration) -> Self {
        Self::of(Verdict::Deferred { reason, after })
    }

    pub(super) fn not_begun() -> Self {
        let message = "the invocation's time was too short to begin";
        Self::deferred(Reason::new(Reason::DEADLINE_NEAR, message), SOON)
    }

    pub(super) fn behind() -> Self {
        let message = "an earlier message of its message group comes again, and this one behind it";
        Self::deferred(Reason::new(Reason::BEHIND, message), SOON)
    }

    /// The same outcome for another delivery of the wish: nothing was called for this one.
    pub(super) fn repeated(self) -> Self {
        let is_duplicate = matches!(self.verdict, Verdict::Ended { .. });
        Self { is_duplicate, denied: false, attempt: 0, latency: None, ..self }
    }

    fn of(verdict: Verdict) -> Self {
        Self { verdict, is_duplicate: false, denied: false, attempt: 0, latency: None }
    }

    pub(super) fn status(&self) -> Status {
        match &self.verdict {
            Verdict::Ended { status, .. } => *status,
            Verdict::Rejected(_) => Status::Rejected,
            Verdict::Deferred { .. } => Status::Deferred,
        }
    }

    pub(super) fn reason(&self) -> Option<&Reason> {
        match &self.verdict {
            Verdict::Ended { reason, .. } => reason.as_ref(),
            Verdict::Rejected(reason) | Verdict::Deferred { reason, .. } => Some(reason),
        }
    }
}

/// A panic as a reason, with its message where it has one.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Reason {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    Reason::new(Reason::PANICKED, format!("the code panicked at this wish: {text}"))
}

/// One log line per wish, and the metrics of the event.
pub(super) fn report<R: Request>(
    operation: &str,
    batch: &Batch<'_, R>,
    outcomes: &[Outcome],
    now: Timestamp,
) {
    let mut metrics = Metrics::default();
    for (task, outcome) in batch.tasks.iter().zip(outcomes) {
        let token = batch.token(task).as_str();
        let target = batch.wish(task).map_or("", |wish| &wish.target);
        log(operation, token, target, outcome);
        if task.placeholder {
            tracing::warn!(
                operation,
                token,
                "a scheduler's placeholder arrived literally and was ignored; expected the \
                 scheduler to replace <aws.scheduler...> in its input"
            );
            metrics.count(Metric::UnresolvedPlaceholder);
        }
        let source = batch.wish(task).map(|wish| &wish.source);
        measure(&mut metrics, outcome, source);
    }
    metrics.publish(operation, now);
}

fn log(operation: &str, token: &str, target: &str, outcome: &Outcome) {
    let status = outcome.status().as_str();
    let attempt = outcome.attempt;
    let duplicate = outcome.is_duplicate;
    let duration_ms = outcome.latency.map(millis);
    let error_code = outcome.reason().map(|reason| reason.code.as_str());
    let error_message = outcome.reason().map(|reason| reason.message.as_str());
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                operation,
                token,
                target,
                outcome = status,
                duplicate,
                attempt,
                duration_ms,
                error_code,
                error_message,
                "wish"
            )
        };
    }
    match outcome.verdict {
        Verdict::Ended { .. } => line!(info),
        Verdict::Deferred { .. } => line!(warn),
        Verdict::Rejected(_) => line!(error),
    }
}

fn measure(metrics: &mut Metrics, outcome: &Outcome, source: Option<&Source>) {
    match &outcome.verdict {
        Verdict::Ended { .. } if outcome.is_duplicate => metrics.count(Metric::Duplicate),
        Verdict::Ended { status: Status::Started, .. } => {
            metrics.count(Metric::Started);
            if matches!(source, Some(Source::Schedule { .. })) {
                metrics.count(Metric::StartedOnSchedule);
            }
        }
        Verdict::Ended { .. } => {}
        Verdict::Rejected(reason) => {
            metrics.count(Metric::Rejected);
            if reason.code == Reason::OUTCOME_UNKNOWN {
                metrics.count(Metric::OutcomeUnknown);
            }
        }
        Verdict::Deferred { .. } => metrics.count(Metric::Deferred),
    }
    if outcome.denied {
        metrics.count(Metric::Denied);
    }
    if let Some(latency) = outcome.latency {
        metrics.call_latency(millis(latency));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
