//! What each state of the builder means for a wish to have it started.

use std::time::Duration;

use serde_json::json;

use crate::{BUILDER, OPERATION, function, outcome, start};

#[tokio::test]
async fn a_builder_that_is_stopped_is_started_once() {
    let function = function("STOPPED").await;
    let answer = function.invoke(&start("t")).await.unwrap();
    assert_eq!(outcome(&answer), "STARTED");
    assert_eq!(answer["outcomes"][0]["receipt"]["State"], "PENDING");
    assert_eq!(function.world.app_stream().effects_of(BUILDER), 1);
}

#[tokio::test]
async fn a_builder_that_runs_or_is_on_its_way_counts_as_started() {
    for state in ["RUNNING", "PENDING", "UPDATING_AGENT", "REBOOTING"] {
        let function = function(state).await;
        let answer = function.invoke(&start("t")).await.unwrap();
        assert_eq!(outcome(&answer), "STARTED", "{state}");
        assert_eq!(answer["outcomes"][0]["receipt"]["State"], state);
        assert_eq!(function.world.app_stream().count(OPERATION), 0, "{state}");
    }
}

#[tokio::test]
async fn a_builder_that_is_at_work_is_asked_again_after_five_minutes() {
    for state in [
        "STOPPING",
        "SNAPSHOTTING",
        "UPDATING",
        "PENDING_QUALIFICATION",
        "PENDING_SYNCING_APPS",
        "SYNCING_APPS",
        "PENDING_IMAGE_IMPORT",
        "QUANTUM",
    ] {
        let function = function(state).await;
        function.world.queue().send(&start("t").to_string());
        assert_eq!(function.deliver(function.world.queue()).await.unwrap().len(), 1, "{state}");
        let hidden = function.world.queue().messages().remove(0);
        let wait = hidden.visible_at.duration_since(function.world.clock.now()).unwrap();
        assert_eq!(wait, Duration::from_mins(5), "{state}");
        let item = function.item("t");
        assert_eq!(item["errorCode"], "ImageBuilderBusy");
        assert!(item["errorMessage"].as_str().unwrap().contains(state), "{item}");
        assert!(item["doubtSince"].is_null(), "nothing was sent");
        assert_eq!(function.world.app_stream().count(OPERATION), 0, "{state}");

        function.world.app_stream().set_state(BUILDER, "STOPPED").unwrap();
        function.world.clock.advance(wait);
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]), "{state}");
        assert_eq!(function.world.app_stream().effects_of(BUILDER), 1, "{state}");
    }
}

#[tokio::test]
async fn a_wish_that_would_rather_not_wait_is_skipped() {
    let function = function("STOPPING").await;
    let mut wish = start("t");
    wish["whenBusy"] = json!("skip");
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "SKIPPED");
}

#[tokio::test]
async fn a_builder_that_is_going_or_has_failed_is_reported() {
    for state in ["DELETING", "FAILED"] {
        let function = function(state).await;
        assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "REJECTED", "{state}");
        let (code, message) = function.dead_letters().remove(0);
        assert_eq!(code, "ImageBuilderLost");
        assert!(message.contains(state) && message.contains("expected STOPPED"), "{message}");
        assert_eq!(function.world.app_stream().count(OPERATION), 0, "{state}");
    }
}

#[tokio::test]
async fn a_builder_that_does_not_exist_is_reported() {
    let function = function("STOPPED").await;
    let answer = function.invoke(&json!({"Name": "nobody"})).await.unwrap();
    assert_eq!(outcome(&answer), "REJECTED");
    assert_eq!(function.dead_letters()[0].0, "ResourceNotFoundException");
    assert_eq!(function.world.app_stream().count(OPERATION), 0);
}

#[tokio::test]
async fn a_finished_wish_never_restarts_a_builder_that_somebody_stopped() {
    let function = function("STOPPED").await;
    let first = function.invoke(&start("t")).await.unwrap();
    function.world.app_stream().set_state(BUILDER, "STOPPED").unwrap();
    function.world.clock.advance(Duration::from_hours(8));
    assert_eq!(function.invoke(&start("t")).await.unwrap(), first);
    assert_eq!(function.world.app_stream().effects_of(BUILDER), 1);
    // A wish of its own may.
    assert_eq!(outcome(&function.invoke(&start("u")).await.unwrap()), "STARTED");
    assert_eq!(function.world.app_stream().effects_of(BUILDER), 2);
}
