//! `reveille redrive`

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Attribute, Fault};
use serde_json::{Value, json};

use crate::function::Function;
use crate::{Desk, LINUX, LINUX_IN_SHORT, PIPELINE, desk, intent, now};

fn schedule() -> Value {
    json!({
        "scheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly",
        "scheduledTime": "2026-11-20T01:00:00Z",
        "intents": [{"imagePipelineArn": LINUX}, {"imagePipelineArn": LINUX, "whenBusy": "skip"}],
    })
}

fn tokens(answer: &Value) -> Vec<String> {
    let outcomes = answer["outcomes"].as_array().unwrap();
    outcomes.iter().map(|outcome| outcome["token"].as_str().unwrap().to_owned()).collect()
}

fn waiting(desk: &Desk) -> Vec<Value> {
    let messages = desk.world.queue().messages();
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

fn waiting_tokens(desk: &Desk) -> Vec<String> {
    let messages = waiting(desk);
    messages.iter().map(|body| body["clientToken"].as_str().unwrap().to_owned()).collect()
}

async fn rejected(desk: &Desk, body: &str) -> String {
    desk.world.queue().send(body);
    Function::of(&desk.world).deliver(desk.world.queue()).await;
    desk.world.dead_letters().messages().last().unwrap().attribute("token").unwrap().to_owned()
}

#[tokio::test]
async fn a_rejected_wish_whose_cause_was_mended_is_carried_out_under_its_own_token() {
    let desk = desk().await;
    let token = rejected(&desk, &json!({"imagePipelineArn": LINUX}).to_string()).await;
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
    let done = desk.run(&["redrive", "--reason", "ResourceNotFoundException"]).await;
    done.ended(0).says(&token).says(LINUX_IN_SHORT);
    assert_eq!(desk.world.dead_letters().messages().len(), 0);

    assert_eq!(Function::of(&desk.world).deliver(desk.world.queue()).await, Some(0));
    let item = desk.world.ledger_item(&format!("{PIPELINE}#{token}")).unwrap();
    assert_eq!(item["status"], "STARTED");
    assert_eq!(desk.world.image_builder().effects(), 1);
}

#[tokio::test]
async fn a_redrive_killed_between_send_and_delete_has_still_one_effect() {
    let desk = desk().await;
    rejected(&desk, &intent("t")).await;
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
    desk.world.sqs().fault("DeleteMessageBatch", Fault::hang());
    let mut child = desk.command(&["redrive", "--all"]).spawn().unwrap();
    while desk.world.sqs().count("DeleteMessageBatch") == 0 {
        tokio::task::yield_now().await;
    }
    child.kill().await.unwrap();
    assert_eq!(desk.world.dead_letters().messages().len(), 1, "the letter is still there");

    // It would be visible again after two minutes; another redrive takes a copy of it here.
    let letter = desk.world.dead_letters().messages().remove(0);
    desk.world.dead_letters().send_with(&letter.body, letter.attributes, None, None);
    desk.run(&["redrive", "--all"]).await.ended(0);
    assert_eq!(desk.world.queue().messages().len(), 2);
    let function = Function::of(&desk.world);
    while function.deliver(desk.world.queue()).await.is_some() {}
    assert_eq!(desk.world.image_builder().effects(), 1);
    assert_eq!(desk.world.queue().messages().len(), 0);
}

#[tokio::test]
async fn a_raw_event_of_an_asynchronous_invocation_keeps_the_tokens_of_the_function() {
    for event in [json!({"imagePipelineArn": LINUX}), schedule()] {
        let desk = desk().await;
        let answer = Function::of(&desk.world).invoke(&event, "request-7").await;
        while let Some(batch) = desk.world.dead_letters().poll(10) {
            batch.answer(&Value::Null);
        }
        let attributes = [("RequestID", "request-7"), ("ErrorCode", "200"), ("ErrorMessage", "x")];
        let attributes: BTreeMap<_, _> = attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Attribute::string(value)))
            .collect();
        desk.world.dead_letters().send_with(&event.to_string(), attributes, None, None);
        desk.run(&["redrive", "--all"]).await.ended(0);
        assert_eq!(waiting_tokens(&desk), tokens(&answer), "{event}");
    }
}

