//! One invocation: `shared/src/driver.rs`, `driver/decision.rs`, `operation.rs`.

use crate::ledger::{Claiming, Lease, Reason, Settlement, Status};
use crate::protocol::{DoubtAfter, Protocol, Refusal};
use crate::times::{MAX_ATTEMPTS, MAX_BUSY, NOT_AFTER, REPEATABLE_FOR};

/// The wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Nothing special.
    Plain,
    /// It has a `notAfter`.
    NotAfter,
    /// `whenBusy` is `skip`.
    SkipWhenBusy,
    /// AWS will never take it.
    Invalid,
}

/// An invocation at work on one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    /// Which message it was given.
    pub message: u8,
    /// That message's source.
    pub source: u8,
    /// How far its clock is from the true time.
    pub clock: i8,
    /// When Lambda ends it, in true time; `send_before`.
    pub deadline: u8,
    /// Whether Lambda fails to end it in time.
    pub overruns: bool,
    /// Where it is.
    pub step: Step,
}

impl Worker {
    /// Its own clock.
    #[must_use]
    pub fn now(&self, now: u8) -> u8 {
        now.saturating_add_signed(self.clock)
    }

    /// Which owners it knows.
    #[must_use]
    pub fn owners(&self) -> Vec<u8> {
        match &self.step {
            Step::Begin(_) | Step::Answer(_) | Step::Acknowledge => Vec::new(),
            Step::Claim(claiming) => {
                [claiming.lease.owner].into_iter().chain(claiming.statement().owners()).collect()
            }
            Step::Describe(lease) | Step::Call(lease, _) | Step::Observe(lease, ..) => {
                vec![lease.owner]
            }
            Step::Settle(settlement, _) => vec![settlement.lease.owner],
        }
    }

    /// Whether it holds a claim and may still send.
    #[must_use]
    pub fn may_call(&self, now: u8) -> bool {
        matches!(self.step, Step::Describe(_) | Step::Call { .. }) && self.now(now) < self.deadline
    }
}

/// The next thing that a worker does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Begin to claim; whether the message was received before.
    Begin(bool),
    /// Go on claiming.
    Claim(Claiming),
    /// Ask for the builder's state before a start.
    Describe(Lease),
    /// Send the call; with the time, if it was sent already and not answered.
    Call(Lease, Option<u8>),
    /// Ask for the builder's state after a start that failed.
    Observe(Lease, Kind, u8),
    /// Settle; whether it was sent already and not answered.
    Settle(Settlement, bool),
    /// Answer the delivery.
    Answer(Verdict),
    /// Acknowledge the message.
    Acknowledge,
}

/// How a wish stands after a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It needs nothing more.
    Ended,
    /// It is to be reported.
    Rejected(Reason),
    /// It is to come again.
    Deferred,
    /// The same, since the settlement was refused: somebody else has it.
    FencedOff,
}

/// What the driver does next after a failure. Denied is as transient, with other delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing was done.
    Transient,
    /// The target is at work.
    Busy,
    /// It may have been done.
    Unknown,
    /// It will never work.
    Permanent(Reason),
    /// It was not begun.
    NotBegun,
}

/// `Attempt::may_send`.
///
/// # Errors
/// What forbids sending.
pub fn may_send(wish: Wish, lease: &Lease, now: u8, send_before: u8) -> Result<(), Kind> {
    let is_late = wish == Wish::NotAfter && now > NOT_AFTER;
    match lease.doubt_since {
        Some(since) if is_late || now.saturating_sub(since) > REPEATABLE_FOR => {
            Err(Kind::Permanent(Reason::OutcomeUnknown))
        }
        None if is_late => Err(Kind::Permanent(Reason::Expired)),
        _ if now >= send_before => Err(Kind::NotBegun),
        _ => Ok(()),
    }
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
pub struct Attempted {
    /// How it failed.
    pub kind: Kind,
    /// When its call was sent, if it was.
    pub sent_at: Option<u8>,
    /// The same, if the SDK sent a request of it that was not answered.
    pub unanswered: Option<u8>,
    /// The worker's clock.
    pub now: u8,
}

/// `Patience::decide`.
#[must_use]
pub fn decide(protocol: &Protocol, wish: Wish, lease: Lease, attempt: Attempted) -> Settlement {
    let Attempted { kind, sent_at, unanswered, now } = attempt;
    let in_doubt = match protocol.doubt {
        DoubtAfter::AnyRequest => lease.doubt_since.or(unanswered),
        DoubtAfter::LastRequest => lease.doubt_since,
    };
    match kind {
        Kind::Permanent(_)
            if in_doubt.is_some() && protocol.refused_in_doubt == Refusal::OutcomeUnknown =>
        {
            rejected(lease, Reason::OutcomeUnknown)
        }
        Kind::Permanent(reason) => rejected(lease, reason),
        Kind::NotBegun => deferred(lease, in_doubt),
        Kind::Unknown => deferred(lease, in_doubt.or(sent_at)),
        // It may be our own effect that is busy: never skipped, never given up.
        Kind::Busy if in_doubt.is_some() => deferred(lease, in_doubt),
        Kind::Busy if wish == Wish::SkipWhenBusy => settlement(lease, Status::Skipped),
        Kind::Busy if now.saturating_sub(lease.created_at) >= MAX_BUSY => {
            rejected(lease, Reason::StillBusy)
        }
        Kind::Busy => deferred(lease, None),
        Kind::Transient => {
            let attempts = lease.attempts + 1;
            let settlement = if attempts < MAX_ATTEMPTS {
                deferred(lease, in_doubt)
            } else if in_doubt.is_some() {
                rejected(lease, Reason::OutcomeUnknown)
            } else {
                rejected(lease, Reason::GivenUp)
            };
            Settlement { attempts, ..settlement }
        }
    }
}

/// `Decision::started`.
#[must_use]
pub fn started(lease: Lease, receipt: u8) -> Settlement {
    Settlement { receipt: Some(receipt), ..settlement(lease, Status::Started) }
}

fn rejected(lease: Lease, reason: Reason) -> Settlement {
    Settlement { reason: Some(reason), ..settlement(lease, Status::Rejected) }
}

fn deferred(lease: Lease, doubt_since: Option<u8>) -> Settlement {
    Settlement { doubt_since, ..settlement(lease, Status::Deferred) }
}

fn settlement(lease: Lease, status: Status) -> Settlement {
    let attempts = lease.attempts;
    Settlement { lease, status, attempts, doubt_since: None, receipt: None, reason: None }
}

/// The outcome of a settlement that stands in the ledger.
#[must_use]
pub fn verdict(settlement: &Settlement) -> Verdict {
    match (settlement.status, settlement.reason) {
        (Status::Rejected, Some(reason)) => Verdict::Rejected(reason),
        (status, _) if status.is_final() => Verdict::Ended,
        _ => Verdict::Deferred,
    }
}
