//! SQS: what becomes of messages.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use harness::{Attribute, Queue, World};

use crate::{code, sqs};

async fn receive(client: &Client, queue: &Queue) -> Vec<Message> {
    let receive = client.receive_message().queue_url(queue.url()).max_number_of_messages(10);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body().unwrap()).collect()
}

#[tokio::test]
async fn a_message_arrives_with_its_attributes_and_digests() {
    let world = World::start().await;
    let client = sqs(&world);
    let attribute = MessageAttributeValue::builder().data_type("String");
    let attribute = attribute.string_value("v").build().unwrap();
    let send = client.send_message().queue_url(world.queue().url()).message_body("hello");
    let answer = send.message_attributes("k", attribute).send().await.unwrap();
    assert_eq!(answer.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    // Computed apart: MD5 over (1, "k", 6, "String", kind 1, 1, "v") with lengths in 4 bytes.
    assert_eq!(answer.md5_of_message_attributes(), Some("0a77b0642718c3d9dd47090567d11e0d"));

    let messages = receive(&client, world.queue()).await;
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(message.message_id(), answer.message_id());
    assert_eq!(message.body(), Some("hello"));
    assert_eq!(message.md5_of_body(), answer.md5_of_message_body());
    assert_eq!(message.md5_of_message_attributes(), answer.md5_of_message_attributes());
    assert_eq!(message.message_attributes().unwrap()["k"].string_value(), Some("v"));
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(system[&MessageSystemAttributeName::SentTimestamp], "1795136400000");
}

#[tokio::test]
async fn numbers_and_bytes_are_attributes_too() {
    let world = World::start().await;
    let client = sqs(&world);
    let number = MessageAttributeValue::builder().data_type("Number").string_value("7");
    let binary =
        MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 255]));
    let send = client.send_message().queue_url(world.queue().url()).message_body("hello");
    let send = send.message_attributes("n", number.build().unwrap());
    let answer = send.message_attributes("b", binary.build().unwrap()).send().await.unwrap();
    // Computed apart: as above, over b and then n, where the kind of bytes is 2.
    assert_eq!(answer.md5_of_message_attributes(), Some("0156cee8ad934f7576d1ea3f087feabd"));
    let messages = world.queue().messages();
    assert_eq!(messages[0].attribute("n"), Some("7"));
    assert_eq!(messages[0].attributes["b"], Attribute::binary(&[0, 255]));
    let received = receive(&client, world.queue()).await;
    let binary = received[0].message_attributes().unwrap()["b"].binary_value().unwrap();
    assert_eq!(binary.as_ref(), [0, 255]);
}

#[tokio::test]
async fn only_the_attributes_that_were_asked_for_come() {
    let world = World::start().await;
    world.queue().send_with(
        "hello",
        BTreeMap::from([("k".into(), Attribute::string("v"))]),
        None,
        None,
    );
    let receive = sqs(&world).receive_message().queue_url(world.queue().url());
    let answer = receive.send().await.unwrap();
    let message = &answer.messages()[0];
    assert!(message.attributes().is_none() && message.message_attributes().is_none());
}

#[tokio::test]
async fn a_received_message_is_invisible_until_its_time_out() {
    let world = World::start().await;
    let client = sqs(&world);
    world.queue().send("hello");
    assert_eq!(receive(&client, world.queue()).await.len(), 1);
    world.clock.advance(Duration::from_secs(179));
    assert!(receive(&client, world.queue()).await.is_empty());
    world.clock.advance(Duration::from_secs(1));
    let again = receive(&client, world.queue()).await;
    let system = again[0].attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "2");
    assert_eq!(
        system[&MessageSystemAttributeName::ApproximateFirstReceiveTimestamp],
        "1795136400000"
    );
}

#[tokio::test]
async fn a_delayed_message_comes_after_its_delay() {
    let world = World::start().await;
    let client = sqs(&world);
    let send = client.send_message().queue_url(world.queue().url()).message_body("later");
    send.delay_seconds(900).send().await.unwrap();
    world.clock.advance(Duration::from_secs(899));
    assert!(receive(&client, world.queue()).await.is_empty());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(receive(&client, world.queue()).await.len(), 1);
}

