//! What each failure means, and that no start is repeated blindly.

use std::time::Duration;

use harness::Fate::{After, Dead, InDoubtWithin, Started, Within};
use harness::Fault;
use serde_json::json;

use crate::{BUILDER, OPERATION, function, outcome, start};

/// No start is repeated within an invocation: without a token a repeat is another start.
#[tokio::test]
async fn every_error_of_the_operation_has_one_fate() {
    for (code, status, fate) in [
        ("ConcurrentModificationException", 400, After(300)),
        ("IncompatibleImageException", 400, Dead),
        ("InvalidAccountStatusException", 400, Within(120)),
        ("ResourceNotAvailableException", 400, Dead),
        ("ResourceNotFoundException", 400, Dead),
        ("ResourceNotFoundException", 404, Dead),
        ("OperationNotPermittedException", 400, Dead),
        ("LimitExceededException", 400, Within(120)),
        ("RequestLimitExceededException", 400, Within(30)),
        ("ThrottlingException", 400, Within(30)),
        ("InternalError", 500, Within(30)),
        ("AccessDeniedException", 400, Within(120)),
    ] {
        let function = function("STOPPED").await;
        function.world.app_stream().fault(OPERATION, Fault::error(code, status).forever());
        let seen = function.see("t", &start("t")).await;
        assert!(seen.is(fate), "{code} {status}: expected {fate:?}, found {seen}");
        assert_eq!(seen.code(), code);
        assert_eq!(function.world.app_stream().count(OPERATION), 1, "{code}");
    }
}

#[tokio::test]
async fn every_failure_on_the_way_of_a_start_has_one_fate() {
    for (name, fault, fate) in [
        ("reset before the work", Fault::drop(), InDoubtWithin(30)),
        ("a page of a gateway", Fault::bad_gateway(), InDoubtWithin(30)),
        // The builder itself says that it was done.
        ("reset after the work", Fault::drop().after_work(), Started),
        ("truncated", Fault::truncated(), Started),
        ("unreadable", Fault::unreadable(), Started),
    ] {
        let function = function("STOPPED").await;
        function.world.app_stream().fault(OPERATION, fault.forever());
        let seen = function.see("t", &start("t")).await;
        assert!(seen.is(fate), "{name}: expected {fate:?}, found {seen}");
        assert_eq!(function.world.app_stream().count(OPERATION), 1, "{name}");
    }
}

/// To ask changes nothing, so that it is repeated, and its failure begins no doubt.
#[tokio::test]
async fn every_error_of_the_question_has_one_fate() {
    for (code, status, requests, fate) in [
        ("ResourceNotFoundException", 400, 1, Dead),
        ("ThrottlingException", 400, 3, Within(30)),
        ("RequestLimitExceededException", 400, 3, Within(30)),
        ("LimitExceededException", 400, 1, Within(120)),
        ("InternalError", 500, 3, Within(30)),
        ("AccessDeniedException", 400, 1, Within(120)),
    ] {
        let function = function("STOPPED").await;
        let fault = Fault::error(code, status).forever();
        function.world.app_stream().fault("DescribeImageBuilders", fault);
        let seen = function.see("t", &start("t")).await;
        assert!(seen.is(fate), "{code}: expected {fate:?}, found {seen}");
        assert_eq!(function.world.app_stream().count("DescribeImageBuilders"), requests, "{code}");
        assert_eq!(function.world.app_stream().count(OPERATION), 0, "{code}");
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
async fn a_refusal_is_not_reported_before_the_builder_was_asked() {
    let function = function("STOPPED").await;
    let refused = Fault::error("OperationNotPermittedException", 400).after_work();
    function.world.app_stream().fault(OPERATION, refused);
    function.world.app_stream().fault("DescribeImageBuilders", Fault::pass());
    let throttled = Fault::error("ThrottlingException", 400).times(3);
    function.world.app_stream().fault("DescribeImageBuilders", throttled);
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "DEFERRED");
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
