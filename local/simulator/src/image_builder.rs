//! EC2 Image Builder: pipelines, the images that they build, and the states of images.

mod arn;
mod build;
mod change;
mod exclusions;
mod execution;
mod factory;
mod image;
mod pipeline;
mod rules;
mod state_update;

use std::time::Duration;

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ServiceError;
use crate::service::{Asked, Model, Operation, Service};

use execution::Execution;
use factory::Factory;
use rules::{invalid, unreadable};
use state_update::StateUpdate;

/// The nine errors that Image Builder documents for its operations, with their HTTP status.
pub const ERRORS: [(&str, u16); 9] = [
    ("CallRateLimitExceededException", 429),
    ("ClientException", 400),
    ("ForbiddenException", 403),
    ("IdempotentParameterMismatchException", 400),
    ("InvalidRequestException", 400),
    ("ResourceInUseException", 400),
    ("ResourceNotFoundException", 404),
    ("ServiceException", 500),
    ("ServiceUnavailableException", 503),
];

/// The simulated Image Builder. A target is the ARN of a pipeline, or of an image's build version.
/// Clones share one service.
pub type ImageBuilder = Service<Factory>;

impl Service<Factory> {
    /// Makes a pipeline known. Its images are named after it.
    ///
    /// # Errors
    /// The ARN is none of a pipeline.
    pub fn create_pipeline(&self, arn: &str) -> Result<(), ServiceError> {
        self.state().create_pipeline(arn, self.now())
    }

    /// Makes an image with AMIs known, in any state, as in AVAILABLE. One that was known by this
    /// ARN is replaced.
    ///
    /// # Errors
    /// The ARN is none of an image's build version.
    pub fn create_image(&self, arn: &str, status: &str) -> Result<(), ServiceError> {
        self.state().create_image(arn, "AMI", status, self.now())
    }

    /// The same with an image of containers, which can only be deleted.
    ///
    /// # Errors
    /// The ARN is none of an image's build version.
    pub fn create_container_image(&self, arn: &str, status: &str) -> Result<(), ServiceError> {
        self.state().create_image(arn, "DOCKER", status, self.now())
    }

    /// How long a build takes from here on; 20 minutes until told otherwise.
    pub fn set_build_time(&self, time: Duration) {
        self.state().build_time = time;
    }

    /// How long a lifecycle execution takes from here on; 5 minutes until told otherwise.
    pub fn set_lifecycle_time(&self, time: Duration) {
        self.state().lifecycle_time = time;
    }

    /// Ends every build that runs: AVAILABLE, or FAILED where that was asked for.
    pub fn finish_builds(&self) {
        self.state().finish_builds();
    }

    /// Ends every lifecycle execution that runs. One that waits for its `updateAt` goes on to.
    pub fn finish_lifecycle_executions(&self) {
        self.state().finish_lifecycle_executions(self.now());
    }

    /// Lets the pipeline's next build end as FAILED, for this reason.
    pub fn fail_next_build(&self, pipeline_arn: &str, reason: &str) {
        self.state().fail_next_build(pipeline_arn, reason);
    }

    /// Forgets every client token, as the service does after a time that it does not tell.
    pub fn forget_tokens(&self) {
        self.state().forget_tokens();
    }

    /// The state of an image by now, or none where it is unknown or deleted.
    #[must_use]
    pub fn status_of(&self, image_arn: &str) -> Option<String> {
        self.state().status_of(image_arn, self.now())
    }

    /// Requests by operation, effects in all and by pipeline, and every image with its state.
    #[must_use]
    pub fn summary(&self) -> Value {
        let pipelines = self.state().pipelines();
        let of = |arn: String| (arn.clone(), json!(self.effects_of(&arn)));
        json!({
            "requests": self.requests_by_operation(),
            "effects": self.effects(),
            "effectsByPipeline": Value::Object(pipelines.into_iter().map(of).collect()),
            "images": self.state().images(self.now()),
        })
    }
}

impl Model for Factory {
    type Answer = Value;

    const OPERATIONS: &'static [Operation<Self>] = &[
        Operation {
            name: "StartImagePipelineExecution",
            method: MethodFilter::PUT,
            path: "/StartImagePipelineExecution",
            work: |factory, asked| factory.start(Execution::read(&asked.body)?, asked.now),
        },
        Operation {
            name: "StartResourceStateUpdate",
            method: MethodFilter::PUT,
            path: "/StartResourceStateUpdate",
            work: |factory, asked| factory.update(StateUpdate::read(&asked.body)?, asked.now),
        },
        Operation {
            name: "GetImage",
            method: MethodFilter::GET,
            path: "/GetImage",
            work: |factory, asked| {
                factory.image(&Names::of_query(asked)?.image_build_version_arn, asked.now)
            },
        },
        Operation {
            name: "GetImagePipeline",
            method: MethodFilter::GET,
            path: "/GetImagePipeline",
            work: |factory, asked| factory.pipeline(&Names::of_query(asked)?.image_pipeline_arn),
        },
        Operation {
            name: "GetLifecycleExecution",
            method: MethodFilter::GET,
            path: "/GetLifecycleExecution",
            work: |factory, asked| {
                factory.execution(&Names::of_query(asked)?.lifecycle_execution_id, asked.now)
            },
        },
        Operation {
            name: "ListImagePipelineImages",
            method: MethodFilter::POST,
            path: "/ListImagePipelineImages",
            work: |factory, asked| {
                factory.images_of(&Names::of_body(asked)?.image_pipeline_arn, asked.now)
            },
        },
    ];

    fn write(answer: &Value) -> Response {
        axum::Json(answer).into_response()
    }

    fn refuse(error: &ServiceError) -> Response {
        error.rest_json()
    }
}

/// The names that the reading operations take, in the query or in the body.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Names {
    image_build_version_arn: String,
    image_pipeline_arn: String,
    lifecycle_execution_id: String,
}

impl Names {
    fn of_query(asked: &Asked) -> Result<Self, ServiceError> {
        let query = Query::try_from_uri(&asked.uri).map_err(|error| invalid(error.to_string()))?;
        Ok(query.0)
    }

    fn of_body(asked: &Asked) -> Result<Self, ServiceError> {
        serde_json::from_slice(&asked.body).map_err(|error| unreadable(&error))
    }
}
