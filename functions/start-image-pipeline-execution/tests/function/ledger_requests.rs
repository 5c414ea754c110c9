//! What the ledger costs: requests per batch, and units per item.

use serde_json::{Value, json};

use crate::{Sut, function};

/// What a write unit holds, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
const WRITE_UNIT: usize = 1024;

/// A function, and ten messages for as many pipelines in its queue.
async fn ten_wishes() -> Sut {
    let function = function().await;
    for n in 0..10 {
        function.world.image_builder().create_pipeline(&pipeline(n)).unwrap();
    }
    send_ten(&function);
    function
}

fn send_ten(function: &Sut) {
    for n in 0..10 {
        let intent = json!({"imagePipelineArn": pipeline(n), "clientToken": token(n)});
        function.world.queue().send(&intent.to_string());
    }
}

fn pipeline(n: usize) -> String {
    format!("arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-desktop-{n}")
}

fn token(n: usize) -> String {
    format!("0b5e7c1e-65d4-5a43-8c0b-0000000000{n:02}")
}

/// Invokes the function with what is in the queue, and counts the requests to the ledger. The
/// messages stay in the queue: their acknowledgement is lost.
async fn requests_of_a_delivery(function: &Sut) -> usize {
    let batch = function.world.queue().poll(10).unwrap();
    assert_eq!(batch.event["Records"].as_array().unwrap().len(), 10);
    let before = function.world.dynamodb().total();
    let answer = function.invoke(&batch.event).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    function.world.dynamodb().total() - before
}

#[tokio::test]
async fn a_batch_of_ten_new_wishes_takes_two_requests() {
    let function = ten_wishes().await;
    assert_eq!(requests_of_a_delivery(&function).await, 2);
    assert_eq!(function.world.image_builder().effects(), 10);
}

#[tokio::test]
async fn ten_redelivered_duplicates_take_one_request_which_writes_nothing() {
    let function = ten_wishes().await;
    requests_of_a_delivery(&function).await;
    let items = function.world.ledger_items();
    function.world.clock.advance(std::time::Duration::from_mins(10));
    assert_eq!(requests_of_a_delivery(&function).await, 1);
    assert_eq!(function.world.ledger_items(), items);
    assert_eq!(function.world.image_builder().effects(), 10);
}

#[tokio::test]
async fn ten_duplicates_of_a_producer_take_two_requests() {
    let function = ten_wishes().await;
    requests_of_a_delivery(&function).await;
    send_ten(&function);
    assert_eq!(requests_of_a_delivery(&function).await, 2);
    assert_eq!(function.world.image_builder().effects(), 10);
}

#[tokio::test]
async fn an_item_stays_within_the_write_unit() {
    let function = ten_wishes().await;
    requests_of_a_delivery(&function).await;
    for item in function.world.ledger_items() {
        assert!(size(&item) <= WRITE_UNIT, "{} bytes: {item}", size(&item));
    }
}

/// The size of an item by DynamoDB's rule: names and texts by their bytes, and a number by one byte
/// for each two digits and one more.
fn size(item: &Value) -> usize {
    let value = |value: &Value| match value {
        Value::String(text) => text.len(),
        Value::Number(number) => number.to_string().len().div_ceil(2) + 1,
        other => panic!("found {other}, expected a text or a number"),
    };
    item.as_object().unwrap().iter().map(|(name, of)| name.len() + value(of)).sum()
}
