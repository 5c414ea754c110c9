//! An item of the ledger, read without trust: an attribute that is missing or odd is absent.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::failure::Reason;

/// How far a wish is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// A person called it off.
    Cancelled,
}

impl Status {
    const ALL: [Self; 6] = [
        Self::Claimed,
        Self::Deferred,
        Self::Started,
        Self::Skipped,
        Self::Rejected,
        Self::Cancelled,
    ];

    /// As it stands in the ledger, in answers and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "CLAIMED",
            Self::Deferred => "DEFERRED",
            Self::Started => "STARTED",
            Self::Skipped => "SKIPPED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing but expiry makes the wish claimable again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Started | Self::Skipped | Self::Cancelled)
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What the ledger holds of one wish.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// How far it is; none where the text is none that we write.
    pub status: Option<Status>,
    /// The claim that wrote it last.
    pub owner: Option<String>,
    /// The resource that it is about.
    pub target: Option<String>,
    /// Which request it was.
    pub fingerprint: Option<String>,
    /// From when on it may be claimed.
    pub claimable_from: Timestamp,
    /// From when on the call may have been sent.
    pub doubt_since: Option<Timestamp>,
    /// How many attempts have failed.
    pub attempts: u32,
    /// The response's fields as JSON.
    pub receipt: Option<String>,
    /// Why it did not start.
    pub reason: Option<Reason>,
    /// When it was first seen.
    pub created_at: Option<Timestamp>,
    expires_at_seconds: Option<i64>,
}

impl Item {
    pub(super) fn of(attributes: &HashMap<String, AttributeValue>) -> Self {
        let text = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok()).cloned();
        let number = |name: &str| -> Option<i64> {
            attributes.get(name).and_then(|value| value.as_n().ok())?.parse().ok()
        };
        let millis = |name: &str| number(name).map(Timestamp::from_epoch_millis);
        Self {
            status: text("status").as_deref().and_then(Status::of),
            owner: text("owner"),
            target: text("target"),
            fingerprint: text("fingerprint"),
            claimable_from: millis("claimableFrom").unwrap_or(Timestamp::from_epoch_millis(0)),
            doubt_since: millis("doubtSince"),
            attempts: number("attempts").and_then(|count| count.try_into().ok()).unwrap_or(0),
            receipt: text("receipt"),
            reason: text("errorCode")
                .map(|code| Reason::new(code, text("errorMessage").unwrap_or_default())),
            created_at: text("createdAt").as_deref().and_then(Timestamp::parse),
            expires_at_seconds: number("expiresAt"),
        }
    }

    /// Whether it only waits for DynamoDB to remove it, which may take days.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at_seconds.is_some_and(|expiry| expiry < now.epoch_seconds())
    }
}
