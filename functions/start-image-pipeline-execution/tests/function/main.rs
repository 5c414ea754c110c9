//! The function with real clients over HTTP: Image Builder from the simulator, DynamoDB from
//! dynoxide, SQS from the harness. The clock stands still unless a test moves it.

mod bad_input;
mod events;
mod failures;
mod once;
mod process;
mod request;

use harness::Function;
use serde_json::{Value, json};
use start_image_pipeline_execution::StartImagePipelineExecution;

pub(crate) const LINUX: &str =
    "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux";
pub(crate) const DESKTOP: &str =
    "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-desktop";

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
    let path = format!(
        "{}/../../events/start-image-pipeline-execution/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// An intent for the golden Linux pipeline, under this token.
pub(crate) fn intent(token: &str) -> Value {
    json!({"imagePipelineArn": LINUX, "clientToken": token})
}

/// What the ledger holds of this token.
pub(crate) fn item(function: &Sut, token: &str) -> Value {
    let key = format!("StartImagePipelineExecution#{token}");
    function.world.ledger_item(&key).unwrap_or_else(|| panic!("no item for {key}"))
}

/// Code and message of each dead letter, oldest first.
pub(crate) fn dead_letters(function: &Sut) -> Vec<(String, String)> {
    let attribute = |message: &harness::Message, name| {
        message.attribute(name).unwrap_or_else(|| panic!("no attribute {name}")).to_owned()
    };
    function
        .world
        .dead_letters()
        .messages()
        .iter()
        .map(|message| (attribute(message, "errorCode"), attribute(message, "errorMessage")))
        .collect()
}
