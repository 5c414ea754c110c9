//! How every AWS client is configured.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use aws_config::default_provider::endpoint_url::endpoint_url_provider;
use aws_config::default_provider::ignore_configured_endpoint_urls::ignore_configured_endpoint_urls_provider;
use aws_config::default_provider::use_dual_stack::use_dual_stack_provider;
use aws_config::default_provider::use_fips::use_fips_provider;
use aws_config::default_provider::{app_name, retry_config};
use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::meta::region::ProvideRegion;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient, http_client_fn};
use aws_smithy_runtime_api::client::interceptors::context::Error as TypedError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::failure::Kind;
use crate::{budget, failure};

/// The SDK waits for an answer without end unless it is told otherwise, and a hung socket would
/// eat the whole invocation. Three attempts of this length fit into the operation's.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(5);
const OPERATION: Duration = Duration::from_secs(15);

/// The configuration of a function, from its environment, with bounds on waiting.
///
/// It is put together from the parts of the SDK's own loader, without the chain of places in which
/// that looks for credentials: Lambda gives them in variables, and the chain, never asked, would
/// bring the clients of every other place into the binary.
pub async fn config() -> SdkConfig {
    let environment = ProviderConfig::empty();
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client())
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .retry_config(retry_config::default_provider().retry_config().await);
    config.set_app_name(app_name::default_provider().app_name().await);
    config.set_use_dual_stack(use_dual_stack_provider(&environment).await);
    config.set_use_fips(use_fips_provider(&environment).await);
    if !ignore_configured_endpoint_urls_provider(&environment).await.unwrap_or_default() {
        config.set_service_config(Some(EndpointUrls));
        config.set_endpoint_url(endpoint_url_provider(&environment).await);
    }
    bounded(&config.build())
}

/// Where single services are: `AWS_ENDPOINT_URL_DYNAMODB` and its like.
#[derive(Debug)]
struct EndpointUrls;

impl LoadServiceConfig for EndpointUrls {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        std::env::var(format!("{}_{service}", key.env())).ok()
    }
}

/// One for all clients, whose connector, with the certificates that it trusts, is made for the
/// first request. The SDK's own client makes one for each client as that is built, and drops it.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    http_client_fn(move |settings, components| client.http_connector(settings, components))
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
