//! SQS as its clients meet it: awsJson1.0 over HTTP, in front of the queues.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use simulator::ServiceError;
use simulator::server::Cut;

use crate::aws_json::{answer, query_code, refusal};
use crate::letter::{Letter, SIZE_LIMIT, invalid};
use crate::message::{Attribute, Attributes, Message};
use crate::queue::Queue;

/// Larger than any request that SQS takes.
const BODY_LIMIT: usize = 16 << 20;

type Answer = Result<Value, ServiceError>;

/// The service over these queues.
pub(crate) fn router(queues: Vec<Queue>) -> Router {
    Router::new().fallback(move |request: Request| async move {
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target
            .and_then(|target| target.strip_prefix("AmazonSQS."))
            .unwrap_or_default()
            .to_owned();
        let Ok(body) = to_bytes(request.into_body(), BODY_LIMIT).await else {
            return Cut.into_response();
        };
        respond(&queues, &operation, &body)
    })
}

fn respond(queues: &[Queue], operation: &str, body: &Bytes) -> Response {
    match perform(queues, operation, body) {
        Ok(body) => answer(&body),
        Err(error) => refusal(&error),
    }
}

fn perform(queues: &[Queue], operation: &str, body: &[u8]) -> Answer {
    match operation {
        "SendMessage" => at(queues, body, |queue, asked: Send| send(queue, asked.letter()?)),
        "SendMessageBatch" => at(queues, body, send_batch),
        "ReceiveMessage" => at(queues, body, |queue, asked| receive(queue, &asked)),
        "DeleteMessage" => at(queues, body, |queue, asked| delete(queue, &asked)),
        "DeleteMessageBatch" => at(queues, body, |queue, asked| delete_batch(queue, &asked)),
        "ChangeMessageVisibility" => {
            at(queues, body, |queue, asked| change_visibility(queue, &asked))
        }
        "ChangeMessageVisibilityBatch" => {
            at(queues, body, |queue, asked| change_visibility_batch(queue, &asked))
        }
        "GetQueueAttributes" => {
            at(queues, body, |queue, asked| Ok(queue_attributes(queue, &asked)))
        }
        "GetQueueUrl" => queue_url(queues, &read::<ByName>(body)?.queue_name),
        other => Err(ServiceError::new(
            "InvalidAction",
            400,
            format!("found operation '{other}', expected one of SQS's"),
        )),
    }
}

/// Reads the request twice: for its queue, which every operation names in the same way, and for
/// what it asks of it.
fn at<T: DeserializeOwned>(
    queues: &[Queue],
    body: &[u8],
    work: impl FnOnce(&Queue, T) -> Answer,
) -> Answer {
    let url = read::<ByUrl>(body)?.queue_url;
    let queue = named(queues, url.rsplit('/').next().unwrap_or_default())?;
    work(queue, read(body)?)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|error| {
        ServiceError::new(
            "SerializationException",
            400,
            format!("the body cannot be read: {error}"),
        )
    })
}

fn named<'a>(queues: &'a [Queue], name: &str) -> Result<&'a Queue, ServiceError> {
    queues.iter().find(|queue| queue.name() == name).ok_or_else(|| {
        ServiceError::new("QueueDoesNotExist", 400, "The specified queue does not exist.")
    })
}

