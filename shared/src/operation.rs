//! What a function brings, and the one step that sends.

use std::sync::OnceLock;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::budget::Budget;
use crate::clock::{Clock, Timestamp};
use crate::failure::{Failure, Kind, Reason};
use crate::rules::Findings;
use crate::token::Token;

/// One AWS operation, and the facts about it that the driver needs.
pub trait Operation: Send + Sync {
    /// AWS's name of the operation.
    const NAME: &'static str;
    /// How many characters its client token may have, at most.
    const LONGEST_TOKEN: usize;
    /// How long after the first attempt a repeat is known to be safe.
    const REPEATABLE_FOR: Duration;
    /// How long a wish waits for a target that is busy.
    const BUSY_DELAY: Duration;

    /// The API's own request body.
    type Request: Request;

    /// Carries the wish out, or finds that it is done. Whatever starts something goes through
    /// [`Attempt::send`].
    ///
    /// # Errors
    /// A [`Failure`], whose kind says what the driver does next.
    fn call(
        &self,
        request: &Self::Request,
        attempt: &Attempt<'_>,
    ) -> impl Future<Output = Result<Receipt, Failure>> + Send;
}

/// A request as AWS documents it, without the control fields.
pub trait Request: DeserializeOwned + Serialize + Send + Sync {
    /// The resource that the request is about, as the ledger and the log name it.
    fn target(&self) -> String;

    /// Checks every rule of the API page, and reports each that is broken.
    fn check(&self, findings: &mut Findings);

    /// The last moment at which AWS would still take the request, if it names one.
    fn not_after(&self) -> Option<Timestamp> {
        None
    }
}

/// What AWS answered: the response's fields under AWS's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Receipt(Map<String, Value>);

impl Receipt {
    /// The receipt with one more field; an absent one is left out.
    #[must_use]
    pub fn with(mut self, field: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), value.into());
        }
        self
    }

    /// The same for a time, written as RFC 3339.
    #[must_use]
    pub fn with_time(self, field: &str, value: Option<&DateTime>) -> Self {
        self.with(field, value.and_then(|time| time.fmt(Format::DateTime).ok()))
    }
}

/// For a receipt within a receipt.
impl From<Receipt> for Value {
    fn from(receipt: Receipt) -> Self {
        Self::Object(receipt.0)
    }
}

/// One attempt at a claimed wish: its token, and the limits within which it may be sent.
#[derive(Debug)]
pub struct Attempt<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) token: &'a Token,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) doubt_since: Option<Timestamp>,
    pub(crate) repeatable_for: Duration,
    pub(crate) send_before: Timestamp,
    pub(crate) budget: &'a Budget,
    /// When the call was sent, if it was.
    pub(crate) sent_at: OnceLock<Timestamp>,
}

