//! The function with real clients over HTTP. The clock stands still unless a test moves it.

mod bad_input;
mod events;
mod failures;
mod request;
mod states;

use harness::Function;
use serde_json::{Value, json};
use start_streaming_session::StartStreamingSession;

pub(crate) const STUDIO: &str = "studio-1";
pub(crate) const SESSION: &str = "session-1";
pub(crate) const TARGET: &str = "studio-1/session-1";
pub(crate) const OPERATION: &str = "StartStreamingSession";

pub(crate) type Sut = Function<StartStreamingSession>;

/// The function, with one session in this state.
pub(crate) async fn function(state: &str) -> Sut {
    let function = Function::start(StartStreamingSession::new).await;
    function.world.nimble().create_session(STUDIO, SESSION, state);
    function
}

/// A wish to have the session started, under this token.
pub(crate) fn start(token: &str) -> Value {
    json!({"studioId": STUDIO, "sessionId": SESSION, "clientToken": token})
}

/// The outcome of the only wish of an answer.
pub(crate) fn outcome(answer: &Value) -> &str {
    answer["outcomes"][0]["outcome"].as_str().unwrap_or_else(|| panic!("{answer}"))
}
