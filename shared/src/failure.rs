//! What every failure means: named by what the driver does next, decided in one place.

use std::error::Error;
use std::fmt;
use std::io;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::result::ConnectorError;

/// Why a wish was not carried out, as it stands in the ledger, in a dead letter and in the log.
/// Codes that end in `Exception` are AWS's; the others are the constants of [`Reason`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// One word, to filter by.
    pub code: String,
    /// A sentence: what was found, what was expected.
    pub message: String,
}

impl Reason {
    /// The body is not a JSON object.
    pub const MALFORMED_BODY: &str = "MalformedBody";
    /// The event is of a known shape and carries no intent.
    pub const NO_INTENT: &str = "NoIntent";
    /// A field of the intent breaks a rule.
    pub const INVALID_INTENT: &str = "InvalidIntent";
    /// The token is known, with another request.
    pub const TOKEN_MISMATCH: &str = "TokenMismatch";
    /// The wish came too late: `notAfter` has passed.
    pub const EXPIRED: &str = "Expired";
    /// The call may have been carried out, and repeating it is no longer known to be safe.
    pub const OUTCOME_UNKNOWN: &str = "OutcomeUnknown";
    /// Another invocation is at work on this wish.
    pub const LEASED: &str = "Leased";
    /// The ledger could not be written, so nothing was called.
    pub const LEDGER_UNAVAILABLE: &str = "LedgerUnavailable";
    /// The invocation's time was too short to begin.
    pub const DEADLINE_NEAR: &str = "DeadlineNear";
    /// An earlier message of the same message group comes again, and this one behind it.
    pub const BEHIND: &str = "Behind";
    /// The code panicked at this wish.
    pub const PANICKED: &str = "Panicked";
    /// No answer came in time.
    pub const TIMED_OUT: &str = "TimedOut";
    /// The connection failed before or after the request was sent.
    pub const CONNECTION_FAILED: &str = "ConnectionFailed";
    /// An answer came that could not be read.
    pub const UNREADABLE_ANSWER: &str = "UnreadableAnswer";

    /// A code and its sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// What a person has to decide, since what happened cannot be found out any more.
    pub(crate) fn outcome_unknown(what: impl fmt::Display) -> Self {
        let advice = "look at the target, then send the dead letter again with `reveille redrive`, \
                      or drop it";
        Self::new(Self::OUTCOME_UNKNOWN, format!("{what}; {advice}"))
    }

    /// Whether it may have been carried out, so that only a person may open it again.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.code == Self::OUTCOME_UNKNOWN
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing was done; try again soon, a bounded number of times.
    Transient,
    /// The service failed over it, and may have done it before; the same, with the same token.
    ServerFault,
    /// The target is at work; try again when it may be done.
    Busy,
    /// It may have been done; repeat with the same token.
    Unknown,
    /// A permission or a quota is missing; try again slowly, a bounded number of times.
    Denied,
    /// It will never work: report it.
    Permanent,
    /// It was not begun, since the invocation's time was too short; come again.
    NotBegun,
}

impl Kind {
    /// Whether a call that failed so may have been carried out all the same.
    #[must_use]
    pub(crate) fn begins_doubt(self) -> bool {
        matches!(self, Self::Unknown | Self::ServerFault)
    }
}

/// A call that did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the driver does next.
    pub kind: Kind,
    /// Why, for people.
    pub reason: Reason,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: Kind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, reason: Reason::new(code, message) }
    }

    /// The same where an earlier request of the call was left open, so that no later one tells
    /// what became of it.
    #[must_use]
    pub(crate) fn after_doubt(mut self) -> Self {
        if !self.kind.begins_doubt() {
            self.kind = Kind::Unknown;
            self.reason
                .message
                .push_str(" (an earlier request of the same call may have been carried out)");
        }
        self
    }

    /// What counts where a question was to explain this failure, and failed too: what would be
    /// reported waits until the question has an answer.
    #[must_use]
    pub fn unexplained(self, question: Self) -> Self {
        let kind = match (self.kind, question.kind) {
            (Kind::Permanent, kind) if kind.begins_doubt() => Kind::Transient,
            (Kind::Permanent, kind) if kind != Kind::Permanent => kind,
            _ => return self,
        };
        let Reason { code, message } = question.reason;
        Self::new(kind, code, format!("{message} (when asked about {})", self.reason))
    }

    /// Whether it may have been done and may not be repeated.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.reason.code == Reason::OUTCOME_UNKNOWN
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl Error for Failure {}

