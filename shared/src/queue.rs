//! The function's own queue and its dead-letter queue.

use std::borrow::Cow;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::builders::SendMessageBatchRequestEntryBuilder;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue,
    SendMessageBatchRequestEntry,
};
use futures_util::future::join_all;
use serde_json::Value;

use crate::environment::Environment;
use crate::failure::{self, Failure, Kind, Reason};
use crate::retry;
use crate::token::Token;
use crate::trigger::Record;

/// The names of a dead letter's attributes.
pub mod attribute {
    /// AWS's name of the operation.
    pub const OPERATION: &str = "operation";
    /// The token of the wish.
    pub const TOKEN: &str = "token";
    /// Why, in one word.
    pub const ERROR_CODE: &str = "errorCode";
    /// Why, in a sentence of at most 1 KB.
    pub const ERROR_MESSAGE: &str = "errorMessage";
    /// The id of the message that brought it, or of the invocation.
    pub const SOURCE_MESSAGE_ID: &str = "sourceMessageId";
}

/// The longest `errorMessage` of a dead letter, in bytes.
const LONGEST_MESSAGE: usize = 1024;

/// The most messages in one request, and the most bytes.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const LONGEST_BATCH: usize = 10;
const LARGEST_BATCH: usize = 1 << 20;

/// What the queues are told of one wish.
#[derive(Clone, Debug)]
pub enum Errand<'a> {
    /// Its record stays hidden until it is worth another look.
    Hide(Hidden<'a>),
    /// It comes again by the function's own queue.
    Defer(Deferred<'a>),
    /// It will not be carried out.
    DeadLetter(DeadLetter<'a>),
}

/// A record of the function's own queue. A record of another queue keeps the visibility that its
/// owner chose.
#[derive(Clone, Debug)]
pub struct Hidden<'a> {
    /// What was received.
    pub record: &'a Record,
    /// For how long; a quarter of an hour at most.
    pub after: Duration,
}

/// A wish that was brought by something that does not come again for it alone.
#[derive(Clone, Debug)]
pub struct Deferred<'a> {
    /// The intent with its token frozen in it.
    pub body: Cow<'a, str>,
    /// How long it is delayed; a quarter of an hour at most.
    pub after: Duration,
}

/// A wish that will not be carried out, with its reason.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    /// The original intent with its token frozen in it, or the text that could not be read.
    pub body: &'a str,
    /// The token of the wish.
    pub token: &'a Token,
    /// Why.
    pub reason: &'a Reason,
    /// What brought it.
    pub source_id: &'a str,
}

/// Speaks to the two queues.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    operation: &'static str,
    url: String,
    dead_letter_url: String,
}

impl Queue {
    /// The queues of this environment.
    #[must_use]
    pub fn new(config: &SdkConfig, environment: &Environment, operation: &'static str) -> Self {
        Self {
            client: Client::new(config),
            operation,
            url: environment.queue_url.clone(),
            dead_letter_url: environment.dead_letter_queue_url.clone(),
        }
    }

    /// Whether it is the function's own queue: an ARN ends with `:ACCOUNT:NAME` where the URL ends
    /// with `/ACCOUNT/NAME`.
    #[must_use]
    pub fn is_own(&self, queue_arn: &str) -> bool {
        let mut arn = queue_arn.rsplit(':');
        let mut url = self.url.rsplit('/');
        arn.next() == url.next() && arn.next() == url.next()
    }