#[tokio::test]
async fn the_record_of_a_failed_invocation_is_unwrapped() {
    let desk = desk().await;
    let event = json!({"imagePipelineArn": LINUX});
    let answer = Function::of(&desk.world).invoke(&event, "request-7").await;
    while let Some(batch) = desk.world.dead_letters().poll(10) {
        batch.answer(&Value::Null);
    }
    let record = json!({
        "version": "1.0",
        "requestContext": {"requestId": "request-7", "condition": "RetriesExhausted"},
        "requestPayload": event,
        "responsePayload": {"errorMessage": "x"},
    });
    desk.world.dead_letters().send(&record.to_string());
    desk.run(&["redrive", "--all"]).await.ended(0);
    assert_eq!(waiting_tokens(&desk), tokens(&answer));
}

#[tokio::test]
async fn a_letter_without_a_token_gets_one_from_its_own_id() {
    let desk = desk().await;
    // A queue's own redrive policy keeps the message and its id; the function knew it by that.
    let id = desk.world.dead_letters().send(&json!({"imagePipelineArn": LINUX}).to_string());
    desk.run(&["redrive", "--all"]).await.ended(0);
    let source = shared::token::Source::Message(id);
    let token = shared::token::Token::derive(PIPELINE, LINUX, &source, 0);
    assert_eq!(waiting_tokens(&desk), [token.as_str()]);
}

#[tokio::test]
async fn the_token_of_a_letter_that_stayed_verbatim_is_its_attribute() {
    let desk = desk().await;
    let attributes = BTreeMap::from([
        ("operation".to_owned(), Attribute::string(PIPELINE)),
        ("token".to_owned(), Attribute::string("frozen")),
    ]);
    let body = json!({"imagePipelineArn": LINUX}).to_string();
    desk.world.dead_letters().send_with(&body, attributes, None, None);
    desk.run(&["redrive", "--token", "StartImagePipelineExecution#frozen"]).await.ended(0);
    assert_eq!(waiting_tokens(&desk), ["frozen"]);
}

#[tokio::test]
async fn only_what_was_asked_for_goes_and_the_rest_is_visible_at_once() {
    let desk = desk().await;
    rejected(&desk, &intent("a")).await;
    rejected(&desk, &intent("b")).await;
    rejected(&desk, "not json").await;
    desk.run(&["redrive", "--token", "b"]).await.ended(0);
    assert_eq!(waiting_tokens(&desk), ["b"]);
    assert_eq!(desk.world.dead_letters().poll(10).unwrap().ids().len(), 2);
}

#[tokio::test]
async fn not_after_can_be_left_out() {
    let desk = desk().await;
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
    let late = json!({
        "imagePipelineArn": LINUX, "clientToken": "late", "notAfter": "2020-01-01T00:00:00Z"
    });
    rejected(&desk, &late.to_string()).await;
    desk.run(&["redrive", "--reason", "Expired", "--drop-not-after"]).await.ended(0);
    assert_eq!(waiting(&desk), [json!({"imagePipelineArn": LINUX, "clientToken": "late"})]);
    Function::of(&desk.world).deliver(desk.world.queue()).await;
    desk.run(&["show", "late"]).await.ended(0).says("STARTED");
}

