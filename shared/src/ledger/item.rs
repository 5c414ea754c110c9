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
    /// Every status.
    pub const ALL: [Self; 6] = [
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
    /// AWS's name of the operation.
    pub operation: Option<String>,
    /// The token of the wish, without the operation before it in the item's key.
    pub token: Option<String>,
    /// The claim that wrote it last.
    pub owner: Option<String>,
    /// The resource that it is about.
    pub target: Option<String>,
    /// Where the delivery that was claimed last came from.
    pub source: Option<String>,
    /// What was asked, as JSON.
    pub request: Option<String>,
    /// Which request it was; none where a person called the wish off before it arrived, which
    /// stands for any request.
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
    /// When it was written last.
    pub updated_at: Option<Timestamp>,
    /// From when on it is as good as gone; in whole seconds, as DynamoDB wants them.
    pub expires_at: Option<Timestamp>,
}

impl Item {
    /// Reads an item's attributes.
    #[must_use]
    pub fn of(attributes: &HashMap<String, AttributeValue>) -> Self {
        let text = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok()).cloned();
        let number = |name: &str| -> Option<i64> {
            attributes.get(name).and_then(|value| value.as_n().ok())?.parse().ok()
        };
        let time = |name: &str| text(name).as_deref().and_then(Timestamp::parse);
        let seconds = |name: &str| number(name).map(|seconds| seconds.saturating_mul(1000));
        let millis = |name: &str| number(name).map(Timestamp::from_epoch_millis);
        Self {
            status: text("status").as_deref().and_then(Status::of),
            operation: text("operation"),
            token: text("token").and_then(|key| Some(key.split_once('#')?.1.to_owned())),
            owner: text("owner"),
            target: text("target"),
            source: text("source"),
            request: text("request"),
            fingerprint: text("fingerprint"),
            claimable_from: millis("claimableFrom").unwrap_or(Timestamp::from_epoch_millis(0)),
            doubt_since: millis("doubtSince"),
            attempts: number("attempts").and_then(|count| count.try_into().ok()).unwrap_or(0),
            receipt: text("receipt"),
            reason: text("errorCode")
                .map(|code| Reason::new(code, text("errorMessage").unwrap_or_default())),
            created_at: time("createdAt"),
            updated_at: time("updatedAt"),
            expires_at: seconds("expiresAt").map(Timestamp::from_epoch_millis),
        }
    }

    /// Whether it only waits for DynamoDB to remove it, which may take days.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expiry| expiry.epoch_seconds() < now.epoch_seconds())
    }
}

/// A text as DynamoDB takes it.
pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number as DynamoDB takes it.
pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
