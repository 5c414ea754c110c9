//! The table in which each wish is claimed before it is called and settled after it.
//!
//! One item per wish, never deleted by code. `claimableFrom` is the whole lock in one number:
//! whoever writes when it lies in the past owns the wish until the lease ends, and every later
//! write of an owner requires that it still is one.

mod item;

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_sdk_dynamodb::{Client, config};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::environment::Environment;
use crate::failure::{Failure, Kind, Reason};
use crate::sdk::RetryClassifier;

pub use item::{Item, Status};

/// One wish to be claimed.
#[derive(Clone, Debug)]
pub struct Claimant<'a> {
    /// The token of the wish.
    pub token: &'a str,
    /// The resource that it is about.
    pub target: &'a str,
    /// Whether another request is the same.
    pub fingerprint: &'a str,
    /// Where this delivery of it came from.
    pub source: &'a str,
    /// The request as JSON, for people.
    pub request: &'a str,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The wish is ours until the lease ends.
    Won(Lease),
    /// It has ended before: its item says how.
    Done(Box<Item>),
    /// This very source was told no before, and is told the same again.
    Rejected(Reason),
    /// Another invocation is at work on it until then.
    Leased(Timestamp),
    /// The token is known with another request.
    Mismatch(Reason),
}

/// A wish that is ours. It is spent by settling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: String,
    owner: String,
    /// How many attempts have failed before.
    pub attempts: u32,
    /// When the wish was first seen.
    pub created_at: Timestamp,
    /// The earliest attempt, if any, that may have sent the call and did not say.
    pub doubt_since: Option<Timestamp>,
}

/// How a claimed wish ended, or why it did not yet.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// What it was claimed with.
    pub lease: Lease,
    /// What it becomes.
    pub status: Status,
    /// How many attempts have failed, this one included.
    pub attempts: u32,
    /// From when on the call may have been sent; none for a final status.
    pub doubt_since: Option<Timestamp>,
    /// The response's fields as JSON.
    pub receipt: Option<String>,
    /// Why it did not start.
    pub reason: Option<Reason>,
}

/// What became of a settlement.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It stands in the ledger.
    Written,
    /// The wish is no longer ours; this is what stands there.
    Refused(Box<Item>),
}

/// The ledger of one operation.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    clock: Clock,
    operation: &'static str,
    table: String,
    retention: Duration,
}

impl Ledger {
    /// The ledger of this environment.
    #[must_use]
    pub fn new(config: &SdkConfig, environment: &Environment, operation: &'static str) -> Self {
        Self {
            client: Client::from_conf(
                config::Builder::from(config)
                    .retry_classifier(RetryClassifier::<UpdateItemError>::default())
                    .build(),
            ),
            clock: Clock::of(config),
            operation,
            table: environment.ledger_table.clone(),
            retention: environment.ledger_retention,
        }
    }