/// A worker died over it, and nobody asked again for longer than AWS is known to remember tokens.
#[tokio::test]
async fn a_wish_of_unknown_outcome_is_opened_by_a_redrive_and_by_nothing_else() {
    let desk = desk().await;
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
    let request = json!({"imagePipelineArn": LINUX});
    desk.put(
        "t",
        &json!({
            "status": "CLAIMED",
            "fingerprint": shared::fingerprint::fingerprint(PIPELINE, &request).unwrap(),
            "doubtSince": (now() - Duration::from_hours(13)).epoch_millis(),
        }),
    );
    rejected(&desk, &intent("t")).await;
    let letter = desk.world.dead_letters().messages().remove(0);
    assert_eq!(letter.attribute("errorCode"), Some("OutcomeUnknown"));

    rejected(&desk, &intent("t")).await;
    assert_eq!(desk.world.image_builder().effects(), 0, "the next message does not open it");

    desk.run(&["redrive", "--token", "t", "--dry-run"]).await.ended(0);
    rejected(&desk, &intent("t")).await;
    assert_eq!(desk.world.image_builder().effects(), 0, "nor does a dry run");

    desk.run(&["redrive", "--all"]).await.ended(1).says("found no dead letter that matches");
    assert_eq!(desk.world.queue().messages().len(), 0, "each is a decision of its own");

    desk.run(&["redrive", "--token", "t"]).await.ended(0);
    let function = Function::of(&desk.world);
    while function.deliver(desk.world.queue()).await.is_some() {}
    assert_eq!(desk.world.image_builder().effects(), 1);
    desk.run(&["show", "t"]).await.ended(0).says("STARTED");
}

#[tokio::test]
async fn an_invalid_letter_stays_with_its_reason() {
    let desk = desk().await;
    rejected(&desk, "not json").await;
    rejected(&desk, &intent("good")).await;
    let done = desk.run(&["redrive", "--all"]).await;
    done.ended(1).says("stays, for it is not valid").says("not JSON").says("good");
    assert_eq!(waiting_tokens(&desk), ["good"]);
    assert_eq!(desk.world.dead_letters().poll(10).unwrap().ids().len(), 1);
}

#[tokio::test]
async fn where_sending_is_unsure_the_letter_stays() {
    let desk = desk().await;
    rejected(&desk, &intent("t")).await;
    let refusal = Fault::error("InternalError", 500);
    for fault in [refusal.clone(), refusal.after_work()] {
        desk.world.sqs().fault("SendMessageBatch", fault.forever());
        let done = desk.run(&["redrive", "--all"]).await;
        done.ended(3).says("unsure").says("stays").says("InternalError");
        desk.world.sqs().clear_faults();
        assert_eq!(desk.world.sqs().count("DeleteMessageBatch"), 0);
        assert_eq!(desk.world.dead_letters().messages().len(), 1);
    }
    // It went out several times by now; the token sees to it that it has one effect.
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
    desk.run(&["redrive", "--all"]).await.ended(0);
    let function = Function::of(&desk.world);
    while function.deliver(desk.world.queue()).await.is_some() {}
    assert_eq!(desk.world.image_builder().effects(), 1);
}

#[tokio::test]
async fn a_letter_that_could_not_be_deleted_is_named() {
    let desk = desk().await;
    rejected(&desk, &intent("t")).await;
    desk.world.sqs().fault("DeleteMessageBatch", Fault::error("AccessDenied", 403).forever());
    let done = desk.run(&["redrive", "--all"]).await;
    done.ended(3).says("was sent and could not be deleted; redriving it again is harmless");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let desk = desk().await;
    rejected(&desk, &intent("t")).await;
    let done = desk.run(&["redrive", "--all", "--dry-run"]).await;
    done.ended(0).says("dry run").says("nothing was sent").says(LINUX_IN_SHORT);
    assert_eq!(desk.world.queue().messages().len(), 0);
    assert_eq!(desk.world.dead_letters().poll(10).unwrap().ids().len(), 1);
}

#[tokio::test]
async fn more_letters_than_one_request_holds_all_go() {
    let desk = desk().await;
    for n in 0..23 {
        desk.world.dead_letters().send(&intent(&format!("t{n}")));
    }
    let done = desk.run(&["redrive", "--all", "--limit", "20"]).await;
    done.ended(0).says("about 3 more dead letters may be there");
    assert_eq!(desk.world.queue().messages().len(), 20);
    assert_eq!(desk.world.dead_letters().messages().len(), 3);
}

#[tokio::test]
async fn nothing_that_matches_ends_with_1() {
    let desk = desk().await;
    rejected(&desk, &intent("t")).await;
    for which in [["--reason", "Expired"], ["--token", "other"]] {
        let done = desk.run(&["redrive", which[0], which[1]]).await;
        done.ended(1).says("found no dead letter that matches");
    }
}
