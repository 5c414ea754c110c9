//! The files in `events/`, as the demo and `sam local invoke` use them.

use harness::Function;
use harness::function::event;
use serde_json::json;
use start_image_builder::StartImageBuilder;

const FOLDER: &str = "start-image-builder";

async fn function() -> Function<StartImageBuilder> {
    let function = Function::start(StartImageBuilder::new).await;
    for name in ["design", "finance", "desktop", "office", "studio", "morning", "training"] {
        function.world.app_stream().create_image_builder(&format!("{name}-builder"), "STOPPED");
    }
    function
}

#[tokio::test]
async fn every_wish_of_a_queue_batch_ends_and_the_wrong_one_is_reported() {
    let function = function().await;
    let answer = function.invoke(&event(FOLDER, "queue-batch")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let reported = function.dead_letters();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].1.contains("unknown field `AgentVersion`"), "{reported:?}");
    let ended = function.world.ledger_items();
    assert!(!ended.is_empty() && ended.iter().all(|item| item["status"] == "STARTED"), "{ended:?}");
}

#[tokio::test]
async fn every_other_event_starts_all_that_it_names() {
    for name in ["direct", "eventbridge", "schedule"] {
        let function = function().await;
        let answer = function.invoke(&event(FOLDER, name)).await.unwrap();
        for outcome in answer["outcomes"].as_array().unwrap() {
            assert_eq!(outcome["outcome"], "STARTED", "{name}: {answer}");
        }
        // Again: all of them duplicates.
        assert_eq!(function.invoke(&event(FOLDER, name)).await.unwrap(), answer, "{name}");
    }
}
