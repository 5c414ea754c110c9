//! The function with real clients over HTTP: Image Builder from the simulator, DynamoDB from
//! dynoxide, SQS from the harness. The clock stands still unless a test moves it.

mod bad_input;
mod busy;
mod events;
mod failures;
mod hangs;
mod ledger_requests;
mod once;
mod process;
mod request;
mod throttling;

use harness::Function;
use serde_json::{Value, json};
use start_image_pipeline_execution::StartImagePipelineExecution;

pub(crate) const LINUX: &str =
    "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux";
pub(crate) const DESKTOP: &str =
    "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-desktop";

pub(crate) const OPERATION: &str = "StartImagePipelineExecution";

pub(crate) type Sut = Function<StartImagePipelineExecution>;

/// The pipelines that the tests and the events name.
const PIPELINES: [&str; 12] = [
    "golden-cache",
    "golden-database",
    "golden-desktop",
    "golden-linux",
    "golden-web",
    "golden-worker",
    "linux-base",
    "linux-web",
    "nightly-linux",
    "nightly-windows",
    "windows-base",
    "windows-web",
];

/// The function, with every pipeline that the tests and the events name.
pub(crate) async fn function() -> Sut {
    let function = Function::start(StartImagePipelineExecution::new).await;
    for name in PIPELINES {
        let arn = format!("arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/{name}");
        function.world.image_builder().create_pipeline(&arn).unwrap();
    }
    function
}

/// One of the files in `events/`.
pub(crate) fn event(name: &str) -> Value {
    harness::function::event("start-image-pipeline-execution", name)
}

/// An intent for the golden Linux pipeline, under this token.
pub(crate) fn intent(token: &str) -> Value {
    json!({"imagePipelineArn": LINUX, "clientToken": token})
}