fn queue_url(queues: &[Queue], name: &str) -> Answer {
    Ok(json!({"QueueUrl": named(queues, name)?.url()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ByUrl {
    queue_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ByName {
    queue_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<T> {
    id: String,
    #[serde(flatten)]
    asked: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Send {
    #[serde(default)]
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, WireAttribute>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAttribute {
    data_type: String,
    string_value: Option<String>,
    #[serde(default, deserialize_with = "base64_bytes")]
    binary_value: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default, alias = "AttributeNames")]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeVisibility {
    receipt_handle: String,
    visibility_timeout: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueAttributes {
    #[serde(default)]
    attribute_names: Vec<String>,
}

fn send(queue: &Queue, letter: Letter) -> Answer {
    let message = queue.take_in(letter)?;
    let mut sent = Map::from_iter([
        ("MessageId".to_owned(), json!(message.id)),
        ("MD5OfMessageBody".to_owned(), json!(message.body_md5())),
    ]);
    if let Some(md5) = message.attributes_md5() {
        sent.insert("MD5OfMessageAttributes".to_owned(), json!(md5));
    }
    if let Some(sequence) = message.sequence {
        sent.insert("SequenceNumber".to_owned(), json!(sequence));
    }
    Ok(Value::Object(sent))
}

impl Send {
    fn letter(self) -> Result<Letter, ServiceError> {
        Ok(Letter {
            attributes: self.attributes()?,
            delay: self
                .delay_seconds
                .map(|value| seconds("DelaySeconds", value, 900))
                .transpose()?,
            body: self.message_body,
            group: self.message_group_id,
            dedup: self.message_deduplication_id,
        })
    }

    fn attributes(&self) -> Result<Attributes, ServiceError> {
        self.message_attributes
            .iter()
            .map(|(name, wire)| Ok((name.clone(), wire.attribute(name)?)))
            .collect()
    }
}

impl WireAttribute {
    fn attribute(&self, name: &str) -> Result<Attribute, ServiceError> {
        let text = self.string_value.as_deref().map(str::as_bytes);
        let binary = self.data_type.starts_with("Binary");
        let value = if binary { self.binary_value.as_deref() } else { text };
        let value = value.ok_or_else(|| {
            invalid(&format!("Message (user) attribute '{name}' must contain a value."))
        })?;
        Ok(Attribute::new(&self.data_type, value))
    }
}

fn send_batch(queue: &Queue, batch: Batch<Send>) -> Answer {
    check_entries(&batch)?;
    let letter = |entry: Entry<Send>| Entry { id: entry.id, asked: entry.asked.letter() };
    let entries: Vec<_> = batch.entries.into_iter().map(letter).collect();
    let letters = entries.iter().filter_map(|entry| entry.asked.as_ref().ok());
    let total: usize = letters.map(Letter::size).sum();
    if total > SIZE_LIMIT {
        let message = format!(
            "Batch requests cannot be longer than {SIZE_LIMIT} bytes. You have sent {total} bytes."
        );
        return Err(ServiceError::new("BatchRequestTooLong", 400, message));
    }
    Ok(each(entries, |letter| send(queue, letter?)))
}

fn receive(queue: &Queue, asked: &Receive) -> Answer {
    let max = asked.max_number_of_messages.unwrap_or(1);
    let max = usize::try_from(max).ok().filter(|max| (1..=10).contains(max)).ok_or_else(|| {
        invalid(&format!(
            "Value {max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
        ))
    })?;
    // Nobody waits here: what is not there now comes only when a test says so.
    asked.wait_time_seconds.map(|value| seconds("WaitTimeSeconds", value, 20)).transpose()?;
    let visibility = asked
        .visibility_timeout
        .map(|value| seconds("VisibilityTimeout", value, 43_200))
        .transpose()?;
    let messages: Vec<_> =
        queue.receive(max, visibility).iter().map(|message| asked.describe(message)).collect();
    Ok(if messages.is_empty() { json!({}) } else { json!({"Messages": messages}) })
}

impl Receive {
    fn describe(&self, message: &Message) -> Value {
        let mut described = Map::from_iter([
            ("MessageId".to_owned(), json!(message.id)),
            ("ReceiptHandle".to_owned(), json!(message.receipts.last())),
            ("Body".to_owned(), json!(message.body)),
            ("MD5OfBody".to_owned(), json!(message.body_md5())),
        ]);
        let mut system = system_attributes(message);
        system.retain(|name, _| wanted(&self.message_system_attribute_names, name));
        if !system.is_empty() {
            described.insert("Attributes".to_owned(), json!(system));
        }
        let mut given = message.clone();
        given.attributes.retain(|name, _| wanted(&self.message_attribute_names, name));
        if let Some(md5) = given.attributes_md5() {
            let wire: Map<_, _> = given
                .attributes
                .iter()
                .map(|(name, value)| (name.clone(), on_wire(value)))
                .collect();
            described.insert("MessageAttributes".to_owned(), Value::Object(wire));
            described.insert("MD5OfMessageAttributes".to_owned(), json!(md5));
        }
        Value::Object(described)
    }
}

fn wanted(names: &[String], name: &str) -> bool {
    names.iter().any(|wanted| match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == "All" || wanted == name,
    })
}

fn on_wire(attribute: &Attribute) -> Value {
    match attribute.text() {
        Some(text) => json!({"DataType": attribute.data_type, "StringValue": text}),
        None => {
            json!({"DataType": attribute.data_type, "BinaryValue": STANDARD.encode(&attribute.value)})
        }
    }
}

/// The attributes that SQS itself gives a message that was received.
pub(crate) fn system_attributes(message: &Message) -> BTreeMap<&'static str, String> {
    let first = message.first_received_at.unwrap_or(message.received_at);
    let given = [
        ("MessageGroupId", &message.group),
        ("MessageDeduplicationId", &message.dedup),
        ("SequenceNumber", &message.sequence),
    ];
    let mut attributes = BTreeMap::from([
        ("ApproximateReceiveCount", message.receive_count.to_string()),
        ("SentTimestamp", epoch_millis(message.sent_at)),
        ("SenderId", "AIDAIENQZJOLO23YVJ4VO".to_owned()),
        ("ApproximateFirstReceiveTimestamp", epoch_millis(first)),
    ]);
    attributes.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    attributes
}

fn epoch_millis(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis().to_string()
}

fn delete(queue: &Queue, asked: &Delete) -> Answer {
    queue.delete(&asked.receipt_handle)?;
    Ok(json!({}))
}

fn delete_batch(queue: &Queue, batch: &Batch<Delete>) -> Answer {
    check_entries(batch)?;
    Ok(each(&batch.entries, |asked| delete(queue, asked)))
}

fn change_visibility(queue: &Queue, asked: &ChangeVisibility) -> Answer {
    let timeout = seconds("VisibilityTimeout", asked.visibility_timeout, 43_200)?;
    queue.change_visibility(&asked.receipt_handle, timeout)?;
    Ok(json!({}))
}

fn change_visibility_batch(queue: &Queue, batch: &Batch<ChangeVisibility>) -> Answer {
    check_entries(batch)?;
    Ok(each(&batch.entries, |asked| change_visibility(queue, asked)))
}

fn queue_attributes(queue: &Queue, asked: &QueueAttributes) -> Value {
    let mut attributes = attributes_of(queue);
    attributes.retain(|name, _| wanted(&asked.attribute_names, name));
    json!({"Attributes": attributes})
}

fn attributes_of(queue: &Queue) -> BTreeMap<&'static str, String> {
    let now = queue.now();
    let messages = queue.messages();
    let count = |holds: &dyn Fn(&Message) -> bool| {
        messages.iter().filter(|message| holds(message)).count().to_string()
    };
    let delayed = |message: &Message| message.receive_count == 0 && !message.is_visible(now);
    let mut attributes = BTreeMap::from([
        ("ApproximateNumberOfMessages", count(&|message| message.is_visible(now))),
        ("ApproximateNumberOfMessagesNotVisible", count(&|message| message.is_in_flight(now))),
        ("ApproximateNumberOfMessagesDelayed", count(&delayed)),
        ("DelaySeconds", "0".to_owned()),
        ("MaximumMessageSize", SIZE_LIMIT.to_string()),
        ("QueueArn", queue.arn()),
        ("VisibilityTimeout", queue.visibility_timeout().as_secs().to_string()),
    ]);
    if queue.is_fifo() {
        attributes.insert("FifoQueue", "true".to_owned());
    }
    if let Some(redrive) = queue.redrive() {
        let target = redrive.dead_letters.arn();
        let policy =
            json!({"deadLetterTargetArn": target, "maxReceiveCount": redrive.max_receive_count});
        attributes.insert("RedrivePolicy", policy.to_string());
    }
    attributes
}

fn check_entries<T>(batch: &Batch<T>) -> Result<(), ServiceError> {
    let refuse = |code, message: &str| Err(ServiceError::new(code, 400, message));
    let ids: HashSet<_> = batch.entries.iter().map(|entry| &entry.id).collect();
    match batch.entries.len() {
        0 => refuse("EmptyBatchRequest", "There should be at least one entry in the request."),
        11.. => {
            refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
        }
        count if ids.len() < count => {
            refuse("BatchEntryIdsNotDistinct", "Two or more entries have the same id.")
        }
        _ if !ids.into_iter().all(|id| is_entry_id(id)) => refuse(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores, 80 at most.",
        ),
        _ => Ok(()),
    }
}

fn is_entry_id(id: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    (1..=80).contains(&id.len()) && id.chars().all(allowed)
}

/// Does each entry by itself: what fails is reported beside what succeeds.
fn each<E: Listed>(
    entries: impl IntoIterator<Item = E>,
    mut work: impl FnMut(E::Asked) -> Answer,
) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let (id, asked) = entry.split();
        match work(asked) {
            Ok(mut done) => {
                done["Id"] = json!(id);
                successful.push(done);
            }
            Err(error) => failed.push(json!({
                "Id": id, "SenderFault": true, "Code": query_code(&error.code), "Message": error.message,
            })),
        }
    }
    json!({"Successful": successful, "Failed": failed})
}

/// An entry of a batch, owned or borrowed, as its id and what it asks.
trait Listed {
    type Asked;
    fn split(self) -> (String, Self::Asked);
}

impl<T> Listed for Entry<T> {
    type Asked = T;
    fn split(self) -> (String, T) {
        (self.id, self.asked)
    }
}

impl<'a, T> Listed for &'a Entry<T> {
    type Asked = &'a T;
    fn split(self) -> (String, &'a T) {
        (self.id.clone(), &self.asked)
    }
}

fn seconds(name: &str, value: i64, most: u64) -> Result<Duration, ServiceError> {
    let valid = u64::try_from(value).ok().filter(|value| *value <= most);
    valid.map(Duration::from_secs).ok_or_else(|| {
        invalid(&format!(
            "Value {value} for parameter {name} is invalid. Reason: Must be between 0 and {most}."
        ))
    })
}

fn base64_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| STANDARD.decode(text)).transpose().map_err(serde::de::Error::custom)
}
