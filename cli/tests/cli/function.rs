//! The pipeline's function in a desk's world: its real driver, with real clients.

use std::time::Duration;

use harness::{Queue, World};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use shared::{Driver, Environment, sdk};
use start_image_pipeline_execution::StartImagePipelineExecution;

use crate::now;

pub(crate) struct Function {
    driver: Driver<StartImagePipelineExecution>,
}

impl Function {
    pub(crate) fn of(world: &World) -> Self {
        let variables = world.environment();
        let environment = Environment::read(|variable| variables.get(variable).cloned()).unwrap();
        let config = sdk::bounded(&world.sdk_config());
        let operation = StartImagePipelineExecution::new(&config);
        Self { driver: Driver::new(operation, &config, &environment) }
    }

    pub(crate) async fn invoke(&self, event: &Value, request_id: &str) -> Value {
        let mut context = Context::default();
        request_id.clone_into(&mut context.request_id);
        let deadline = (now() + Duration::from_secs(30)).epoch_millis();
        context.deadline = deadline.try_into().unwrap();
        let event = LambdaEvent::new(serde_json::from_str(&event.to_string()).unwrap(), context);
        serde_json::to_value(self.driver.handle(event).await.unwrap()).unwrap()
    }

    /// One delivery from a queue; how many messages come again, none where nothing was there.
    pub(crate) async fn deliver(&self, queue: &Queue) -> Option<usize> {
        let batch = queue.poll(10)?;
        let answer = self.invoke(&batch.event, "request").await;
        Some(batch.answer(&answer).len())
    }
}
