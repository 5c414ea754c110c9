//! Lambda's event source mapping for a queue, with `ReportBatchItemFailures`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::message::{Attribute, Message};
use crate::queue::Queue;
use crate::sqs::system_attributes;

/// Messages on their way to a function.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The Lambda event, `{"Records": […]}`.
    pub event: Value,
    queue: Queue,
    deliveries: Vec<Delivery>,
}

#[derive(Clone, Debug)]
struct Delivery {
    id: String,
    receipt: String,
}

impl Batch {
    pub(crate) fn new(queue: Queue, messages: &[Message]) -> Self {
        let arn = queue.arn();
        let records: Vec<_> = messages.iter().map(|message| record(message, &arn)).collect();
        Self {
            event: json!({"Records": records}),
            queue,
            deliveries: messages.iter().map(Delivery::of).collect(),
        }
    }

    /// The ids of its messages.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.deliveries.iter().map(|delivery| delivery.id.clone()).collect()
    }

    /// Does with the messages what Lambda does upon this answer, and returns the ids of those
    /// that come again, after the visibility they have.
    #[expect(clippy::must_use_candidate, reason = "most callers want what it does")]
    pub fn answer(self, response: &Value) -> Vec<String> {
        let Some(failed) = self.failed(response) else {
            return self.fail();
        };
        for delivery in self.deliveries.iter().filter(|delivery| !failed.contains(&delivery.id)) {
            // What was deleted meanwhile, or has come again, is not Lambda's to complain of.
            let _ = self.queue.delete(&delivery.receipt);
        }
        failed
    }

    /// Does what Lambda does when the invocation failed: every message comes again. Returns their ids.
    #[expect(clippy::must_use_candidate, reason = "most callers want what it does")]
    pub fn fail(self) -> Vec<String> {
        self.ids()
    }

    /// The ids that the response reports, or none where Lambda would take it for a failure of the
    /// whole batch.
    fn failed(&self, response: &Value) -> Option<Vec<String>> {
        let failures = match response {
            Value::Null => &Value::Null,
            Value::Object(response) => response.get("batchItemFailures").unwrap_or(&Value::Null),
            _ => return None,
        };
        match failures {
            Value::Null => Some(Vec::new()),
            Value::Array(failures) => failures.iter().map(|failure| self.known(failure)).collect(),
            _ => None,
        }
    }

    fn known(&self, failure: &Value) -> Option<String> {
        let id = failure.get("itemIdentifier")?.as_str()?;
        self.deliveries.iter().any(|delivery| delivery.id == id).then(|| id.to_owned())
    }
}

impl Delivery {
    fn of(message: &Message) -> Self {
        Self {
            id: message.id.clone(),
            receipt: message.receipts.last().cloned().unwrap_or_default(),
        }
    }
}

fn record(message: &Message, arn: &str) -> Value {
    let given = &message.attributes;
    let given: Map<_, _> =
        given.iter().map(|(name, attribute)| (name.clone(), described(attribute))).collect();
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipts.last(),
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": given,
        "md5OfBody": message.body_md5(),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    });
    if let Some(md5) = message.attributes_md5() {
        record["md5OfMessageAttributes"] = json!(md5);
    }
    record
}

fn described(attribute: &Attribute) -> Value {
    let (name, value) = match attribute.text() {
        Some(text) => ("stringValue", text.to_owned()),
        None => ("binaryValue", STANDARD.encode(&attribute.value)),
    };
    let mut described =
        json!({"stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type});
    described[name] = json!(value);
    described
}
