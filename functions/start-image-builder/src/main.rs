//! The Lambda function: wiring only.

use start_image_builder::StartImageBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::Error> {
    shared::run(StartImageBuilder::new).await
}
