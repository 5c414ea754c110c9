//! What each failure of Image Builder means.

use std::time::Duration;

use aws_config::SdkConfig;
use harness::{Fault, Function};
use serde_json::json;
use start_image_pipeline_execution::StartImagePipelineExecution;

use crate::{LINUX, function, intent};

const OPERATION: &str = "StartImagePipelineExecution";

#[derive(Debug, PartialEq)]
enum Fate {
    /// The record comes again, and the ledger says DEFERRED.
    Again,
    /// A dead letter, and the ledger says REJECTED.
    Dead,
}
use Fate::{Again, Dead};

#[tokio::test]
async fn every_error_of_the_operation_has_one_fate() {
    for (code, status, fate) in [
        ("CallRateLimitExceededException", 429, Again),
        ("ClientException", 400, Dead),
        ("ForbiddenException", 403, Again),
        ("IdempotentParameterMismatchException", 400, Dead),
        ("InvalidRequestException", 400, Dead),
        ("ResourceInUseException", 400, Again),
        ("ResourceNotFoundException", 404, Dead),
        ("ServiceException", 500, Again),
        ("ServiceUnavailableException", 503, Again),
        ("AccessDeniedException", 403, Again),
        ("ExpiredTokenException", 403, Again),
        ("ThrottlingException", 400, Again),
        ("ValidationException", 400, Dead),
        ("SomethingNewException", 400, Dead),
        ("SomethingNewException", 429, Again),
        ("SomethingNewException", 500, Again),
    ] {
        let function = function().await;
        let id = function.world.queue().send(&intent("nightly-1").to_string());
        function.world.image_builder().fault(OPERATION, Fault::error(code, status).forever());
        let comes_again = function.deliver(function.world.queue()).await.unwrap();
        let item = function.item("nightly-1");
        assert_eq!(item["errorCode"], code);
        let found = if comes_again == [id] { Again } else { Dead };
        assert_eq!(found, fate, "{code}");
        match fate {
            Again => assert_eq!(item["status"], "DEFERRED", "{code}"),
            Dead => assert_eq!(item["status"], "REJECTED", "{code}"),
        }
        let letters = usize::from(fate == Dead);
        assert_eq!(function.dead_letters().len(), letters, "{code}");
        assert_eq!(function.world.image_builder().effects(), 0);
    }
}

#[tokio::test]
async fn an_outcome_that_is_unknown_begins_a_doubt_and_ends_as_started() {
    for (name, fault) in [
        ("drop before", Fault::drop()),
        ("drop after", Fault::drop().after_work()),
        ("unreadable", Fault::unreadable()),
        ("truncated", Fault::truncated()),
        ("bad gateway", Fault::bad_gateway()),
    ] {
        let function = function().await;
        function.world.queue().send(&intent("nightly-1").to_string());
        function.world.image_builder().fault(OPERATION, fault.times(3));
        assert_eq!(function.deliver(function.world.queue()).await.unwrap().len(), 1, "{name}");
        assert!(function.item("nightly-1")["doubtSince"].is_number(), "{name}");

        function.world.image_builder().clear_faults();
        function.world.clock.advance(Duration::from_mins(20));
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]), "{name}");
        assert_eq!(function.item("nightly-1")["status"], "STARTED", "{name}");
        assert_eq!(function.world.image_builder().effects(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_busy_pipeline_is_asked_again_after_ten_minutes() {
    let function = function().await;
    function.invoke(&intent("first")).await.unwrap();
    function.world.queue().send(&intent("second").to_string());
    function.deliver(function.world.queue()).await;
    let hidden = function.world.queue().messages().remove(0);
    let wait = hidden.visible_at.duration_since(function.world.clock.now()).unwrap();
    assert_eq!(wait, Duration::from_mins(10));
    assert_eq!(function.item("second")["attempts"], 0, "waiting is no failed attempt");

    function.world.image_builder().finish_builds();
    function.world.clock.advance(wait);
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.item("second")["status"], "STARTED");
}

#[tokio::test]
async fn a_wish_that_would_rather_not_wait_is_skipped() {
    let function = function().await;
    function.invoke(&intent("first")).await.unwrap();
    let mut wish = intent("second");
    wish["whenBusy"] = json!("skip");
    let answer = function.invoke(&wish).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "SKIPPED");
    assert_eq!(function.item("second")["status"], "SKIPPED");
    function.world.image_builder().finish_builds();
    let again = function.invoke(&wish).await.unwrap();
    assert_eq!(again["outcomes"][0]["outcome"], "SKIPPED", "and stays so");
}

#[tokio::test]
async fn a_pipeline_that_is_busy_for_too_long_is_reported() {
    let function = function().await;
    function.world.image_builder().set_build_time(Duration::from_hours(100));
    function.invoke(&intent("first")).await.unwrap();
    function.invoke(&intent("second")).await.unwrap();
    function.world.clock.advance(Duration::from_hours(12));
    let answer = function.invoke(&intent("second")).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "REJECTED");
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "ResourceInUseException");
    assert!(message.starts_with("still busy after 12 hours"), "{message}");
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_reason_is_reported() {
    let function = function().await;
    let denied = Fault::error("AccessDeniedException", 403).forever();
    function.world.image_builder().fault(OPERATION, denied);
    function.world.queue().send(&intent("nightly-1").to_string());
    let mut deliveries = 0;
    while !function.world.queue().messages().is_empty() {
        function.deliver(function.world.queue()).await.expect("it is visible by now");
        function.world.clock.advance(Duration::from_mins(15));
        deliveries += 1;
    }
    assert_eq!(deliveries, 20);
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.starts_with("gave up after 20 attempts"), "{message}");
}

