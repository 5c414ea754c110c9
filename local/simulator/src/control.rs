//! The simulator's own routes, under `/simulator`, for whoever plays a scenario from outside.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::fault::Fault;
use crate::image_builder::ImageBuilder;

type Outcome = Result<StatusCode, (StatusCode, String)>;

pub(crate) fn router(image_builder: ImageBuilder) -> Router {
    Router::new()
        .route("/simulator/pipelines", put(create_pipeline))
        .route("/simulator/faults", post(add_fault).delete(clear_faults))
        .route("/simulator/finish", post(finish_builds))
        .route("/simulator/summary", get(summary))
        .with_state(image_builder)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPipeline {
    arn: String,
}

#[derive(Deserialize)]
struct NewFault {
    operation: String,
    #[serde(flatten)]
    fault: Fault,
}

async fn create_pipeline(State(image_builder): State<ImageBuilder>, body: Bytes) -> Outcome {
    let pipeline: NewPipeline = read(&body)?;
    image_builder.create_pipeline(&pipeline.arn).map_err(|error| bad(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_fault(State(image_builder): State<ImageBuilder>, body: Bytes) -> Outcome {
    let new: NewFault = read(&body)?;
    image_builder.fault(&new.operation, new.fault);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(image_builder): State<ImageBuilder>) -> StatusCode {
    image_builder.clear_faults();
    StatusCode::NO_CONTENT
}

async fn finish_builds(State(image_builder): State<ImageBuilder>) -> StatusCode {
    image_builder.finish_builds();
    StatusCode::NO_CONTENT
}

async fn summary(State(image_builder): State<ImageBuilder>) -> axum::Json<Value> {
    axum::Json(image_builder.summary())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| bad(&error))
}

fn bad(error: &impl ToString) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}
