//! Dead letters: received, held for a moment, made visible again or deleted.

use std::collections::{HashMap, HashSet};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName, QueueAttributeName,
};
use serde_json::{Value, json};
use shared::clock::Timestamp;
use shared::json;
use shared::queue::attribute;

use crate::event::{self, Entry};
use crate::output;
use crate::problem::Problem;
use crate::stack::{Queue, Stack};

/// How long a letter stays hidden from others that is being looked at: after a command that was
/// killed it is back after this time.
const HELD_SECONDS: i32 = 120;

/// How long SQS looks around before it says that nothing is there. Without it, it asks only some
/// of its servers.
const WAIT_SECONDS: i32 = 1;

/// What one request to SQS can be about.
const BATCH: usize = 10;

/// A dead letter that this command holds.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// Its `messageId`.
    pub(crate) id: String,
    pub(crate) sent: Option<Timestamp>,
    pub(crate) body: String,
    receipt_handle: String,
    attributes: HashMap<String, String>,
}

/// The letters of one queue, as far as they could be had.
#[derive(Debug)]
pub(crate) struct Letters {
    pub(crate) queue: Queue,
    pub(crate) all: Vec<Letter>,
    /// About how many more there are: beyond the limit, or held by somebody else.
    pub(crate) more: usize,
    client: Client,
}

impl Letters {
    /// Receives up to `limit` letters, each once.
    pub(crate) async fn receive(
        stack: &Stack,
        queue: Queue,
        limit: usize,
    ) -> Result<Self, Problem> {
        let client = Client::new(stack.config().await?);
        let count = count(&client, &queue).await?;
        let mut held = Self { queue, all: Vec::new(), more: 0, client };
        let mut seen = HashSet::new();
        while held.all.len() < limit {
            let messages = match held.next(limit - held.all.len()).await {
                Ok(messages) => messages,
                Err(problem) => {
                    held.release().await;
                    return Err(problem);
                }
            };
            if messages.is_empty() {
                break;
            }
            for letter in messages.into_iter().filter_map(Letter::of) {
                // SQS may deliver one twice; the handle of the later receipt is the good one.
                if seen.insert(letter.id.clone()) {
                    held.all.push(letter);
                } else if let Some(known) = held.all.iter_mut().find(|known| known.id == letter.id)
                {
                    *known = letter;
                }
            }
            output::progress(&format!("read {} dead letters", held.all.len()));
        }
        output::clear_progress();
        held.more = count.saturating_sub(held.all.len());
        Ok(held)
    }

    async fn next(&self, wanted: usize) -> Result<Vec<Message>, Problem> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.queue.url)
            .max_number_of_messages(i32::try_from(wanted.min(BATCH)).unwrap_or(1))
            .visibility_timeout(HELD_SECONDS)
            .wait_time_seconds(WAIT_SECONDS)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| {
                Problem::aws(format_args!("{} could not be read", self.queue.url), error)
            })?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Makes every letter that is still held visible again, at once.
    pub(crate) async fn release(self) {
        let mut hidden = 0;
        for letters in self.all.chunks(BATCH) {
            let entries = letters.iter().enumerate().map(|(place, letter)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(place.to_string())
                    .receipt_handle(&letter.receipt_handle)
                    .visibility_timeout(0)
                    .build()
            });
            let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else { continue };
            let call = self.client.change_message_visibility_batch().queue_url(&self.queue.url);
            hidden += match call.set_entries(Some(entries)).send().await {
                Ok(answer) => answer.failed.len(),
                Err(_) => letters.len(),
            };
        }
        if hidden > 0 {
            output::warning(&format!(
                "{hidden} dead letters of {} stay hidden for up to {HELD_SECONDS} seconds",
                self.queue.operation.name()
            ));
        }
    }

    /// Deletes these letters; those that could not be are returned.
    pub(crate) async fn delete(&self, letters: Vec<Letter>) -> Vec<Letter> {
        let mut left = Vec::new();
        for letters in letters.chunks(BATCH) {
            let entries = letters.iter().enumerate().map(|(place, letter)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(place.to_string())
                    .receipt_handle(&letter.receipt_handle)
                    .build()
            });
            let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else {
                left.extend_from_slice(letters);
                continue;
            };
            let call = self.client.delete_message_batch().queue_url(&self.queue.url);
            match call.set_entries(Some(entries)).send().await {
                Ok(answer) => {
                    let failed = answer.failed.iter().filter_map(|entry| entry.id.parse().ok());
                    left.extend(failed.filter_map(|place: usize| letters.get(place)).cloned());
                }
                Err(_) => left.extend_from_slice(letters),
            }
        }
        left
    }

    /// The wishes in a letter, by the function's own rules.
    pub(crate) fn wishes(
        &self,
        letter: &Letter,
        change: impl Fn(&mut Value),
    ) -> Result<Vec<Entry>, String> {
        let (body, request_id) = match envelope(&letter.body) {
            Some((payload, request_id)) => (payload, request_id),
            None => (letter.body.clone(), letter.request_id()),
        };
        match request_id {
            // What Lambda could not deliver: the function would have told it by this id.
            Some(id) => event::read(self.queue.operation, &body, &id, change),
            None => event::read(self.queue.operation, &letter.record(&body), "", change),
        }
    }
}

