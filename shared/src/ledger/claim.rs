//! Taking a wish: insert its item, or read what stands there and write over exactly that.

use super::item::{Item, Status, number, text};
use super::statement::{Answer, Attribute, Statement, unavailable};
use super::{Claim, Claimant, Lease, Write};
use crate::clock::Timestamp;
use crate::failure::{Failure, Reason};

/// A claim on its way.
pub(super) struct Claiming<'a> {
    claimant: &'a Claimant<'a>,
    operation: &'static str,
    lease: Lease,
    lease_end: Timestamp,
    expiry: Timestamp,
    now: Timestamp,
    step: Step,
}

/// What is asked next.
enum Step {
    Insert,
    Read,
    /// To write over the item that is in this state, and over no other.
    Take([Attribute; 2]),
}

impl<'a> Claiming<'a> {
    pub(super) fn new(
        claimant: &'a Claimant<'a>,
        operation: &'static str,
        lease_end: Timestamp,
        expiry: Timestamp,
        now: Timestamp,
    ) -> Self {
        let key = format!("{operation}#{}", claimant.token);
        // One statement is enough for who guesses right. A message that has been here before most
        // likely left an item, and reading that costs a fifth of being refused a write.
        let step = if claimant.is_redelivery { Step::Read } else { Step::Insert };
        let lease = Lease::new(key, now);
        Self { claimant, operation, lease, lease_end, expiry, now, step }
    }

    fn consider(&mut self, stored: Box<Item>) -> Option<Result<Claim, Failure>> {
        if stored.owner.as_deref() == Some(&*self.lease.owner) {
            // Our own write, repeated by the SDK after its answer was lost.
            return Some(Ok(Claim::Won(self.lease.clone())));
        }
        if !self.is_free(&stored) {
            return Some(refused(self.claimant, stored));
        }
        let Some(version) = version(&stored) else { return Some(Err(odd(&stored))) };
        self.lease.take(&stored, self.now);
        self.step = Step::Take(version);
        None
    }

    fn is_free(&self, stored: &Item) -> bool {
        let is_same = stored.fingerprint.as_deref() == Some(self.claimant.fingerprint);
        // A rejection is remembered for its source only: another one, such as a redrive, may try.
        let was_told_no = stored.status == Some(Status::Rejected)
            && stored.source.as_deref() == Some(self.claimant.source);
        stored.is_expired(self.now) || (stored.claimable_from < self.now && is_same && !was_told_no)
    }

    fn attributes(&self) -> Vec<Attribute> {
        let Self { claimant, lease, now, .. } = self;
        vec![
            ("operation", text(self.operation)),
            ("target", text(claimant.target)),
            ("fingerprint", text(claimant.fingerprint)),
            ("status", text(Status::Claimed.as_str())),
            ("owner", text(&lease.owner)),
            ("claimableFrom", number(self.lease_end.epoch_millis())),
            ("doubtSince", number(lease.doubt_since.unwrap_or(*now).epoch_millis())),
            ("attempts", number(lease.attempts.into())),
            ("source", text(claimant.source)),
            ("request", text(claimant.request)),
            ("createdAt", text(&lease.created_at.to_string())),
            ("updatedAt", text(&now.to_string())),
            ("expiresAt", number(self.expiry.epoch_seconds())),
        ]
    }
}

impl Write for Claiming<'_> {
    type End = Claim;

    fn statement(&self) -> Statement {
        let key = self.lease.key();
        match &self.step {
            Step::Read => Statement::Read { key },
            Step::Insert => {
                Statement::Insert { item: [key].into_iter().chain(self.attributes()).collect() }
            }
            Step::Take(version) => Statement::Update {
                changes: self.attributes().into_iter().map(|(name, v)| (name, Some(v))).collect(),
                conditions: [key].into_iter().chain(version.clone()).collect(),
            },
        }
    }

    fn after(&mut self, answer: Answer) -> Option<Result<Claim, Failure>> {
        match answer {
            Answer::Written => Some(Ok(Claim::Won(self.lease.clone()))),
            Answer::Exists => {
                self.step = Step::Read;
                None
            }
            Answer::Found(Some(stored)) | Answer::Refused(Some(stored)) => self.consider(stored),
            Answer::Found(None) | Answer::Refused(None) => {
                self.lease.forget(self.now);
                self.step = Step::Insert;
                None
            }
        }
    }
}

/// What tells this state of an item from every other that it has had: each claim has an owner of
/// its own, and each owner settles once. None where it is no item of ours, which two could take.
fn version(stored: &Item) -> Option<[Attribute; 2]> {
    let (owner, status) = (stored.owner.as_deref()?, stored.status?);
    Some([("owner", text(owner)), ("status", text(status.as_str()))])
}

/// What a claim is told of an item that is not free.
fn refused(claimant: &Claimant<'_>, stored: Box<Item>) -> Result<Claim, Failure> {
    // What was called off before it arrived has no fingerprint: it stands for any request.
    if stored.fingerprint.as_deref().is_some_and(|known| known != claimant.fingerprint) {
        return Ok(Claim::Mismatch(mismatch(&stored)));
    }
    match stored.status {
        Some(Status::Claimed) => Ok(Claim::Leased(stored.claimable_from)),
        Some(Status::Started | Status::Skipped | Status::Cancelled) => Ok(Claim::Done(stored)),
        Some(Status::Rejected) => Ok(Claim::Rejected(stored.reason.unwrap_or_else(|| {
            Reason::new(Reason::INVALID_INTENT, "it was rejected before, without a reason")
        }))),
        Some(Status::Deferred) | None => Err(odd(&stored)),
    }
}

fn odd(stored: &Item) -> Failure {
    unavailable(format!("the ledger holds an item that no claim can be decided by: {stored:?}"))
}

fn mismatch(stored: &Item) -> Reason {
    let target = stored.target.as_deref().unwrap_or("another target");
    let created = stored.created_at.map_or_else(String::new, |at| format!(" at {at}"));
    Reason::new(
        Reason::TOKEN_MISMATCH,
        format!(
            "the token is known{created} with another request, for `{target}`; expected the same \
             request, or a token of its own"
        ),
    )
}
