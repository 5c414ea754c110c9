//! The item of the wish, and the two conditional writes: `shared/src/ledger.rs`.
//!
//! Left out: the fingerprint (one request), and the item's expiry (its retention is longer than any
//! message lives).

use crate::protocol::{ClaimableBy, Fence, OnFailure, Protocol};

/// From when on a final item may be claimed: its expiry, which the model does not reach.
pub const EXPIRY: u8 = u8::MAX;

/// How far a wish is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// An invocation is at work on it, or died over it.
    Claimed,
    /// It comes again.
    Deferred,
    /// AWS accepted it.
    Started,
    /// Its target was busy, and it did not wish to wait.
    Skipped,
    /// It will not be carried out, unless a person sends it again.
    Rejected,
}

impl Status {
    /// Whether nothing but expiry makes the wish claimable again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Started | Self::Skipped)
    }
}

/// Why a wish was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// AWS will never take it.
    Permanent,
    /// `notAfter` has passed, and nothing was started.
    Expired,
    /// It failed `MAX_ATTEMPTS` times, and nothing was started.
    GivenUp,
    /// Its target was busy for `MAX_BUSY`, with something else.
    StillBusy,
    /// It may have been carried out, and may not be repeated.
    OutcomeUnknown,
}

/// What the ledger holds of the wish.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// How far it is.
    pub status: Status,
    /// The claim that wrote it last.
    pub owner: u8,
    /// From when on it may be claimed.
    pub claimable_from: u8,
    /// From when on the call may have been sent.
    pub doubt_since: Option<u8>,
    /// How many attempts have failed.
    pub attempts: u8,
    /// The message that was claimed for.
    pub source: u8,
    /// When it was first seen.
    pub created_at: u8,
    /// Which effect AWS answered with.
    pub receipt: Option<u8>,
    /// Why it did not start.
    pub reason: Option<Reason>,
}

/// A claim on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claimant {
    /// A fresh one per claim.
    pub owner: u8,
    /// The claimant's clock when the write was made; the SDK repeats it unchanged.
    pub now: u8,
    /// The deadline and the margin.
    pub lease_end: u8,
    /// The message.
    pub source: u8,
}

/// A wish that is ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease {
    /// Whose it is.
    pub owner: u8,
    /// How many attempts have failed before.
    pub attempts: u8,
    /// When the wish was first seen.
    pub created_at: u8,
    /// The earliest attempt, if any, that may have sent the call and did not say.
    pub doubt_since: Option<u8>,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The wish is ours until the lease ends.
    Won(Lease),
    /// It has ended before.
    Done,
    /// This very source was told no before.
    Rejected(Reason),
    /// Another invocation is at work on it.
    Leased,
}

/// How a claimed wish ended, or why it did not yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Settlement {
    /// What it was claimed with.
    pub lease: Lease,
    /// What it becomes.
    pub status: Status,
    /// How many attempts have failed, this one included.
    pub attempts: u8,
    /// From when on the call may have been sent.
    pub doubt_since: Option<u8>,
    /// Which effect AWS answered with.
    pub receipt: Option<u8>,
    /// Why it did not start.
    pub reason: Option<Reason>,
}

/// `Ledger::claim_one`.
pub fn claim(protocol: &Protocol, ledger: &mut Option<Item>, claimant: &Claimant) -> Claim {
    let Claimant { owner, now, lease_end, source } = *claimant;
    let may_claim = |item: &Item| {
        item.claimable_from < now
            && (item.status != Status::Rejected || may_begin_again(*protocol, item, source))
    };
    if let Some(stored) = ledger.as_ref().filter(|item| !may_claim(item)) {
        return match stored {
            // Our own write, repeated by the SDK after its answer was lost.
            own if own.owner == owner => Claim::Won(own_lease(own, now)),
            item => refused_claim(item),
        };
    }
    let replaced = ledger.take();
    let lease = lease(owner, replaced.as_ref(), now);
    *ledger = Some(Item {
        status: Status::Claimed,
        owner,
        claimable_from: lease_end,
        // Only where they are absent, as in `if_not_exists`.
        doubt_since: replaced.as_ref().and_then(|old| old.doubt_since).or(Some(now)),
        attempts: replaced.as_ref().map_or(0, |old| old.attempts),
        created_at: replaced.as_ref().map_or(now, |old| old.created_at),
        source,
        // Not written by a claim.
        receipt: replaced.as_ref().and_then(|old| old.receipt),
        reason: replaced.as_ref().and_then(|old| old.reason),
    });
    Claim::Won(lease)
}

/// A rejection is remembered for its source only: another one may try.
fn may_begin_again(protocol: Protocol, rejected: &Item, source: u8) -> bool {
    let known = rejected.reason != Some(Reason::OutcomeUnknown);
    rejected.source != source && (known || protocol.outcome_unknown == ClaimableBy::AnotherSource)
}

/// A won claim: what it replaced says whether somebody may have sent the call before us.
fn lease(owner: u8, replaced: Option<&Item>, now: u8) -> Lease {
    match replaced {
        Some(old) if old.status != Status::Rejected => Lease {
            owner,
            attempts: old.attempts,
            created_at: old.created_at,
            doubt_since: old.doubt_since,
        },
        _ => Lease { owner, attempts: 0, created_at: now, doubt_since: None },
    }
}

fn own_lease(stored: &Item, now: u8) -> Lease {
    Lease {
        owner: stored.owner,
        attempts: stored.attempts,
        created_at: stored.created_at,
        // The claim itself begins a doubt; only an earlier one is somebody else's.
        doubt_since: stored.doubt_since.filter(|since| *since < now),
    }
}

fn refused_claim(stored: &Item) -> Claim {
    match (stored.status, stored.reason) {
        (Status::Started | Status::Skipped, _) => Claim::Done,
        (Status::Rejected, Some(reason)) => Claim::Rejected(reason),
        _ => Claim::Leased,
    }
}

/// `Ledger::settle_one`: whether it was written.
pub fn settle(protocol: &Protocol, ledger: &mut Option<Item>, settlement: &Settlement) -> bool {
    let Settlement { lease, status, .. } = settlement;
    let is_ours = |item: &Item| {
        item.owner == lease.owner && (item.status == Status::Claimed || item.status == *status)
    };
    if protocol.settle == Fence::Owner && !ledger.as_ref().is_some_and(is_ours) {
        return false;
    }
    if protocol.failure == OnFailure::Delete && !status.is_final() {
        *ledger = None;
        return true;
    }
    *ledger = Some(Item {
        status: *status,
        // A settlement does not write these two.
        owner: ledger.as_ref().map_or(lease.owner, |item| item.owner),
        source: ledger.as_ref().map_or(0, |item| item.source),
        claimable_from: if status.is_final() { EXPIRY } else { 0 },
        doubt_since: settlement.doubt_since,
        attempts: settlement.attempts,
        created_at: lease.created_at,
        receipt: settlement.receipt,
        reason: settlement.reason,
    });
    true
}
