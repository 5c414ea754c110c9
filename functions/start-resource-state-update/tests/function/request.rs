//! What is sent to Image Builder, and what is kept of its answer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{IMAGE, deletion, deprecation, function, outcome};

#[tokio::test]
async fn every_field_of_the_request_is_sent() {
    let function = function().await;
    let wish = json!({
        "resourceArn": IMAGE,
        "state": {"status": "DELETED"},
        "executionRole": "arn:aws:iam::123456789012:role/lifecycle",
        "includeResources": {"amis": true, "snapshots": true, "containers": true},
        "exclusionRules": {"amis": {
            "isPublic": true,
            "lastLaunched": {"unit": "WEEKS", "value": 365},
            "regions": ["eu-central-1"],
            "sharedAccounts": ["123456789012"],
            "tagMap": {"keep": "yes"}
        }},
        "clientToken": "x".repeat(64),
        "notAfter": "2026-11-20T06:00:00Z",
        "whenBusy": "skip"
    });
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "STARTED");
    let mut expected = wish;
    for control in ["notAfter", "whenBusy"] {
        expected.as_object_mut().unwrap().remove(control);
    }
    assert_eq!(function.world.image_builder().requests()[0].body, expected);
}

#[tokio::test]
async fn absent_fields_are_left_out() {
    let function = function().await;
    function.invoke(&deprecation("t")).await.unwrap();
    assert_eq!(function.world.image_builder().requests()[0].body, deprecation("t"));
}

#[tokio::test]
async fn every_field_of_the_response_is_kept() {
    let function = function().await;
    function.invoke(&deletion("t")).await.unwrap();
    let receipt = receipt(&function.item("t"));
    assert!(receipt["lifecycleExecutionId"].as_str().unwrap().starts_with("lce-"), "{receipt}");
    assert_eq!(receipt["resourceArn"], IMAGE);
    assert_eq!(receipt.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_change_that_is_immediate_has_no_lifecycle_execution() {
    let function = function().await;
    function.invoke(&deprecation("t")).await.unwrap();
    assert_eq!(receipt(&function.item("t")), json!({"resourceArn": IMAGE}));
}

#[tokio::test]
async fn a_time_is_sent_as_epoch_seconds_however_it_was_written() {
    for time in [json!("2030-01-01T01:00:00.5+01:00"), json!(1_893_456_000.5)] {
        let function = function().await;
        let mut wish = deprecation("t");
        wish["updateAt"] = time;
        assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "STARTED");
        let sent = function.world.image_builder().requests().remove(0);
        assert_eq!(sent.body["updateAt"], 1_893_456_000.5);
    }
}

#[tokio::test]
async fn the_same_time_written_otherwise_is_the_same_request() {
    let function = function().await;
    let mut wish = deprecation("t");
    wish["updateAt"] = json!("2030-01-01T00:00:00Z");
    let first = function.invoke(&wish).await.unwrap();
    wish["updateAt"] = json!(1_893_456_000);
    assert_eq!(function.invoke(&wish).await.unwrap(), first);
    assert_eq!(function.world.image_builder().count(crate::OPERATION), 1);
}

#[tokio::test]
async fn a_wish_that_waited_past_its_update_is_expired_and_not_sent() {
    let function = function().await;
    let mut wish = deprecation("t");
    wish["updateAt"] = json!("2026-11-20T02:00:00Z");
    function.world.queue().send(&wish.to_string());
    function.world.clock.advance(Duration::from_hours(1));
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.dead_letters()[0].0, "Expired");
    assert_eq!(function.world.image_builder().requests().len(), 0);
}

#[tokio::test]
async fn every_status_is_accepted() {
    for status in ["AVAILABLE", "DEPRECATED", "DISABLED"] {
        let function = function().await;
        let wish = json!({"resourceArn": IMAGE, "state": {"status": status}});
        assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "STARTED", "{status}");
    }
}

fn receipt(item: &Value) -> Value {
    serde_json::from_str(item["receipt"].as_str().unwrap()).unwrap()
}
