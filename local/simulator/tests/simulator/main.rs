//! The simulated services, asked by the real SDK over HTTP.

mod app_stream;
mod control;
mod faults;
mod images;
mod nimble;
mod start;
mod state_update;

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_imagebuilder::Client;
use aws_sdk_imagebuilder::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_sdk_imagebuilder::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_imagebuilder::operation::start_image_pipeline_execution::StartImagePipelineExecutionOutput;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use simulator::{Clock, ImageBuilder, Simulator};

/// The operation that most tests are about.
const START: &str = "StartImagePipelineExecution";
/// 2026-11-20T01:00:00Z.
const NOW: u64 = 1_795_136_400;
const WEB: &str = "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/web";
const APP: &str = "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/app";

/// A simulator on a clock that stands still, with the pipelines WEB and APP, and a client that
/// tries once.
struct Stage {
    clock: Clock,
    image_builder: ImageBuilder,
    client: Client,
    simulator: Simulator,
}

impl Stage {
    async fn set() -> Self {
        let clock = held_clock();
        let simulator = Simulator::start(clock.clone()).await.unwrap();
        let image_builder = simulator.image_builder();
        image_builder.create_pipeline(WEB).unwrap();
        image_builder.create_pipeline(APP).unwrap();
        let client = client(&simulator.url(), 1);
        Self { clock, image_builder, client, simulator }
    }

    /// Starts a pipeline; an error is its code.
    async fn start(
        &self,
        arn: &str,
        token: &str,
    ) -> Result<StartImagePipelineExecutionOutput, String> {
        self.start_with(arn, token, &[]).await
    }

    async fn start_with(
        &self,
        arn: &str,
        token: &str,
        tags: &[(&str, &str)],
    ) -> Result<StartImagePipelineExecutionOutput, String> {
        let mut call = self.client.start_image_pipeline_execution();
        for (key, value) in tags {
            call = call.tags(*key, *value);
        }
        let answer = call.image_pipeline_arn(arn).client_token(token).send().await;
        answer.map_err(|error| code(&error))
    }

    async fn status(&self, image: &str) -> String {
        let image = self.client.get_image().image_build_version_arn(image).send().await.unwrap();
        let state = image.image().unwrap().state().unwrap();
        state.status().unwrap().as_str().to_owned()
    }
}

fn client(url: &str, attempts: u32) -> Client {
    Client::new(&sdk_config(url, attempts))
}

/// What the clients of all services are made from.
fn sdk_config(url: &str, attempts: u32) -> SdkConfig {
    let retry = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(1));
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(retry)
        .build()
}

fn held_clock() -> Clock {
    Clock::held(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

/// The code of a service's answer, or how it came that there was none that could be read.
fn code<E: ProvideErrorMetadata + Debug>(error: &SdkError<E>) -> String {
    match error {
        SdkError::DispatchFailure(_) => "no answer".to_owned(),
        SdkError::ResponseError(_) => "broken answer".to_owned(),
        SdkError::ServiceError(_) => error.code().unwrap_or("no code").to_owned(),
        other => panic!("unexpected: {other:?}"),
    }
}
