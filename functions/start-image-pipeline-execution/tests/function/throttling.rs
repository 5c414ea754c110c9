//! A service that takes one call in five. Nothing waits for sockets, so that the calls come in the
//! same order each time.

use std::time::Duration;

use harness::{Fault, Function, World};
use serde_json::json;
use shared::budget::REPEATS;
use start_image_pipeline_execution::StartImagePipelineExecution;

use crate::OPERATION;

const WISHES: usize = 100;

#[tokio::test(start_paused = true)]
async fn a_hundred_wishes_all_end_as_started_within_the_budget_of_requests() {
    let function = Function::within(World::in_process(), StartImagePipelineExecution::new, &[]);
    let image_builder = function.world.image_builder();
    for number in 0..WISHES {
        let arn = arn(number);
        image_builder.create_pipeline(&arn).unwrap();
        let wish = json!({"imagePipelineArn": arn, "clientToken": format!("wish-{number}")});
        function.world.queue().send(&wish.to_string());
    }
    for _ in 0..WISHES {
        let throttled = Fault::error("CallRateLimitExceededException", 429);
        image_builder.fault(OPERATION, throttled.times(4));
        image_builder.fault(OPERATION, Fault::pass());
    }

    let mut largest = 0;
    while let Some(batch) = function.world.queue().poll(WISHES) {
        let (records, asked) = (batch.ids().len(), image_builder.count(OPERATION));
        let answer = function.invoke(&batch.event).await.unwrap();
        batch.answer(&answer);
        let requests = image_builder.count(OPERATION) - asked;
        assert!(
            requests <= records + REPEATS as usize,
            "{requests} requests for {records} records"
        );
        largest = largest.max(requests);
        // The longest that a throttled record waits.
        function.world.clock.advance(Duration::from_mins(15));
    }
    assert!(largest > WISHES, "and what is throttled is repeated at once");
    let items = function.world.ledger_items();
    assert_eq!(items.len(), WISHES);
    for item in items {
        assert_eq!(item["status"], "STARTED", "{item}");
        assert_eq!(image_builder.effects_of(item["target"].as_str().unwrap()), 1, "{item}");
    }
    assert!(function.world.queue().messages().is_empty());
    assert!(function.dead_letters().is_empty());
}

fn arn(number: usize) -> String {
    format!("arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/web-{number}")
}
