//! Bad input: each rule of the API page, refused with a sentence and never sent.

use serde_json::{Value, json};

use crate::{deletion, deprecation, function};

async fn invalid(wish: &Value, parts: &[&str]) {
    let function = function().await;
    function.invoke(wish).await.unwrap();
    let (code, message) = function.dead_letters().remove(0);
    assert_eq!(code, "InvalidIntent", "{message}");
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in: {message}");
    }
    assert!(function.world.image_builder().requests().is_empty(), "it was sent");
}

/// The wish with one field set, by its path.
fn with(mut wish: Value, path: &str, value: Value) -> Value {
    let mut place = &mut wish;
    for step in path.split('.') {
        place = &mut place[step];
    }
    *place = value;
    wish
}

fn without(mut wish: Value, field: &str) -> Value {
    wish.as_object_mut().unwrap().remove(field);
    wish
}

#[tokio::test]
async fn an_arn_that_is_no_image_build_version_is_refused() {
    for arn in [
        "golden-linux",
        "arn:aws:imagebuilder:us-east-1:123456789012:image/golden-linux/1.0.0",
        "arn:aws:imagebuilder:us-east-1:123456789012:image/golden-linux/1.0/1",
        "arn:aws:imagebuilder:us-east-1:123456789012:image/Golden/1.0.0/1",
        "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux",
    ] {
        let wish = with(deprecation("t"), "resourceArn", json!(arn));
        invalid(&wish, &["resourceArn is `", "expected arn:aws:imagebuilder:REGION"]).await;
    }
    invalid(&without(deprecation("t"), "resourceArn"), &["missing field `resourceArn`"]).await;
}

#[tokio::test]
async fn a_status_that_is_none_is_refused() {
    let expected = "expected one of `AVAILABLE`, `DEPRECATED`, `DISABLED`, `DELETED`";
    for status in ["GONE", "deleted", ""] {
        let wish = with(deprecation("t"), "state.status", json!(status));
        invalid(&wish, &["state.status", expected]).await;
    }
    invalid(&without(deprecation("t"), "state"), &["missing field `state`"]).await;
    invalid(&with(deprecation("t"), "state", json!({})), &["missing field `status`"]).await;
}

#[tokio::test]
async fn an_array_is_not_taken_for_the_object_that_it_could_be_read_as() {
    let state = with(deprecation("t"), "state", json!(["DEPRECATED"]));
    invalid(&state, &["state is an array, expected an object"]).await;
    let included = with(deletion("t"), "includeResources", json!([true, true, false]));
    invalid(&included, &["includeResources is an array, expected an object"]).await;
    let rules = json!([{"isPublic": true}]);
    let rules = with(deletion("t"), "exclusionRules", json!({"amis": rules}));
    invalid(&rules, &["exclusionRules"]).await;
}

#[tokio::test]
async fn a_role_goes_with_included_resources_and_they_with_a_role() {
    let role_only = with(deprecation("t"), "executionRole", json!("lifecycle"));
    invalid(&role_only, &["includeResources is missing, expected beside `executionRole`"]).await;
    let resources_only = without(deletion("t"), "executionRole");
    invalid(&resources_only, &["executionRole is missing, expected beside"]).await;
}

#[tokio::test]
async fn a_role_that_is_none_is_refused() {
    for role in ["a role", "arn:aws:iam::1:role/x", "arn:aws:iam::123456789012:user/x"] {
        let wish = with(deletion("t"), "executionRole", json!(role));
        invalid(&wish, &["executionRole is `", "the name or the ARN of an IAM role"]).await;
    }
    let wish = with(deletion("t"), "executionRole", json!(""));
    invalid(&wish, &["executionRole is 0 characters long, expected 1 to 2048"]).await;
    let wish = with(deletion("t"), "executionRole", json!("r".repeat(2049)));
    invalid(&wish, &["executionRole is 2049 characters long"]).await;
}

#[tokio::test]
async fn a_deletion_names_what_it_deletes() {
    let nothing = with(deletion("t"), "includeResources", json!({"amis": false}));
    invalid(&nothing, &["includeResources names nothing", "DELETED"]).await;
    let record = without(without(deletion("t"), "includeResources"), "executionRole");
    invalid(&record, &["includeResources names nothing"]).await;
}