#[tokio::test]
async fn a_deleted_message_never_comes_again_and_may_be_deleted_twice() {
    let world = World::start().await;
    let client = sqs(&world);
    world.queue().send("hello");
    let receipt = receive(&client, world.queue()).await[0].receipt_handle.clone().unwrap();
    for _ in 0..2 {
        let delete = client.delete_message().queue_url(world.queue().url());
        delete.receipt_handle(&receipt).send().await.unwrap();
    }
    world.clock.advance(Duration::from_hours(1));
    assert!(receive(&client, world.queue()).await.is_empty());
}

#[tokio::test]
async fn an_outdated_receipt_handle_deletes_nothing() {
    let world = World::start().await;
    let client = sqs(&world);
    world.queue().send("hello");
    let outdated = receive(&client, world.queue()).await[0].receipt_handle.clone().unwrap();
    world.clock.advance(Duration::from_mins(3));
    receive(&client, world.queue()).await;
    let delete = client.delete_message().queue_url(world.queue().url());
    delete.receipt_handle(outdated).send().await.unwrap();
    assert_eq!(world.queue().messages().len(), 1);
}

#[tokio::test]
async fn changed_visibility_says_when_a_message_comes_again() {
    let world = World::start().await;
    let client = sqs(&world);
    world.queue().send("hello");
    let receipt = receive(&client, world.queue()).await[0].receipt_handle.clone().unwrap();
    let change = client.change_message_visibility().queue_url(world.queue().url());
    change.receipt_handle(receipt).visibility_timeout(600).send().await.unwrap();
    world.clock.advance(Duration::from_secs(599));
    assert!(receive(&client, world.queue()).await.is_empty());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(receive(&client, world.queue()).await.len(), 1);
}

#[tokio::test]
async fn only_the_visibility_of_a_message_in_flight_can_be_changed() {
    let world = World::start().await;
    let client = sqs(&world);
    world.queue().send("hello");
    let receipt = receive(&client, world.queue()).await[0].receipt_handle.clone().unwrap();
    world.clock.advance(Duration::from_mins(3));
    let change = client.change_message_visibility().queue_url(world.queue().url());
    let change = change.receipt_handle(receipt).visibility_timeout(600);
    let error = change.send().await.unwrap_err();
    assert_eq!(code(&error), "AWS.SimpleQueueService.MessageNotInflight");
    assert!(error.into_service_error().is_message_not_inflight());
}

#[tokio::test]
async fn a_message_is_invisible_for_12_hours_at_most() {
    let world = World::start().await;
    let client = sqs(&world);
    world.queue().set_visibility_timeout(Duration::from_hours(12));
    world.queue().send("hello");
    let receipt = receive(&client, world.queue()).await[0].receipt_handle.clone().unwrap();
    world.clock.advance(Duration::from_secs(1));
    let change = client.change_message_visibility().queue_url(world.queue().url());
    let change = change.receipt_handle(receipt);
    let beyond = change.clone().visibility_timeout(43_200).send().await.unwrap_err();
    assert_eq!(code(&beyond), "InvalidParameterValue");
    change.visibility_timeout(43_199).send().await.unwrap();
}

#[tokio::test]
async fn a_message_received_200_times_goes_to_the_dead_letters() {
    let world = World::start().await;
    let id = world.queue().send("hello");
    for _ in 0..200 {
        assert!(world.queue().poll(1).is_some());
        world.clock.advance(Duration::from_mins(3));
    }
    assert!(world.dead_letters().messages().is_empty());
    assert!(world.queue().poll(1).is_none());
    let dead = world.dead_letters().messages();
    assert_eq!((dead.len(), &dead[0].id, dead[0].body.as_str()), (1, &id, "hello"));
    assert!(world.queue().messages().is_empty());
}

#[tokio::test]
async fn messages_are_kept_for_14_days() {
    let world = World::start().await;
    world.queue().send("hello");
    world.clock.advance(Duration::from_hours(14 * 24) - Duration::from_secs(1));
    assert!(world.queue().poll(1).is_some());
    world.clock.advance(Duration::from_hours(1));
    assert!(world.queue().poll(1).is_none());
}

