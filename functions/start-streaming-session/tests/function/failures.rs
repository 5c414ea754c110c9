//! What each failure means.

use std::time::Duration;

use aws_config::Region;
use harness::Fate::{After, Dead, InDoubtWithin, Within};
use harness::{Fault, Function};
use start_streaming_session::StartStreamingSession;

use crate::{OPERATION, TARGET, function, outcome, start};

#[tokio::test]
async fn every_error_of_the_operation_has_one_fate() {
    for (code, status, requests, fate) in [
        ("AccessDeniedException", 403, 1, Within(120)),
        ("ConflictException", 409, 1, After(120)),
        ("InternalServerErrorException", 500, 3, InDoubtWithin(30)),
        ("ResourceNotFoundException", 404, 1, Dead),
        ("ServiceQuotaExceededException", 402, 1, Within(120)),
        ("ThrottlingException", 429, 3, Within(30)),
        ("ValidationException", 400, 1, Dead),
    ] {
        let function = function("STOPPED").await;
        function.world.nimble().fault(OPERATION, Fault::error(code, status).forever());
        let seen = function.see("t", &start("t")).await;
        assert!(seen.is(fate), "{code}: expected {fate:?}, found {seen}");
        assert_eq!(seen.code(), code);
        assert_eq!(function.world.nimble().count(OPERATION), requests, "{code}");
        assert_eq!(function.world.nimble().effects_of(TARGET), 0);
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_ends_as_started_with_one_start() {
    let function = function("STOPPED").await;
    function.world.nimble().fault(OPERATION, Fault::drop().after_work().times(3));
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "DEFERRED");
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
    assert_eq!(function.world.nimble().effects_of(TARGET), 1);
}

#[tokio::test]
async fn a_doubt_that_is_too_old_ends_with_what_the_session_shows() {
    for (is_done, expected) in [(true, "STARTED"), (false, "REJECTED")] {
        let function = function("STOPPED").await;
        let lost = Fault::drop().times(3);
        let lost = if is_done { lost.after_work() } else { lost };
        function.world.nimble().fault(OPERATION, lost);
        function.invoke(&start("t")).await.unwrap();
        function.world.clock.advance(Duration::from_hours(13));
        assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), expected);
        let letters = function.dead_letters();
        assert_eq!(letters.iter().any(|(code, _)| code == "OutcomeUnknown"), !is_done);
    }
}

#[tokio::test]
async fn a_doubt_that_is_too_old_is_not_reported_before_the_session_was_asked() {
    let function = function("STOPPED").await;
    function.world.nimble().fault(OPERATION, Fault::drop().after_work().times(3));
    function.invoke(&start("t")).await.unwrap();
    function.world.clock.advance(Duration::from_hours(13));
    let refusal = Fault::error("AccessDeniedException", 403);
    function.world.nimble().fault("GetStreamingSession", refusal);
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "DEFERRED");
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
    assert_eq!(function.world.nimble().effects_of(TARGET), 1);
}

#[tokio::test]
async fn two_deliveries_at_the_same_moment_start_one_session() {
    let function = function("STOPPED").await;
    let second = function.second(start_streaming_session::StartStreamingSession::new);
    let text = start("t").to_string();
    let (one, two) = tokio::join!(
        function.invoke_text(&text),
        second.handle(function.event(&text, "request-2"))
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(function.world.nimble().effects_of(TARGET), 1);
    assert_eq!(function.item("t")["status"], "STARTED");
}

#[tokio::test]
async fn without_an_endpoint_the_service_is_known_to_be_retired() {
    let function = Function::start(|config| {
        // No region has this name, so that the address leads nowhere on any network.
        let config = harness::without_endpoints(config).region(Region::from_static("invalid"));
        StartStreamingSession::new(&config.build())
    })
    .await;
    let seen = function.see("t", &start("t")).await;
    assert!(seen.is(Dead), "{seen}");
    assert_eq!(seen.code(), "ServiceRetired");
    let (_, message) = function.dead_letters().remove(0);
    assert!(message.contains("AWS_ENDPOINT_URL_NIMBLE"), "{message}");
}
