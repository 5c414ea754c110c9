//! The way of an event: parse, claim, call, settle, answer.

mod answer;
mod batch;
mod decision;
mod outcome;

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::Duration;

use aws_config::SdkConfig;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::value::RawValue;

use crate::budget::Budget;
use crate::clock::{Clock, Timestamp};
use crate::environment::Environment;
use crate::failure::{Failure, Kind, Reason};
use crate::ledger::{Claim, Claimant, Item, Lease, Ledger, Settled, Settlement, Status};
use crate::operation::{Attempt, Operation, Receipt, Request};
use crate::queue::{DeadLetter, Deferred, Errand, Hidden, Queue};
use crate::retry;
use crate::trigger;
use crate::wish::Wish;

pub use answer::Answer;
use batch::{Batch, Matter, Task};
use decision::{Decision, Patience};
use outcome::{Outcome, Verdict};

/// At how many receives a record is reported instead of returned: before its queue, at 200, gives
/// it up without its token.
const MOST_RECEIVES: u32 = 190;

/// How long a duplicate waits for its twin before it looks again. Most twins end within seconds,
/// and waiting for the end of the lease would hide the message for two minutes.
const LEASED_STEP: Duration = Duration::from_secs(15);

/// What an invocation keeps of its time for settling and answering, at most.
const RESERVE: Duration = Duration::from_secs(5);

/// What is kept for writing the answer itself.
const LAST_MOMENT: Duration = Duration::from_millis(250);

/// Carries out the wishes of every event that a function is given.
#[derive(Debug)]
pub struct Driver<O> {
    operation: O,
    ledger: Ledger,
    queue: Queue,
    clock: Clock,
    lease_margin: Duration,
    concurrent_calls: usize,
    patience: Patience,
}

impl<O: Operation> Driver<O> {
    /// A driver with its own clients of DynamoDB and SQS.
    pub fn new(operation: O, config: &SdkConfig, environment: &Environment) -> Self {
        Self {
            operation,
            ledger: Ledger::new(config, environment, O::NAME),
            queue: Queue::new(config, environment, O::NAME),
            clock: Clock::of(config),
            lease_margin: environment.lease_margin,
            concurrent_calls: environment.concurrent_calls,
            patience: Patience {
                max_attempts: environment.max_attempts,
                max_busy: environment.max_busy,
                busy_delay: O::BUSY_DELAY,
            },
        }
    }

