//! What is sent to Nimble Studio, and what is kept of its answer.

use serde_json::{Value, json};

use crate::{SESSION, STUDIO, TARGET, function, outcome, start};

#[tokio::test]
async fn every_field_of_the_request_is_sent_where_the_api_wants_it() {
    let function = function("STOPPED").await;
    let mut wish = start(&"x".repeat(64));
    wish["backupId"] = json!("backup-1");
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "STARTED");
    let sent = function.world.nimble().requests().remove(0);
    assert_eq!(sent.headers["x-amz-client-token"], "x".repeat(64));
    assert_eq!(sent.body, json!({"backupId": "backup-1"}));
    assert_eq!(function.world.nimble().effects_of(TARGET), 1);
}

#[tokio::test]
async fn an_absent_backup_is_left_out() {
    let function = function("STOPPED").await;
    function.invoke(&start("t")).await.unwrap();
    assert_eq!(function.world.nimble().requests()[0].body, json!({}));
}

#[tokio::test]
async fn a_derived_token_is_sent_too() {
    let function = function("STOPPED").await;
    let wish = json!({"studioId": STUDIO, "sessionId": SESSION});
    let answer = function.invoke(&wish).await.unwrap();
    let sent = function.world.nimble().requests().remove(0);
    let token = answer["outcomes"][0]["token"].as_str().unwrap();
    assert_eq!(sent.headers["x-amz-client-token"], token);
}

#[tokio::test]
async fn the_whole_session_is_kept() {
    let function = function("STOPPED").await;
    let mut wish = start("t");
    wish["backupId"] = json!("backup-1");
    function.invoke(&wish).await.unwrap();
    let item = function.item("t");
    assert_eq!(item["target"], TARGET);
    let receipt: Value = serde_json::from_str(item["receipt"].as_str().unwrap()).unwrap();
    let session = receipt["session"].as_object().unwrap();
    let fields: Vec<&str> = session.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "arn",
            "automaticTerminationMode",
            "backupMode",
            "createdAt",
            "createdBy",
            "ec2InstanceType",
            "launchProfileId",
            "maxBackupsToRetain",
            "ownedBy",
            "sessionId",
            "sessionPersistenceMode",
            "startedAt",
            "startedBy",
            "startedFromBackupId",
            "state",
            "statusCode",
            "statusMessage",
            "stopAt",
            "stoppedAt",
            "stoppedBy",
            "streamingImageId",
            "tags",
            "terminateAt",
            "updatedAt",
            "updatedBy",
            "volumeConfiguration",
            "volumeRetentionMode",
        ]
    );
    assert_eq!(session["sessionId"], SESSION);
    assert_eq!(session["state"], "START_IN_PROGRESS");
    let volume: Vec<_> = session["volumeConfiguration"].as_object().unwrap().keys().collect();
    assert_eq!(volume, ["iops", "size", "throughput"]);
}