/// The only classifier: every AWS client's errors come through here.
impl<E> From<SdkError<E>> for Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        match &error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                match error.code() {
                    Some(code) => {
                        let message = error.message().unwrap_or("AWS gave no message");
                        Self::new(kind_of(code, status), code, message)
                    }
                    None => without_code(status),
                }
            }
            // The request never left: no credentials, no region, no endpoint.
            SdkError::ConstructionFailure(_) => {
                Self::new(Kind::Denied, Reason::CONNECTION_FAILED, sentence(&error))
            }
            SdkError::DispatchFailure(context) => {
                // Only where there was no connection is it known that nothing was sent.
                let never_sent = context.as_connector_error().is_some_and(is_never_sent);
                let kind = if never_sent { Kind::Transient } else { Kind::Unknown };
                Self::new(kind, Reason::CONNECTION_FAILED, sentence(&error))
            }
            SdkError::TimeoutError(_) => {
                Self::new(Kind::Unknown, Reason::TIMED_OUT, sentence(&error))
            }
            _ => Self::new(Kind::Unknown, Reason::UNREADABLE_ANSWER, sentence(&error)),
        }
    }
}

/// What an answer with this status means, which names an error or does not.
pub(crate) fn kind_of_answer(code: Option<&str>, status: u16) -> Kind {
    code.map_or_else(|| without_code(status).kind, |code| kind_of(code, status))
}

/// Whether the connection was never made, so that nothing can have been carried out.
pub(crate) fn is_never_sent(error: &ConnectorError) -> bool {
    error.is_timeout() || is_connect(error)
}

/// What an error that names itself means.
pub(crate) fn kind_of(code: &str, status: u16) -> Kind {
    match code {
        "BandwidthLimitExceeded"
        | "CallRateLimitExceededException"
        | "EC2ThrottledException"
        | "KmsThrottled"
        | "OverLimit"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceeded"
        | "ProvisionedThroughputExceededException"
        | "ReplicatedWriteConflictException"
        | "RequestLimitExceeded"
        | "RequestLimitExceededException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestTimeTooSkewed"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "SlowDown"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingError"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException" => Kind::Transient,

        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServerErrorException"
        | "ServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => Kind::ServerFault,

        "ConcurrentModificationException" | "ConflictException" | "ResourceInUseException" => {
            Kind::Busy
        }

        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "ForbiddenException"
        | "IncompleteSignature"
        | "InvalidAccountStatusException"
        | "InvalidClientTokenId"
        | "InvalidSecurity"
        | "KmsAccessDenied"
        | "KmsDisabled"
        | "KmsInvalidState"
        | "LimitExceededException"
        | "OptInRequired"
        | "RequestExpired"
        | "ServiceQuotaExceededException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Kind::Denied,

        _ => match status {
            401..=403 => Kind::Denied,
            429 => Kind::Transient,
            500.. => Kind::ServerFault,
            _ => Kind::Permanent,
        },
    }
}

/// An answer that names no error: a gateway's page, or a body that is not the API's.
fn without_code(status: u16) -> Failure {
    let (kind, meaning) = match status {
        200..=299 => (Kind::Unknown, "the call was answered and the answer cannot be read"),
        401..=403 => (Kind::Denied, "the call was refused without a reason"),
        429 => (Kind::Transient, "the call was throttled without a reason"),
        500.. => {
            (Kind::Unknown, "something between here and AWS failed, perhaps after AWS had the call")
        }
        _ => (Kind::Permanent, "the call was refused without a reason"),
    };
    let message = format!("found HTTP status {status} without an error code: {meaning}");
    Failure::new(kind, Reason::UNREADABLE_ANSWER, message)
}

/// Whether the connection was never made: refused, no route, no such host.
fn is_connect(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let hyper = cause.downcast_ref::<hyper_util::client::legacy::Error>();
        let io = cause.downcast_ref::<io::Error>();
        hyper.is_some_and(hyper_util::client::legacy::Error::is_connect)
            || io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
    })
}

/// The error and its causes; an SDK error alone says no more than `dispatch failure`.
fn sentence(error: &(dyn Error + 'static)) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
