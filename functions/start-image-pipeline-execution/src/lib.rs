//! Starts EC2 Image Builder pipelines: `StartImagePipelineExecution`.
//!
//! <https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_StartImagePipelineExecution.html>

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_imagebuilder::operation::start_image_pipeline_execution::StartImagePipelineExecutionError;
use aws_sdk_imagebuilder::{Client, config};
use serde::{Deserialize, Serialize};
use shared::failure::{Kind, Reason};
use shared::rules::{Regex, quote, regex};
use shared::sdk::RetryClassifier;
use shared::{Attempt, Failure, Findings, Operation, Receipt, Request};

/// The request, with AWS's field names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartImagePipelineExecutionRequest {
    /// The pipeline to start.
    pub image_pipeline_arn: String,
    /// Tags of the image that is built. The pipeline's own `imageTags` do not reach an image
    /// that is started this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

impl Request for StartImagePipelineExecutionRequest {
    fn target(&self) -> String {
        self.image_pipeline_arn.clone()
    }

    fn check(&self, findings: &mut Findings) {
        findings.pattern(
            "imagePipelineArn",
            &self.image_pipeline_arn,
            &IMAGE_PIPELINE_ARN,
            "arn:aws:imagebuilder:REGION:ACCOUNT:image-pipeline/NAME, its name in lower case",
        );
        if let Some(tags) = &self.tags {
            // AWS refuses an empty map, so tags are either left out or given.
            findings.count("tags", tags.len(), 1..=50);
            for (key, value) in tags {
                check_tag(key, value, findings);
            }
        }
    }
}

fn check_tag(key: &str, value: &str, findings: &mut Findings) {
    let field = format!("tags.{}", quote(key));
    findings.length(&field, key, 1..=128);
    findings.pattern(&field, key, &TAG_KEY, "a key of letters, digits, spaces and _.:/=+-@");
    if key.to_ascii_lowercase().starts_with("aws:") {
        findings.add(&field, "begins with `aws:`, which AWS keeps for itself");
    }
    // The value itself is not repeated: it may be anything.
    let length = value.chars().count();
    if length > 256 {
        findings.add(&field, format!("has a value of {length} characters, expected 0 to 256"));
    }
}

static IMAGE_PIPELINE_ARN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^arn:aws[^:]*:imagebuilder:[^:]+:(?:[0-9]{12}|aws):image-pipeline/[a-z0-9-_]+$")
});

/// AWS's pattern but for its look-ahead, which `check_tag` does.
static TAG_KEY: LazyLock<Regex> = LazyLock::new(|| regex(r"^[a-zA-Z0-9\s_.:/=+\-@]*$"));

/// The operation, with its client.
#[derive(Clone, Debug)]
pub struct StartImagePipelineExecution {
    client: Client,
}

impl StartImagePipelineExecution {
    /// The operation with a client of this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let classifier = RetryClassifier::<StartImagePipelineExecutionError>::default();
        let config = config::Builder::from(config).retry_classifier(classifier).build();
        Self { client: Client::from_conf(config) }
    }
}

impl Operation for StartImagePipelineExecution {
    const NAME: &'static str = "StartImagePipelineExecution";
    /// The API page says 36 and the service model 64: a token of 36 satisfies both.
    const LONGEST_TOKEN: usize = 36;
    /// An assumption: AWS does not say how long it remembers a token.
    const REPEATABLE_FOR: Duration = Duration::from_hours(12);
    /// One build of a pipeline runs at a time, and takes a quarter of an hour at least.
    const BUSY_DELAY: Duration = Duration::from_mins(10);

    type Request = StartImagePipelineExecutionRequest;

    async fn call(
        &self,
        request: &Self::Request,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        let call = self
            .client
            .start_image_pipeline_execution()
            .image_pipeline_arn(&request.image_pipeline_arn)
            .set_tags(request.tags.clone().map(|tags| tags.into_iter().collect()))
            .client_token(attempt.token())
            .send();
        let answer = attempt.send(call).await?;
        if answer.image_build_version_arn().is_none() {
            return Err(Failure::new(
                Kind::Unknown,
                Reason::UNREADABLE_ANSWER,
                "the answer has no `imageBuildVersionArn`, expected that of the image being built",
            ));
        }
        Ok(Receipt::default()
            .with("requestId", answer.request_id())
            .with("clientToken", answer.client_token())
            .with("imageBuildVersionArn", answer.image_build_version_arn()))
    }
}
