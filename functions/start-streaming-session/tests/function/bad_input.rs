//! Bad input: each rule of the API page, refused with a sentence and never sent.

use serde_json::{Value, json};

use crate::{function, start};

async fn invalid(wish: &Value, parts: &[&str]) {
    let function = function("STOPPED").await;
    function.invoke(wish).await.unwrap();
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "InvalidIntent", "{message}");
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in: {message}");
    }
    assert!(function.world.nimble().requests().is_empty(), "it was sent");
}

#[tokio::test]
async fn missing_or_empty_ids_are_refused() {
    for field in ["studioId", "sessionId"] {
        let mut wish = start("t");
        wish.as_object_mut().unwrap().remove(field);
        invalid(&wish, &[&format!("missing field `{field}`")]).await;
        wish[field] = json!("");
        invalid(&wish, &[&format!("{field} is 0 characters long, expected at least 1")]).await;
    }
}

#[tokio::test]
async fn an_empty_backup_is_refused() {
    let mut wish = start("t");
    wish["backupId"] = json!("");
    invalid(&wish, &["backupId is 0 characters long, expected at least 1"]).await;
}

#[tokio::test]
async fn unknown_fields_are_refused() {
    let mut wish = start("t");
    wish["backup"] = json!("b");
    invalid(&wish, &["unknown field `backup`"]).await;
}

#[tokio::test]
async fn a_token_may_be_64_characters_long() {
    invalid(&start(&"x".repeat(65)), &["clientToken is 65 characters long, expected 1 to 64"])
        .await;
}
