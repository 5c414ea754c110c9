//! `reveille dead-letters`

use std::collections::BTreeMap;
use std::time::SystemTime;

use harness::{Attribute, Fault, World};
use serde_json::json;

use crate::function::Function;
use crate::{LINUX, LINUX_IN_SHORT, PIPELINE, desk, intent};

/// Whether every letter can be received at once.
fn all_visible(world: &World) -> bool {
    let now = SystemTime::now();
    world.dead_letters().messages().iter().all(|letter| letter.visible_at <= now)
}

#[tokio::test]
async fn each_letter_is_told_with_reason_token_target_and_age_and_stays() {
    let desk = desk().await;
    desk.world.queue().send(&intent("lost"));
    desk.world.queue().send("not json");
    desk.world.other_queue().send(r#"{"Name": "desktop-builder", "clientToken": "b"}"#);
    Function::of(&desk.world).deliver(desk.world.queue()).await;
    let done = desk.run(&["dead-letters"]).await;
    done.ended(0).says("ResourceNotFoundException").says("lost").says(LINUX_IN_SHORT).says("0s");
    done.says("MalformedBody").says("StartImageBuilder").says("desktop-builder");
    let again = desk.run(&["dead-letters", "--json"]).await;
    assert_eq!(again.ended(0).lines().len(), 3, "{}", again.out);
    assert!(all_visible(&desk.world));
    let one = desk.run(&["dead-letters", "--json", "--operation", "StartImageBuilder"]).await;
    let line = &one.ended(0).lines()[0];
    assert_eq!(line["wishes"], json!([{"token": "b", "target": "desktop-builder"}]));
    assert_eq!(line["errorCode"], json!(null));
}

#[tokio::test]
async fn what_lambda_and_the_scheduler_put_there_is_told_too() {
    let desk = desk().await;
    let attributes = |pairs: &[(&str, &str)]| -> BTreeMap<_, _> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Attribute::string(value))).collect()
    };
    let schedule = json!({
        "scheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly",
        "scheduledTime": "2026-11-20T01:00:00Z",
        "intents": [{"imagePipelineArn": LINUX}],
    });
    let dead = desk.world.dead_letters();
    let asynchronous = [("RequestID", "r-1"), ("ErrorCode", "200"), ("ErrorMessage", "timed out")];
    dead.send_with(&schedule.to_string(), attributes(&asynchronous), None, None);
    let scheduler = [("ERROR_CODE", "AccessDeniedException"), ("ERROR_MESSAGE", "no role")];
    dead.send_with(&schedule.to_string(), attributes(&scheduler), None, None);
    let done = desk.run(&["dead-letters", "--operation", PIPELINE]).await;
    done.ended(0)
        .says("timed out")
        .says("AccessDeniedException")
        .says("no role")
        .says(LINUX_IN_SHORT);
}

#[tokio::test]
async fn what_is_beyond_the_limit_or_held_by_another_is_said_to_be_there() {
    let desk = desk().await;
    for n in 0..15 {
        desk.world.dead_letters().send(&intent(&format!("t{n}")));
    }
    let done = desk.run(&["dead-letters", "--json", "--limit", "12"]).await;
    assert_eq!(done.ended(0).lines().len(), 12);
    done.says("about 3 more of StartImagePipelineExecution may be there");
    assert!(all_visible(&desk.world));
    let _held = desk.world.dead_letters().poll(10).unwrap();
    desk.run(&["dead-letters"]).await.ended(0).says("about 10 more of");
}

#[tokio::test]
async fn no_letter_ends_with_1() {
    desk().await.run(&["dead-letters"]).await.ended(1).says("found no dead letter");
}

#[tokio::test]
async fn a_queue_that_may_not_be_read_ends_with_3_and_keeps_nothing_hidden() {
    let desk = desk().await;
    for n in 0..15 {
        desk.world.dead_letters().send(&intent(&format!("t{n}")));
    }
    desk.world.sqs().fault("ReceiveMessage", Fault::error("AccessDenied", 403).forever());
    desk.run(&["dead-letters"]).await.ended(3).says("AccessDenied");
    desk.world.sqs().clear_faults();
    desk.world
        .sqs()
        .fault("ChangeMessageVisibilityBatch", Fault::error("AccessDenied", 403).forever());
    let done = desk.run(&["dead-letters"]).await;
    done.ended(0).says("15 dead letters of StartImagePipelineExecution stay hidden for up to 120");
}
