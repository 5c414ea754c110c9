//! What is sent to Image Builder, and what is kept of its answer.

use serde_json::{Value, json};

use crate::{LINUX, function};

#[tokio::test]
async fn every_field_of_the_request_is_sent() {
    let function = function().await;
    let wish = json!({
        "imagePipelineArn": LINUX,
        "tags": {"Team": "platform", "night": ""},
        "clientToken": "nightly-1",
        "notAfter": "2026-11-20T06:00:00Z",
        "whenBusy": "skip"
    });
    function.invoke(&wish).await.unwrap();
    let sent = function.world.image_builder().requests().remove(0);
    assert_eq!(
        sent.body,
        json!({
            "imagePipelineArn": LINUX,
            "tags": {"Team": "platform", "night": ""},
            "clientToken": "nightly-1"
        }),
        "and no control field is"
    );
}

#[tokio::test]
async fn absent_tags_are_left_out() {
    let function = function().await;
    function.invoke(&json!({"imagePipelineArn": LINUX, "clientToken": "t"})).await.unwrap();
    let sent = function.world.image_builder().requests().remove(0);
    assert_eq!(sent.body, json!({"imagePipelineArn": LINUX, "clientToken": "t"}));
}

#[tokio::test]
async fn every_field_of_the_response_is_kept() {
    let function = function().await;
    let answer = function.invoke(&json!({"imagePipelineArn": LINUX})).await.unwrap();
    let token = answer["outcomes"][0]["token"].as_str().unwrap();
    let item = function.item(token);
    let receipt: Value = serde_json::from_str(item["receipt"].as_str().unwrap()).unwrap();
    assert_eq!(receipt["clientToken"], token);
    assert!(!receipt["requestId"].as_str().unwrap().is_empty());
    let image = receipt["imageBuildVersionArn"].as_str().unwrap();
    assert!(image.starts_with("arn:aws:imagebuilder:us-east-1:123456789012:image/"), "{image}");
    assert_eq!(receipt.as_object().unwrap().len(), 3);
    assert_eq!(answer["outcomes"][0]["receipt"], receipt);
}

#[tokio::test]
async fn the_ledger_tells_a_person_what_happened() {
    let function = function().await;
    let wish = json!({"imagePipelineArn": LINUX, "clientToken": "nightly-1", "tags": {"a": "b"}});
    function.invoke(&wish).await.unwrap();
    let item = function.item("nightly-1");
    let now = function.world.clock.epoch_millis();
    let month = 30 * 24 * 60 * 60;
    assert_eq!(item["token"], "StartImagePipelineExecution#nightly-1");
    assert_eq!(item["operation"], "StartImagePipelineExecution");
    assert_eq!(item["target"], LINUX);
    assert_eq!(item["status"], "STARTED");
    assert_eq!(item["source"], "request request-1");
    assert_eq!(item["attempts"], 0);
    assert_eq!(item["createdAt"], "2026-11-20T01:00:00Z");
    assert_eq!(item["updatedAt"], "2026-11-20T01:00:00Z");
    assert_eq!(item["expiresAt"], now / 1000 + month);
    assert_eq!(item["claimableFrom"], now + month * 1000);
    let request: Value = serde_json::from_str(item["request"].as_str().unwrap()).unwrap();
    assert_eq!(request, json!({"imagePipelineArn": LINUX, "tags": {"a": "b"}}));
    assert_eq!(item["fingerprint"].as_str().unwrap().len(), 64);
    assert!(item["doubtSince"].is_null() && item["errorCode"].is_null(), "{item}");
}

#[tokio::test]
async fn arns_of_other_partitions_are_valid() {
    let function = function().await;
    let china = "arn:aws-cn:imagebuilder:cn-north-1:123456789012:image-pipeline/web_1";
    function.world.image_builder().create_pipeline(china).unwrap();
    let answer = function.invoke(&json!({"imagePipelineArn": china})).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED", "{answer}");
}

#[tokio::test]
async fn the_widest_valid_request_is_accepted() {
    let function = function().await;
    let tags: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("{n:_<128}"), json!("ä".repeat(256)))).collect();
    let wish = json!({"imagePipelineArn": LINUX, "tags": tags, "clientToken": "x".repeat(36)});
    assert!(wish.to_string().len() > 10 * 1024);
    let answer = function.invoke(&wish).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED", "{answer}");
}
