//! Where table and queues come from.

use serde_json::json;

use crate::desk;

#[tokio::test]
async fn a_stack_that_is_not_there_is_named_with_what_was_expected() {
    let desk = desk().await;
    let done = desk.run(&["list", "--stack-name", "other"]).await;
    done.ended(3).says("found no stack named `other` in us-east-1, expected --stack-name NAME");
    let done = desk.run_with(&["list"], &[("REVEILLE_STACK_NAME", "another")], "").await;
    done.ended(3).says("found no stack named `another`");
}

#[tokio::test]
async fn a_stack_that_may_not_be_described_ends_with_3() {
    let desk = desk().await;
    let done = desk.run(&["list", "--stack-name", "forbidden"]).await;
    done.ended(3).says("AccessDenied: you may not").says("look at --profile");
}

#[tokio::test]
async fn a_function_that_is_not_deployed_has_no_queue() {
    let desk = desk().await;
    let done = desk.run(&["dead-letters", "--operation", "start-streaming-session"]).await;
    done.ended(3).says("has no output StartStreamingSessionDeadLetterQueueUrl");
}

#[tokio::test]
async fn names_make_cloudformation_unnecessary() {
    let desk = desk().await;
    desk.put("t", &json!({}));
    desk.world.dead_letters().send("not json");
    let nowhere = [("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")];
    desk.run_with(&["list", "--table", "ledger"], &nowhere, "").await.ended(0).says("#t");
    let url = desk.world.dead_letters().url().to_owned();
    for name in ["dead-letters", &url] {
        let named =
            ["dead-letters", "--dead-letter-queue", name, "--operation", "StartImageBuilder"];
        desk.run_with(&named, &nowhere, "").await.ended(0).says("StartImageBuilder");
    }
}

#[tokio::test]
async fn a_queue_by_name_needs_its_operation() {
    let desk = desk().await;
    for arguments in [
        &["dead-letters", "--dead-letter-queue", "dead-letters"][..],
        &["redrive", "--all", "--queue", "queue"],
    ] {
        desk.run(arguments).await.ended(2).says("expected --operation OPERATION beside it");
    }
}

#[tokio::test]
async fn a_queue_that_does_not_exist_ends_with_3() {
    let desk = desk().await;
    let named =
        ["dead-letters", "--dead-letter-queue", "nowhere", "--operation", "StartImageBuilder"];
    desk.run(&named).await.ended(3).says("the queue `nowhere` was not found").says("--region");
}
