//! `reveille cancel`

use std::time::Duration;

use harness::Fault;
use serde_json::{Value, json};

use crate::function::Function;
use crate::{Desk, LINUX, PIPELINE, desk, intent, now};

const BUILDER: &str = "StartImageBuilder";

fn item(desk: &Desk, token: &str) -> Value {
    desk.world.ledger_item(&format!("{PIPELINE}#{token}")).unwrap()
}

/// Delivers the wish once more, and says that nothing was carried out.
async fn delivered_in_vain(desk: &Desk, token: &str) {
    desk.world.image_builder().create_pipeline(LINUX).ok();
    desk.world.queue().send(&intent(token));
    assert_eq!(Function::of(&desk.world).deliver(desk.world.queue()).await, Some(0));
    assert_eq!(desk.world.image_builder().requests().len(), 0);
    assert_eq!(item(desk, token)["status"], "CANCELLED");
}

/// The fingerprint under which the function knows the golden Linux pipeline.
async fn rejected(desk: &Desk, token: &str) {
    desk.world.queue().send(&intent(token));
    Function::of(&desk.world).deliver(desk.world.queue()).await;
    assert_eq!(item(desk, token)["status"], "REJECTED");
    desk.world.image_builder().create_pipeline(LINUX).unwrap();
}

#[tokio::test]
async fn a_rejected_wish_called_off_is_not_carried_out_by_a_redrive() {
    let desk = desk().await;
    rejected(&desk, "t").await;
    let sent = desk.world.image_builder().requests().len();
    desk.run(&["cancel", "t"]).await.ended(0).says("StartImagePipelineExecution#t is CANCELLED");
    let cancelled = item(&desk, "t");
    assert_eq!(cancelled["status"], "CANCELLED");
    assert_eq!(
        cancelled["claimableFrom"].as_i64(),
        cancelled["expiresAt"].as_i64().map(|s| s * 1000)
    );
    assert!(cancelled["errorMessage"].as_str().unwrap().contains("ResourceNotFoundException"));

    desk.run(&["redrive", "--token", "t"]).await.ended(0);
    assert_eq!(Function::of(&desk.world).deliver(desk.world.queue()).await, Some(0));
    assert_eq!(desk.world.image_builder().requests().len(), sent);
    assert_eq!(item(&desk, "t")["status"], "CANCELLED");
    assert_eq!(desk.world.dead_letters().messages().len(), 0, "it is a duplicate, not a rejection");
}

#[tokio::test]
async fn a_deferred_wish_is_called_off_and_its_worker_fenced_off() {
    let desk = desk().await;
    desk.put("t", &json!({"expiresAt": (now() + Duration::from_hours(24 * 90)).epoch_seconds()}));
    let before = item(&desk, "t");
    desk.run(&["cancel", "t"]).await.ended(0);
    let after = item(&desk, "t");
    assert_ne!(after["owner"], before["owner"]);
    assert_eq!(after["expiresAt"], before["expiresAt"], "a longer retention stays");
    assert_eq!(after["fingerprint"], before["fingerprint"]);
}

#[tokio::test]
async fn a_wish_whose_message_still_waits_is_called_off_before_it_arrives() {
    let desk = desk().await;
    let done = desk.run(&["cancel", "t"]).await;
    done.ended(1).says("name its --operation to call it off");
    desk.run(&["cancel", "t", "--operation", PIPELINE]).await.ended(0);
    assert!(item(&desk, "t").get("fingerprint").is_none());
    delivered_in_vain(&desk, "t").await;
    assert_eq!(desk.world.dead_letters().messages().len(), 0);
}

#[tokio::test]
async fn the_whole_key_names_the_operation() {
    let desk = desk().await;
    desk.run(&["cancel", "StartImagePipelineExecution#t"]).await.ended(0);
    delivered_in_vain(&desk, "t").await;
}

#[tokio::test]
async fn an_expired_wish_is_called_off_like_one_that_is_unknown() {
    let desk = desk().await;
    let key = desk.put("t", &json!({"status": "STARTED", "attempts": 5}));
    desk.world.expire_ledger_item(&key);
    desk.run(&["cancel", "t"]).await.ended(0);
    assert!(item(&desk, "t").get("fingerprint").is_none());
    delivered_in_vain(&desk, "t").await;
}

