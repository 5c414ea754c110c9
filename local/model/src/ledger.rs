//! The item of the wish, and the statements that read and change it: `shared/src/ledger.rs`,
//! `ledger/claim.rs`, `ledger/settlement.rs`.
//!
//! Left out:
//! - batches: their statements are about different items, and each is done or refused by itself;
//! - a statement that DynamoDB throttles: it is repeated, as one that was lost is;
//! - a read that comes late: it is consistent and changes nothing, so a later one says as much;
//! - `MOST_STATEMENTS`: a claim that has spent them gives up, as one that was not answered does;
//! - the fingerprint (one request), and the item's expiry (its retention is longer than any message
//!   lives).

use crate::protocol::{Asks, ClaimableBy, Fence, OnFailure, Protocol};

/// From when on a closed item may be claimed: its expiry, which the model does not reach.
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

impl Item {
    /// Whether no message makes the wish claimable again.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let is_for_a_person = self.reason == Some(Reason::OutcomeUnknown);
        self.status.is_final() || (self.status == Status::Rejected && is_for_a_person)
    }
}

/// What tells this state of the item from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Whose it was.
    pub owner: u8,
    /// How far it was.
    pub status: Status,
}

/// One request about the item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Statement {
    /// What stands there.
    Read,
    /// This item, where there is none.
    Insert(Item),
    /// The same over an item of this version.
    Take(Version, Item),
    /// How a claim ended.
    Settle(Settlement),
}

impl Statement {
    /// Whom it names.
    #[must_use]
    pub fn owners(&self) -> Vec<u8> {
        match self {
            Self::Read => Vec::new(),
            Self::Insert(item) => vec![item.owner],
            Self::Take(version, item) => vec![version.owner, item.owner],
            Self::Settle(settlement) => vec![settlement.lease.owner],
        }
    }
}

/// What became of a statement.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What a read found.
    Found(Option<Item>),
    /// A write stands there.
    Written,
    /// An insertion met an item.
    Exists,
    /// An update met this.
    Refused(Option<Item>),
}

/// A claim on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claiming {
    /// With a fresh owner per claim, and what it knows of the wish.
    pub lease: Lease,
    /// The claimant's clock when the claim began.
    pub now: u8,
    /// The deadline and the margin.
    pub lease_end: u8,
    /// The message.
    pub source: u8,
    /// What is asked next.
    pub next: Next,
    /// Whether that was sent already and not answered; the SDK repeats it unchanged.
    pub is_sent: bool,
}

/// The statement that a claim needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// `INSERT`.
    Insert,
    /// `SELECT`.
    Read,
    /// `UPDATE` of what was read.
    Take(Version),
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

impl Claiming {
    /// `Write::statement`.
    #[must_use]
    pub fn statement(&self) -> Statement {
        match self.next {
            Next::Insert => Statement::Insert(self.item()),
            Next::Read => Statement::Read,
            Next::Take(version) => Statement::Take(version, self.item()),
        }
    }

    fn item(&self) -> Item {
        let Lease { owner, attempts, created_at, doubt_since } = self.lease;
        Item {
            status: Status::Claimed,
            owner,
            claimable_from: self.lease_end,
            doubt_since: doubt_since.or(Some(self.now)),
            attempts,
            source: self.source,
            created_at,
            receipt: None,
            reason: None,
        }
    }

    /// `Write::after`: how the claim ended, or that another statement is needed.
    pub fn after(&mut self, answer: Answer) -> Option<Claim> {
        self.is_sent = false;
        match answer {
            Answer::Written => return Some(Claim::Won(self.lease.clone())),
            Answer::Exists => self.next = Next::Read,
            Answer::Found(Some(stored)) | Answer::Refused(Some(stored)) => {
                return self.consider(&stored);
            }
            Answer::Found(None) | Answer::Refused(None) => {
                self.forget();
                self.next = Next::Insert;
            }
        }
        None
    }

