//! What each failure of Image Builder means.

use std::time::Duration;

use aws_config::SdkConfig;
use harness::Fate::{After, Dead, InDoubtWithin, Within};
use harness::{Fault, Function};
use serde_json::json;
use start_image_pipeline_execution::StartImagePipelineExecution;

use crate::{LINUX, OPERATION, function, intent};

/// Each row: the failure of every request, the requests that are made, and what becomes of it.
#[tokio::test]
async fn every_error_of_the_operation_has_one_fate() {
    for (code, status, requests, fate) in [
        ("CallRateLimitExceededException", 429, 3, Within(30)),
        ("ClientException", 400, 1, Dead),
        ("ForbiddenException", 403, 1, Within(120)),
        ("IdempotentParameterMismatchException", 400, 1, Dead),
        ("InvalidRequestException", 400, 1, Dead),
        ("ResourceInUseException", 400, 1, After(600)),
        ("ResourceNotFoundException", 404, 1, Dead),
        ("ServiceException", 500, 3, InDoubtWithin(30)),
        ("ServiceUnavailableException", 503, 3, InDoubtWithin(30)),
        // What any AWS operation may answer.
        ("AccessDeniedException", 403, 1, Within(120)),
        ("ExpiredTokenException", 403, 1, Within(120)),
        ("IncompleteSignature", 400, 1, Within(120)),
        ("InternalFailure", 500, 3, InDoubtWithin(30)),
        ("InvalidClientTokenId", 403, 1, Within(120)),
        ("LimitExceededException", 400, 1, Within(120)),
        ("OptInRequired", 403, 1, Within(120)),
        ("RequestExpired", 400, 1, Within(120)),
        ("RequestLimitExceeded", 400, 3, Within(30)),
        ("RequestTimeTooSkewed", 403, 3, Within(30)),
        ("RequestTimeout", 400, 3, Within(30)),
        ("ServiceQuotaExceededException", 402, 1, Within(120)),
        ("SignatureDoesNotMatch", 403, 1, Within(120)),
        ("SlowDown", 503, 3, Within(30)),
        ("Throttling", 400, 3, Within(30)),
        ("ThrottlingException", 400, 3, Within(30)),
        ("TooManyRequestsException", 429, 3, Within(30)),
        ("UnrecognizedClientException", 403, 1, Within(120)),
        ("ValidationException", 400, 1, Dead),
        // What is newer than this code.
        ("SomethingNewException", 400, 1, Dead),
        ("SomethingNewException", 403, 1, Within(120)),
        ("SomethingNewException", 429, 3, Within(30)),
        ("SomethingNewException", 500, 3, InDoubtWithin(30)),
    ] {
        let function = function().await;
        function.world.image_builder().fault(OPERATION, Fault::error(code, status).forever());
        let seen = function.see("nightly-1", &intent("nightly-1")).await;
        assert!(seen.is(fate), "{code} {status}: expected {fate:?}, found {seen}");
        assert_eq!(seen.code(), code);
        assert_eq!(function.world.image_builder().count(OPERATION), requests, "{code} {status}");
        assert_eq!(function.world.image_builder().effects(), 0);
    }
}

