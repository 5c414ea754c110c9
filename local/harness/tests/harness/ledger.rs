//! The ledger's table, through DynamoDB's API and beside it.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use harness::World;
use serde_json::json;

#[tokio::test]
async fn what_a_client_writes_can_be_read_as_plain_json() {
    let world = World::start().await;
    let put = crate::dynamodb(&world).put_item().table_name("ledger");
    let put = put
        .item("token", AttributeValue::S("a".into()))
        .item("claimableFrom", AttributeValue::N("1795136400123".into()))
        .item("done", AttributeValue::Bool(true))
        .item("nothing", AttributeValue::Null(true))
        .item("list", AttributeValue::L(vec![AttributeValue::N("1.5".into())]));
    put.send().await.unwrap();
    let expected = json!({
        "token": "a", "claimableFrom": 1_795_136_400_123_u64, "done": true, "nothing": null, "list": [1.5],
    });
    assert_eq!(world.ledger_item("a"), Some(expected.clone()));
    assert_eq!(world.ledger_items(), [expected]);
}

#[tokio::test]
async fn what_a_test_writes_a_client_reads() {
    let world = World::start().await;
    world.put_ledger_item(&json!({"token": "a", "attempts": 2, "request": {"tags": ["x"]}}));
    let get = crate::dynamodb(&world).get_item().table_name("ledger");
    let item = get.key("token", AttributeValue::S("a".into())).send().await.unwrap().item.unwrap();
    assert_eq!(item["attempts"], AttributeValue::N("2".into()));
    let tags = item["request"].as_m().unwrap()["tags"].as_l().unwrap();
    assert_eq!(tags[0], AttributeValue::S("x".into()));
}

#[tokio::test]
async fn a_refused_write_shows_the_item_that_was_there() {
    let world = World::start().await;
    world.put_ledger_item(&json!({"token": "a", "status": "STARTED"}));
    let put = crate::dynamodb(&world).put_item().table_name("ledger");
    let put = put.item("token", AttributeValue::S("a".into()));
    let put = put.condition_expression("attribute_not_exists(#token)");
    let put = put.expression_attribute_names("#token", "token");
    let all_old = aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
    let error = put.return_values_on_condition_check_failure(all_old).send().await.unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_conditional_check_failed_exception(), "{error:?}");
}

#[tokio::test]
async fn an_update_answers_with_the_old_item() {
    let world = World::start().await;
    world.put_ledger_item(&json!({"token": "a", "status": "CLAIMED"}));
    let update = crate::dynamodb(&world).update_item().table_name("ledger");
    let update = update.key("token", AttributeValue::S("a".into()));
    let update = update.update_expression("SET #status = :status");
    let update = update.expression_attribute_names("#status", "status");
    let update = update.expression_attribute_values(":status", AttributeValue::S("STARTED".into()));
    let old = update.return_values(ReturnValue::AllOld).send().await.unwrap();
    assert_eq!(old.attributes().unwrap()["status"], AttributeValue::S("CLAIMED".into()));
    assert_eq!(world.ledger_item("a").unwrap()["status"], "STARTED");
}

#[tokio::test]
async fn items_come_sorted_by_token_and_can_be_deleted() {
    let world = World::start().await;
    for token in ["b", "c", "a"] {
        world.put_ledger_item(&json!({"token": token}));
    }
    world.delete_ledger_item("b");
    assert_eq!(world.ledger_items(), [json!({"token": "a"}), json!({"token": "c"})]);
    assert_eq!(world.ledger_item("b"), None);
}

#[tokio::test]
async fn an_expired_item_is_still_there_and_its_second_has_passed() {
    let world = World::start().await;
    world.put_ledger_item(
        &json!({"token": "a", "status": "STARTED", "expiresAt": 9_999_999_999_u64}),
    );
    world.expire_ledger_item("a");
    let expected = json!({"token": "a", "status": "STARTED", "expiresAt": 1_795_136_399});
    assert_eq!(world.ledger_item("a"), Some(expected));
}

#[tokio::test]
#[should_panic(expected = "found no item 'a'")]
async fn expiring_what_is_not_there_fails_the_test() {
    World::start().await.expire_ledger_item("a");
}
