//! What each failure means, and when an image counts as being in the wished state already.

use std::time::Duration;

use harness::Fate::{After, Dead, InDoubtWithin, Within};
use harness::Fault;
use serde_json::{Value, json};

use crate::{IMAGE, OPERATION, Sut, deletion, deprecation, function, outcome};

#[tokio::test]
async fn every_error_of_the_operation_has_one_fate() {
    for (code, status, requests, fate) in [
        ("CallRateLimitExceededException", 429, 3, Within(30)),
        ("ClientException", 400, 1, Dead),
        ("ForbiddenException", 403, 1, Within(120)),
        ("IdempotentParameterMismatchException", 400, 1, Dead),
        ("InvalidRequestException", 400, 1, Dead),
        ("ResourceInUseException", 400, 1, After(120)),
        ("ResourceNotFoundException", 404, 1, Dead),
        ("ServiceException", 500, 3, InDoubtWithin(30)),
        ("ServiceUnavailableException", 503, 3, InDoubtWithin(30)),
    ] {
        let function = function().await;
        function.world.image_builder().fault(OPERATION, Fault::error(code, status).forever());
        let seen = function.see("t", &deprecation("t")).await;
        assert!(seen.is(fate), "{code}: expected {fate:?}, found {seen}");
        assert_eq!(seen.code(), code);
        assert_eq!(function.world.image_builder().count(OPERATION), requests, "{code}");
        assert_eq!(function.world.image_builder().effects_of(IMAGE), 0);
    }
}

#[tokio::test]
async fn two_deliveries_at_the_same_moment_have_one_effect() {
    let function = function().await;
    let second = function.second(start_resource_state_update::StartResourceStateUpdate::new);
    let text = deletion("t").to_string();
    let (one, two) = tokio::join!(
        function.invoke_text(&text),
        second.handle(function.event(&text, "request-2"))
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(function.world.image_builder().effects_of(IMAGE), 1);
    assert_eq!(function.item("t")["status"], "STARTED");
}

#[tokio::test]
async fn an_answer_that_is_lost_ends_as_started_with_one_effect() {
    let function = function().await;
    function.world.image_builder().fault(OPERATION, Fault::drop().after_work().times(3));
    assert_eq!(outcome(&function.invoke(&deletion("t")).await.unwrap()), "DEFERRED");
    assert_eq!(outcome(&function.invoke(&deletion("t")).await.unwrap()), "STARTED");
    assert_eq!(function.world.image_builder().effects_of(IMAGE), 1);
}

#[tokio::test]
async fn an_image_with_a_lifecycle_execution_is_asked_again_after_two_minutes() {
    let function = function().await;
    function.invoke(&deletion("first")).await.unwrap();
    function.world.queue().send(&deprecation("second").to_string());
    function.deliver(function.world.queue()).await;
    let hidden = function.world.queue().messages().remove(0);
    let wait = hidden.visible_at.duration_since(function.world.clock.now()).unwrap();
    assert_eq!(wait, Duration::from_mins(2));
    assert_eq!(function.item("second")["errorCode"], "ResourceInUseException");
}

#[tokio::test]
async fn an_image_in_the_wished_state_counts_as_done() {
    let function = function().await;
    function.invoke(&deprecation("first")).await.unwrap();
    let answer = function.invoke(&deprecation("second")).await.unwrap();
    assert_eq!(outcome(&answer), "STARTED");
    let observed = json!({"resourceArn": IMAGE, "observed": "DEPRECATED"});
    assert_eq!(answer["outcomes"][0]["receipt"], observed);
    assert_eq!(function.world.image_builder().effects_of(IMAGE), 1);
}

#[tokio::test]
async fn a_no_is_not_reported_before_the_image_was_asked() {
    for (unanswered, code) in [
        (Fault::error("AccessDeniedException", 403), "AccessDeniedException"),
        (Fault::drop().times(3), "ConnectionFailed"),
    ] {
        let function = function().await;
        function.invoke(&deprecation("first")).await.unwrap();
        function.world.image_builder().fault("GetImage", unanswered);
        assert_eq!(outcome(&function.invoke(&deprecation("second")).await.unwrap()), "DEFERRED");
        let item = function.item("second");
        assert_eq!(item["errorCode"], code);
        assert!(item["errorMessage"].as_str().unwrap().contains("InvalidRequestException"));
        assert!(item["doubtSince"].is_null(), "the call itself was answered: {item}");
        assert_eq!(outcome(&function.invoke(&deprecation("second")).await.unwrap()), "STARTED");
    }
}

#[tokio::test]
async fn an_image_in_another_state_does_not() {
    let function = function().await;
    let refusal = Fault::error("InvalidRequestException", 400);
    function.world.image_builder().fault(OPERATION, refusal);
    assert_eq!(outcome(&function.invoke(&deprecation("t")).await.unwrap()), "REJECTED");
}

#[tokio::test]
async fn what_became_of_included_resources_is_not_guessed_from_the_image() {
    let function = function().await;
    function.invoke(&deprecation("first")).await.unwrap();
    let refusal = Fault::error("InvalidRequestException", 400);
    function.world.image_builder().fault(OPERATION, refusal);
    let mut wish = deprecation("second");
    wish["executionRole"] = json!("lifecycle");
    wish["includeResources"] = json!({"amis": true});
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "REJECTED");
}

#[tokio::test]
async fn an_image_that_is_gone_is_an_error_unless_the_deletion_may_have_been_ours() {
    let gone = "arn:aws:imagebuilder:us-east-1:123456789012:image/gone/1.0.0/1";
    let mut wish = deletion("t");
    wish["resourceArn"] = json!(gone);
    let never_there = function().await;
    assert_eq!(outcome(&never_there.invoke(&wish).await.unwrap()), "REJECTED");

    let in_doubt = function().await;
    in_doubt.world.image_builder().fault(OPERATION, Fault::drop().times(3));
    assert_eq!(outcome(&in_doubt.invoke(&wish).await.unwrap()), "DEFERRED");
    assert_eq!(outcome(&in_doubt.invoke(&wish).await.unwrap()), "STARTED");
    assert_eq!(observed(&in_doubt, "t"), "DELETED");
}

#[tokio::test]
async fn a_doubt_that_is_too_old_ends_with_what_the_image_shows() {
    for (is_done, expected) in [(true, "STARTED"), (false, "REJECTED")] {
        let function = function().await;
        let lost = Fault::drop().times(3);
        let lost = if is_done { lost.after_work() } else { lost };
        function.world.image_builder().fault(OPERATION, lost);
        function.invoke(&deprecation("t")).await.unwrap();
        function.world.clock.advance(Duration::from_hours(13));
        assert_eq!(outcome(&function.invoke(&deprecation("t")).await.unwrap()), expected);
        let letters = function.dead_letters();
        assert_eq!(letters.iter().any(|(code, _)| code == "OutcomeUnknown"), !is_done);
    }
}

fn observed(function: &Sut, token: &str) -> Value {
    let receipt = function.item(token)["receipt"].clone();
    let receipt: Value = serde_json::from_str(receipt.as_str().unwrap()).unwrap();
    receipt["observed"].clone()
}
