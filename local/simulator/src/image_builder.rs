//! EC2 Image Builder: pipelines, the images that they build, and client tokens.

mod execution;
mod factory;
mod image;
mod pipeline;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, Request as HttpRequest};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::error::ServiceError;
use crate::fault::Fault;
use crate::front::Front;
use crate::request::Request;

use execution::Execution;
use factory::Factory;

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

/// The simulated Image Builder. Clones share one service.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    front: Front,
    factory: Arc<Mutex<Factory>>,
}

impl ImageBuilder {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { front: Front::new(clock), factory: Arc::default() }
    }

    /// Makes a pipeline known. Its images are named after it.
    ///
    /// # Errors
    /// The ARN is none of a pipeline.
    pub fn create_pipeline(&self, arn: &str) -> Result<(), ServiceError> {
        self.factory().create_pipeline(arn, self.now())
    }

    /// How long a build takes from here on; 20 minutes until told otherwise.
    pub fn set_build_time(&self, time: Duration) {
        self.factory().build_time = time;
    }

    /// Ends every build that runs: AVAILABLE, or FAILED where that was asked for.
    pub fn finish_builds(&self) {
        self.factory().finish_builds();
    }

    /// Lets the pipeline's next build end as FAILED, for this reason.
    pub fn fail_next_build(&self, pipeline_arn: &str, reason: &str) {
        self.factory().fail_next_build(pipeline_arn, reason);
    }

    /// Forgets every client token, as the service does after a time that it does not tell.
    pub fn forget_tokens(&self) {
        self.factory().forget_tokens();
    }

    /// Scripts a fault for an operation, behind those that wait already.
    pub fn fault(&self, operation: &str, fault: Fault) {
        self.front.faults.add(operation, fault);
    }

    /// Forgets every fault that waits.
    pub fn clear_faults(&self) {
        self.front.faults.clear();
    }

    /// Builds started, over all pipelines.
    #[must_use]
    pub fn effects(&self) -> usize {
        self.factory().images().count()
    }

    /// Builds started by this pipeline.
    #[must_use]
    pub fn effects_of(&self, pipeline_arn: &str) -> usize {
        self.factory().images().filter(|image| image.pipeline == *pipeline_arn).count()
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.front.log.all()
    }

    /// How often this operation was asked for.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.front.log.count(operation)
    }

    /// Requests by operation, effects in all and by pipeline, and every image with its state.
    #[must_use]
    pub fn summary(&self) -> Value {
        let mut summary = self.factory().summary(self.now());
        summary["requests"] = json!(self.front.log.counts());
        summary
    }

    pub(crate) fn router(&self) -> Router {
        OPERATIONS.into_iter().fold(Router::new(), |router, operation| {
            let service = self.clone();
            let answer = move |request| async move { service.answer(operation, request).await };
            router.route(&format!("/{}", operation.name), on(operation.method, answer))
        })
    }

    async fn answer(&self, operation: Operation, request: HttpRequest) -> Response {
        let work = |parts: Parts, body| async move { self.perform(operation, parts.uri, body) };
        self.front.serve(operation.name, request, ServiceError::rest_json, work).await
    }

    fn perform(&self, operation: Operation, uri: Uri, body: Bytes) -> Response {
        let asked = Asked { uri, body, now: self.now() };
        match (operation.work)(&mut self.factory(), &asked) {
            Ok(answer) => axum::Json(answer).into_response(),
            Err(error) => error.rest_json(),
        }
    }

    fn now(&self) -> SystemTime {
        self.front.clock.now()
    }

    fn factory(&self) -> MutexGuard<'_, Factory> {
        self.factory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation by its name, which is its path, and what it does.
#[derive(Clone, Copy)]
struct Operation {
    name: &'static str,
    method: MethodFilter,
    work: fn(&mut Factory, &Asked) -> Result<Value, ServiceError>,
}

const OPERATIONS: [Operation; 4] = [
    Operation {
        name: "StartImagePipelineExecution",
        method: MethodFilter::PUT,
        work: |factory, asked| factory.start(Execution::read(&asked.body)?, asked.now),
    },
    Operation {
        name: "GetImage",
        method: MethodFilter::GET,
        work: |factory, asked| factory.image(&asked.query()?.image_build_version_arn, asked.now),
    },
    Operation {
        name: "GetImagePipeline",
        method: MethodFilter::GET,
        work: |factory, asked| factory.pipeline(&asked.query()?.image_pipeline_arn),
    },
    Operation {
        name: "ListImagePipelineImages",
        method: MethodFilter::POST,
        work: |factory, asked| factory.images_of(&asked.body()?.image_pipeline_arn, asked.now),
    },
];

/// What an operation is asked, and when.
struct Asked {
    uri: Uri,
    body: Bytes,
    now: SystemTime,
}

/// The names that the reading operations take, in the query or in the body.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Names {
    image_build_version_arn: String,
    image_pipeline_arn: String,
}

impl Asked {
    fn query(&self) -> Result<Names, ServiceError> {
        let query = Query::try_from_uri(&self.uri).map_err(|error| invalid(error.to_string()))?;
        Ok(query.0)
    }

    fn body(&self) -> Result<Names, ServiceError> {
        serde_json::from_slice(&self.body).map_err(|error| unreadable(&error))
    }
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidRequestException", 400, message)
}

fn unreadable(error: &serde_json::Error) -> ServiceError {
    ServiceError::new("SerializationException", 400, format!("the body cannot be read: {error}"))
}
