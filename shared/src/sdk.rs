//! How every AWS client is configured.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::interceptors::context::Error as TypedError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::timeout::TimeoutConfig;

use crate::failure::Kind;
use crate::{budget, failure};

/// The SDK waits for an answer without end unless it is told otherwise, and a hung socket would
/// eat the whole invocation. Three attempts of this length fit into the operation's.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(15);

/// The configuration from the environment, as every AWS tool reads it, with bounds on waiting.
pub async fn config() -> SdkConfig {
    bounded(&aws_config::load_defaults(BehaviorVersion::latest()).await)
}

/// The same configuration with bounds on waiting.
#[must_use]
pub fn bounded(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    config.to_builder().timeout_config(timeouts).build()
}

/// Decides for the SDK which failed calls of an operation, by its error type, are repeated at once:
/// those that did nothing and may succeed a moment later, and those whose outcome is unknown. So Image
/// Builder's throttling, which the SDK takes for final, is repeated, a quota that is used up, which
/// it takes for throttling, is not, and an invocation keeps within its [`budget`].
pub struct RetryClassifier<E>(PhantomData<fn() -> E>);

impl<E> Default for RetryClassifier<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for RetryClassifier<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryClassifier")
    }
}

impl<E: ProvideErrorMetadata + Error + Send + Sync + 'static> ClassifyRetry for RetryClassifier<E> {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let status = context.response().map_or(0, |response| response.status().as_u16());
        if budget::may_repeat(kind::<E>(error, status)) {
            // The SDK reserves more of its own allowance for a time-out than for any other.
            return RetryAction::throttling_error();
        }
        RetryAction::RetryForbidden
    }

    fn name(&self) -> &'static str {
        "what every failure means"
    }

    /// After the SDK's own classifiers, or they would overrule it.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// What a failed request means, as [`failure::Failure`] says it of a failed call.
fn kind<E: ProvideErrorMetadata + Error + Send + Sync + 'static>(
    error: &OrchestratorError<TypedError>,
    status: u16,
) -> Kind {
    if let Some(error) = error.as_operation_error() {
        return match error.downcast_ref::<E>() {
            Some(error) => failure::kind_of_answer(error.code(), status),
            // Of another operation of the same client, such as a question: its name cannot be read
            // here, and that it has none says nothing.
            None if matches!(status, 429 | 500..) => Kind::Transient,
            None => Kind::Permanent,
        };
    }
    match error.as_connector_error() {
        Some(error) if error.is_user() => Kind::Permanent,
        Some(error) if failure::is_never_sent(error) => Kind::Transient,
        Some(_) => Kind::Unknown,
        None if error.is_timeout_error() || error.is_response_error() => Kind::Unknown,
        // It never came to a request: no credentials, no region, no endpoint.
        None => Kind::Permanent,
    }
}