impl Letter {
    fn of(message: Message) -> Option<Self> {
        let system = message.attributes.unwrap_or_default();
        let sent = system.get(&MessageSystemAttributeName::SentTimestamp);
        let text = |(name, value): (String, aws_sdk_sqs::types::MessageAttributeValue)| {
            Some((name, value.string_value?))
        };
        Some(Self {
            id: message.message_id?,
            receipt_handle: message.receipt_handle?,
            body: message.body.unwrap_or_default(),
            sent: sent.and_then(|millis| millis.parse().ok()).map(Timestamp::from_epoch_millis),
            attributes: message.message_attributes.into_iter().flatten().filter_map(text).collect(),
        })
    }

    /// Why it is here, in one word: by us, by EventBridge and its Scheduler, or by Lambda.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.first([attribute::ERROR_CODE, "ERROR_CODE", "ErrorCode"])
    }

    /// The same in a sentence.
    pub(crate) fn message(&self) -> Option<&str> {
        self.first([attribute::ERROR_MESSAGE, "ERROR_MESSAGE", "ErrorMessage"])
    }

    /// The token that it was given when it was reported.
    pub(crate) fn token(&self) -> Option<&str> {
        self.first([attribute::TOKEN])
    }

    fn first<const N: usize>(&self, names: [&str; N]) -> Option<&str> {
        names.into_iter().find_map(|name| self.attributes.get(name)).map(String::as_str)
    }

    /// The request id of an asynchronous invocation that Lambda gave up:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.
    fn request_id(&self) -> Option<String> {
        self.attributes.get("ErrorCode").and(self.attributes.get("RequestID")).cloned()
    }

    /// The letter as the function would be given it by its queue.
    fn record(&self, body: &str) -> String {
        let attributes = self.attributes.iter().map(|(name, value)| {
            (name.clone(), json!({"stringValue": value, "dataType": "String"}))
        });
        let attributes: serde_json::Map<_, _> = attributes.collect();
        json!({"Records": [{
            "messageId": self.id,
            "body": body,
            "eventSource": "aws:sqs",
            "messageAttributes": attributes,
        }]})
        .to_string()
    }
}

/// The event in the record of a failed invocation, as an `OnFailure` destination is sent it, and
/// the id of that invocation.
fn envelope(body: &str) -> Option<(String, Option<String>)> {
    let fields = json::parse_object(body).ok()?;
    let payload = fields.get("requestPayload")?.to_string();
    let id = fields.get("requestContext").and_then(|context| context.get("requestId"));
    Some((payload, id.and_then(Value::as_str).map(str::to_owned)))
}

/// About how many letters there are, visible or not.
async fn count(client: &Client, queue: &Queue) -> Result<usize, Problem> {
    let counted = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let answer = client
        .get_queue_attributes()
        .queue_url(&queue.url)
        .set_attribute_names(Some(counted.to_vec()))
        .send()
        .await
        .map_err(|error| Problem::aws(format_args!("{} could not be read", queue.url), error))?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(attributes.values().filter_map(|digits| digits.parse::<usize>().ok()).sum())
}
