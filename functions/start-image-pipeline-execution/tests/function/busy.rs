//! A pipeline that is at work on another build. The clock stands still unless a test moves it.

use std::time::{Duration, SystemTime};

use harness::Fault;
use serde_json::{Value, json};

use crate::{LINUX, OPERATION, Sut, function, intent};

const MINUTE: Duration = Duration::from_mins(1);

/// The function, its pipeline at work on somebody else's build for forty minutes.
async fn busy() -> Sut {
    let function = function().await;
    function.world.image_builder().set_build_time(40 * MINUTE);
    function.invoke(&intent("somebody-elses")).await.unwrap();
    function
}

/// Delivers the queue's only message each time that it comes again, until it does not, and how
/// long that took. At the end all else has had its time too: nothing may be left to happen.
async fn delivered_to_the_end(function: &Sut, wish: &Value) -> Duration {
    let queue = function.world.queue();
    queue.send(&wish.to_string());
    let begun = function.world.clock.now();
    let mut ended = begun;
    while let Some(message) = queue.messages().pop() {
        function.world.clock.advance(since(function, message.visible_at));
        ended = function.world.clock.now();
        function.deliver(queue).await.expect("the message is visible by now");
    }
    ended.duration_since(begun).unwrap()
}

fn since(function: &Sut, time: SystemTime) -> Duration {
    time.duration_since(function.world.clock.now()).unwrap_or_default()
}

#[tokio::test]
async fn a_pipeline_busy_for_forty_minutes_ends_with_one_build_and_no_dead_letter() {
    let function = busy().await;
    let took = delivered_to_the_end(&function, &intent("nightly-1")).await;
    assert_eq!(took, 40 * MINUTE);
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
    assert_eq!(function.item("nightly-1")["attempts"], 0, "waiting is no failed attempt");
    assert_eq!(function.world.image_builder().effects_of(LINUX), 2, "theirs and ours");
    assert!(function.dead_letters().is_empty());
}

#[tokio::test]
async fn a_wish_whose_time_passes_while_it_waits_ends_as_expired_and_is_reported() {
    let function = busy().await;
    let mut wish = intent("nightly-1");
    wish["notAfter"] = json!("2026-11-20T01:10:00Z");
    let took = delivered_to_the_end(&function, &wish).await;
    assert_eq!(took, 20 * MINUTE, "it was asked once more at the last moment");
    assert_eq!(function.item("nightly-1")["status"], "REJECTED");
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "Expired");
    assert!(message.contains("2026-11-20T01:10:00Z"), "{message}");
    assert_eq!(function.world.image_builder().effects_of(LINUX), 1, "theirs");
}

#[tokio::test]
async fn a_wish_that_would_rather_not_wait_ends_as_skipped() {
    let function = busy().await;
    let mut wish = intent("nightly-1");
    wish["whenBusy"] = json!("skip");
    let took = delivered_to_the_end(&function, &wish).await;
    assert_eq!(took, Duration::ZERO);
    assert_eq!(function.item("nightly-1")["status"], "SKIPPED");
    assert!(function.dead_letters().is_empty());
}

#[tokio::test]
async fn a_pipeline_that_is_busy_by_our_own_lost_answer_ends_as_started_with_that_build() {
    let function = function().await;
    let image_builder = function.world.image_builder();
    image_builder.fault(OPERATION, Fault::drop().after_work().times(3));
    image_builder.fault(OPERATION, Fault::error("ResourceInUseException", 400).times(2));
    let mut wish = intent("nightly-1");
    // Not even this gives up a build that may be our own.
    wish["whenBusy"] = json!("skip");
    delivered_to_the_end(&function, &wish).await;
    let item = function.item("nightly-1");
    assert_eq!(item["status"], "STARTED", "{item}");
    assert!(item["receipt"].as_str().unwrap().contains("image/golden-linux/1.0.0/1"), "{item}");
    assert_eq!(image_builder.effects(), 1);
    assert!(function.dead_letters().is_empty());
}

#[tokio::test]
async fn of_a_record_with_a_busy_and_an_invalid_intent_each_goes_its_own_way() {
    let function = busy().await;
    let asked = function.world.image_builder().count(OPERATION);
    let mut invalid = intent("typing-error");
    invalid["imagePipelineArn"] = json!("golden-linux");
    let record = json!({"intents": [intent("nightly-1"), invalid]});
    delivered_to_the_end(&function, &record).await;
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
    let letters = function.world.dead_letters().messages();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].attribute("token"), Some("typing-error"));
    assert_eq!(letters[0].attribute("errorCode"), Some("InvalidIntent"));
    let asked = function.world.image_builder().requests().split_off(asked);
    assert!(asked.iter().all(|asked| asked.body["clientToken"] == "nightly-1"), "{asked:?}");
}

#[tokio::test]
async fn a_scheduled_wish_that_waits_stays_the_schedules_and_its_dead_letter_does_not() {
    let function = busy().await;
    let schedule = json!({
        "scheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly",
        "scheduledTime": "2026-11-20T01:00:00Z",
        "intents": [{"imagePipelineArn": LINUX, "notAfter": "2026-11-20T01:05:00Z"}]
    });
    let answer = function.invoke(&schedule).await.unwrap();
    let token = answer["outcomes"][0]["token"].as_str().unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], "DEFERRED");
    let source = function.item(token)["source"].clone();
    function.world.clock.advance(10 * MINUTE);
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(function.item(token)["status"], "REJECTED");
    assert_eq!(function.item(token)["source"], source, "the schedule and its time");

    // Sent anew without its limit, it is another source, and is carried out.
    let letter = function.world.dead_letters().messages().remove(0);
    let mut anew: Value = serde_json::from_str(&letter.body).unwrap();
    anew.as_object_mut().unwrap().remove("notAfter");
    delivered_to_the_end(&function, &anew).await;
    assert_eq!(function.item(token)["status"], "STARTED");
}
