//! The function with real clients over HTTP. The clock stands still unless a test moves it.

mod bad_input;
mod events;
mod failures;
mod request;
mod states;

use harness::Function;
use serde_json::{Value, json};
use start_image_builder::StartImageBuilder;

pub(crate) const BUILDER: &str = "desktop-builder";
pub(crate) const OPERATION: &str = "StartImageBuilder";

pub(crate) type Sut = Function<StartImageBuilder>;

/// The function, with one builder in this state.
pub(crate) async fn function(state: &str) -> Sut {
    let function = Function::start(StartImageBuilder::new).await;
    function.world.app_stream().create_image_builder(BUILDER, state);
    function
}

/// A wish to have the builder started, under this token.
pub(crate) fn start(token: &str) -> Value {
    json!({"Name": BUILDER, "clientToken": token})
}

/// The outcome of the only wish of an answer.
pub(crate) fn outcome(answer: &Value) -> &str {
    answer["outcomes"][0]["outcome"].as_str().unwrap_or_else(|| panic!("{answer}"))
}
