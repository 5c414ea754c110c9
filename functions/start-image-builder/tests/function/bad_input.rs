//! Bad input: each rule of the API page, refused with a sentence and never sent.

use serde_json::{Value, json};

use crate::{BUILDER, function};

async fn invalid(wish: &Value, parts: &[&str]) {
    let function = function("STOPPED").await;
    function.invoke(wish).await.unwrap();
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "InvalidIntent", "{message}");
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in: {message}");
    }
    assert!(function.world.app_stream().requests().is_empty(), "it was sent");
}

#[tokio::test]
async fn a_missing_or_empty_name_is_refused() {
    invalid(&json!({"AppstreamAgentVersion": "LATEST"}), &["missing field `Name`"]).await;
    invalid(&json!({"Name": ""}), &["Name is 0 characters long, expected at least 1"]).await;
    invalid(&json!({"Name": 5}), &["Name", "integer `5`"]).await;
}

#[tokio::test]
async fn an_agent_version_beyond_the_limits_is_refused() {
    for (version, length) in [(String::new(), "0"), ("v".repeat(101), "101")] {
        let wish = json!({"Name": BUILDER, "AppstreamAgentVersion": version});
        let found = format!("AppstreamAgentVersion is {length} characters long, expected 1 to 100");
        invalid(&wish, &[&found]).await;
    }
}

#[tokio::test]
async fn field_names_are_aws_own() {
    invalid(&json!({"name": BUILDER}), &["unknown field `name`"]).await;
}

#[tokio::test]
async fn a_token_may_be_64_characters_long() {
    let wish = json!({"Name": BUILDER, "clientToken": "x".repeat(65)});
    invalid(&wish, &["clientToken is 65 characters long, expected 1 to 64"]).await;
}