#[tokio::test]
async fn a_token_that_the_operation_would_refuse_ends_with_2() {
    let desk = desk().await;
    let long = "x".repeat(37);
    let done = desk.run(&["cancel", &long, "--operation", PIPELINE]).await;
    done.ended(2).says("37 characters long, expected 1 to 36");
    desk.run(&["cancel", &long, "--operation", BUILDER]).await.ended(0);
}

#[tokio::test]
async fn what_has_ended_or_is_being_worked_on_stays_as_it_is() {
    let desk = desk().await;
    let soon = (now() + Duration::from_mins(5)).epoch_millis();
    for (changes, part) in [
        (json!({"status": "STARTED"}), "STARTED at 2026-11-20T01:00:05.195Z: AWS has accepted it"),
        (json!({"status": "SKIPPED"}), "SKIPPED at"),
        (json!({"status": "CANCELLED"}), "CANCELLED at 2026-11-20T01:00:05.195Z already"),
        (
            json!({"status": "CLAIMED", "claimableFrom": soon}),
            "an invocation is at work on it until",
        ),
        (json!({"status": "LOST"}), "none that the functions write"),
    ] {
        desk.put("t", &changes);
        let before = item(&desk, "t");
        desk.run(&["cancel", "t"]).await.ended(1).says(part).says("stays as it is");
        assert_eq!(item(&desk, "t"), before);
    }
}

#[tokio::test]
async fn a_wish_in_doubt_is_called_off_with_a_warning() {
    let desk = desk().await;
    let doubt = (now() - Duration::from_mins(5)).epoch_millis();
    for changes in [
        json!({"status": "CLAIMED", "claimableFrom": 1000, "doubtSince": doubt}),
        json!({"status": "DEFERRED", "doubtSince": doubt}),
        json!({"status": "REJECTED", "errorCode": "OutcomeUnknown", "errorMessage": "m"}),
    ] {
        desk.put("t", &changes);
        let done = desk.run(&["cancel", "t"]).await;
        done.ended(0).says("warning: an attempt at it may have been carried out already");
        let after = item(&desk, "t");
        assert!(after.get("doubtSince").is_none());
        assert!(after["errorMessage"].as_str().unwrap().contains("may have carried it out"));
    }
    desk.put("t", &json!({}));
    let done = desk.run(&["cancel", "t"]).await;
    assert!(!done.ended(0).err.contains("warning"), "{}", done.err);
}

#[tokio::test]
async fn a_wish_that_is_claimed_in_the_same_moment_is_left_to_its_worker() {
    let desk = desk().await;
    desk.put("t", &json!({}));
    // Its write waits long enough for another to come first.
    desk.world.dynamodb().fault("UpdateItem", Fault::error("InternalServerError", 500).times(1));
    let claimed = json!({
        "status": "CLAIMED", "owner": "another",
        "claimableFrom": (now() + Duration::from_mins(5)).epoch_millis(),
    });
    let cancel = desk.run(&["cancel", "t"]);
    let claim = async {
        while desk.world.dynamodb().count("UpdateItem") == 0 {
            tokio::task::yield_now().await;
        }
        desk.put("t", &claimed);
    };
    let (done, ()) = tokio::join!(cancel, claim);
    done.ended(1).says("an invocation is at work on it");
    assert_eq!(item(&desk, "t")["owner"], "another");
}

#[tokio::test]
async fn a_lost_answer_to_its_own_write_is_no_refusal() {
    let desk = desk().await;
    desk.put("t", &json!({}));
    desk.world.dynamodb().fault("UpdateItem", Fault::drop().after_work());
    desk.run(&["cancel", "t"]).await.ended(0).says("is CANCELLED");
}

#[tokio::test]
async fn a_token_of_two_operations_needs_one_of_them_named() {
    let desk = desk().await;
    desk.put("t", &json!({}));
    desk.put("x", &json!({"token": "StartImageBuilder#t", "operation": BUILDER}));
    desk.run(&["cancel", "t"]).await.ended(2).says("name its --operation");
    desk.run(&["cancel", "t", "--operation", PIPELINE]).await.ended(0);
    assert_eq!(desk.world.ledger_item("StartImageBuilder#t").unwrap()["status"], "DEFERRED");
}