    /// Claims wishes with different tokens, each until `lease_end`.
    ///
    /// # Errors
    /// For each wish, a [`Failure`] where the claim may not have been written: it must not be
    /// called then.
    pub async fn claim(
        &self,
        claimants: &[Claimant<'_>],
        lease_end: Timestamp,
    ) -> Vec<Result<Claim, Failure>> {
        join_all(claimants.iter().map(|claimant| self.claim_one(claimant, lease_end))).await
    }

    /// Settles wishes that were claimed.
    ///
    /// # Errors
    /// For each wish, a [`Failure`] where it may not have been written: the wish must come again.
    pub async fn settle(&self, settlements: &[Settlement]) -> Vec<Result<Settled, Failure>> {
        join_all(settlements.iter().map(|settlement| self.settle_one(settlement))).await
    }

    /// One conditional write that both takes the wish and says what it replaced.
    async fn claim_one(
        &self,
        claimant: &Claimant<'_>,
        lease_end: Timestamp,
    ) -> Result<Claim, Failure> {
        let now = self.clock.now();
        let key = format!("{}#{}", self.operation, claimant.token);
        let owner = Uuid::new_v4().to_string();
        let write = Write::new(&key)
            .set("operation", text(self.operation))
            .set("target", text(claimant.target))
            .set("fingerprint", text(claimant.fingerprint))
            .set("status", text(Status::Claimed.as_str()))
            .set("owner", text(&owner))
            .set("claimableFrom", number(lease_end.epoch_millis()))
            .set_if_absent("doubtSince", number(now.epoch_millis()))
            .set_if_absent("attempts", number(0))
            .set("source", text(claimant.source))
            .set("request", text(claimant.request))
            .set_if_absent("createdAt", text(&now.to_string()))
            .set("updatedAt", text(&now.to_string()))
            .set("expiresAt", number(self.expiry(now).epoch_seconds()))
            .value(":now", number(now.epoch_millis()))
            .value(":nowSeconds", number(now.epoch_seconds()))
            .value(":rejected", text(Status::Rejected.as_str()))
            .name("token");
        // A rejection is remembered for its source only: another one, such as a redrive, may try.
        let condition = "attribute_not_exists(#token) OR #expiresAt < :nowSeconds OR \
                         (#claimableFrom < :now AND #fingerprint = :fingerprint AND \
                         (#status <> :rejected OR #source <> :source))";
        match self.update(write, condition).await? {
            Updated::Replaced(old) => {
                Ok(Claim::Won(lease(key, owner, old.filter(|old| !old.is_expired(now)), now)))
            }
            Updated::Refused(stored) if stored.owner.as_deref() == Some(&*owner) => {
                // Our own write, repeated by the SDK after its answer was lost.
                Ok(Claim::Won(own_lease(key, owner, &stored, now)))
            }
            Updated::Refused(stored) => refused_claim(claimant, stored),
        }
    }

    async fn settle_one(&self, settlement: &Settlement) -> Result<Settled, Failure> {
        let now = self.clock.now();
        let expiry = self.expiry(now);
        let Settlement { lease, status, reason, .. } = settlement;
        let claimable_from = claimable_from(*status, reason.as_ref(), now, expiry);
        let write = Write::new(&lease.key)
            .set("status", text(status.as_str()))
            .set("claimableFrom", number(claimable_from.epoch_millis()))
            .set("attempts", number(settlement.attempts.into()))
            .set("createdAt", text(&lease.created_at.to_string()))
            .set("updatedAt", text(&now.to_string()))
            .set("expiresAt", number(expiry.epoch_seconds()))
            .set_or_remove(
                "doubtSince",
                settlement.doubt_since.map(|since| number(since.epoch_millis())),
            )
            .set_or_remove("receipt", settlement.receipt.as_deref().map(text))
            .set_or_remove("errorCode", reason.as_ref().map(|reason| text(&reason.code)))
            .set_or_remove("errorMessage", reason.as_ref().map(|reason| text(&reason.message)))
            .value(":owner", text(&lease.owner))
            .value(":claimed", text(Status::Claimed.as_str()))
            .name("owner");
        // The second status lets the SDK repeat a write whose answer was lost.
        let condition = "#owner = :owner AND (#status = :claimed OR #status = :status)";
        match self.update(write, condition).await? {
            Updated::Replaced(_) => Ok(Settled::Written),
            Updated::Refused(stored) => Ok(Settled::Refused(Box::new(stored))),
        }
    }

    async fn update(&self, write: Write, condition: &str) -> Result<Updated, Failure> {
        let expression = write.expression();
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("token", text(&write.key))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(write.names))
            .set_expression_attribute_values(Some(write.values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(output) => Ok(Updated::Replaced(output.attributes.map(|old| Item::of(&old)))),
            Err(SdkError::ServiceError(context)) => match context.err() {
                UpdateItemError::ConditionalCheckFailedException(refusal) => {
                    refusal.item().map(|stored| Updated::Refused(Item::of(stored))).ok_or_else(|| {
                        Failure::new(
                            Kind::Transient,
                            Reason::LEDGER_UNAVAILABLE,
                            "the ledger refused a write without the stored item, expected it beside",
                        )
                    })
                }
                _ => Err(Failure::from(SdkError::ServiceError(context))),
            },
            Err(error) => Err(Failure::from(error)),
        }
    }

    fn expiry(&self, now: Timestamp) -> Timestamp {
        now + self.retention
    }
}

/// From when on a wish that ended so, or did not yet, may be claimed.
fn claimable_from(
    status: Status,
    reason: Option<&Reason>,
    now: Timestamp,
    expiry: Timestamp,
) -> Timestamp {
    match status {
        // What may have been carried out is for a person to open again, and not for the next
        // message that happens to have its token.
        Status::Rejected if reason.is_some_and(Reason::is_outcome_unknown) => expiry,
        // At once, but not by a claim from before the rejection that arrives after it.
        Status::Rejected => now - Duration::from_millis(1),
        _ if status.is_final() => expiry,
        _ => Timestamp::from_epoch_millis(0),
    }
}

/// What a conditional write met.
enum Updated {
    Replaced(Option<Item>),
    Refused(Item),
}

/// A won claim: what it replaced says whether somebody may have sent the call before us.
fn lease(key: String, owner: String, replaced: Option<Item>, now: Timestamp) -> Lease {
    let fresh = Lease { key, owner, attempts: 0, created_at: now, doubt_since: None };
    match replaced {
        // Begins again: its redrive was a person's decision.
        Some(old) if old.status == Some(Status::Rejected) => fresh,
        Some(old) => Lease {
            attempts: old.attempts,
            created_at: old.created_at.unwrap_or(now),
            doubt_since: old.doubt_since,
            ..fresh
        },
        None => fresh,
    }
}

fn own_lease(key: String, owner: String, stored: &Item, now: Timestamp) -> Lease {
    Lease {
        key,
        owner,
        attempts: stored.attempts,
        created_at: stored.created_at.unwrap_or(now),
        // The claim itself begins a doubt; only an earlier one is somebody else's.
        doubt_since: stored.doubt_since.filter(|since| *since < now),
    }
}

fn refused_claim(claimant: &Claimant<'_>, stored: Item) -> Result<Claim, Failure> {
    // What was called off before it arrived has no fingerprint: it stands for any request.
    if stored.fingerprint.as_deref().is_some_and(|known| known != claimant.fingerprint) {
        let target = stored.target.as_deref().unwrap_or("another target");
        let created = stored.created_at.map_or_else(String::new, |at| format!(" at {at}"));
        return Ok(Claim::Mismatch(Reason::new(
            Reason::TOKEN_MISMATCH,
            format!(
                "the token is known{created} with another request, for `{target}`; expected the \
                 same request, or a token of its own"
            ),
        )));
    }
    match stored.status {
        Some(Status::Claimed) => Ok(Claim::Leased(stored.claimable_from)),
        Some(Status::Started | Status::Skipped | Status::Cancelled) => {
            Ok(Claim::Done(Box::new(stored)))
        }
        Some(Status::Rejected) => Ok(Claim::Rejected(stored.reason.unwrap_or_else(|| {
            Reason::new(Reason::INVALID_INTENT, "it was rejected before, without a reason")
        }))),
        Some(Status::Deferred) | None => Err(Failure::new(
            Kind::Transient,
            Reason::LEDGER_UNAVAILABLE,
            format!("the ledger refused a claim on an item that reads {stored:?}"),
        )),
    }
}

/// An update of one item: every name and value goes through a placeholder, since half of the
/// attributes are reserved words.
struct Write {
    key: String,
    sets: Vec<String>,
    removes: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Write {
    fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            sets: Vec::new(),
            removes: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        }
    }

    fn set(mut self, attribute: &str, value: AttributeValue) -> Self {
        self.sets.push(format!("#{attribute} = :{attribute}"));
        self.name(attribute).value(&format!(":{attribute}"), value)
    }

    fn set_if_absent(mut self, attribute: &str, value: AttributeValue) -> Self {
        self.sets.push(format!("#{attribute} = if_not_exists(#{attribute}, :{attribute})"));
        self.name(attribute).value(&format!(":{attribute}"), value)
    }

    fn set_or_remove(mut self, attribute: &str, value: Option<AttributeValue>) -> Self {
        if let Some(value) = value {
            return self.set(attribute, value);
        }
        self.removes.push(format!("#{attribute}"));
        self.name(attribute)
    }

    fn name(mut self, attribute: &str) -> Self {
        self.names.insert(format!("#{attribute}"), attribute.to_owned());
        self
    }

    fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    fn expression(&self) -> String {
        let set = format!("SET {}", self.sets.join(", "));
        match self.removes.as_slice() {
            [] => set,
            removes => format!("{set} REMOVE {}", removes.join(", ")),
        }
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
