//! `reveille send`

use harness::Fault;
use serde_json::{Value, json};

use crate::function::Function;
use crate::{Desk, File, LINUX, PIPELINE, desk, intent};

async fn send(desk: &Desk, text: &str, more: &[&str]) -> crate::Done {
    let arguments = [&["send", "-", "--operation", PIPELINE], more].concat();
    desk.run_with(&arguments, &[], text).await
}

fn sent(desk: &Desk) -> Vec<Value> {
    let messages = desk.world.queue().messages();
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

#[tokio::test]
async fn each_intent_is_a_message_with_its_token_frozen_in_it() {
    let desk = desk().await;
    let text = json!({"intents": [
        {"imagePipelineArn": LINUX}, {"imagePipelineArn": LINUX, "clientToken": "mine"}
    ]});
    let done = send(&desk, &text.to_string(), &[]).await;
    let sent = sent(&desk);
    assert_eq!(sent.len(), 2);
    let derived = sent[0]["clientToken"].as_str().unwrap();
    done.ended(0).says(derived).says("mine");
    assert_eq!(derived.len(), 36);
    assert_eq!(sent[1]["clientToken"], "mine");
}

#[tokio::test]
async fn a_wish_that_nothing_identifies_is_a_new_one_with_every_send() {
    let desk = desk().await;
    let text = json!({"imagePipelineArn": LINUX}).to_string();
    send(&desk, &text, &[]).await.ended(0);
    send(&desk, &text, &[]).await.ended(0);
    assert_ne!(sent(&desk)[0], sent(&desk)[1]);
}

#[tokio::test]
async fn what_was_sent_is_carried_out_under_the_token_that_was_printed() {
    let desk = desk().await;
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
    send(&desk, &json!({"imagePipelineArn": LINUX}).to_string(), &[]).await.ended(0);
    let token = sent(&desk)[0]["clientToken"].as_str().unwrap().to_owned();
    assert_eq!(Function::of(&desk.world).deliver(desk.world.queue()).await, Some(0));
    desk.run(&["show", &token]).await.ended(0).says("STARTED");
}

#[tokio::test]
async fn more_than_one_request_holds_are_all_sent() {
    let desk = desk().await;
    let intents: Vec<_> = (0..25)
        .map(|n| json!({"imagePipelineArn": LINUX, "clientToken": format!("t{n}")}))
        .collect();
    send(&desk, &json!({"intents": intents}).to_string(), &[]).await.ended(0);
    assert_eq!(sent(&desk).len(), 25);
    assert_eq!(desk.world.sqs().count("SendMessageBatch"), 3);
}

#[tokio::test]
async fn nothing_is_sent_where_anything_is_invalid() {
    let desk = desk().await;
    let text = json!({"intents": [{"imagePipelineArn": LINUX}, {"imagePipelineArn": 5}]});
    let done = send(&desk, &text.to_string(), &[]).await;
    done.ended(1).says("nothing was sent").says("intents[1]: imagePipelineArn");
    assert_eq!(desk.world.queue().messages().len(), 0);
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_needs_no_aws() {
    let desk = desk().await;
    desk.world.break_queues().await;
    let done = send(&desk, &intent("t"), &["--dry-run", "--stack-name", "none"]).await;
    done.ended(0).says(r#""clientToken":"t""#).says("nothing was sent");
}

#[tokio::test]
async fn what_may_not_be_in_the_queue_is_named_and_ends_with_3() {
    let desk = desk().await;
    desk.world.break_queues().await;
    let done = send(&desk, &intent("t"), &[]).await;
    done.ended(3).says("1 of 1 wishes may not be in the queue").says("ConnectionFailed");
    desk.world.heal_queues().await;
    desk.world.sqs().fault("SendMessageBatch", Fault::error("AccessDenied", 403).forever());
    send(&desk, &intent("t"), &[]).await.ended(3).says("AccessDenied").says("give each its token");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_or_placed_ends_with_2() {
    let desk = desk().await;
    desk.run(&["send", "/nowhere/x.json", "--operation", PIPELINE])
        .await
        .ended(2)
        .says("cannot be read");
    let file = File::with(&intent("t"));
    desk.run(&["send", file.path()]).await.ended(2).says("expected --operation with one of Start");
}
