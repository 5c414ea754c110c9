//! The Lambda function: wiring only.

use start_streaming_session::StartStreamingSession;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::Error> {
    shared::run(StartStreamingSession::new).await
}