#[tokio::test]
async fn every_failure_on_the_way_has_one_fate() {
    for (name, fault, requests, code) in [
        ("reset before the work", Fault::drop(), 3, "ConnectionFailed"),
        ("reset after the work", Fault::drop().after_work(), 3, "ConnectionFailed"),
        ("truncated", Fault::truncated(), 3, "UnreadableAnswer"),
        ("a page of a gateway", Fault::bad_gateway(), 3, "UnreadableAnswer"),
        ("unreadable", Fault::unreadable(), 3, "UnreadableAnswer"),
    ] {
        let function = function().await;
        function.world.image_builder().fault(OPERATION, fault.forever());
        let seen = function.see("nightly-1", &intent("nightly-1")).await;
        assert!(seen.is(InDoubtWithin(30)), "{name}: {seen}");
        assert_eq!(seen.code(), code, "{name}");
        assert_eq!(function.world.image_builder().count(OPERATION), requests, "{name}");

        function.world.image_builder().clear_faults();
        function.world.clock.advance(Duration::from_mins(20));
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]), "{name}");
        assert_eq!(function.item("nightly-1")["status"], "STARTED", "{name}");
        assert_eq!(function.world.image_builder().effects(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_known_to_have_sent_nothing() {
    // Nothing listens on port 1, and `.invalid` is a name that nobody may ever have (RFC 6761).
    for endpoint in ["http://127.0.0.1:1", "http://imagebuilder.invalid"] {
        let function = Function::start(|config| elsewhere(config, endpoint)).await;
        let seen = function.see("nightly-1", &intent("nightly-1")).await;
        assert!(seen.is(Within(30)), "{endpoint}: {seen}");
        assert_eq!(seen.code(), "ConnectionFailed", "{endpoint}");
        assert_eq!(function.item("nightly-1")["attempts"], 1, "so it counts as an attempt");
    }
}

fn elsewhere(config: &SdkConfig, endpoint: &str) -> StartImagePipelineExecution {
    let config = harness::without_endpoints(config).endpoint_url(endpoint);
    StartImagePipelineExecution::new(&config.build())
}

/// Without a ledger nothing is called, whatever DynamoDB's reason is.
#[tokio::test]
async fn every_error_of_the_ledger_brings_the_record_again_and_nothing_is_called() {
    for (code, status, requests) in [
        ("InternalServerError", 500, 3),
        ("ItemCollectionSizeLimitExceededException", 400, 1),
        ("LimitExceededException", 400, 1),
        ("ProvisionedThroughputExceededException", 400, 3),
        ("ReplicatedWriteConflictException", 400, 3),
        ("RequestLimitExceeded", 400, 3),
        ("ResourceNotFoundException", 400, 1),
        ("ThrottlingException", 400, 3),
        ("TransactionConflictException", 400, 3),
        ("AccessDeniedException", 400, 1),
        ("ValidationException", 400, 1),
    ] {
        let function = function().await;
        let id = function.world.queue().send(&intent("nightly-1").to_string());
        function
            .world
            .dynamodb()
            .fault("BatchExecuteStatement", Fault::error(code, status).forever());
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![id]), "{code}");
        assert_eq!(function.world.dynamodb().total(), requests, "{code}");
        assert!(function.world.image_builder().requests().is_empty(), "{code}");
        assert!(function.dead_letters().is_empty(), "{code}");
        let left = function.world.queue().messages().remove(0);
        let wait = left.visible_at.duration_since(function.world.clock.now()).unwrap();
        assert!((1..=30).contains(&wait.as_secs()), "{code}: {wait:?}");
    }
}

/// A dead letter that SQS does not take leaves its record where it is.
#[tokio::test]
async fn every_error_of_the_dead_letter_queue_brings_the_record_again() {
    for (code, status, requests) in [
        ("InternalError", 500, 3),
        ("InvalidAddress", 404, 1),
        ("KmsAccessDenied", 400, 1),
        ("KmsThrottled", 400, 1),
        ("OverLimit", 403, 1),
        ("QueueDoesNotExist", 400, 1),
        ("RequestThrottled", 403, 3),
        ("ServiceUnavailable", 503, 3),
        ("AccessDeniedException", 403, 1),
        ("BatchRequestTooLong", 400, 1),
    ] {
        let function = function().await;
        let id = function.world.queue().send("{}");
        function.world.sqs().fault("SendMessageBatch", Fault::error(code, status).forever());
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![id]), "{code}");
        assert_eq!(function.world.sqs().count("SendMessageBatch"), requests, "{code}");

        function.world.sqs().clear_faults();
        function.world.clock.advance(Duration::from_mins(15));
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]), "{code}");
        assert_eq!(function.dead_letters().len(), 1, "{code}");
    }
}

/// The record comes again all the same, after the visibility that its queue gives it.
#[tokio::test]
async fn a_visibility_that_sqs_does_not_change_loses_nothing() {
    for (code, status) in [("MessageNotInflight", 400), ("InternalError", 500)] {
        let function = function().await;
        let busy = Fault::error("ResourceInUseException", 400);
        function.world.image_builder().fault(OPERATION, busy);
        let refused = Fault::error(code, status).forever();
        function.world.sqs().fault("ChangeMessageVisibilityBatch", refused);
        let seen = function.see("nightly-1", &intent("nightly-1")).await;
        assert!(seen.is(After(180)), "{code}: {seen}");
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
