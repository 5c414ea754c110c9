//! The Lambda function: wiring only.

use start_resource_state_update::StartResourceStateUpdate;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::Error> {
    shared::run(StartResourceStateUpdate::new).await
}
