//! What an attempt means: for the ledger, and for the delivery once that stands there.

use std::time::Duration;

use super::outcome::Outcome;
use crate::clock::Timestamp;
use crate::failure::{Failure, Kind, Reason};
use crate::intent::WhenBusy;
use crate::ledger::{Lease, Settlement, Status};
use crate::operation::Receipt;
use crate::retry;

/// For how long a wish is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How many transient or denied attempts it has.
    pub(super) max_attempts: u32,
    /// How long it waits for a busy target, in all.
    pub(super) max_busy: Duration,
    /// How long it waits for a busy target before it asks again.
    pub(super) busy_delay: Duration,
}

impl Patience {
    /// The one answer to each kind of failure.
    pub(super) fn decide(
        &self,
        lease: Lease,
        failure: Failure,
        when_busy: WhenBusy,
        sent_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Decision {
        let Failure { kind, reason } = failure;
        let begun = if kind.begins_doubt() { sent_at } else { None };
        let in_doubt = lease.doubt_since.or(begun);
        let delay = self.delay(kind, lease.attempts, in_doubt, now);
        match kind {
            Kind::Permanent => {
                let reason = in_doubt.map_or(reason.clone(), |since| unknown(since, &reason));
                Decision::rejected(lease, reason)
            }
            Kind::NotBegun | Kind::Unknown => Decision::deferred(lease, reason, in_doubt, delay),
            // It may be our own effect that is busy: never skipped, never given up.
            Kind::Busy if in_doubt.is_some() => Decision::deferred(lease, reason, in_doubt, delay),
            Kind::Busy if when_busy == WhenBusy::Skip => Decision::skipped(lease, reason),
            Kind::Busy if now.since(lease.created_at) >= self.max_busy => {
                let reason = self.waited(&reason);
                Decision::rejected(lease, reason)
            }
            Kind::Busy => Decision::deferred(lease, reason, None, delay),
            Kind::Transient | Kind::ServerFault | Kind::Denied => {
                let attempts = lease.attempts + 1;
                let mut decision = if attempts >= self.max_attempts {
                    Decision::rejected(lease, given_up(attempts, in_doubt, &reason))
                } else {
                    Decision::deferred(lease, reason, in_doubt, delay)
                };
                decision.settlement.attempts = attempts;
                decision.outcome.denied = kind == Kind::Denied;
                decision
            }
        }
    }

    fn delay(
        &self,
        kind: Kind,
        attempts: u32,
        in_doubt: Option<Timestamp>,
        now: Timestamp,
    ) -> Duration {
        let lasted = in_doubt.map_or(Duration::ZERO, |since| now.since(since));
        retry::delay(kind, attempts, lasted, self.busy_delay, fastrand::f64())
    }

    fn waited(&self, last: &Reason) -> Reason {
        let hours = self.max_busy.as_secs() / 3600;
        Reason::new(&last.code, format!("still busy after {hours} hours: {}", last.message))
    }
}

fn given_up(attempts: u32, in_doubt: Option<Timestamp>, last: &Reason) -> Reason {
    let message = format!("gave up after {attempts} attempts: {}", last.message);
    let last = Reason::new(&last.code, message);
    in_doubt.map_or(last.clone(), |since| unknown(since, &last))
}

/// What is said where the last attempt failed for good and an earlier one may not have.
fn unknown(since: Timestamp, last: &Reason) -> Reason {
    if last.is_outcome_unknown() {
        return last.clone();
    }
    Reason::outcome_unknown(format_args!(
        "the last attempt failed ({last}), and the one at {since} may have carried it out"
    ))
}

/// What is written into the ledger, and what follows once it stands there.
pub(super) struct Decision {
    pub(super) settlement: Settlement,
    pub(super) outcome: Outcome,
}

impl Decision {
    pub(super) fn started(lease: Lease, receipt: &Receipt) -> Self {
        let receipt = serde_json::to_string(receipt).ok();
        let outcome = Outcome::ended(Status::Started, receipt.clone(), None);
        Self::of(lease, Status::Started, outcome).with_receipt(receipt)
    }

    fn skipped(lease: Lease, reason: Reason) -> Self {
        let outcome = Outcome::ended(Status::Skipped, None, Some(reason));
        Self::of(lease, Status::Skipped, outcome)
    }

    fn rejected(lease: Lease, reason: Reason) -> Self {
        Self::of(lease, Status::Rejected, Outcome::rejected(reason))
    }

    fn deferred(
        lease: Lease,
        reason: Reason,
        doubt_since: Option<Timestamp>,
        after: Duration,
    ) -> Self {
        let mut decision = Self::of(lease, Status::Deferred, Outcome::deferred(reason, after));
        decision.settlement.doubt_since = doubt_since;
        decision
    }

    fn of(lease: Lease, status: Status, mut outcome: Outcome) -> Self {
        let attempts = lease.attempts;
        outcome.attempt = attempts + 1;
        let reason = outcome.reason().cloned();
        let settlement =
            Settlement { lease, status, attempts, doubt_since: None, receipt: None, reason };
        Self { settlement, outcome }
    }

    fn with_receipt(mut self, receipt: Option<String>) -> Self {
        self.settlement.receipt = receipt;
        self
    }

    /// The same, with how long the call took, if it was sent.
    pub(super) fn after(mut self, latency: Option<Duration>) -> Self {
        self.outcome.latency = latency;
        self
    }
}
