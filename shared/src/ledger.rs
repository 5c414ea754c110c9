//! The table in which each wish is claimed before it is called and settled after it.
//!
//! One item per wish, never deleted by code. `claimableFrom` is the whole lock in one number: a wish
//! is free when it lies in the past. Whoever takes it writes an `owner` of its own, and every write
//! asks for what its writer knows to stand there: nothing, the item that it has read, or its own
//! claim. So of two who act on the same knowledge one is refused, and is shown what stands there.
//!
//! A batch of wishes is written by one request, a statement each.

mod claim;
mod item;
mod settlement;
mod statement;

use std::mem;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::batch_execute_statement::BatchExecuteStatementError;
use aws_sdk_dynamodb::{Client, config};
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::environment::Environment;
use crate::failure::{Failure, Reason};
use crate::retry;
use crate::sdk::RetryClassifier;
use claim::Claiming;
use item::text;
use settlement::Settling;
use statement::{Answer, Attribute, Statement, Unanswered, unavailable};

pub use item::{Item, Status};

/// How many statements one write takes at most. A claim needs three where its item turns out to be
/// there and free (insert, read, take); the others are for those that are throttled by themselves,
/// and for races that were lost.
const MOST_STATEMENTS: u32 = 6;

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
    /// Whether its message has been received before, so that its item is probably there. Nothing
    /// but the order of the statements depends on it.
    pub is_redelivery: bool,
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
                    .retry_classifier(RetryClassifier::<BatchExecuteStatementError>::default())
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
        let now = self.clock.now();
        let expiry = now + self.retention;
        let claiming = |claimant| Claiming::new(claimant, self.operation, lease_end, expiry, now);
        self.write(claimants.iter().map(claiming).collect()).await
    }

    /// Settles wishes that were claimed.
    ///
    /// # Errors
    /// For each wish, a [`Failure`] where it may not have been written: the wish must come again.
    pub async fn settle(&self, settlements: &[Settlement]) -> Vec<Result<Settled, Failure>> {
        let now = self.clock.now();
        let expiry = now + self.retention;
        let settling = |settlement| Settling { settlement, expiry, now };
        self.write(settlements.iter().map(settling).collect()).await
    }

    /// Brings all writes to their ends, the next statement of each in one request.
    async fn write<W: Write>(&self, mut writes: Vec<W>) -> Vec<Result<W::End, Failure>> {
        let mut ends: Vec<_> = writes.iter().map(|_| Err(contended())).collect();
        let mut open: Vec<usize> = (0..writes.len()).collect();
        let mut pause = None;
        for round in 0..MOST_STATEMENTS {
            if let Some(pause) = pause.take() {
                tokio::time::sleep(pause).await;
            }
            let statements = open.iter().map(|&place| writes[place].statement()).collect();
            let answers = statement::execute(&self.client, &self.table, statements).await;
            let asked = mem::take(&mut open);
            for (place, answer) in asked.into_iter().zip(answers) {
                let end = match answer {
                    Ok(answer) => writes[place].after(answer),
                    Err(Unanswered::ForGood(failure)) => Some(Err(failure)),
                    Err(Unanswered::Itself(failure)) => {
                        ends[place] = Err(failure);
                        pause = Some(retry::pause(round, fastrand::f64()));
                        None
                    }
                };
                match end {
                    Some(end) => ends[place] = end,
                    None => open.push(place),
                }
            }
            if open.is_empty() {
                break;
            }
        }
        ends
    }
}

/// A change of one item, in as many statements as it takes, each chosen by the answer to the one
/// before.
trait Write {
    type End;

    fn statement(&self) -> Statement;

    /// How it ended, or that another statement is needed.
    fn after(&mut self, answer: Answer) -> Option<Result<Self::End, Failure>>;
}

/// What is said where others were quicker every time.
fn contended() -> Failure {
    unavailable(format!("the item was changed by others {MOST_STATEMENTS} times in a row"))
}

impl Lease {
    fn new(key: String, now: Timestamp) -> Self {
        let owner = Uuid::new_v4().to_string();
        Self { key, owner, attempts: 0, created_at: now, doubt_since: None }
    }

    /// Goes on where this item stopped, which says whether somebody may have sent the call before
    /// us.
    fn take(&mut self, stored: &Item, now: Timestamp) {
        self.forget(now);
        // A redrive was a person's decision, and begins again.
        if stored.is_expired(now) || stored.status == Some(Status::Rejected) {
            return;
        }
        self.attempts = stored.attempts;
        self.created_at = stored.created_at.unwrap_or(now);
        self.doubt_since = stored.doubt_since;
    }

    fn forget(&mut self, now: Timestamp) {
        *self = Self { attempts: 0, created_at: now, doubt_since: None, ..self.clone() };
    }

    fn key(&self) -> Attribute {
        ("token", text(&self.key))
    }
}