    /// Does all of it, in as few requests as SQS allows.
    ///
    /// # Errors
    /// For each errand, where it may not be done: what was to be hidden comes again all the same,
    /// only sooner or later than wished; the carrier of what was to be sent must not be
    /// acknowledged.
    pub async fn run(&self, errands: &[Errand<'_>]) -> Vec<Result<(), Failure>> {
        let hidden = picked(errands, |errand| match errand {
            Errand::Hide(hidden) => Some(hidden),
            _ => None,
        });
        let deferred = picked(errands, |errand| match errand {
            Errand::Defer(deferred) => Some(deferred),
            _ => None,
        });
        let dead = picked(errands, |errand| match errand {
            Errand::DeadLetter(letter) => Some(letter),
            _ => None,
        });
        let (hidden, deferred, dead) =
            tokio::join!(self.hide(hidden), self.defer(deferred), self.bury(dead));
        let mut results: Vec<_> = [hidden, deferred, dead].into_iter().flatten().collect();
        results.sort_by_key(|(place, _)| *place);
        results.into_iter().map(|(_, result)| result).collect()
    }

    async fn hide(&self, hidden: Vec<(usize, &Hidden<'_>)>) -> Results {
        let entries = hidden.into_iter().map(|(place, hidden)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(place.to_string())
                .receipt_handle(&hidden.record.receipt_handle)
                .visibility_timeout(seconds(hidden.after))
                .build();
            (place, 0, entry)
        });
        in_batches(entries, async |entries| {
            let call = self.client.change_message_visibility_batch().queue_url(&self.url);
            Ok(call.set_entries(Some(entries)).send().await?.failed)
        })
        .await
    }

    async fn defer(&self, deferred: Vec<(usize, &Deferred<'_>)>) -> Results {
        let entries = deferred.into_iter().map(|(place, deferred)| {
            let body = sendable_body(&deferred.body);
            let size = body.len();
            let entry = SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(body)
                .delay_seconds(seconds(deferred.after))
                .build();
            (place, size, entry)
        });
        self.send(&self.url, entries).await
    }

    async fn bury(&self, letters: Vec<(usize, &DeadLetter<'_>)>) -> Results {
        let entries = letters.into_iter().map(|(place, letter)| {
            let body = sendable_body(letter.body);
            let attributes = self.attributes(letter);
            let size = body.len()
                + attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            let entry = attributes
                .into_iter()
                .try_fold(
                    SendMessageBatchRequestEntry::builder()
                        .id(place.to_string())
                        .message_body(body),
                    |entry, (name, value)| {
                        Ok(entry.message_attributes(name, string_attribute(value)?))
                    },
                )
                .and_then(SendMessageBatchRequestEntryBuilder::build);
            (place, size, entry)
        });
        self.send(&self.dead_letter_url, entries).await
    }

    async fn send(
        &self,
        url: &str,
        entries: impl Iterator<Item = Entry<SendMessageBatchRequestEntry>>,
    ) -> Results {
        in_batches(entries, async |entries| {
            let call = self.client.send_message_batch().queue_url(url);
            Ok(call.set_entries(Some(entries)).send().await?.failed)
        })
        .await
    }

    fn attributes(&self, letter: &DeadLetter<'_>) -> [(&'static str, String); 5] {
        let message = cut(&letter.reason.message, LONGEST_MESSAGE);
        [
            (attribute::OPERATION, self.operation),
            (attribute::TOKEN, letter.token.as_str()),
            (attribute::ERROR_CODE, &letter.reason.code),
            (attribute::ERROR_MESSAGE, &message),
            (attribute::SOURCE_MESSAGE_ID, letter.source_id),
        ]
        .map(|(name, value)| (name, sendable_value(value)))
    }
}

/// What became of each errand, by its place.
type Results = Vec<(usize, Result<(), Failure>)>;

/// An errand's place, its size in bytes, and its part of a request.
type Entry<E> = (usize, usize, Result<E, BuildError>);

fn picked<'a, 'b, T>(
    errands: &'b [Errand<'a>],
    pick: impl Fn(&'b Errand<'a>) -> Option<&'b T>,
) -> Vec<(usize, &'b T)> {
    let picked = errands.iter().enumerate();
    picked.filter_map(|(place, errand)| Some((place, pick(errand)?))).collect()
}

/// Sends the entries in as few requests as SQS allows, all at the same time. `send` answers with
/// the entries that failed, by their ids, which are their places.
async fn in_batches<E>(
    entries: impl Iterator<Item = Entry<E>>,
    send: impl AsyncFn(Vec<E>) -> Result<Vec<BatchResultErrorEntry>, Failure>,
) -> Results {
    let mut results = Results::new();
    let mut batches: Vec<Batch<E>> = Vec::new();
    for (place, size, entry) in entries {
        match entry {
            Ok(entry) => match batches.last_mut().filter(|batch| batch.has_room_for(size)) {
                Some(batch) => batch.add(place, size, entry),
                None => batches.push(Batch::of(place, size, entry)),
            },
            Err(error) => results.push((place, Err(unbuilt(&error)))),
        }
    }
    let answers = batches.into_iter().map(|batch| async {
        let Batch { places, entries, .. } = batch;
        let answer = send(entries).await;
        let result = |place| match &answer {
            Ok(failed) => failed
                .iter()
                .find(|failed| failed.id == usize::to_string(&place))
                .map_or(Ok(()), |failed| Err(Failure::from(failed))),
            Err(failure) => Err(failure.clone()),
        };
        places.into_iter().map(|place| (place, result(place))).collect::<Results>()
    });
    results.extend(join_all(answers).await.into_iter().flatten());
    results
}

/// What goes into one request.
struct Batch<E> {
    places: Vec<usize>,
    entries: Vec<E>,
    size: usize,
}

impl<E> Batch<E> {
    fn of(place: usize, size: usize, entry: E) -> Self {
        Self { places: vec![place], entries: vec![entry], size }
    }

