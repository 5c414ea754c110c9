//! How every AWS client is configured.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::timeout::TimeoutConfig;

use crate::failure::{self, Kind};

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

/// Tells the SDK's own retries of an operation, by its error type, what this crate knows of an
/// error: Image Builder's throttling, which the SDK takes for final, is tried again, and a quota
/// that is used up, which it takes for throttling, is not.
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
        let code = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(OrchestratorError::as_operation_error)
            .and_then(|error| error.downcast_ref::<E>())
            .and_then(ProvideErrorMetadata::code);
        let status = context.response().map(|response| response.status().as_u16());
        let (Some(code), Some(status)) = (code, status) else {
            return RetryAction::NoActionIndicated;
        };
        match failure::kind_of(code, status) {
            Kind::Transient => RetryAction::transient_error(),
            Kind::Denied => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "what every failure means"
    }

    /// After the SDK's own classifiers, or they would overrule it.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
