//! Bad input: refused with a sentence, reported, and harmful to nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::Attribute;
use serde_json::{Value, json};

use crate::{DESKTOP, LINUX, Sut, function, intent};

/// Sends the body between two good neighbours; returns the code and message of its dead letter.
async fn refused(body: &str) -> (String, String) {
    let function = function().await;
    function.world.queue().send(&intent("neighbour-1").to_string());
    let id = function.world.queue().send(body);
    function
        .world
        .queue()
        .send(&json!({"imagePipelineArn": DESKTOP, "clientToken": "neighbour-2"}).to_string());
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]), "all acknowledged");
    assert_eq!(function.world.image_builder().effects_of(LINUX), 1, "a neighbour was harmed");
    assert_eq!(function.world.image_builder().effects_of(DESKTOP), 1, "a neighbour was harmed");
    assert_eq!(function.world.image_builder().requests().len(), 2, "it was sent to AWS");
    let letters = function.world.dead_letters().messages();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].attribute("sourceMessageId"), Some(&*id));
    assert_eq!(letters[0].attribute("operation"), Some("StartImagePipelineExecution"));
    assert!(letters[0].attribute("token").is_some());
    function.dead_letters().remove(0)
}

/// An intent with one field changed.
fn with(field: &str, value: Value) -> String {
    let mut wish = json!({"imagePipelineArn": LINUX});
    wish[field] = value;
    wish.to_string()
}

async fn finds(body: &str, code: &str, parts: &[&str]) {
    let (found, message) = refused(body).await;
    assert_eq!(found, code, "{message}");
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in: {message}");
    }
}

async fn invalid(body: &str, parts: &[&str]) {
    finds(body, "InvalidIntent", parts).await;
}

#[tokio::test]
async fn text_that_is_not_json_is_refused() {
    finds("golden-linux", "MalformedBody", &["not JSON", "expected a JSON object"]).await;
    finds("[1]", "MalformedBody", &["found an array"]).await;
    finds(" ", "MalformedBody", &["found nothing"]).await;
}