#[tokio::test]
async fn the_entries_of_a_batch_succeed_and_fail_by_themselves() {
    let world = World::start().await;
    let client = sqs(&world);
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let send = client.send_message_batch().queue_url(world.queue().url());
    let send = send.entries(entry("good", "hello")).entries(entry("bad", "\u{0}"));
    let answer = send.send().await.unwrap();
    assert_eq!(answer.successful()[0].id(), "good");
    assert_eq!(answer.failed()[0].id(), "bad");
    assert_eq!(answer.failed()[0].code(), "InvalidMessageContents");
    assert_eq!(world.queue().messages().len(), 1);

    let receipt = receive(&client, world.queue()).await[0].receipt_handle.clone().unwrap();
    let change = |id: &str, receipt: &str| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id);
        entry.receipt_handle(receipt).visibility_timeout(600).build().unwrap()
    };
    let batch = client.change_message_visibility_batch().queue_url(world.queue().url());
    let batch = batch.entries(change("a", &receipt)).entries(change("b", "unknown"));
    let answer = batch.send().await.unwrap();
    assert_eq!(answer.successful()[0].id(), "a");
    assert_eq!(answer.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert_eq!(world.queue().messages()[0].visible_at, world.clock.now() + Duration::from_mins(10));

    let delete = |id: &str, receipt: &str| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(id);
        entry.receipt_handle(receipt).build().unwrap()
    };
    let batch = client.delete_message_batch().queue_url(world.queue().url());
    let batch = batch.entries(delete("a", &receipt)).entries(delete("b", "unknown"));
    let answer = batch.send().await.unwrap();
    assert_eq!((answer.successful().len(), answer.failed().len()), (1, 1));
    assert!(world.queue().messages().is_empty());
}

#[tokio::test]
async fn a_fifo_group_comes_in_order_and_waits_for_what_is_in_flight() {
    let world = World::start().await;
    let fifo = world.fifo_queue();
    let client = sqs(&world);
    for (body, group) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a")] {
        fifo.send_with(body, BTreeMap::new(), Some(group), Some(body));
    }
    let first = client.receive_message().queue_url(fifo.url()).max_number_of_messages(1);
    let first = first.send().await.unwrap();
    assert_eq!(bodies(first.messages()), ["a1"]);
    assert_eq!(bodies(&receive(&client, fifo).await), ["b1"]);
    let receipt = first.messages()[0].receipt_handle.clone().unwrap();
    client.delete_message().queue_url(fifo.url()).receipt_handle(receipt).send().await.unwrap();
    assert_eq!(bodies(&receive(&client, fifo).await), ["a2", "a3"]);
    world.clock.advance(Duration::from_mins(3));
    assert_eq!(bodies(&receive(&client, fifo).await), ["b1", "a2", "a3"]);
}

#[tokio::test]
async fn a_fifo_message_is_sent_once_within_5_minutes() {
    let world = World::start().await;
    let fifo = world.fifo_queue();
    let send = || fifo.send_with("hello", BTreeMap::new(), Some("g"), Some("d"));
    let first = send();
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(send(), first);
    assert_eq!(fifo.messages().len(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert_ne!(send(), first);
    assert_eq!(fifo.messages().len(), 2);
}

#[tokio::test]
async fn a_fifo_message_tells_its_group_and_number() {
    let world = World::start().await;
    let send = sqs(&world).send_message().queue_url(world.fifo_queue().url()).message_body("x");
    let answer = send.message_group_id("g").message_deduplication_id("d").send().await.unwrap();
    let messages = receive(&sqs(&world), world.fifo_queue()).await;
    let system = messages[0].attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::MessageGroupId], "g");
    assert_eq!(system[&MessageSystemAttributeName::MessageDeduplicationId], "d");
    let number = &system[&MessageSystemAttributeName::SequenceNumber];
    assert_eq!(Some(number.as_str()), answer.sequence_number());
}

#[tokio::test]
async fn a_queue_tells_its_attributes() {
    let world = World::start().await;
    let client = sqs(&world);
    for body in ["visible", "in flight", "in flight"] {
        world.queue().send(body);
    }
    assert!(world.queue().poll(2).is_some());
    let send = client.send_message().queue_url(world.queue().url()).message_body("delayed");
    send.delay_seconds(60).send().await.unwrap();
    let get = client.get_queue_attributes().queue_url(world.queue().url());
    let answer = get.attribute_names(QueueAttributeName::All).send().await.unwrap();
    let attributes = answer.attributes().unwrap();
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessages], "1");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesNotVisible], "2");
    assert_eq!(attributes[&QueueAttributeName::ApproximateNumberOfMessagesDelayed], "1");
    assert_eq!(attributes[&QueueAttributeName::QueueArn], world.queue().arn());
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "180");
    let redrive = &attributes[&QueueAttributeName::RedrivePolicy];
    assert!(redrive.contains(&world.dead_letters().arn()) && redrive.contains("200"), "{redrive}");
}
