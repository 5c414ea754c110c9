//! Each wish once, however often its event arrives.

use std::time::Duration;

use harness::{Fate, Fault};
use serde_json::json;
use shared::fingerprint::fingerprint;
use start_image_pipeline_execution::StartImagePipelineExecution;

use crate::{DESKTOP, LINUX, function, intent};

const OPERATION: &str = "StartImagePipelineExecution";

#[tokio::test]
async fn many_deliveries_of_one_wish_start_one_build() {
    let function = function().await;
    for _ in 0..5 {
        function.world.queue().send(&intent("nightly-1").to_string());
    }
    while function.deliver(function.world.queue()).await.is_some() {}
    assert_eq!(function.world.image_builder().effects(), 1);
    assert_eq!(function.world.queue().messages().len(), 0);
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
}

#[tokio::test]
async fn a_delivery_after_the_wish_has_started_calls_image_builder_zero_times() {
    let function = function().await;
    let first = function.invoke(&intent("nightly-1")).await.unwrap();
    function.world.image_builder().finish_builds();
    let again = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(function.world.image_builder().count(OPERATION), 1);
    assert_eq!(again, first, "the duplicate is answered with the first one's receipt");
}

#[tokio::test]
async fn equal_wishes_of_one_batch_are_claimed_once() {
    let function = function().await;
    for _ in 0..3 {
        function.world.queue().send(&intent("nightly-1").to_string());
    }
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    // One claim and one settlement.
    assert_eq!(function.world.dynamodb().count("BatchExecuteStatement"), 2);
    assert_eq!(function.world.image_builder().count(OPERATION), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_repeated_with_the_same_token_and_parameters() {
    let function = function().await;
    let image_builder = function.world.image_builder();
    image_builder.fault(OPERATION, Fault::drop().after_work());
    let answer = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED");
    assert_eq!(image_builder.effects(), 1);
    let bodies: Vec<_> = image_builder.requests().into_iter().map(|sent| sent.body).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0]["clientToken"], "nightly-1");
}

#[tokio::test]
async fn a_wish_whose_answers_are_all_lost_ends_with_the_first_ones_image() {
    let function = function().await;
    let image_builder = function.world.image_builder();
    // Every attempt of the SDK in the first invocation.
    image_builder.fault(OPERATION, Fault::drop().after_work().times(3));
    function.world.queue().send(&intent("nightly-1").to_string());
    let comes_again = function.deliver(function.world.queue()).await.unwrap();
    assert_eq!(comes_again.len(), 1);
    let deferred = function.item("nightly-1");
    assert_eq!(deferred["status"], "DEFERRED");
    assert!(deferred["doubtSince"].is_number(), "{deferred}");

    function.world.clock.advance(Duration::from_mins(20));
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    let started = function.item("nightly-1");
    assert_eq!(started["status"], "STARTED");
    assert!(started["doubtSince"].is_null(), "{started}");
    assert!(started["receipt"].as_str().unwrap().contains("/1.0.0/1\""), "{started}");
    assert_eq!(image_builder.effects(), 1);
}

/// The SDK hands over the last answer alone, which says nothing of the request before it.
#[tokio::test]
async fn a_request_without_an_answer_leaves_a_doubt_whatever_its_repeats_are_told() {
    for last in [
        Fault::error("CallRateLimitExceededException", 429),
        Fault::error("ForbiddenException", 403),
        Fault::error("InvalidRequestException", 400),
    ] {
        let function = function().await;
        let image_builder = function.world.image_builder();
        image_builder.fault(OPERATION, Fault::drop().after_work());
        image_builder.fault(OPERATION, last.clone().times(2));
        let seen = function.see("nightly-1", &intent("nightly-1")).await;
        assert!(seen.is(Fate::InDoubtWithin(30)), "{last:?}: {seen}");
        assert!(!seen.code().is_empty());

        image_builder.clear_faults();
        function.world.clock.advance(Duration::from_mins(20));
        assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
        assert_eq!(function.item("nightly-1")["status"], "STARTED");
        assert_eq!(image_builder.effects(), 1);
    }
}