#[tokio::test]
async fn an_unknown_field_is_refused() {
    invalid(
        &json!({"imagePipelineArn": LINUX, "clientTokens": "x"}).to_string(),
        &["unknown field `clientTokens`", "expected `imagePipelineArn` or `tags`"],
    )
    .await;
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let body = format!(r#"{{"imagePipelineArn": "{LINUX}", "imagePipelineArn": "{DESKTOP}"}}"#);
    finds(&body, "MalformedBody", &["`imagePipelineArn` is given twice"]).await;
}

#[tokio::test]
async fn a_missing_arn_is_refused() {
    invalid(r#"{"tags": {"a": "b"}}"#, &["missing field `imagePipelineArn`"]).await;
    invalid(r#"{"imagePipelineArn": 5}"#, &["imagePipelineArn", "integer `5`", "string"]).await;
}

#[tokio::test]
async fn a_malformed_arn_is_refused() {
    for arn in [
        "golden-linux",
        "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/Golden-Linux",
        "ARN:AWS:IMAGEBUILDER:US-EAST-1:123456789012:IMAGE-PIPELINE/GOLDEN",
        "arn:aws:ec2:us-east-1:123456789012:image-pipeline/golden-linux",
        "arn:aws:imagebuilder:us-east-1:123456789012:image/golden-linux/1.0.0/1",
        "arn:aws:imagebuilder:us-east-1:12345:image-pipeline/golden-linux",
        "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux\n",
    ] {
        let parts = ["imagePipelineArn is `", "expected arn:aws:imagebuilder:REGION"];
        invalid(&with("imagePipelineArn", json!(arn)), &parts).await;
    }
}

#[tokio::test]
async fn tags_beyond_the_limits_are_refused() {
    let many: BTreeMap<_, _> = (0..51).map(|n| (format!("key-{n}"), "v")).collect();
    invalid(&with("tags", json!(many)), &["tags has 51 entries, expected 1 to 50"]).await;
    invalid(&with("tags", json!({})), &["tags has 0 entries, expected 1 to 50"]).await;
    invalid(&with("tags", json!({"aws:team": "x"})), &["tags.`aws:team` begins with `aws:`"]).await;
    invalid(&with("tags", json!({"AWS:team": "x"})), &["begins with `aws:`"]).await;
    invalid(&with("tags", json!({"a,b": "x"})), &["tags.`a,b` is `a,b`, expected a key of"]).await;
    invalid(&with("tags", json!({"": "x"})), &["is 0 characters long, expected 1 to 128"]).await;
    invalid(&with("tags", json!({"k".repeat(129): "x"})), &["129 characters long"]).await;
    let secret = "s".repeat(257);
    let (_, message) = refused(&with("tags", json!({"k": secret}))).await;
    assert!(message.contains("a value of 257 characters, expected 0 to 256"), "{message}");
    assert!(!message.contains("sss"), "the value itself is not repeated: {message}");
    invalid(&with("tags", json!({"k": 5})), &["tags.k", "integer `5`"]).await;
}

#[tokio::test]
async fn a_token_that_aws_would_refuse_is_refused() {
    invalid(&with("clientToken", json!("")), &["clientToken is 0 characters", "1 to 36"]).await;
    invalid(&with("clientToken", json!("x".repeat(37))), &["clientToken is 37 characters"]).await;
    invalid(&with("clientToken", json!(5)), &["clientToken is a number, expected a string"]).await;
    invalid(&with("clientToken", json!(null)), &["clientToken is null"]).await;
    invalid(&with("clientToken", json!("nächtlich")), &["printable ASCII"]).await;
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_refused() {
    for time in [json!("tomorrow"), json!(1_795_136_400), json!("2026-13-01T00:00:00Z")] {
        invalid(&with("notAfter", time), &["notAfter is ", "expected an RFC 3339 time"]).await;
    }
}

#[tokio::test]
async fn a_word_that_says_nothing_about_busy_is_refused() {
    invalid(&with("whenBusy", json!("later")), &["whenBusy is `later`", "`wait` or `skip`"]).await;
    invalid(&with("whenBusy", json!(true)), &["whenBusy is a boolean"]).await;
}

#[tokio::test]
async fn every_finding_of_an_intent_is_reported_together() {
    let body = json!({
        "imagePipelineArn": "x", "tags": {}, "clientToken": "", "notAfter": "x", "whenBusy": "x"
    });
    let (_, message) = refused(&body.to_string()).await;
    for field in ["imagePipelineArn", "tags", "clientToken", "notAfter", "whenBusy"] {
        assert!(message.contains(field), "{field} in {message}");
    }
}

#[tokio::test]
async fn a_time_that_has_passed_is_reported_as_expired() {
    let function = function().await;
    let mut wish = intent("late");
    wish["notAfter"] = json!("2026-11-20T00:59:59Z");
    let answer = function.invoke(&wish).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "REJECTED");
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "Expired");
    assert!(
        message
            .contains("it is 2026-11-20T01:00:00Z, and it had to be sent by 2026-11-20T00:59:59Z")
    );
    assert_eq!(function.item("late")["status"], "REJECTED");
    assert!(function.world.image_builder().requests().is_empty());
}

#[tokio::test]
async fn a_wish_that_ended_before_it_expired_is_answered_as_it_ended() {
    let function = function().await;
    let mut wish = intent("nightly-1");
    wish["notAfter"] = json!("2026-11-20T02:00:00Z");
    let first = function.invoke(&wish).await.unwrap();
    function.world.clock.advance(std::time::Duration::from_hours(2));
    assert_eq!(function.invoke(&wish).await.unwrap(), first);
}

#[tokio::test]
async fn the_same_token_with_other_parameters_is_refused_and_never_sent() {
    let function = function().await;
    function.invoke(&intent("nightly-1")).await.unwrap();
    let mut other = intent("nightly-1");
    other["imagePipelineArn"] = json!(DESKTOP);
    let answer = function.invoke(&other).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "REJECTED");
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "TokenMismatch");
    assert!(message.contains(LINUX) && message.contains("a token of its own"), "{message}");
    assert_eq!(function.world.image_builder().requests().len(), 1);
    assert_eq!(function.item("nightly-1")["target"], LINUX, "the first wish is untouched");
}

#[tokio::test]
async fn the_same_token_with_other_parameters_is_refused_within_one_batch_too() {
    let function = function().await;
    let mut other = intent("nightly-1");
    other["imagePipelineArn"] = json!(DESKTOP);
    for wish in [&intent("nightly-1"), &other, &intent("nightly-1")] {
        function.world.queue().send(&wish.to_string());
    }
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.dead_letters()[0].0, "TokenMismatch");
    assert_eq!(function.world.image_builder().effects(), 1);
}

