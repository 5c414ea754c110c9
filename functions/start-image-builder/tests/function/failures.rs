//! What each failure means, and that no start is repeated blindly.

use std::time::Duration;

use harness::Fault;
use serde_json::json;

use crate::{BUILDER, OPERATION, function, outcome, start};

#[tokio::test]
async fn every_error_of_the_operation_has_one_fate() {
    for (code, status, fate) in [
        ("ConcurrentModificationException", 400, "DEFERRED"),
        ("IncompatibleImageException", 400, "REJECTED"),
        ("InvalidAccountStatusException", 400, "DEFERRED"),
        ("ResourceNotAvailableException", 400, "REJECTED"),
        ("ResourceNotFoundException", 400, "REJECTED"),
        ("ResourceNotFoundException", 404, "REJECTED"),
        ("OperationNotPermittedException", 400, "REJECTED"),
        ("LimitExceededException", 400, "DEFERRED"),
        ("RequestLimitExceededException", 400, "DEFERRED"),
        ("ThrottlingException", 400, "DEFERRED"),
        ("InternalError", 500, "DEFERRED"),
        ("AccessDeniedException", 400, "DEFERRED"),
    ] {
        let function = function("STOPPED").await;
        function.world.app_stream().fault(OPERATION, Fault::error(code, status).forever());
        let answer = function.invoke(&start("t")).await.unwrap();
        assert_eq!(outcome(&answer), fate, "{code}");
        assert_eq!(function.item("t")["errorCode"], code);
        assert_eq!(function.world.app_stream().count(OPERATION), 1, "{code} is never re-sent");
    }
}

#[tokio::test]
async fn a_refusal_of_a_builder_that_is_on_its_way_counts_as_started() {
    let refused = Fault::error("OperationNotPermittedException", 400).after_work();
    let function = function("STOPPED").await;
    function.world.app_stream().fault(OPERATION, refused);
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
    assert_eq!(function.world.app_stream().effects_of(BUILDER), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_ends_as_started_with_one_start() {
    for fault in [Fault::drop().after_work(), Fault::unreadable(), Fault::truncated()] {
        let function = function("STOPPED").await;
        function.world.app_stream().fault(OPERATION, fault);
        assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
        assert_eq!(function.world.app_stream().effects_of(BUILDER), 1);
        assert_eq!(function.world.app_stream().count(OPERATION), 1);
    }
}

#[tokio::test]
async fn a_start_that_never_arrived_is_repeated_within_three_minutes() {
    let function = function("STOPPED").await;
    function.world.app_stream().fault(OPERATION, Fault::drop());
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "DEFERRED");
    assert!(function.item("t")["doubtSince"].is_number());
    function.world.clock.advance(Duration::from_secs(179));
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
    assert_eq!(function.world.app_stream().effects_of(BUILDER), 1);
}

#[tokio::test]
async fn a_start_in_doubt_for_longer_than_that_is_reported_and_not_repeated() {
    let function = function("STOPPED").await;
    function.world.app_stream().fault(OPERATION, Fault::drop());
    function.invoke(&start("t")).await.unwrap();
    function.world.clock.advance(Duration::from_secs(181));
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "REJECTED");
    assert_eq!(function.dead_letters()[0].0, "OutcomeUnknown");
    assert_eq!(function.world.app_stream().count(OPERATION), 1);
}

#[tokio::test]
async fn a_start_in_doubt_that_is_visibly_done_ends_as_started() {
    let function = function("STOPPED").await;
    function.world.app_stream().fault(OPERATION, Fault::drop());
    function.invoke(&start("t")).await.unwrap();
    function.world.app_stream().set_state(BUILDER, "RUNNING").unwrap();
    function.world.clock.advance(Duration::from_hours(1));
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
    assert_eq!(function.world.app_stream().count(OPERATION), 1);
}

#[tokio::test]
async fn a_start_in_doubt_is_not_skipped_when_its_builder_is_busy() {
    let function = function("STOPPED").await;
    function.world.app_stream().fault(OPERATION, Fault::drop());
    let mut wish = start("t");
    wish["whenBusy"] = json!("skip");
    function.invoke(&wish).await.unwrap();
    function.world.app_stream().set_state(BUILDER, "STOPPING").unwrap();
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "DEFERRED");
}

#[tokio::test]
async fn a_question_that_fails_starts_nothing_and_begins_no_doubt() {
    let function = function("STOPPED").await;
    let hidden = Fault::error("AccessDeniedException", 400).forever();
    function.world.app_stream().fault("DescribeImageBuilders", hidden);
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "DEFERRED");
    assert_eq!(function.world.app_stream().count(OPERATION), 0);
    assert!(function.item("t")["doubtSince"].is_null());
}

#[tokio::test]
async fn two_deliveries_at_the_same_moment_start_one_builder() {
    let function = function("STOPPED").await;
    let second = function.second(start_image_builder::StartImageBuilder::new);
    let text = start("t").to_string();
    let (one, two) = tokio::join!(
        function.invoke_text(&text),
        second.handle(function.event(&text, "request-2"))
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(function.world.app_stream().count(OPERATION), 1);
    assert_eq!(function.item("t")["status"], "STARTED");
}

#[tokio::test]
async fn a_late_worker_sends_nothing() {
    let mut function = function("STOPPED").await;
    function.timeout = Duration::ZERO;
    let id = function.world.queue().send(&start("t").to_string());
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![id]));
    assert_eq!(function.world.app_stream().requests().len(), 0);
}
