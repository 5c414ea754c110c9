//! Writing how a claimed wish ended, or why it did not yet.

use super::item::{Status, number, text};
use super::statement::{Answer, Statement, unavailable};
use super::{Settled, Settlement, Write};
use crate::clock::Timestamp;
use crate::failure::{Failure, Reason};

/// A settlement on its way.
pub(super) struct Settling<'a> {
    pub(super) settlement: &'a Settlement,
    pub(super) expiry: Timestamp,
    pub(super) now: Timestamp,
}

impl Settling<'_> {
    /// From when on a wish that ended so, or did not yet, may be claimed.
    fn claimable_from(&self) -> Timestamp {
        let Settlement { status, reason, .. } = self.settlement;
        match status {
            // What may have been carried out is for a person to open again, and not for the next
            // message that happens to have its token.
            Status::Rejected if reason.as_ref().is_some_and(Reason::is_outcome_unknown) => {
                self.expiry
            }
            status if status.is_final() => self.expiry,
            _ => Timestamp::from_epoch_millis(0),
        }
    }
}

impl Write for Settling<'_> {
    type End = Settled;

    fn statement(&self) -> Statement {
        let Settlement { lease, status, attempts, doubt_since, receipt, reason } = self.settlement;
        let doubt_since = doubt_since.map(|since| number(since.epoch_millis()));
        Statement::Update {
            changes: vec![
                ("status", Some(text(status.as_str()))),
                ("claimableFrom", Some(number(self.claimable_from().epoch_millis()))),
                ("doubtSince", doubt_since),
                ("attempts", Some(number((*attempts).into()))),
                ("receipt", receipt.as_deref().map(text)),
                ("errorCode", reason.as_ref().map(|reason| text(&reason.code))),
                ("errorMessage", reason.as_ref().map(|reason| text(&reason.message))),
                ("updatedAt", Some(text(&self.now.to_string()))),
                ("expiresAt", Some(number(self.expiry.epoch_seconds()))),
            ],
            conditions: vec![
                lease.key(),
                ("owner", text(&lease.owner)),
                ("status", text(Status::Claimed.as_str())),
            ],
        }
    }

    fn after(&mut self, answer: Answer) -> Option<Result<Settled, Failure>> {
        let Settlement { lease, status, .. } = self.settlement;
        Some(match answer {
            Answer::Written => Ok(Settled::Written),
            // Our own write, repeated after its answer was lost.
            Answer::Refused(Some(stored))
                if stored.owner.as_deref() == Some(&*lease.owner)
                    && stored.status == Some(*status) =>
            {
                Ok(Settled::Written)
            }
            Answer::Refused(Some(stored)) => Ok(Settled::Refused(stored)),
            _ => Err(unavailable("the ledger refused a settlement, and has no item of its wish")),
        })
    }
}