impl Attempt<'_> {
    /// The client token, the same on every attempt.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_str()
    }

    /// Whether an earlier attempt may have carried the wish out.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.doubt_since.is_some()
    }

    /// Whether the call was sent in this attempt.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent_at.get().is_some()
    }

    /// Asks AWS something that changes nothing.
    ///
    /// # Errors
    /// What became of the question. It says nothing of the wish.
    pub async fn read<T, E>(
        &self,
        question: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (answer, _) = self.within(self.send_before.since(self.clock.now()), question).await;
        answer
    }

    /// Sends the call that starts something, if it may still be sent: the clock is compared with
    /// every limit in this step and nowhere earlier, so that a late worker sends nothing.
    ///
    /// # Errors
    /// What forbids sending, or what became of the call.
    pub async fn send<T, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let now = self.clock.now();
        let remaining = self.may_send(now)?;
        self.sent_at.get_or_init(|| now);
        let (answer, in_doubt) = self.within(remaining, call).await;
        answer.map_err(|failure| if in_doubt { failure.after_doubt() } else { failure })
    }

    /// The time left for the call.
    fn may_send(&self, now: Timestamp) -> Result<Duration, Failure> {
        match self.doubt_since {
            Some(since) if self.is_late(now) || now.since(since) > self.repeatable_for => {
                Err(self.outcome_unknown(since))
            }
            None if self.is_late(now) => Err(self.expired(now)),
            _ if now >= self.send_before => Err(Failure::new(
                Kind::NotBegun,
                Reason::DEADLINE_NEAR,
                format!("it is {now}, and a call had to begin before {}", self.send_before),
            )),
            _ => Ok(self.send_before.since(now)),
        }
    }

    fn is_late(&self, now: Timestamp) -> bool {
        self.not_after.is_some_and(|limit| now > limit)
    }

    fn expired(&self, now: Timestamp) -> Failure {
        let limit = self.not_after.map(|limit| limit.to_string()).unwrap_or_default();
        Failure::new(
            Kind::Permanent,
            Reason::EXPIRED,
            format!("it is {now}, and it had to be sent by {limit}; nothing was started"),
        )
    }

    fn outcome_unknown(&self, since: Timestamp) -> Failure {
        let reason = Reason::outcome_unknown(format_args!(
            "an attempt at {since} may have carried this out, and it is too late to repeat it (a \
             repeat is known to be safe for {} minutes, and never after notAfter)",
            self.repeatable_for.as_secs() / 60
        ));
        Failure { kind: Kind::Permanent, reason }
    }

    /// What became of the call, and whether a request of it was in doubt.
    async fn within<T, E>(
        &self,
        remaining: Duration,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> (Result<T, Failure>, bool)
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        if let Ok((answer, in_doubt)) =
            tokio::time::timeout(remaining, self.budget.spend(call)).await
        {
            return (answer.map_err(Failure::from), in_doubt);
        }
        let message =
            format!("no answer came within the invocation's last {} ms", remaining.as_millis());
        (Err(Failure::new(Kind::Unknown, Reason::TIMED_OUT, message)), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::SdkConfig;

    const NOW: Timestamp = Timestamp::from_epoch_millis(1_800_000_000_000);
    const MINUTE: Duration = Duration::from_mins(1);

    fn may_send(change: impl FnOnce(&mut Attempt<'_>)) -> Result<Duration, (Kind, String)> {
        let clock = Clock::of(&SdkConfig::builder().build());
        let token = Token::parse("t", 36).unwrap();
        let mut attempt = Attempt {
            clock: &clock,
            token: &token,
            not_after: None,
            doubt_since: None,
            repeatable_for: 3 * MINUTE,
            send_before: NOW + MINUTE,
            budget: &Budget::full(),
            sent_at: OnceLock::new(),
        };
        change(&mut attempt);
        attempt.may_send(NOW).map_err(|failure| (failure.kind, failure.reason.code))
    }

    #[test]
    fn a_call_may_use_the_time_up_to_the_limit() {
        assert_eq!(may_send(|_| ()), Ok(MINUTE));
    }

    #[test]
    fn a_late_worker_sends_nothing() {
        let late = may_send(|attempt| attempt.send_before = NOW);
        assert_eq!(late, Err((Kind::NotBegun, Reason::DEADLINE_NEAR.into())));
    }

    #[test]
    fn an_expired_wish_is_not_sent() {
        let expired = may_send(|attempt| attempt.not_after = Some(NOW - Duration::from_millis(1)));
        assert_eq!(expired, Err((Kind::Permanent, Reason::EXPIRED.into())));
        assert_eq!(may_send(|attempt| attempt.not_after = Some(NOW)), Ok(MINUTE));
    }

    #[test]
    fn a_wish_in_doubt_is_repeated_while_that_is_known_to_be_safe() {
        assert_eq!(may_send(|attempt| attempt.doubt_since = Some(NOW - 3 * MINUTE)), Ok(MINUTE));
        let old = may_send(|attempt| attempt.doubt_since = Some(NOW - 4 * MINUTE));
        assert_eq!(old, Err((Kind::Permanent, Reason::OUTCOME_UNKNOWN.into())));
    }

    #[test]
    fn an_expired_wish_in_doubt_is_not_reported_as_never_started() {
        let both = may_send(|attempt| {
            attempt.doubt_since = Some(NOW - MINUTE);
            attempt.not_after = Some(NOW - MINUTE);
        });
        assert_eq!(both, Err((Kind::Permanent, Reason::OUTCOME_UNKNOWN.into())));
    }
}