    /// Handles one event: every wish in it ends, is reported, or comes again.
    ///
    /// # Errors
    /// Where the event can be neither acknowledged nor returned piece by piece: then the
    /// invocation fails, and Lambda brings the whole event again.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Diagnostic> {
        let limits = self.limits(&event.context);
        let trigger = trigger::parse(O::NAME, event.payload.get(), &event.context.request_id)?;
        let batch = Batch::<O::Request>::of::<O>(&trigger);
        let mut outcomes = self.carry_out(&batch, &limits).await;
        give_up_worn_out(&batch, &mut outcomes);
        outcome::report(O::NAME, &batch, &outcomes, self.clock.now());
        self.answer(&batch, &outcomes, &limits).await
    }

    /// Round by round, so that wishes that must not overtake each other do not.
    async fn carry_out(&self, batch: &Batch<'_, O::Request>, limits: &Limits) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.tasks.len()];
        for round in batch.rounds() {
            let mut due = Vec::new();
            for index in round {
                match self.before_claim(batch, index, &outcomes, limits) {
                    Ok(wish) => due.push((index, wish)),
                    Err(outcome) => outcomes[index] = Some(outcome),
                }
            }
            let (indices, due): (Vec<_>, Vec<_>) = due.into_iter().unzip();
            for (index, outcome) in indices.into_iter().zip(self.once(&due, limits).await) {
                outcomes[index] = Some(outcome);
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(Outcome::not_begun)).collect()
    }

    /// The wish to claim, or what becomes of the task without the ledger.
    fn before_claim<'a>(
        &self,
        batch: &'a Batch<'_, O::Request>,
        index: usize,
        outcomes: &[Option<Outcome>],
        limits: &Limits,
    ) -> Result<Due<'a, O::Request>, Outcome> {
        let task = &batch.tasks[index];
        let is_behind = |earlier: &Task<_>| earlier.group.is_some() && earlier.group == task.group;
        let comes_again = |outcome: &Option<Outcome>| {
            outcome
                .as_ref()
                .is_some_and(|outcome| matches!(outcome.verdict, Verdict::Deferred { .. }))
        };
        let earlier = batch.tasks[..index].iter().zip(outcomes);
        if earlier.into_iter().any(|(task, outcome)| is_behind(task) && comes_again(outcome)) {
            return Err(Outcome::behind());
        }
        match &task.matter {
            Matter::Refused(refusal) => Err(Outcome::rejected(refusal.reason.clone())),
            Matter::SameAs(first) => {
                Err(outcomes[*first].clone().unwrap_or_else(Outcome::not_begun).repeated())
            }
            Matter::Wish(_) if self.clock.now() >= limits.send_before => Err(Outcome::not_begun()),
            Matter::Wish(wish) => Ok(Due { wish, is_redelivery: batch.receives(task) > 1 }),
        }
    }

    /// Claim, call, settle: all wishes of a round together.
    async fn once(&self, due: &[Due<'_, O::Request>], limits: &Limits) -> Vec<Outcome> {
        let claims = self.claim(due, limits).await;
        // Each is under way before the next is made, so that AWS works on it meanwhile.
        let one_by_one = stream::iter(due.iter().zip(claims)).then(|claimed| async {
            tokio::task::yield_now().await;
            claimed
        });
        let steps = one_by_one
            .map(|(due, claim)| self.call(due.wish, claim, limits))
            .buffered(self.concurrent_calls)
            .collect::<Vec<_>>()
            .await;
        self.settle(steps, limits).await
    }

    async fn claim(
        &self,
        due: &[Due<'_, O::Request>],
        limits: &Limits,
    ) -> Vec<Result<Claim, Failure>> {
        if due.is_empty() {
            return Vec::new();
        }
        let texts: Vec<_> =
            due.iter().map(|Due { wish, .. }| (wish.source.to_string(), request(wish))).collect();
        let claimants: Vec<_> = due
            .iter()
            .zip(&texts)
            .map(|(Due { wish, is_redelivery }, (source, request))| Claimant {
                token: wish.token.as_str(),
                target: &wish.target,
                fingerprint: &wish.fingerprint,
                source,
                request,
                is_redelivery: *is_redelivery,
            })
            .collect();
        let claims = self.ledger.claim(&claimants, limits.lease_end);
        self.before(limits.send_before, claims)
            .await
            .unwrap_or_else(|late| vec![Err(late); due.len()])
    }

    /// Calls AWS for a claim that was won; for any other, says what becomes of the wish.
    async fn call(
        &self,
        wish: &Wish<O::Request>,
        claim: Result<Claim, Failure>,
        limits: &Limits,
    ) -> Step {
        match claim {
            Ok(Claim::Won(lease)) => {
                let (result, sent_at) = self.attempt(wish, &lease, limits).await;
                let decision = match result {
                    Ok(receipt) => Decision::started(lease, &receipt),
                    Err(failure) => {
                        let (when_busy, now) = (wish.intent.control.when_busy, self.clock.now());
                        self.patience.decide(lease, failure, when_busy, sent_at, now)
                    }
                };
                let latency = sent_at.map(|sent_at| self.clock.now().since(sent_at));
                Step::Settle(Box::new(decision.after(latency)))
            }
            Ok(Claim::Done(item)) => Step::Known(Outcome::duplicate(&item)),
            Ok(Claim::Rejected(reason) | Claim::Mismatch(reason)) => {
                Step::Known(Outcome::rejected(reason))
            }
            Ok(Claim::Leased(until)) => Step::Known(self.leased(until)),
            Err(failure) => Step::Known(no_ledger(&failure)),
        }
    }

    /// The operation's answer, and when its call was sent, if it was.
    async fn attempt(
        &self,
        wish: &Wish<O::Request>,
        lease: &Lease,
        limits: &Limits,
    ) -> (Result<Receipt, Failure>, Option<Timestamp>) {
        let attempt = Attempt {
            clock: &self.clock,
            token: &wish.token,
            not_after: earlier(wish.intent.control.not_after, wish.intent.request.not_after()),
            doubt_since: lease.doubt_since,
            repeatable_for: O::REPEATABLE_FOR,
            send_before: limits.send_before,
            budget: &limits.budget,
            sent_at: OnceLock::new(),
        };
        let call = self.operation.call(&wish.intent.request, &attempt);
        let result = AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|panic| {
            Err(Failure { kind: Kind::Unknown, reason: outcome::panicked(panic.as_ref()) })
        });
        (result, attempt.sent_at.into_inner())
    }

    async fn settle(&self, steps: Vec<Step>, limits: &Limits) -> Vec<Outcome> {
        let settlements: Vec<Settlement> = steps.iter().filter_map(Step::settlement).collect();
        let mut settled = match settlements.len() {
            0 => Vec::new(),
            count => self
                .before(limits.settle_before, self.ledger.settle(&settlements))
                .await
                .unwrap_or_else(|late| vec![Err(late); count]),
        }
        .into_iter();
        steps
            .into_iter()
            .map(|step| match step {
                Step::Known(outcome) => outcome,
                Step::Settle(decision) => match settled.next() {
                    Some(Ok(Settled::Written)) => decision.outcome,
                    Some(Ok(Settled::Refused(item))) => self.read(&item),
                    // The next attempt repeats the call with the same token.
                    Some(Err(failure)) => no_ledger(&failure),
                    None => Outcome::not_begun(),
                },
            })
            .collect()
    }

    /// What an item that somebody else wrote means for this delivery.
    fn read(&self, item: &Item) -> Outcome {
        match (item.status, &item.reason) {
            (Some(Status::Started | Status::Skipped | Status::Cancelled), _) => {
                Outcome::duplicate(item)
            }
            (Some(Status::Rejected), Some(reason)) => Outcome::rejected(reason.clone()),
            _ => self.leased(item.claimable_from),
        }
    }

    fn leased(&self, until: Timestamp) -> Outcome {
        let wait = until.since(self.clock.now()) + Duration::from_secs(1);
        let message = format!("another invocation is at work on it until {until} at the latest");
        Outcome::deferred(Reason::new(Reason::LEASED, message), wait.min(LEASED_STEP))
    }

    /// Reports what was rejected and returns what was deferred; only then is a carrier
    /// acknowledged.
    async fn answer(
        &self,
        batch: &Batch<'_, O::Request>,
        outcomes: &[Outcome],
        limits: &Limits,
    ) -> Result<Answer, Diagnostic> {
        let wishes = batch.tasks.iter().zip(outcomes);
        let plans: Vec<_> =
            wishes.map(|(task, outcome)| self.delivery(batch, task, outcome)).collect();
        let errands: Vec<_> = plans.iter().filter_map(|(_, errand)| errand.clone()).collect();
        let done = self.before(limits.deliver_before, self.queue.run(&errands)).await;
        let mut done = done.unwrap_or_else(|late| vec![Err(late); errands.len()]).into_iter();
        let deliveries: Vec<_> = plans
            .into_iter()
            .map(|(delivery, errand)| match errand.and_then(|_| done.next()) {
                Some(Err(failure)) => delivery.without(failure),
                _ => Ok(delivery),
            })
            .collect();
        Answer::of(batch, outcomes, &deliveries)
    }

    /// Whether the carrier comes again for a wish, and what the queues are told before that.
    fn delivery<'a>(
        &self,
        batch: &'a Batch<'_, O::Request>,
        task: &'a Task<O::Request>,
        outcome: &'a Outcome,
    ) -> (Delivery, Option<Errand<'a>>) {
        match (&outcome.verdict, &batch.carrier(task).record) {
            (Verdict::Ended { .. }, _) => (Delivery::Acknowledged, None),
            (Verdict::Deferred { after, .. }, Some(record)) if !batch.shares_carrier(task) => {
                let hidden = Errand::Hide(Hidden { record, after: *after });
                (Delivery::ComesAgain, self.queue.is_own(&record.queue_arn).then_some(hidden))
            }
            // The first of equal wishes is reported, or sent on, for all of them.
            _ if matches!(task.matter, Matter::SameAs(_)) => (Delivery::Acknowledged, None),
            (Verdict::Deferred { after, .. }, _) => {
                let deferred =
                    Errand::Defer(Deferred { body: batch.deferred_body(task), after: *after });
                (Delivery::Acknowledged, Some(deferred))
            }
            (Verdict::Rejected(reason), _) => {
                let letter = Errand::DeadLetter(DeadLetter {
                    body: batch.body(task),
                    token: batch.token(task),
                    reason,
                    source_id: batch.source_id(task),
                });
                (Delivery::Acknowledged, Some(letter))
            }
        }
    }

    /// Waits for `work` until `limit` and no longer: nothing outlives the handler's answer.
    async fn before<T>(
        &self,
        limit: Timestamp,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let remaining = limit.since(self.clock.now());
        tokio::time::timeout(remaining, work).await.map_err(|_| {
            Failure::new(
                Kind::Transient,
                Reason::TIMED_OUT,
                format!("no answer came within the {} ms left for it", remaining.as_millis()),
            )
        })
    }

    fn limits(&self, context: &Context) -> Limits {
        let deadline =
            Timestamp::from_epoch_millis(i64::try_from(context.deadline).unwrap_or(i64::MAX));
        let reserve = (deadline.since(self.clock.now()) / 4).min(RESERVE);
        Limits {
            send_before: deadline - reserve,
            settle_before: deadline - reserve / 2,
            deliver_before: deadline - LAST_MOMENT.min(reserve / 4),
            lease_end: deadline + self.lease_margin,
            budget: Budget::full(),
        }
    }
}

