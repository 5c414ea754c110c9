//! The files in `events/`, as the demo and `sam local invoke` use them.

use harness::Function;
use harness::function::event;
use serde_json::json;
use start_resource_state_update::StartResourceStateUpdate;

const FOLDER: &str = "start-resource-state-update";

async fn function() -> Function<StartResourceStateUpdate> {
    let function = Function::start(StartResourceStateUpdate::new).await;
    for name in ["linux", "web", "database", "windows"] {
        for family in ["golden", "weekly"] {
            for build in 1..=4 {
                let arn = format!(
                    "arn:aws:imagebuilder:us-east-1:123456789012:image/{family}-{name}/1.0.0/{build}"
                );
                function.world.image_builder().create_image(&arn, "AVAILABLE").unwrap();
            }
        }
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
    assert!(reported[0].1.contains("includeResources.snapshots is true"), "{reported:?}");
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
