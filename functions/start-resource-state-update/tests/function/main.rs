//! The function with real clients over HTTP. The clock stands still unless a test moves it.

mod bad_input;
mod events;
mod failures;
mod request;

use harness::Function;
use serde_json::{Value, json};
use start_resource_state_update::StartResourceStateUpdate;

pub(crate) const IMAGE: &str =
    "arn:aws:imagebuilder:us-east-1:123456789012:image/golden-linux/1.0.0/1";
pub(crate) const OPERATION: &str = "StartResourceStateUpdate";

pub(crate) type Sut = Function<StartResourceStateUpdate>;

/// The function, with one image that is AVAILABLE.
pub(crate) async fn function() -> Sut {
    let function = Function::start(StartResourceStateUpdate::new).await;
    function.world.image_builder().create_image(IMAGE, "AVAILABLE").unwrap();
    function
}

/// A wish to have the image deprecated, under this token.
pub(crate) fn deprecation(token: &str) -> Value {
    json!({"resourceArn": IMAGE, "state": {"status": "DEPRECATED"}, "clientToken": token})
}

/// A wish to have the image deleted with all that belongs to it, under this token.
pub(crate) fn deletion(token: &str) -> Value {
    json!({
        "resourceArn": IMAGE,
        "state": {"status": "DELETED"},
        "executionRole": "lifecycle",
        "includeResources": {"amis": true, "snapshots": true},
        "clientToken": token
    })
}

/// The outcome of the only wish of an answer.
pub(crate) fn outcome(answer: &Value) -> &str {
    answer["outcomes"][0]["outcome"].as_str().unwrap_or_else(|| panic!("{answer}"))
}
