//! Services that never answer. The world is in this process and its time is the runtime's, which is
//! paused: hours of waiting are over at once, and none is over before everything else is done.

use std::time::Duration;

use harness::{Fault, Function, World};
use start_image_pipeline_execution::StartImagePipelineExecution;
use tokio::time::Instant;

use crate::{LINUX, OPERATION, Sut, intent};

/// Half a minute for each invocation, as [`Function::timeout`] has it.
fn function() -> Sut {
    let function = Function::within(World::in_process(), StartImagePipelineExecution::new, &[]);
    function.world.image_builder().create_pipeline(LINUX).unwrap();
    function
}

/// Delivers the message, and how long that took.
async fn delivered(function: &Sut) -> (Vec<String>, Duration) {
    let begun = Instant::now();
    let comes_again = function.deliver(function.world.queue()).await.expect("a message is visible");
    (comes_again, begun.elapsed())
}

/// Everything that any service was asked so far.
fn requests(function: &Sut) -> usize {
    let world = &function.world;
    world.image_builder().requests().len() + world.dynamodb().total() + world.sqs().total()
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_costs_seconds_and_the_wish_ends_as_started() {
    let function = function();
    let id = function.world.queue().send(&intent("nightly-1").to_string());
    function.world.image_builder().fault(OPERATION, Fault::hang().after_work().forever());
    let (comes_again, took) = delivered(&function).await;
    assert_eq!(comes_again, [id]);
    assert!(took <= Duration::from_secs(15), "{took:?}");
    assert_eq!(function.item("nightly-1")["errorCode"], "TimedOut");
    assert!(function.item("nightly-1")["doubtSince"].is_number());

    function.world.image_builder().clear_faults();
    function.world.clock.advance(Duration::from_mins(15));
    assert_eq!(delivered(&function).await.0, Vec::<String>::new());
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
    assert_eq!(function.world.image_builder().effects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_never_answers_a_claim_brings_the_wish_again_and_nothing_is_called() {
    let function = function();
    let id = function.world.queue().send(&intent("nightly-1").to_string());
    function.world.dynamodb().fault("BatchExecuteStatement", Fault::hang().forever());
    let (comes_again, took) = delivered(&function).await;
    assert_eq!(comes_again, [id]);
    assert!(took < function.timeout, "{took:?}");
    assert!(function.world.image_builder().requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_never_answers_a_settlement_brings_the_wish_again_with_its_build() {
    let function = function();
    let id = function.world.queue().send(&intent("nightly-1").to_string());
    function.world.dynamodb().fault("BatchExecuteStatement", Fault::pass());
    function.world.dynamodb().fault("BatchExecuteStatement", Fault::hang().forever());
    let (comes_again, took) = delivered(&function).await;
    assert_eq!(comes_again, [id]);
    assert!(took < function.timeout, "{took:?}");
    assert_eq!(function.item("nightly-1")["status"], "CLAIMED");

    function.world.dynamodb().clear_faults();
    function.world.clock.advance(Duration::from_mins(15));
    assert_eq!(delivered(&function).await.0, Vec::<String>::new());
    assert_eq!(function.item("nightly-1")["status"], "STARTED");
    assert_eq!(function.world.image_builder().effects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_queue_that_never_answers_brings_the_record_again() {
    let function = function();
    let id = function.world.queue().send("{}");
    function.world.sqs().fault("SendMessageBatch", Fault::hang().forever());
    let (comes_again, took) = delivered(&function).await;
    assert_eq!(comes_again, [id]);
    assert!(took < function.timeout, "{took:?}");
    assert!(function.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_never_takes_what_was_invoked_directly_fails_the_invocation_in_time() {
    let function = function();
    function.invoke(&intent("first")).await.unwrap();
    function.world.sqs().fault("SendMessageBatch", Fault::hang().forever());
    let begun = Instant::now();
    let error = function.invoke(&intent("second")).await.unwrap_err();
    assert!(begun.elapsed() < function.timeout);
    assert!(error.error_message.contains("neither reported nor deferred"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_outlives_the_answer() {
    for service in ["imagebuilder", "dynamodb", "sqs"] {
        let mut function = function();
        function.timeout = Duration::from_secs(12);
        function.world.queue().send(&intent("nightly-1").to_string());
        match service {
            "imagebuilder" => {
                function.world.image_builder().fault(OPERATION, Fault::hang().forever());
            }
            "dynamodb" => {
                function.world.dynamodb().fault("BatchExecuteStatement", Fault::hang().forever());
            }
            _ => {
                function.world.image_builder().fault(OPERATION, Fault::error("X", 500).forever());
                let hang = Fault::hang().forever();
                function.world.sqs().fault("ChangeMessageVisibilityBatch", hang);
            }
        }
        let (comes_again, took) = delivered(&function).await;
        assert_eq!(comes_again.len(), 1, "{service}");
        assert!(took < function.timeout, "{service}: {took:?}");
        let asked = requests(&function);
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(requests(&function), asked, "{service}");
    }
}
