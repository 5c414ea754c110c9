//! What the driver does around an operation, whatever the operation is.

use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use harness::Function;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::failure::{Kind, Reason};
use shared::{Attempt, Failure, Findings, Operation, Receipt, Request};

/// An operation that does what its request says, and remembers in which order.
#[derive(Clone, Default)]
struct Probe {
    calls: Arc<Mutex<Vec<String>>>,
    under_way: Arc<AtomicUsize>,
    most_under_way: Arc<AtomicUsize>,
    made_when_sent: Arc<AtomicUsize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeRequest {
    target: String,
    #[serde(default)]
    behaviour: String,
}

impl Request for ProbeRequest {
    fn target(&self) -> String {
        self.target.clone()
    }

    fn check(&self, _: &mut Findings) {
        assert_ne!(self.behaviour, "panic in check", "a rule panics");
    }
}

impl Operation for Probe {
    const NAME: &'static str = "Probe";
    const LONGEST_TOKEN: usize = 64;
    const REPEATABLE_FOR: Duration = Duration::from_hours(1);
    const BUSY_DELAY: Duration = Duration::from_mins(10);
    type Request = ProbeRequest;

    async fn call(
        &self,
        request: &ProbeRequest,
        attempt: &Attempt<'_>,
    ) -> Result<Receipt, Failure> {
        self.calls.lock().unwrap().push(attempt.token().to_owned());
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        if request.behaviour == "send beside" {
            // As the HTTP client does, whose connections have tasks of their own.
            let (made, made_when_sent) = (self.calls.clone(), self.made_when_sent.clone());
            let send = async move {
                made_when_sent.store(made.lock().unwrap().len(), Ordering::SeqCst);
            };
            tokio::spawn(send);
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        match request.behaviour.as_str() {
            "panic" => panic!("the operation panics"),
            "transient" => Err(Failure::new(Kind::Transient, "Slow", "slow down")),
            "unknown" => attempt.send(lost()).await,
            "unknown, not sent" => Err(Failure::new(Kind::Unknown, Reason::TIMED_OUT, "a read")),
            _ => Ok(Receipt::default().with("id", Some(attempt.token()))),
        }
    }
}

/// A call that was sent and whose answer never came.
fn lost() -> Ready<Result<Receipt, SdkError<UpdateItemError>>> {
    ready(Err(SdkError::timeout_error("no answer")))
}

async fn probe() -> (Probe, Function<Probe>) {
    let probe = Probe::default();
    let function = Function::start(|_| probe.clone()).await;
    (probe, function)
}

fn wish(token: &str, target: &str, behaviour: &str) -> Value {
    json!({"clientToken": token, "target": target, "behaviour": behaviour})
}

fn outcomes(answer: &Value) -> Vec<&str> {
    let outcomes = answer["outcomes"].as_array().unwrap();
    outcomes.iter().map(|outcome| outcome["outcome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_panic_in_a_call_is_caught_at_its_wish() {
    let (_, function) = probe().await;
    let event =
        json!({"intents": [wish("a", "x", ""), wish("b", "y", "panic"), wish("c", "z", "")]});
    let answer = function.invoke(&event).await.unwrap();
    assert_eq!(outcomes(&answer), ["STARTED", "DEFERRED", "STARTED"]);
    let item = function.world.ledger_item("Probe#b").unwrap();
    assert_eq!(item["errorCode"], "Panicked");
    assert!(item["errorMessage"].as_str().unwrap().contains("the operation panics"));
}

#[tokio::test]
async fn a_panic_in_a_rule_is_caught_at_its_wish_and_reported() {
    let (_, function) = probe().await;
    let event = json!({"intents": [wish("a", "x", "panic in check"), wish("b", "y", "")]});
    let answer = function.invoke(&event).await.unwrap();
    assert_eq!(outcomes(&answer), ["REJECTED", "STARTED"]);
    let letter = function.world.dead_letters().messages().remove(0);
    assert_eq!(letter.attribute("errorCode"), Some("Panicked"));
    assert!(letter.body.contains("panic in check"), "{}", letter.body);
}

#[tokio::test]
async fn wishes_on_different_targets_are_called_together() {
    let (probe, function) = probe().await;
    let intents: Vec<_> = (0..20).map(|n| wish(&format!("t{n}"), &format!("x{n}"), "")).collect();
    function.invoke(&json!({ "intents": intents })).await.unwrap();
    let most = probe.most_under_way.load(Ordering::SeqCst);
    assert!((2..=10).contains(&most), "{most} calls at once");
}

#[tokio::test]
async fn a_call_is_sent_before_the_next_is_made() {
    let (probe, function) = probe().await;
    let intents = [wish("a", "x", "send beside"), wish("b", "y", ""), wish("c", "z", "")];
    function.invoke(&json!({ "intents": intents })).await.unwrap();
    assert_eq!(probe.made_when_sent.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn how_many_are_called_together_can_be_set() {
    let probe = Probe::default();
    let function = Function::start_with(|_| probe.clone(), &[("CONCURRENT_CALLS", "1")]).await;
    let intents: Vec<_> = (0..5).map(|n| wish(&format!("t{n}"), &format!("x{n}"), "")).collect();
    function.invoke(&json!({ "intents": intents })).await.unwrap();
    assert_eq!(probe.most_under_way.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_queues_are_told_of_ten_records_in_one_request() {
    let (_, function) = probe().await;
    let queue = function.world.queue();
    for n in 0..25 {
        queue.send(&wish(&format!("t{n}"), &format!("x{n}"), "transient").to_string());
        queue.send("{}");
    }
    let batch = queue.poll(50).unwrap();
    let answer = function.invoke(&batch.event).await.unwrap();
    assert_eq!(batch.answer(&answer).len(), 25);
    assert_eq!(function.world.dead_letters().messages().len(), 25);
    assert_eq!(function.world.sqs().count("ChangeMessageVisibilityBatch"), 3);
    assert_eq!(function.world.sqs().count("SendMessageBatch"), 3);
    assert_eq!(function.world.sqs().total(), 6);
}

#[tokio::test]
async fn dead_letters_too_large_for_one_request_go_in_several() {
    let (_, function) = probe().await;
    let queue = function.world.queue();
    for _ in 0..3 {
        queue.send(&"x".repeat(500_000));
    }
    assert_eq!(function.deliver(queue).await, Some(vec![]));
    assert_eq!(function.world.dead_letters().messages().len(), 3);
    assert_eq!(function.world.sqs().count("SendMessageBatch"), 2);
}

#[tokio::test]
async fn one_visibility_that_is_refused_leaves_the_others_changed() {
    let (_, function) = probe().await;
    let queue = function.world.queue();
    queue.send(&wish("late", "x", "transient").to_string());
    let late = queue.poll(1).unwrap();
    function.world.clock.advance(Duration::from_mins(3));
    queue.send(&wish("a", "y", "transient").to_string());
    let batch = queue.poll(10).unwrap();
    let mut event = batch.event.clone();
    // The record of a worker that was so slow that its message was received again since.
    let records = event["Records"].as_array_mut().unwrap();
    records[0]["receiptHandle"] = late.event["Records"][0]["receiptHandle"].clone();
    let answer = function.invoke(&event).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
    let waits: Vec<_> = queue
        .messages()
        .iter()
        .map(|message| message.visible_at.duration_since(function.world.clock.now()).unwrap())
        .collect();
    assert_eq!(waits[0], Duration::from_mins(3), "as its queue has it");
    assert!(waits[1] <= Duration::from_secs(30), "{waits:?}");
}

#[tokio::test]
async fn different_wishes_on_one_target_are_called_one_after_another_in_their_order() {
    let (probe, function) = probe().await;
    let intents: Vec<_> = (0..5).map(|n| wish(&format!("t{n}"), "x", "")).collect();
    function.invoke(&json!({ "intents": intents })).await.unwrap();
    assert_eq!(*probe.calls.lock().unwrap(), ["t0", "t1", "t2", "t3", "t4"]);
    assert_eq!(probe.most_under_way.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_transient_failure_counts_and_an_unknown_outcome_does_not() {
    let (_, function) = probe().await;
    let event = json!({"intents": [wish("a", "x", "transient"), wish("b", "y", "unknown")]});
    function.invoke(&event).await.unwrap();
    function.invoke(&event).await.unwrap();
    assert_eq!(function.world.ledger_item("Probe#a").unwrap()["attempts"], 2);
    assert_eq!(function.world.ledger_item("Probe#b").unwrap()["attempts"], 0);
}

#[tokio::test]
async fn a_doubt_begins_with_the_call_that_was_sent_and_not_with_a_read() {
    let (_, function) = probe().await;
    let event =
        json!({"intents": [wish("a", "x", "unknown"), wish("b", "y", "unknown, not sent")]});
    function.invoke(&event).await.unwrap();
    let doubt = |key| function.world.ledger_item(key).unwrap()["doubtSince"].clone();
    assert_eq!(doubt("Probe#a"), function.world.clock.epoch_millis());
    assert_eq!(doubt("Probe#b"), Value::Null);
}

#[tokio::test]
async fn a_wish_that_gives_up_in_doubt_is_reported_as_unknown() {
    let probe = Probe::default();
    let function = Function::start_with(|_| probe.clone(), &[("MAX_ATTEMPTS", "1")]).await;
    let unknown = wish("a", "x", "unknown");
    function.invoke(&unknown).await.unwrap();
    let mut item = function.world.ledger_item("Probe#a").unwrap();
    // The same wish, now throttled; the request is what the operation obeys.
    let throttled = wish("a", "x", "transient");
    let request = json!({"target": "x", "behaviour": "transient"});
    item["fingerprint"] = json!(shared::fingerprint::fingerprint("Probe", &request).unwrap());
    function.world.put_ledger_item(&item);
    let answer = function.invoke(&throttled).await.unwrap();
    assert_eq!(outcomes(&answer), ["REJECTED"]);
    let letter = function.world.dead_letters().messages().remove(0);
    assert_eq!(letter.attribute("errorCode"), Some("OutcomeUnknown"));
}

#[tokio::test]
async fn a_settlement_that_cannot_be_written_brings_the_wish_again() {
    let (probe, function) = probe().await;
    function.world.queue().send(&wish("a", "x", "").to_string());
    let refused = harness::Fault::error("ValidationException", 400);
    let batch = function.world.queue().poll(1).unwrap();
    // The first write, the claim, passes; the fault is scripted while the call is under way.
    let handled = function.invoke(&batch.event);
    let scripted = async {
        while probe.under_way.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        function.world.dynamodb().fault("BatchExecuteStatement", refused);
    };
    let (answer, ()) = tokio::join!(handled, scripted);
    assert_eq!(batch.answer(&answer.unwrap()).len(), 1);
    assert_eq!(function.world.ledger_item("Probe#a").unwrap()["status"], "CLAIMED");

    function.world.clock.advance(Duration::from_mins(15));
    assert_eq!(function.deliver(function.world.queue()).await, Some(vec![]));
    assert_eq!(*probe.calls.lock().unwrap(), ["a", "a"], "with the same token");
}