#[tokio::test]
async fn a_rejected_wish_is_not_called_again_for_the_same_source() {
    let function = function().await;
    let refusal = Fault::error("InvalidRequestException", 400);
    function.world.image_builder().fault(OPERATION, refusal);
    function.world.queue().send(&intent("nightly-1").to_string());
    let batch = function.world.queue().poll(1).unwrap();
    function.invoke(&batch.event).await.unwrap();
    // The answer is lost, and the record comes again.
    let again = function.invoke(&batch.event).await.unwrap();
    assert_eq!(again, json!({"batchItemFailures": []}));
    assert_eq!(function.world.image_builder().count(OPERATION), 1);
    assert_eq!(function.dead_letters().len(), 2, "reported again, for the first may be lost");
}

#[tokio::test]
async fn a_rejected_wish_that_is_sent_anew_is_tried_anew() {
    let function = function().await;
    let refusal = Fault::error("InvalidRequestException", 400);
    function.world.image_builder().fault(OPERATION, refusal);
    for _ in 0..2 {
        function.world.queue().send(&intent("nightly-1").to_string());
        function.deliver(function.world.queue()).await;
    }
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
    assert_eq!(function.world.image_builder().effects_of(LINUX), 1);
}

#[tokio::test]
async fn a_direct_wish_that_is_deferred_goes_to_the_own_queue_with_its_token_in_it() {
    let function = function().await;
    function.invoke(&intent("first")).await.unwrap();
    let answer = function.invoke(&json!({"imagePipelineArn": LINUX})).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "DEFERRED");
    let sent = function.world.queue().messages().remove(0);
    let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(body["clientToken"], answer["outcomes"][0]["token"]);
    let wait = sent.visible_at.duration_since(function.world.clock.now()).unwrap();
    assert_eq!(wait, Duration::from_mins(10));
}

#[tokio::test]
async fn nothing_is_begun_that_cannot_finish() {
    let mut function = function().await;
    function.timeout = Duration::ZERO;
    let id = function.world.queue().send(&intent("nightly-1").to_string());
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![id]));
    assert!(function.world.image_builder().requests().is_empty());
}

#[tokio::test]
async fn a_throttled_call_is_repeated_at_once_and_a_denied_one_is_not() {
    for (code, status, calls) in [
        ("CallRateLimitExceededException", 429, 3),
        ("ServiceUnavailableException", 503, 3),
        ("ForbiddenException", 403, 1),
        ("LimitExceededException", 400, 1),
        ("ResourceInUseException", 400, 1),
        ("InvalidRequestException", 400, 1),
    ] {
        let function = function().await;
        function.world.image_builder().fault(OPERATION, Fault::error(code, status).forever());
        function.invoke(&intent("nightly-1")).await.unwrap();
        assert_eq!(function.world.image_builder().count(OPERATION), calls, "{code}");
    }
}

#[tokio::test]
async fn a_wish_that_cannot_be_sent_on_fails_its_invocation() {
    let function = function().await;
    function.invoke(&intent("first")).await.unwrap();
    function.world.break_queues().await;
    let error = function.invoke(&intent("second")).await.unwrap_err();
    assert!(error.error_message.contains("neither reported nor deferred"), "{error:?}");
    function.world.heal_queues().await;
    let again = function.invoke(&intent("second")).await.unwrap();
    assert_eq!(again["outcomes"][0]["outcome"], "DEFERRED");
    assert_eq!(function.world.queue().messages().len(), 1);
}

#[tokio::test]
async fn a_record_is_reported_with_its_token_before_sqs_gives_it_up_without() {
    let function = function().await;
    function.world.image_builder().set_build_time(Duration::from_hours(100));
    function.invoke(&intent("first")).await.unwrap();
    function.world.queue().send(&json!({"imagePipelineArn": LINUX}).to_string());
    let mut event = function.world.queue().poll(1).unwrap().event;
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("189");
    let waits = function.invoke(&event).await.unwrap();
    assert_eq!(waits["batchItemFailures"].as_array().unwrap().len(), 1);
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("190");
    let gives_up = function.invoke(&event).await.unwrap();
    assert_eq!(gives_up, json!({"batchItemFailures": []}));
    let letter = function.world.dead_letters().messages().remove(0);
    assert_eq!(letter.attribute("errorCode"), Some("ResourceInUseException"));
    assert!(letter.attribute("errorMessage").unwrap().starts_with("received 190 times"));
    assert!(letter.body.contains(letter.attribute("token").unwrap()), "{}", letter.body);
}

#[tokio::test]
async fn a_connection_that_is_refused_is_known_to_have_sent_nothing() {
    let function = Function::start(|config| {
        let mut nobody = SdkConfig::builder().endpoint_url("http://127.0.0.1:1");
        nobody.set_behavior_version(config.behavior_version());
        nobody.set_region(config.region().cloned());
        nobody.set_credentials_provider(config.credentials_provider());
        nobody.set_http_client(config.http_client());
        nobody.set_retry_config(config.retry_config().cloned());
        nobody.set_sleep_impl(config.sleep_impl());
        StartImagePipelineExecution::new(&nobody.build())
    })
    .await;
    function.invoke(&intent("nightly-1")).await.unwrap();
    let item = function.item("nightly-1");
    assert_eq!(item["errorCode"], "ConnectionFailed");
    assert!(item["errorMessage"].as_str().unwrap().contains("refused"), "{item}");
    assert_eq!(item["attempts"], 1, "so it counts as an attempt");
    assert!(item["doubtSince"].is_null(), "and begins no doubt");
}
