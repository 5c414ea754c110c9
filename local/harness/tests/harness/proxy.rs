//! DynamoDB and SQS that cannot be reached, or whose answers are lost.

use harness::{Fault, World};
use serde_json::json;

use crate::code;

/// Whether SQS took the message, and else why not.
async fn send(world: &World) -> Result<(), String> {
    let send =
        crate::sqs(world).send_message().queue_url(world.queue().url()).message_body("hello");
    send.send().await.map(drop).map_err(|error| code(&error))
}

#[tokio::test]
async fn a_broken_ledger_refuses_connections_until_it_heals() {
    let world = World::start().await;
    let client = crate::dynamodb(&world);
    let describe = || client.describe_table().table_name("ledger").send();
    describe().await.unwrap();
    world.break_ledger().await;
    world.break_ledger().await;
    let error = describe().await.unwrap_err();
    assert_eq!(code(&error), "no answer");
    assert!(format!("{error:?}").contains("ConnectionRefused"), "{error:?}");
    world.heal_ledger().await;
    world.heal_ledger().await;
    describe().await.unwrap();
    assert_eq!(world.dynamodb().count("DescribeTable"), 2);
}

#[tokio::test]
async fn a_broken_ledger_can_still_be_read_by_the_test() {
    let world = World::start().await;
    world.break_ledger().await;
    world.put_ledger_item(&json!({"token": "a"}));
    assert_eq!(world.ledger_items().len(), 1);
}

#[tokio::test]
async fn broken_queues_refuse_connections_until_they_heal() {
    let world = World::start().await;
    world.break_queues().await;
    assert_eq!(send(&world).await, Err("no answer".to_owned()));
    world.queue().send("by hand");
    world.heal_queues().await;
    send(&world).await.unwrap();
    assert_eq!(world.queue().messages().len(), 2);
}

#[tokio::test]
async fn a_connection_dropped_before_the_work_changed_nothing() {
    let world = World::start().await;
    world.sqs().fault("SendMessage", Fault::drop().times(3));
    assert_eq!(send(&world).await, Err("no answer".to_owned()));
    assert!(world.queue().messages().is_empty());
    assert_eq!(world.sqs().count("SendMessage"), 3);
    send(&world).await.unwrap();
}

#[tokio::test]
async fn a_connection_dropped_after_the_work_lost_only_the_answer() {
    let world = World::start().await;
    world.sqs().fault("SendMessage", Fault::drop().after_work().times(2));
    send(&world).await.unwrap();
    assert_eq!(world.queue().messages().len(), 3);
}

#[tokio::test]
async fn an_error_comes_in_the_form_of_the_service() {
    let world = World::start().await;
    world.sqs().fault("SendMessage", Fault::error("QueueDoesNotExist", 400));
    let nowhere = "AWS.SimpleQueueService.NonExistentQueue".to_owned();
    assert_eq!(send(&world).await, Err(nowhere));

    world.dynamodb().fault("DescribeTable", Fault::error("ResourceNotFoundException", 400));
    let describe = crate::dynamodb(&world).describe_table().table_name("ledger");
    let error = describe.send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
}

#[tokio::test]
async fn a_hanging_request_is_not_forwarded() {
    let world = World::start().await;
    world.sqs().fault("SendMessage", Fault::hang());
    let other = async {
        while world.sqs().count("SendMessage") == 0 {
            tokio::task::yield_now().await;
        }
        crate::sqs(&world).get_queue_url().queue_name("queue").send().await.unwrap();
    };
    tokio::select! {
        answer = send(&world) => panic!("the hanging request was answered: {answer:?}"),
        () = other => {}
    }
    assert!(world.queue().messages().is_empty());
}

#[tokio::test]
async fn a_fault_waits_for_its_operation_and_can_be_cleared() {
    let world = World::start().await;
    world.sqs().fault("DeleteMessage", Fault::drop().forever());
    send(&world).await.unwrap();
    world.sqs().fault("SendMessage", Fault::drop().forever());
    assert!(send(&world).await.is_err());
    world.sqs().clear_faults();
    send(&world).await.unwrap();
}

#[tokio::test]
async fn what_passes_is_noted() {
    let world = World::start().await;
    send(&world).await.unwrap();
    let requests = world.sqs().requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.operation, "SendMessage");
    assert_eq!(request.body["MessageBody"], "hello");
}
