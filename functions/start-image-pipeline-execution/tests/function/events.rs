//! Every shape of an event, from the files in `events/`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{DESKTOP, LINUX, event, function, intent};

fn tokens(answer: &Value) -> Vec<&str> {
    let outcomes = answer["outcomes"].as_array().unwrap();
    outcomes.iter().map(|outcome| outcome["token"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_queue_batch_ends_record_by_record() {
    let function = function().await;
    let answer = function.invoke(&event("queue-batch")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(function.world.image_builder().effects_of(LINUX), 1);
    assert_eq!(function.world.image_builder().effects_of(DESKTOP), 0);
    let codes: Vec<_> = function.dead_letters().into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes.len(), 2);
    assert!(codes.contains(&"MalformedBody".to_owned()) && codes.contains(&"Expired".to_owned()));
}

#[tokio::test]
async fn a_schedule_is_identified_by_its_arn_and_time() {
    let function = function().await;
    let first = function.invoke(&event("schedule")).await.unwrap();
    assert_eq!(first["outcomes"][0]["outcome"], "STARTED", "{first}");
    let source = function.item(tokens(&first)[0])["source"].clone();
    assert!(source.as_str().unwrap().starts_with("schedule arn:aws:scheduler:"), "{source}");

    let again = function.invoke(&event("schedule")).await.unwrap();
    assert_eq!(again, first);
    let mut tomorrow = event("schedule");
    tomorrow["scheduledTime"] = json!("2026-11-21T01:00:00Z");
    function.world.image_builder().finish_builds();
    let next = function.invoke(&tomorrow).await.unwrap();
    assert_ne!(tokens(&next), tokens(&first));
    let wishes = first["outcomes"].as_array().unwrap().len();
    assert_eq!(function.world.image_builder().effects(), 2 * wishes);
}

#[tokio::test]
async fn a_placeholder_that_nothing_replaced_is_no_identity() {
    let function = function().await;
    let unsubstituted = event("schedule-unsubstituted");
    let tonight = function.invoke(&unsubstituted).await.unwrap();
    assert_eq!(tonight["outcomes"][0]["outcome"], "STARTED", "{tonight}");
    assert_eq!(function.item(tokens(&tonight)[0])["source"], "request request-1");

    function.world.image_builder().finish_builds();
    let second = function.second(start_image_pipeline_execution::StartImagePipelineExecution::new);
    let tomorrow = second.handle(function.event(&unsubstituted.to_string(), "request-2")).await;
    let tomorrow = serde_json::to_value(tomorrow.unwrap()).unwrap();
    assert_ne!(tokens(&tomorrow), tokens(&tonight));
}

#[tokio::test]
async fn a_placeholder_in_a_client_token_is_no_identity_either() {
    let function = function().await;
    let answer = function.invoke(&intent("nightly-<aws.scheduler.scheduled-time>")).await.unwrap();
    assert!(!tokens(&answer)[0].contains("aws.scheduler"), "{answer}");
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED");
}

#[tokio::test]
async fn an_eventbridge_event_is_identified_by_its_id() {
    let function = function().await;
    let envelope = event("eventbridge");
    let answer = function.invoke(&envelope).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED", "{answer}");
    let source = function.item(tokens(&answer)[0])["source"].clone();
    assert_eq!(source, json!(format!("event {}", envelope["id"].as_str().unwrap())));
}

#[tokio::test]
async fn an_eventbridge_event_in_a_queue_is_the_same_wish_as_when_invoked() {
    let function = function().await;
    function.invoke(&event("eventbridge")).await.unwrap();
    function.world.queue().send(&event("eventbridge").to_string());
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.world.image_builder().effects(), 1);
}

#[tokio::test]
async fn an_intent_invoked_directly_is_answered_with_its_receipt() {
    let function = function().await;
    let answer = function.invoke(&event("direct")).await.unwrap();
    let outcome = &answer["outcomes"][0];
    assert_eq!(outcome["outcome"], "STARTED", "{answer}");
    assert_eq!(outcome["target"], event("direct")["imagePipelineArn"]);
    let image = outcome["receipt"]["imageBuildVersionArn"].as_str().unwrap();
    assert!(image.ends_with("/1.0.0/1"), "{image}");
}

#[tokio::test]
async fn several_intents_are_answered_in_their_order() {
    let function = function().await;
    let many = event("direct-many");
    let answer = function.invoke(&many).await.unwrap();
    let targets = |value: &Value, list: &str, field: &str| -> Vec<Value> {
        value[list].as_array().unwrap().iter().map(|entry| entry[field].clone()).collect()
    };
    assert_eq!(
        targets(&answer, "outcomes", "target"),
        targets(&many, "intents", "imagePipelineArn")
    );
}

#[tokio::test]
async fn equal_intents_of_one_event_are_one_wish() {
    let function = function().await;
    let wish = json!({"imagePipelineArn": LINUX});
    let answer = function.invoke(&json!({"intents": [wish, wish]})).await.unwrap();
    let tokens = tokens(&answer);
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(function.world.image_builder().effects(), 1);
}

#[tokio::test]
async fn a_fifo_batch_is_carried_out_in_the_order_of_its_groups() {
    let function = function().await;
    let answer = function.invoke(&event("fifo-batch")).await.unwrap();
    assert!(answer["batchItemFailures"].is_array(), "{answer}");
    let sent = function.world.image_builder().requests();
    assert!(!sent.is_empty());
}

#[tokio::test]
async fn after_a_message_that_comes_again_the_rest_of_its_group_comes_again() {
    let function = function().await;
    let fifo = function.world.fifo_queue();
    let send = |token: &str, arn: &str, group: &str| {
        let body = json!({"imagePipelineArn": arn, "clientToken": token}).to_string();
        fifo.send_with(&body, BTreeMap::default(), Some(group), Some(token))
    };
    function.invoke(&intent("busy")).await.unwrap();
    let first = send("a1", LINUX, "a");
    let second = send("a2", DESKTOP, "a");
    fifo.send_with("not json", BTreeMap::default(), Some("b"), Some("b1"));
    let third = fifo.send_with("not json", BTreeMap::default(), Some("a"), Some("a3"));
    // The pipeline of the first is busy; the second could be started, but not before it.
    assert_eq!(function.deliver(fifo).await, Some(vec![first, second, third]));
    assert_eq!(function.world.image_builder().effects_of(DESKTOP), 0);
    assert_eq!(function.dead_letters().len(), 1, "the other group is unharmed");
}

#[tokio::test]
async fn several_intents_in_a_message_of_a_fifo_queue_are_refused() {
    let function = function().await;
    let body = json!({"intents": [intent("a")]}).to_string();
    function.world.fifo_queue().send_with(&body, BTreeMap::default(), Some("g"), Some("d"));
    assert_eq!(function.deliver(function.world.fifo_queue()).await, Some(vec![]));
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "InvalidIntent");
    assert!(message.contains("expected one intent per message"), "{message}");
}

#[tokio::test]
async fn a_record_of_several_intents_is_acknowledged_and_what_is_unfinished_goes_on_alone() {
    let function = function().await;
    function.invoke(&intent("busy")).await.unwrap();
    let body = json!({"intents": [
        {"imagePipelineArn": LINUX}, {"imagePipelineArn": DESKTOP}, {"imagePipelineArn": 5}
    ]});
    function.world.other_queue().send(&body.to_string());
    assert_eq!(function.deliver(function.world.other_queue()).await, Some(vec![]));

    assert_eq!(function.world.image_builder().effects_of(DESKTOP), 1);
    assert_eq!(function.dead_letters().len(), 1);
    let alone = function.world.queue().messages();
    assert_eq!(alone.len(), 1);
    let alone: Value = serde_json::from_str(&alone[0].body).unwrap();
    assert_eq!(alone["imagePipelineArn"], LINUX);
    let token = alone["clientToken"].as_str().expect("its token is frozen in it");
    assert_eq!(function.item(token)["status"], "DEFERRED");

    function.world.image_builder().finish_builds();
    function.world.clock.advance(std::time::Duration::from_mins(15));
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.item(token)["status"], "STARTED");
}

#[tokio::test]
async fn a_dead_letter_sent_back_keeps_its_token() {
    let function = function().await;
    let unknown = "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/late";
    function.world.queue().send(&json!({"imagePipelineArn": unknown}).to_string());
    function.deliver(function.world.queue()).await;
    let letter = function.world.dead_letters().messages().remove(0);
    assert_eq!(letter.attribute("errorCode"), Some("ResourceNotFoundException"));
    let token = letter.attribute("token").unwrap().to_owned();

    function.world.image_builder().create_pipeline(unknown).unwrap();
    function.world.queue().send_with(&letter.body, letter.attributes.clone(), None, None);
    function.deliver(function.world.queue()).await;
    assert_eq!(function.item(&token)["status"], "STARTED");
}
