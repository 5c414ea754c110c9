//! `reveille show`

use std::time::Duration;

use serde_json::{Value, json};

use crate::{PIPELINE, desk, now};

async fn shown(changes: Value) -> String {
    let desk = desk().await;
    desk.put("t", &changes);
    let done = desk.run(&["show", "t"]).await;
    done.ended(0);
    done.out
}

#[tokio::test]
async fn all_that_is_known_is_told_in_words() {
    let text = shown(json!({"errorCode": "Throttling", "errorMessage": "slow down"})).await;
    for part in [
        "StartImagePipelineExecution#t",
        "DEFERRED",
        "image-pipeline/golden-linux",
        r#"{"imagePipelineArn":"#,
        "message m-1",
        "2026-11-20T01:00:00Z",
        "2026-11-20T01:00:05.195Z",
        "2 attempts",
        "Throttling: slow down",
        "it comes again by itself, from its queue",
        "until 20",
    ] {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
    assert!(!text.contains("in doubt"), "{text}");
}

#[tokio::test]
async fn what_comes_next_follows_from_the_status() {
    let soon = now() + Duration::from_mins(5);
    for (changes, part) in [
        (json!({"status": "STARTED", "receipt": "{\"a\":1}"}), "nothing: AWS accepted it"),
        (json!({"status": "SKIPPED"}), "did not wish to wait"),
        (json!({"status": "CANCELLED"}), "a person called it off"),
        (json!({"status": "REJECTED"}), "redrive --token 't'"),
        (
            json!({"status": "CLAIMED", "claimableFrom": soon.epoch_millis()}),
            &*format!("the next delivery takes over after {soon}"),
        ),
        (
            json!({"status": "CLAIMED", "claimableFrom": 1000}),
            "the invocation that was at work on it died",
        ),
        (json!({"status": "LOST"}), "none that the functions write"),
        (json!({"expiresAt": 1000}), "it has expired"),
    ] {
        let text = shown(changes.clone()).await;
        assert!(text.contains(part), "{changes}: expected `{part}` in:\n{text}");
    }
}

#[tokio::test]
async fn a_doubt_is_explained_and_a_claims_own_is_none() {
    let since = now() - Duration::from_mins(1);
    let doubt = json!({"doubtSince": since.epoch_millis()});
    assert!(shown(doubt).await.contains(&format!("since {since}: an attempt may have")));
    let live = json!({
        "status": "CLAIMED",
        "claimableFrom": (now() + Duration::from_mins(5)).epoch_millis(),
        "updatedAt": since.to_string(),
        "doubtSince": since.epoch_millis(),
    });
    assert!(!shown(live).await.contains("in doubt"));
    let unknown = json!({"status": "REJECTED", "errorCode": "OutcomeUnknown", "errorMessage": "m"});
    assert!(shown(unknown).await.contains("in doubt"));
}

#[tokio::test]
async fn a_wish_is_found_under_any_operation_and_by_its_whole_key() {
    let desk = desk().await;
    desk.put("t", &json!({}));
    desk.put("x", &json!({"token": "StartStreamingSession#t"}));
    let done = desk.run(&["show", "--json", "t"]).await;
    assert_eq!(done.ended(0).lines().len(), 2);
    let one = desk.run(&["show", "--json", "StartStreamingSession#t"]).await;
    assert_eq!(one.ended(0).lines()[0]["token"], "StartStreamingSession#t");
    let one = desk.run(&["show", "--json", "t", "--operation", PIPELINE]).await;
    assert_eq!(one.ended(0).lines()[0]["attempts"], 2);
    assert_eq!(desk.world.dynamodb().count("BatchGetItem"), 3, "one request each");
}

#[tokio::test]
async fn an_unknown_token_ends_with_1() {
    let desk = desk().await;
    let done = desk.run(&["show", "never"]).await;
    done.ended(1).says("found no wish `never` in the table `ledger`: its message still waits");
}

#[tokio::test]
async fn an_item_that_somebody_else_wrote_cannot_move_the_cursor() {
    assert!(!shown(json!({"target": "a\u{1b}[2Jb\nc"})).await.contains('\u{1b}'));
}