/// A service that fails over a request may have carried it out before.
#[tokio::test]
async fn a_wish_that_a_service_failed_over_is_not_skipped_when_its_pipeline_is_busy() {
    let function = function().await;
    let image_builder = function.world.image_builder();
    image_builder.fault(OPERATION, Fault::error("ServiceException", 500).after_work().times(3));
    image_builder.fault(OPERATION, Fault::error("ResourceInUseException", 400));
    let mut wish = intent("nightly-1");
    wish["whenBusy"] = json!("skip");
    for expected in ["DEFERRED", "DEFERRED", "STARTED"] {
        let answer = function.invoke(&wish).await.unwrap();
        assert_eq!(answer["outcomes"][0]["outcome"], expected, "{answer}");
    }
    assert_eq!(image_builder.effects(), 1);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_recognised_as_our_own() {
    let function = function().await;
    function.world.dynamodb().fault("BatchExecuteStatement", Fault::drop().after_work());
    let answer = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED");
    assert_eq!(function.world.image_builder().count(OPERATION), 1);
}

#[tokio::test]
async fn two_workers_on_one_wish_start_one_build() {
    let function = function().await;
    let second = function.second(StartImagePipelineExecution::new);
    let text = intent("nightly-1").to_string();
    let (one, two) = tokio::join!(
        function.invoke_text(&text),
        second.handle(function.event(&text, "request-2"))
    );
    let outcomes = [one.unwrap(), serde_json::to_value(two.unwrap()).unwrap()]
        .map(|answer| answer["outcomes"][0]["outcome"].as_str().unwrap().to_owned());
    assert!(outcomes.contains(&"STARTED".to_owned()), "{outcomes:?}");
    assert_eq!(function.world.image_builder().effects(), 1);
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
}

#[tokio::test]
async fn a_wish_that_another_worker_holds_waits_until_its_lease_ends() {
    let function = function().await;
    claimed_by_somebody_else(&function, "nightly-1");
    let held = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(held["outcomes"][0]["outcome"], "DEFERRED");
    assert!(held["outcomes"][0]["reason"].as_str().unwrap().starts_with("Leased: "), "{held}");
    assert_eq!(function.world.image_builder().count(OPERATION), 0);

    function.world.clock.advance(Duration::from_secs(121));
    let free = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(free["outcomes"][0]["outcome"], "STARTED");
}

#[tokio::test]
async fn a_wish_whose_worker_died_is_not_skipped_when_its_pipeline_is_busy() {
    let function = function().await;
    claimed_by_somebody_else(&function, "nightly-1");
    function.world.clock.advance(Duration::from_secs(121));
    // It may be the dead worker's own build that the pipeline is busy with.
    function.invoke(&json!({"imagePipelineArn": LINUX, "clientToken": "other"})).await.unwrap();
    let mut wish = intent("nightly-1");
    wish["whenBusy"] = json!("skip");
    let answer = function.invoke(&wish).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "DEFERRED", "{answer}");
}

#[tokio::test]
async fn a_wish_in_doubt_for_too_long_is_reported_and_not_repeated() {
    let function = function().await;
    claimed_by_somebody_else(&function, "nightly-1");
    function.world.clock.advance(Duration::from_hours(13));
    let answer = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "REJECTED", "{answer}");
    assert_eq!(function.dead_letters()[0].0, "OutcomeUnknown");
    assert_eq!(function.world.image_builder().count(OPERATION), 0);
}

/// The dead worker may have started it before AWS came to say no.
#[tokio::test]
async fn a_wish_in_doubt_that_fails_for_good_is_reported_as_unknown() {
    let function = function().await;
    claimed_by_somebody_else(&function, "nightly-1");
    function.world.clock.advance(Duration::from_secs(121));
    function
        .world
        .image_builder()
        .fault(OPERATION, Fault::error("ResourceNotFoundException", 404).forever());
    let answer = function.invoke(&intent("nightly-1")).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "REJECTED", "{answer}");
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "OutcomeUnknown");
    assert!(message.contains("ResourceNotFoundException"), "{message}");
}

/// Its token may be about to be forgotten by AWS, and then the next message would start it twice.
#[tokio::test]
async fn a_wish_of_unknown_outcome_is_not_opened_by_the_next_message_with_its_token() {
    let function = function().await;
    claimed_by_somebody_else(&function, "nightly-1");
    function.world.clock.advance(Duration::from_hours(13));
    function.invoke(&intent("nightly-1")).await.unwrap();
    function.world.queue().send(&intent("nightly-1").to_string());
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    let codes: Vec<_> = function.dead_letters().into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["OutcomeUnknown", "OutcomeUnknown"], "each is reported");
    assert_eq!(function.world.image_builder().count(OPERATION), 0);
}

#[tokio::test]
async fn an_expired_item_is_a_wish_never_seen() {
    let function = function().await;
    function.invoke(&intent("nightly-1")).await.unwrap();
    function.world.image_builder().finish_builds();
    function.world.image_builder().forget_tokens();
    function.world.expire_ledger_item("StartImagePipelineExecution#nightly-1");
    let mut other_request = intent("nightly-1");
    other_request["imagePipelineArn"] = json!(DESKTOP);
    let answer = function.invoke(&other_request).await.unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED", "{answer}");
    assert_eq!(function.item("nightly-1")["target"], DESKTOP);
}

#[tokio::test]
async fn without_a_ledger_nothing_is_started_and_everything_comes_again() {
    let function = function().await;
    for token in ["a", "b", "c"] {
        function.world.queue().send(&intent(token).to_string());
    }
    function.world.break_ledger().await;
    let comes_again = function.deliver(function.world.queue()).await.unwrap();
    assert_eq!(comes_again.len(), 3);
    assert_eq!(function.world.image_builder().count(OPERATION), 0);

    function.world.heal_ledger().await;
    function.world.clock.advance(Duration::from_mins(20));
    function.world.image_builder().set_build_time(Duration::ZERO);
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.world.image_builder().effects(), 3);
}

/// A claim whose worker died before it did anything; the ledger cannot tell it from one at work.
fn claimed_by_somebody_else(function: &crate::Sut, token: &str) {
    let now = function.world.clock.epoch_millis();
    let request = json!({"imagePipelineArn": LINUX});
    function.world.put_ledger_item(&json!({
        "token": format!("{OPERATION}#{token}"),
        "operation": OPERATION,
        "target": LINUX,
        "fingerprint": fingerprint(OPERATION, &request).unwrap(),
        "status": "CLAIMED",
        "owner": "somebody-else",
        "claimableFrom": now + 120_000,
        "doubtSince": now,
        "attempts": 0,
        "source": "message somewhere",
        "request": request.to_string(),
        "createdAt": "2026-11-20T01:00:00Z",
        "updatedAt": "2026-11-20T01:00:00Z",
        "expiresAt": now / 1000 + 30 * 24 * 60 * 60,
    }));
}