    fn has_room_for(&self, size: usize) -> bool {
        self.places.len() < LONGEST_BATCH && self.size + size <= LARGEST_BATCH
    }

    fn add(&mut self, place: usize, size: usize, entry: E) {
        self.places.push(place);
        self.entries.push(entry);
        self.size += size;
    }
}

impl From<&BatchResultErrorEntry> for Failure {
    fn from(entry: &BatchResultErrorEntry) -> Self {
        let status = if entry.sender_fault { 400 } else { 500 };
        let message = entry.message.as_deref().unwrap_or("SQS gave no message");
        Self::new(failure::kind_of(&entry.code, status), &entry.code, message)
    }
}

fn string_attribute(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}

fn unbuilt(error: &BuildError) -> Failure {
    Failure::new(Kind::Permanent, Reason::INVALID_INTENT, error.to_string())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.min(retry::LONGEST).as_secs()).unwrap_or(i32::MAX)
}

/// An attribute's value, which SQS wants to have some length.
fn sendable_value(value: &str) -> String {
    if value.is_empty() { "-".to_owned() } else { sendable(value) }
}

/// The text with every character that SQS refuses replaced.
fn sendable(text: &str) -> String {
    text.chars().map(|c| if is_sendable(c) { c } else { '\u{FFFD}' }).collect()
}

/// A body with nothing lost: in JSON a character that SQS refuses can be written as an escape.
/// What is not JSON came from a queue, which refused such characters before us, or is replaced.
fn sendable_body(body: &str) -> String {
    if body.is_empty() {
        // SQS refuses an empty body.
        return "\"\"".to_owned();
    }
    if body.chars().all(is_sendable) {
        return body.to_owned();
    }
    match serde_json::from_str::<Value>(body) {
        Ok(_) => body.chars().map(escaped).collect(),
        Err(_) => sendable(body),
    }
}

fn escaped(c: char) -> String {
    if is_sendable(c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
fn is_sendable(c: char) -> bool {
    matches!(c, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(longest - '…'.len_utf8());
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_to_a_kilobyte_at_a_character() {
        let long = "ä".repeat(2000);
        let cut = cut(&long, LONGEST_MESSAGE);
        assert!(cut.len() <= LONGEST_MESSAGE && cut.ends_with("ä…"), "{} bytes", cut.len());
    }

    #[test]
    fn a_body_that_sqs_would_refuse_says_the_same_in_escapes() {
        let body = "{\"a\":\"x\u{FFFF}\"}";
        let sent = sendable_body(body);
        assert_eq!(sent, "{\"a\":\"x\\uffff\"}");
        assert_eq!(
            serde_json::from_str::<Value>(&sent).unwrap(),
            serde_json::from_str::<Value>(body).unwrap()
        );
    }

    #[test]
    fn an_empty_body_is_sent_as_an_empty_json_string() {
        assert_eq!(sendable_body(""), "\"\"");
    }
}