    fn consider(&mut self, stored: &Item) -> Option<Claim> {
        if stored.owner == self.lease.owner {
            // Our own write, repeated by the SDK after its answer was lost.
            return Some(Claim::Won(self.lease.clone()));
        }
        if !self.is_free(stored) {
            return Some(refused_claim(stored));
        }
        self.take(stored);
        self.next = Next::Take(Version { owner: stored.owner, status: stored.status });
        None
    }

    /// A rejection is remembered for its source only: another one may try.
    fn is_free(&self, stored: &Item) -> bool {
        let was_told_no = stored.status == Status::Rejected && stored.source == self.source;
        stored.claimable_from < self.now && !was_told_no
    }

    /// `Lease::take`.
    fn take(&mut self, stored: &Item) {
        self.forget();
        if stored.status != Status::Rejected {
            self.lease.attempts = stored.attempts;
            self.lease.created_at = stored.created_at;
            self.lease.doubt_since = stored.doubt_since;
        }
    }

    fn forget(&mut self) {
        self.lease = Lease::new(self.lease.owner, self.now);
    }
}

impl Lease {
    /// Of a wish that nobody has seen.
    #[must_use]
    pub const fn new(owner: u8, now: u8) -> Self {
        Self { owner, attempts: 0, created_at: now, doubt_since: None }
    }
}

fn refused_claim(stored: &Item) -> Claim {
    match (stored.status, stored.reason) {
        (Status::Started | Status::Skipped, _) => Claim::Done,
        (Status::Rejected, Some(reason)) => Claim::Rejected(reason),
        _ => Claim::Leased,
    }
}

/// What DynamoDB does.
pub fn execute(protocol: &Protocol, ledger: &mut Option<Item>, statement: &Statement) -> Answer {
    match statement {
        Statement::Read => Answer::Found(ledger.clone()),
        Statement::Insert(_) if ledger.is_some() => Answer::Exists,
        Statement::Insert(item) => {
            *ledger = Some(item.clone());
            Answer::Written
        }
        Statement::Take(version, item) => {
            match ledger.as_mut().filter(|stored| may_take(*protocol, stored, *version)) {
                Some(stored) => {
                    // An update writes neither of these two.
                    let Item { receipt, reason, .. } = *stored;
                    *stored = Item { receipt, reason, ..item.clone() };
                    Answer::Written
                }
                None => Answer::Refused(ledger.clone()),
            }
        }
        Statement::Settle(settlement) => settle(*protocol, ledger, settlement),
    }
}

fn may_take(protocol: Protocol, stored: &Item, version: Version) -> bool {
    let (owner, status) = (stored.owner == version.owner, stored.status == version.status);
    match protocol.take {
        Asks::OwnerAndStatus => owner && status,
        Asks::Owner => owner,
        Asks::Status => status,
        Asks::Nothing => true,
    }
}

fn settle(protocol: Protocol, ledger: &mut Option<Item>, settlement: &Settlement) -> Answer {
    let Settlement { lease, status, reason, .. } = settlement;
    let is_ours = |item: &Item| item.owner == lease.owner && item.status == Status::Claimed;
    if protocol.settle == Fence::Owner && !ledger.as_ref().is_some_and(is_ours) {
        return Answer::Refused(ledger.clone());
    }
    if protocol.failure == OnFailure::Delete && !status.is_final() {
        *ledger = None;
        return Answer::Written;
    }
    let is_for_a_person =
        *reason == Some(Reason::OutcomeUnknown) && protocol.outcome_unknown == ClaimableBy::Person;
    *ledger = Some(Item {
        status: *status,
        // A settlement does not write these two.
        owner: ledger.as_ref().map_or(lease.owner, |item| item.owner),
        source: ledger.as_ref().map_or(0, |item| item.source),
        claimable_from: if status.is_final() || is_for_a_person { EXPIRY } else { 0 },
        doubt_since: settlement.doubt_since,
        attempts: settlement.attempts,
        created_at: lease.created_at,
        receipt: settlement.receipt,
        reason: *reason,
    });
    Answer::Written
}

impl Settlement {
    /// Whether what refused it is its own write, repeated after the answer was lost.
    #[must_use]
    pub fn stands_in(&self, stored: &Item) -> bool {
        stored.owner == self.lease.owner && stored.status == self.status
    }
}
