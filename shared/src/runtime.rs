//! From process start to the first event.

use aws_config::SdkConfig;
use http::Request;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use lambda_runtime_api_client::PooledClient;
use lambda_runtime_api_client::body::Body;

use crate::driver::Driver;
use crate::environment::Environment;
use crate::operation::Operation;
use crate::{sdk, telemetry};

/// Where Lambda's Runtime API is, as Lambda tells it.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// Runs a function: reads its environment, builds its clients, and handles events without end.
///
/// # Errors
/// A variable that is missing or bad, reported to Lambda as an initialisation error; or the loss
/// of the Runtime API.
pub async fn run<O: Operation>(operation: impl FnOnce(&SdkConfig) -> O) -> Result<(), Error> {
    telemetry::init();
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => {
            report_init_error("InvalidEnvironment", &error.to_string()).await;
            return Err(error.into());
        }
    };
    let config = sdk::config().await;
    let driver = &Driver::new(operation(&config), &config, &environment);
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| driver.handle(event))).await
}

/// Tells Lambda why the function cannot start, so that the reason stands in its log and not only
/// an exit status. The runtime crate does this for its own errors, and has no call for ours.
async fn report_init_error(error_type: &str, message: &str) {
    tracing::error!(error_type, "{message}");
    if let Err(error) = post_init_error(error_type, message).await {
        tracing::warn!("Lambda could not be told why the function does not start: {error}");
    }
}

async fn post_init_error(error_type: &str, message: &str) -> Result<(), Error> {
    let diagnostic =
        Diagnostic { error_type: error_type.to_owned(), error_message: message.to_owned() };
    let request = Request::post("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", error_type)
        .body(Body::from(serde_json::to_string(&diagnostic)?))?;
    let runtime_api = std::env::var(RUNTIME_API)?.parse()?;
    PooledClient::builder().with_endpoint(runtime_api).build().call(request).await?;
    Ok(())
}
