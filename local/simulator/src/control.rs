//! The simulator's own routes, under `/simulator`, for whoever plays a scenario from outside.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::app_stream::AppStream;
use crate::fault::Fault;
use crate::image_builder::ImageBuilder;
use crate::nimble::Nimble;
use crate::simulator::Services;

type Outcome = Result<StatusCode, (StatusCode, String)>;

pub(crate) fn router(services: Services) -> Router {
    Router::new()
        .route("/simulator/pipelines", put(create_pipeline))
        .route("/simulator/images", put(create_image))
        .route("/simulator/image-builders", put(create_image_builder))
        .route("/simulator/sessions", put(create_session))
        .route("/simulator/faults", post(add_fault).delete(clear_faults))
        .route("/simulator/finish", post(finish))
        .route("/simulator/summary", get(summary))
        .with_state(services)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPipeline {
    arn: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewImage {
    arn: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewImageBuilder {
    name: String,
    state: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewSession {
    studio_id: String,
    session_id: String,
    state: String,
}

#[derive(Deserialize)]
struct NewFault {
    operation: String,
    #[serde(flatten)]
    fault: Fault,
}

async fn create_pipeline(State(services): State<Services>, body: Bytes) -> Outcome {
    let pipeline: NewPipeline = read(&body)?;
    services.image_builder.create_pipeline(&pipeline.arn).map_err(|error| bad(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn create_image(State(services): State<Services>, body: Bytes) -> Outcome {
    let NewImage { arn, status } = read(&body)?;
    services.image_builder.create_image(&arn, &status).map_err(|error| bad(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn create_image_builder(State(services): State<Services>, body: Bytes) -> Outcome {
    let NewImageBuilder { name, state } = read(&body)?;
    services.app_stream.create_image_builder(&name, &state);
    Ok(StatusCode::NO_CONTENT)
}

async fn create_session(State(services): State<Services>, body: Bytes) -> Outcome {
    let NewSession { studio_id, session_id, state } = read(&body)?;
    services.nimble.create_session(&studio_id, &session_id, &state);
    Ok(StatusCode::NO_CONTENT)
}

async fn add_fault(State(services): State<Services>, body: Bytes) -> Outcome {
    let NewFault { operation, fault } = read(&body)?;
    if ImageBuilder::offers(&operation) {
        services.image_builder.fault(&operation, fault);
    } else if AppStream::offers(&operation) {
        services.app_stream.fault(&operation, fault);
    } else if Nimble::offers(&operation) {
        services.nimble.fault(&operation, fault);
    } else {
        return Err(bad(&format!("found '{operation}', expected an operation that is simulated")));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(services): State<Services>) -> StatusCode {
    services.image_builder.clear_faults();
    services.app_stream.clear_faults();
    services.nimble.clear_faults();
    StatusCode::NO_CONTENT
}

async fn finish(State(services): State<Services>) -> StatusCode {
    services.image_builder.finish_builds();
    services.image_builder.finish_lifecycle_executions();
    services.app_stream.finish();
    services.nimble.finish();
    StatusCode::NO_CONTENT
}

async fn summary(State(services): State<Services>) -> axum::Json<Value> {
    let mut summary = services.image_builder.summary();
    summary["imageBuilders"] = json!(services.app_stream.states());
    summary["sessions"] = json!(services.nimble.states());
    summary["services"] = json!({
        "imagebuilder": services.image_builder.report(),
        "appstream": services.app_stream.report(),
        "nimble": services.nimble.report(),
    });
    axum::Json(summary)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| bad(&error))
}

fn bad(error: &impl ToString) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, error.to_string())
}
