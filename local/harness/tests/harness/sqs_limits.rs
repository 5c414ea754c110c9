//! SQS: what it refuses, with the codes that AWS gives.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use harness::{Queue, World};

use crate::{code, sqs};

/// One mebibyte, the most that a message may weigh.
const LIMIT: usize = 1 << 20;

#[derive(Default)]
struct Letter<'a> {
    attributes: &'a [(&'a str, &'a str)],
    delay: Option<i32>,
    group: Option<&'a str>,
    dedup: Option<&'a str>,
}

/// Why SQS did not take the message.
async fn refusal(world: &World, queue: &Queue, body: &str, letter: Letter<'_>) -> Option<String> {
    let mut send = sqs(world).send_message().queue_url(queue.url()).message_body(body);
    for (name, value) in letter.attributes {
        let attribute = MessageAttributeValue::builder().data_type("String").string_value(*value);
        send = send.message_attributes(*name, attribute.build().unwrap());
    }
    let send =
        send.set_delay_seconds(letter.delay).set_message_group_id(letter.group.map(str::to_owned));
    let send = send.set_message_deduplication_id(letter.dedup.map(str::to_owned));
    send.send().await.err().map(|error| code(&error))
}

#[tokio::test]
async fn a_message_weighs_1_mebibyte_at_most_with_its_attributes() {
    let world = World::start().await;
    let queue = world.queue();
    let attributes: &[_] = &[("k", "v")];
    let weight = "kStringv".len();
    let fits = "x".repeat(LIMIT - weight);
    let letter = || Letter { attributes, ..Letter::default() };
    assert_eq!(refusal(&world, queue, &fits, letter()).await, None);
    let too_much = refusal(&world, queue, &format!("{fits}x"), letter()).await;
    assert_eq!(too_much.as_deref(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn characters_outside_of_xml_are_refused() {
    let world = World::start().await;
    for body in ["\u{0}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        let refused = refusal(&world, world.queue(), body, Letter::default()).await;
        assert_eq!(refused.as_deref(), Some("InvalidMessageContents"), "{body:?}");
    }
    let body = "\t\n\r \u{d7ff}\u{e000}\u{fffd}\u{10ffff}";
    assert_eq!(refusal(&world, world.queue(), body, Letter::default()).await, None);
    assert_eq!(world.queue().messages()[0].body, body);
}

#[tokio::test]
async fn an_empty_body_is_missing() {
    let world = World::start().await;
    let refused = refusal(&world, world.queue(), "", Letter::default()).await;
    assert_eq!(refused.as_deref(), Some("MissingParameter"));
}

#[tokio::test]
async fn a_delay_is_900_seconds_at_most() {
    let world = World::start().await;
    for (delay, refused) in [(-1, true), (901, true), (0, false), (900, false)] {
        let letter = Letter { delay: Some(delay), ..Letter::default() };
        let answer = refusal(&world, world.queue(), "x", letter).await;
        assert_eq!(answer.as_deref(), refused.then_some("InvalidParameterValue"), "{delay}");
    }
}

#[tokio::test]
async fn attributes_keep_their_rules() {
    let world = World::start().await;
    let bad = [
        ("", "v"),
        ("k", ""),
        ("k", "\u{0}"),
        ("a b", "v"),
        ("AWS.k", "v"),
        ("amazon.k", "v"),
        (".k", "v"),
        ("k.", "v"),
        ("a..b", "v"),
    ];
    for attribute in bad {
        let letter = Letter { attributes: &[attribute], ..Letter::default() };
        let refused = refusal(&world, world.queue(), "x", letter).await;
        assert_eq!(refused.as_deref(), Some("InvalidParameterValue"), "{attribute:?}");
    }
    let good = Letter { attributes: &[("a_B-9.c", "v")], ..Letter::default() };
    assert_eq!(refusal(&world, world.queue(), "x", good).await, None);
}

#[tokio::test]
async fn there_are_at_most_10_attributes() {
    let world = World::start().await;
    let names: Vec<_> = (0..11).map(|number| format!("k{number}")).collect();
    let attributes: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    for (count, refused) in [(11, true), (10, false)] {
        let letter = Letter { attributes: &attributes[..count], ..Letter::default() };
        let answer = refusal(&world, world.queue(), "x", letter).await;
        assert_eq!(answer.as_deref(), refused.then_some("InvalidParameterValue"), "{count}");
    }
}

#[tokio::test]
async fn a_data_type_is_one_of_three_perhaps_with_a_label() {
    let world = World::start().await;
    for (data_type, refused) in [("Text", true), ("String.json", false), ("Number.int", false)] {
        let attribute = MessageAttributeValue::builder().data_type(data_type).string_value("1");
        let send = sqs(&world).send_message().queue_url(world.queue().url()).message_body("x");
        let answer = send.message_attributes("k", attribute.build().unwrap()).send().await;
        let answer = answer.err().map(|error| code(&error));
        assert_eq!(answer.as_deref(), refused.then_some("InvalidParameterValue"), "{data_type}");
    }
}

#[tokio::test]
async fn a_fifo_queue_wants_group_and_dedup_and_no_delay() {
    let world = World::start().await;
    let fifo = world.fifo_queue();
    let (group, dedup) = (Some("g"), Some("d"));
    let cases = [
        (Letter { dedup, ..Letter::default() }, Some("MissingParameter")),
        (Letter { group, ..Letter::default() }, Some("InvalidParameterValue")),
        (
            Letter { group, dedup, delay: Some(5), ..Letter::default() },
            Some("InvalidParameterValue"),
        ),
        (Letter { group, dedup, ..Letter::default() }, None),
    ];
    for (letter, expected) in cases {
        assert_eq!(refusal(&world, fifo, "x", letter).await.as_deref(), expected);
    }
    let dedup_on_standard = Letter { dedup, ..Letter::default() };
    let refused = refusal(&world, world.queue(), "x", dedup_on_standard).await;
    assert_eq!(refused.as_deref(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn an_unknown_queue_does_not_exist() {
    let world = World::start().await;
    let url = world.queue().url().replace("/queue", "/unknown");
    let send = sqs(&world).send_message().queue_url(url).message_body("x");
    let error = send.send().await.unwrap_err().into_service_error();
    assert!(error.is_queue_does_not_exist(), "{error:?}");
    let get = sqs(&world).get_queue_url().queue_name("unknown").send().await.unwrap_err();
    assert!(get.into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn an_unknown_receipt_handle_is_invalid() {
    let world = World::start().await;
    let delete = sqs(&world).delete_message().queue_url(world.queue().url());
    let error = delete.receipt_handle("unknown").send().await.unwrap_err();
    assert!(error.into_service_error().is_receipt_handle_is_invalid());
}

#[tokio::test]
async fn a_receive_keeps_its_limits() {
    let world = World::start().await;
    let receive = || sqs(&world).receive_message().queue_url(world.queue().url());
    let beyond = [
        receive().max_number_of_messages(11),
        receive().max_number_of_messages(0),
        receive().visibility_timeout(43_201),
        receive().wait_time_seconds(21),
    ];
    for receive in beyond {
        assert_eq!(code(&receive.send().await.unwrap_err()), "InvalidParameterValue");
    }
    receive().max_number_of_messages(10).visibility_timeout(43_200).send().await.unwrap();
}

#[tokio::test]
async fn a_fifo_message_cannot_be_deleted_once_it_is_visible_again() {
    let world = World::start().await;
    let fifo = world.fifo_queue();
    fifo.send_with("x", BTreeMap::new(), Some("g"), Some("d"));
    let receive = sqs(&world).receive_message().queue_url(fifo.url()).send().await.unwrap();
    let receipt = receive.messages()[0].receipt_handle().unwrap();
    world.clock.advance(std::time::Duration::from_mins(3));
    let delete = sqs(&world).delete_message().queue_url(fifo.url()).receipt_handle(receipt);
    assert_eq!(code(&delete.send().await.unwrap_err()), "InvalidParameterValue");
    assert_eq!(fifo.messages().len(), 1);
}

#[tokio::test]
async fn a_batch_keeps_its_limits() {
    let world = World::start().await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let eleven = (0..11).map(|id| entry(&id.to_string(), "x")).collect();
    let half = "x".repeat(LIMIT / 2 + 1);
    let cases = [
        (vec![], "EmptyBatchRequest"),
        (eleven, "TooManyEntriesInBatchRequest"),
        (vec![entry("a", "x"), entry("a", "x")], "BatchEntryIdsNotDistinct"),
        (vec![entry("a b", "x")], "InvalidBatchEntryId"),
        (vec![entry("a", &half), entry("b", &half)], "BatchRequestTooLong"),
    ];
    for (entries, expected) in cases {
        let send = sqs(&world).send_message_batch().queue_url(world.queue().url());
        let error = send.set_entries(Some(entries)).send().await.unwrap_err();
        assert_eq!(code(&error), format!("AWS.SimpleQueueService.{expected}"));
    }
    assert!(world.queue().messages().is_empty());
}

#[tokio::test]
async fn an_operation_that_is_none_of_sqs_is_refused() {
    let world = World::start().await;
    let error = sqs(&world).list_queues().send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidAction");
}
