//! The files in `events/`, as the demo and `sam local invoke` use them.

use harness::Function;
use harness::function::event;
use serde_json::json;
use start_streaming_session::StartStreamingSession;

const FOLDER: &str = "start-streaming-session";

async fn function() -> Function<StartStreamingSession> {
    let function = Function::start(StartStreamingSession::new).await;
    for session in 1..=6 {
        let studio = if session <= 3 { "studio-1" } else { "studio-2" };
        function.world.nimble().create_session(studio, &format!("session-{session}"), "STOPPED");
    }
    function
}

#[tokio::test]
async fn every_wish_of_a_queue_batch_ends() {
    let function = function().await;
    let answer = function.invoke(&event(FOLDER, "queue-batch")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let reported = function.dead_letters();
    assert_eq!(reported, []);
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