#[tokio::test]
async fn deeply_nested_json_is_refused() {
    let nested = format!("{}{}", r#"{"a":"#.repeat(5000), "}".repeat(5000));
    finds(&nested, "MalformedBody", &["recursion limit exceeded"]).await;
}

#[tokio::test]
async fn a_large_body_is_refused_and_stays_whole_in_its_dead_letter() {
    for size in [10 * 1024, 256 * 1024] {
        let function = function().await;
        let body = with("padding", json!("x".repeat(size)));
        function.world.queue().send(&body);
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
        let letter = function.world.dead_letters().messages().remove(0);
        assert!(letter.body.len() >= body.len(), "{} bytes of {}", letter.body.len(), body.len());
        let message = letter.attribute("errorMessage").unwrap();
        assert!(message.len() <= 1024 && message.contains("padding"), "{message}");
    }
}

#[tokio::test]
async fn an_intent_larger_than_any_request_is_refused_with_its_size() {
    let body = with("tags", json!({"k": "x".repeat(64 * 1024)}));
    invalid(&body, &["bytes of JSON, expected at most 65536"]).await;
}

#[tokio::test]
async fn an_event_of_no_known_shape_is_reported_and_answered() {
    for (event, code, part) in [
        (json!({"hello": "world"}), "InvalidIntent", "unknown field `hello`"),
        (json!({}), "NoIntent", "carries nothing"),
        (json!({"intents": []}), "NoIntent", "`intents` is empty"),
        (json!({"intents": "all"}), "NoIntent", "`intents` is a string"),
        (json!({"intents": ["all"]}), "InvalidIntent", "the intent is a string"),
        (json!({"intents": [intent("a")], "x": 1}), "InvalidIntent", "`x` beside `intents`"),
        (json!([intent("a")]), "MalformedBody", "found an array"),
        (json!("text"), "MalformedBody", "found a string"),
        (json!({"Records": [{"eventSource": "aws:s3"}]}), "InvalidIntent", "`Records`"),
        (crate::event("scheduler-default-payload"), "NoIntent", "`detail` is a string `{}`"),
    ] {
        let function = function().await;
        let answer = function.invoke(&event).await.unwrap();
        assert_eq!(answer["outcomes"][0]["outcome"], "REJECTED", "{event}");
        let (found, message) = function.dead_letters().remove(0);
        assert_eq!(found, code, "{event}: {message}");
        assert!(message.contains(part), "{event}: {message}");
        assert_eq!(function.world.ledger_items().len(), 0, "it never touches the ledger");
    }
}

#[tokio::test]
async fn one_of_two_schedule_fields_is_refused() {
    for (event, part) in [
        (json!({"scheduleArn": "arn:aws:scheduler:x", "intents": [intent("a")]}), "is missing"),
        (
            json!({"scheduleArn": "arn:aws:scheduler:x", "scheduledTime": "nightly", "intents": []}),
            "expected an RFC 3339 time",
        ),
    ] {
        let function = function().await;
        function.invoke(&event).await.unwrap();
        let (_, message) = function.dead_letters().remove(0);
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_record_without_an_id_fails_the_invocation_with_a_sentence() {
    let function = function().await;
    function.world.queue().send(&intent("a").to_string());
    let mut event = function.world.queue().poll(10).unwrap().event;
    event["Records"][0].as_object_mut().unwrap().remove("messageId");
    let error = function.invoke(&event).await.unwrap_err();
    assert!(error.error_message.contains("record without `messageId`"), "{error:?}");
    assert_eq!(function.world.image_builder().requests().len(), 0);
}

#[tokio::test]
async fn a_record_that_is_no_object_fails_the_invocation_with_a_sentence() {
    let function = function().await;
    function.world.queue().send(&intent("a").to_string());
    for other in [json!(["not-an-id"]), json!("text"), json!(null)] {
        let mut event = function.world.queue().poll(10).unwrap().event;
        event["Records"].as_array_mut().unwrap().push(other);
        let error = function.invoke(&event).await.unwrap_err();
        assert!(error.error_message.contains("record that is no object"), "{error:?}");
        assert!(function.dead_letters().is_empty());
        function.world.clock.advance(Duration::from_mins(5));
    }
}

#[tokio::test]
async fn an_empty_batch_fails_the_invocation_with_a_sentence() {
    let function = function().await;
    let error = function.invoke(&json!({"Records": []})).await.unwrap_err();
    assert!(error.error_message.contains("without records, expected at least one"), "{error:?}");
}

#[tokio::test]
async fn an_invalid_intent_is_dead_lettered_with_its_token_frozen_in_it() {
    let function = function().await;
    function.world.queue().send(&with("whenBusy", json!("later")));
    function.deliver(function.world.queue()).await;
    let letter = function.world.dead_letters().messages().remove(0);
    let body: Value = serde_json::from_str(&letter.body).unwrap();
    assert_eq!(body["clientToken"].as_str(), letter.attribute("token"));
    assert_eq!(body["whenBusy"], "later");
}

#[tokio::test]
async fn the_token_attribute_of_a_dead_letter_that_stayed_verbatim_is_honoured() {
    let function = function().await;
    let send = |function: &Sut, operation: &str| {
        let attributes = BTreeMap::from([
            ("operation".to_owned(), Attribute::string(operation)),
            ("token".to_owned(), Attribute::string("frozen")),
        ]);
        let body = json!({"imagePipelineArn": LINUX}).to_string();
        function.world.queue().send_with(&body, attributes, None, None);
    };
    send(&function, "StartImagePipelineExecution");
    function.deliver(function.world.queue()).await;
    assert_eq!(function.item("frozen")["status"], "STARTED");

    // An attribute of the same name that somebody else put there is no token.
    function.world.image_builder().finish_builds();
    send(&function, "SomethingElse");
    function.deliver(function.world.queue()).await;
    assert_eq!(function.world.image_builder().effects(), 2);
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_sent_keeps_its_record() {
    let function = function().await;
    let id = function.world.queue().send("not json");
    function.world.break_queues().await;
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![id]));
    let error = function.invoke(&json!({"hello": "world"})).await.unwrap_err();
    assert!(error.error_message.contains("neither reported nor deferred"), "{error:?}");

    function.world.heal_queues().await;
    function.world.clock.advance(std::time::Duration::from_mins(20));
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.dead_letters().len(), 1);
}