#[tokio::test]
async fn snapshots_and_containers_go_with_a_deletion_only() {
    for name in ["snapshots", "containers"] {
        let field = format!("includeResources.{name}");
        let wish = with(deletion("t"), "state.status", json!("DISABLED"));
        let wish = with(wish, "includeResources", json!({"amis": true, name: true}));
        invalid(&wish, &[&format!("{field} is true, expected with `state.status` DELETED")]).await;
    }
}

#[tokio::test]
async fn snapshots_go_with_their_amis() {
    let wish = with(deletion("t"), "includeResources", json!({"snapshots": true}));
    invalid(&wish, &["includeResources.snapshots is true, expected together with `amis`"]).await;
}

#[tokio::test]
async fn an_update_time_goes_with_a_deprecation_only() {
    let wish = with(deletion("t"), "updateAt", json!("2030-01-01T00:00:00Z"));
    invalid(&wish, &["updateAt is given, expected with `state.status` DEPRECATED only"]).await;
}

#[tokio::test]
async fn an_update_time_that_cannot_be_read_is_refused() {
    for time in [json!("tomorrow"), json!(true), json!(1_893_456_000_000_i64)] {
        let wish = with(deprecation("t"), "updateAt", time);
        invalid(&wish, &["updateAt is ", "expected a time: epoch seconds, or RFC 3339"]).await;
    }
}

#[tokio::test]
async fn exclusion_rules_beyond_the_limits_are_refused() {
    let rule = |name: &str, value: Value| {
        with(deletion("t"), &format!("exclusionRules.amis.{name}"), value)
    };
    let years = |value| json!({"unit": "YEARS", "value": value});
    let tags: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for (wish, part) in [
        (rule("lastLaunched", years(0)), "lastLaunched.value is 0, expected 1 to 365"),
        (rule("lastLaunched", years(366)), "lastLaunched.value is 366, expected 1 to 365"),
        (rule("lastLaunched", json!({"unit": "YEARS"})), "missing field `value`"),
        (rule("lastLaunched", json!({"value": 1})), "missing field `unit`"),
        (rule("lastLaunched", json!({"unit": "HOURS", "value": 1})), "unknown variant `HOURS`"),
        (rule("regions", json!([""])), "regions is 0 characters long, expected 1 to 1024"),
        (rule("regions", json!(["r".repeat(1025)])), "regions is 1025 characters long"),
        (rule("sharedAccounts", json!([])), "sharedAccounts has 0 entries, expected 1 to 1536"),
        (rule("sharedAccounts", json!(vec!["123456789012"; 1537])), "has 1537 entries"),
        (rule("sharedAccounts", json!(["12345"])), "sharedAccounts is `12345`, expected 12 digits"),
        (rule("tagMap", json!({})), "tagMap has 0 entries, expected 1 to 50"),
        (rule("tagMap", json!(tags)), "tagMap has 51 entries, expected 1 to 50"),
        (rule("tagMap", json!({"": "v"})), "is 0 characters long, expected 1 to 128"),
        (
            rule("tagMap", json!({"k": "v".repeat(257)})),
            "is 257 characters long, expected 0 to 256",
        ),
        (rule("isPublic", json!("yes")), "exclusionRules.amis.isPublic"),
        (rule("unknown", json!(1)), "unknown field `unknown`"),
    ] {
        invalid(&wish, &["exclusionRules.amis", part]).await;
    }
}

#[tokio::test]
async fn exclusion_rules_without_amis_would_protect_nothing_and_are_refused() {
    let wish = with(deprecation("t"), "exclusionRules", json!({"amis": {"isPublic": true}}));
    invalid(&wish, &["exclusionRules.amis is given, expected with `includeResources.amis`"]).await;
}

#[tokio::test]
async fn a_token_may_be_64_characters_long() {
    let wish = with(deprecation("t"), "clientToken", json!("x".repeat(65)));
    invalid(&wish, &["clientToken is 65 characters long, expected 1 to 64"]).await;
}

#[tokio::test]
async fn unknown_fields_are_refused_at_every_depth() {
    let nested = [("state.reason", "reason"), ("includeResources.amiss", "amiss")];
    for (path, field) in nested.into_iter().chain([("resourceArns", "resourceArns")]) {
        let wish = with(deletion("t"), path, json!(true));
        invalid(&wish, &[&format!("unknown field `{field}`")]).await;
    }
}