/// Rejects what would come again once too often.
fn give_up_worn_out<R: Request>(batch: &Batch<'_, R>, outcomes: &mut [Outcome]) {
    for (task, outcome) in batch.tasks.iter().zip(outcomes) {
        let receives = batch.receives(task);
        if let (Verdict::Deferred { reason, .. }, MOST_RECEIVES..) = (&outcome.verdict, receives) {
            let message = format!("received {receives} times without an end: {}", reason.message);
            outcome.verdict = Verdict::Rejected(Reason::new(&reason.code, message));
        }
    }
}

/// A wish that is to be carried out now.
struct Due<'a, R> {
    wish: &'a Wish<R>,
    /// Whether its message has been received before.
    is_redelivery: bool,
}

/// The limits of one invocation, cut from its deadline.
struct Limits {
    send_before: Timestamp,
    settle_before: Timestamp,
    deliver_before: Timestamp,
    lease_end: Timestamp,
    budget: Budget,
}

/// What became of the delivery of one wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Its carrier need not come again for it.
    Acknowledged,
    /// Its carrier comes again.
    ComesAgain,
}

impl Delivery {
    /// What it comes to where SQS did not do its errand.
    fn without(self, failure: Failure) -> Result<Self, Failure> {
        match self {
            Self::Acknowledged => Err(failure),
            Self::ComesAgain => {
                tracing::warn!("a message keeps its visibility: SQS did not change it: {failure}");
                Ok(self)
            }
        }
    }
}

/// Between call and settle.
enum Step {
    Known(Outcome),
    Settle(Box<Decision>),
}

impl Step {
    fn settlement(&self) -> Option<Settlement> {
        match self {
            Self::Known(_) => None,
            Self::Settle(decision) => Some(decision.settlement.clone()),
        }
    }
}

/// The earlier of two limits.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// No ledger, no call; no ledger, no end.
fn no_ledger(failure: &Failure) -> Outcome {
    let message = format!("the ledger could not be written: {failure}");
    let delay = retry::delay(Kind::Transient, 0, Duration::ZERO, Duration::ZERO, fastrand::f64());
    Outcome::deferred(Reason::new(Reason::LEDGER_UNAVAILABLE, message), delay)
}

fn request<R: Request>(wish: &Wish<R>) -> String {
    // It was written once already, for the fingerprint.
    serde_json::to_string(&wish.intent.request).unwrap_or_default()
}
