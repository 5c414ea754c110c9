//! The Lambda function: wiring only.

use start_image_pipeline_execution::StartImagePipelineExecution;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::Error> {
    shared::run(StartImagePipelineExecution::new).await
}
