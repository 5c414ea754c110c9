//! Lambda's event source mapping: the event, and what becomes of the messages.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Attribute, Batch, World};
use serde_json::{Value, json};

/// A world with two messages in its queue, taken by Lambda.
async fn two_in_flight() -> (World, Batch) {
    let world = World::start().await;
    world.queue().send("one");
    world.queue().send("two");
    let batch = world.queue().poll(10).unwrap();
    (world, batch)
}

/// The ids that come again, by the answer of the mapping and by the queue itself.
fn come_again(world: &World, answered: &[String]) -> Vec<String> {
    let left: Vec<_> = world.queue().messages().into_iter().map(|message| message.id).collect();
    assert_eq!(answered, left);
    left
}

#[tokio::test]
async fn an_event_is_what_lambda_would_send() {
    let world = World::start().await;
    let attributes = BTreeMap::from([
        ("text".to_owned(), Attribute::string("v")),
        ("bytes".to_owned(), Attribute::binary(&[1, 2])),
    ]);
    let id = world.queue().send_with("hello", attributes, None, None);
    world.clock.advance(Duration::from_secs(5));
    let batch = world.queue().poll(10).unwrap();
    let record = &batch.event["Records"][0];
    assert!(record["receiptHandle"].is_string() && record["md5OfMessageAttributes"].is_string());
    let expected = json!({
        "messageId": id,
        "receiptHandle": record["receiptHandle"],
        "body": "hello",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795136400000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1795136405000",
        },
        "messageAttributes": {
            "text": {"stringValue": "v", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "bytes": {"binaryValue": "AQI=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "md5OfMessageAttributes": record["md5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
        "awsRegion": "us-east-1",
    });
    assert_eq!(batch.event, json!({"Records": [expected]}));
}

#[tokio::test]
async fn a_fifo_record_tells_its_group() {
    let world = World::start().await;
    world.fifo_queue().send_with("hello", BTreeMap::new(), Some("g"), Some("d"));
    let batch = world.fifo_queue().poll(10).unwrap();
    let attributes = &batch.event["Records"][0]["attributes"];
    assert_eq!(attributes["MessageGroupId"], "g");
    assert_eq!(attributes["MessageDeduplicationId"], "d");
    assert!(attributes["SequenceNumber"].is_string());
}

#[tokio::test]
async fn an_empty_queue_gives_no_batch_and_a_full_one_at_most_the_maximum() {
    let world = World::start().await;
    assert!(world.queue().poll(10).is_none());
    for _ in 0..3 {
        world.queue().send("hello");
    }
    assert_eq!(world.queue().poll(2).unwrap().ids().len(), 2);
    assert_eq!(world.queue().poll(2).unwrap().ids().len(), 1);
}

#[tokio::test]
async fn what_is_listed_comes_again_and_the_rest_is_deleted() {
    let (world, batch) = two_in_flight().await;
    let second = batch.ids()[1].clone();
    let answered = batch.answer(&json!({"batchItemFailures": [{"itemIdentifier": second}]}));
    assert_eq!(come_again(&world, &answered), [second]);
    assert!(world.queue().poll(10).is_none());
    world.clock.advance(Duration::from_mins(3));
    let again = world.queue().poll(10).unwrap();
    assert_eq!(again.event["Records"][0]["attributes"]["ApproximateReceiveCount"], "2");
}

#[tokio::test]
async fn an_answer_that_lists_nothing_deletes_everything() {
    let answers = [
        Value::Null,
        json!({}),
        json!({"batchItemFailures": null}),
        json!({"batchItemFailures": []}),
        json!({"statusCode": 200}),
    ];
    for answer in answers {
        let (world, batch) = two_in_flight().await;
        let answered = batch.answer(&answer);
        assert!(come_again(&world, &answered).is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_lambda_cannot_follow_brings_everything_again() {
    let answers = [
        json!("done"),
        json!([]),
        json!({"batchItemFailures": "all"}),
        json!({"batchItemFailures": ["id"]}),
        json!({"batchItemFailures": [{}]}),
        json!({"batchItemFailures": [{"itemIdentifier": ""}]}),
        json!({"batchItemFailures": [{"itemIdentifier": null}]}),
        json!({"batchItemFailures": [{"messageId": "id"}]}),
        json!({"batchItemFailures": [{"itemIdentifier": "unknown"}]}),
    ];
    for answer in answers {
        let (world, batch) = two_in_flight().await;
        let answered = batch.answer(&answer);
        assert_eq!(come_again(&world, &answered).len(), 2, "{answer}");
    }
}

#[tokio::test]
async fn one_unknown_id_beside_a_known_one_brings_everything_again() {
    let (world, batch) = two_in_flight().await;
    let failures = json!([{"itemIdentifier": batch.ids()[0]}, {"itemIdentifier": "unknown"}]);
    let answered = batch.answer(&json!({"batchItemFailures": failures}));
    assert_eq!(come_again(&world, &answered).len(), 2);
}

#[tokio::test]
async fn a_failed_invocation_brings_everything_again() {
    let (world, batch) = two_in_flight().await;
    let answered = batch.fail();
    assert_eq!(come_again(&world, &answered).len(), 2);
}

#[tokio::test]
async fn a_late_answer_deletes_nothing_that_came_again_meanwhile() {
    let (world, late) = two_in_flight().await;
    world.clock.advance(Duration::from_mins(3));
    let again = world.queue().poll(10).unwrap();
    late.answer(&Value::Null);
    assert_eq!(world.queue().messages().len(), 2);
    again.answer(&Value::Null);
    assert!(world.queue().messages().is_empty());
}
