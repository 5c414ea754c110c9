//! The shapes of an event, down to the drafts of intents in it.
//!
//! | event | source of its tokens |
//! |---|---|
//! | an SQS batch; each body an intent or one of the shapes below | the message's id |
//! | an EventBridge Scheduler input: `scheduleArn`, `scheduledTime`, and `intents` or an intent's fields | the schedule and its time |
//! | an EventBridge envelope whose `detail` is an intent or holds `intents` | the event's `id` |
//! | an intent, or `{"intents": […]}`, invoked directly | the Lambda request id |

use std::collections::HashMap;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use lambda_runtime::Diagnostic;
use serde_json::{Map, Value};

use crate::failure::Reason;
use crate::intent::CLIENT_TOKEN;
use crate::json;
use crate::queue::attribute;
use crate::rules::quote;
use crate::token::{Source, is_placeholder};

const INTENTS: &str = "intents";
pub(crate) const SCHEDULE_ARN: &str = "scheduleArn";
pub(crate) const SCHEDULED_TIME: &str = "scheduledTime";

/// What is said where an event carries no intent.
const EXPECTED: &str = "expected a JSON object: an intent (the API's request), \
                        {\"intents\": [...]}, or either as the `detail` of an EventBridge event";

/// An event, by how it is acknowledged.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// An SQS batch: record by record.
    Queue(Vec<Carrier>),
    /// Anything else: as a whole.
    Direct(Carrier),
}

/// What is acknowledged or comes again as one: a record of a queue, or a whole invocation.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// The SQS record, where there is one.
    pub record: Option<Record>,
    /// Where it came from, whatever it carries.
    pub source: Source,
    /// The text as it came.
    pub body: String,
    /// The intents in it, or why there are none.
    pub drafts: Result<Vec<Draft>, Reason>,
}

/// What SQS says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its `messageId`.
    pub id: String,
    /// What identifies this receipt of it.
    pub receipt_handle: String,
    /// The ARN of the queue that it came from.
    pub queue_arn: String,
    /// Its message group, on FIFO queues.
    pub group: Option<String>,
    /// How often it has been received, this time included.
    pub receive_count: u32,
}

/// One intent of an event, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Where it came from.
    pub source: Source,
    /// Its place in its event; equal intents have the place of the first of them.
    pub ordinal: usize,
    /// What was written: an object with the intent's fields, if it is one.
    pub intent: Value,
    /// Whether a scheduler's placeholder arrived literally and was ignored.
    pub placeholder: bool,
}

/// Parses an event.
///
/// # Errors
/// Where the event cannot be acknowledged piece by piece: the invocation must fail with this
/// sentence, and Lambda brings the event again.
pub fn parse(operation: &str, event: &str, request_id: &str) -> Result<Trigger, Diagnostic> {
    let source = Source::Request(request_id.to_owned());
    let fields = match json::parse_object(event) {
        Ok(fields) => fields,
        Err(problem) => {
            let reason = Reason::new(Reason::MALFORMED_BODY, format!("{problem}, {EXPECTED}"));
            return Ok(Trigger::Direct(direct(event, source, Err(reason))));
        }
    };
    if is_queue_batch(&fields) {
        return queue_batch(operation, fields).map(Trigger::Queue);
    }
    let drafts = drafts(fields, &source);
    Ok(Trigger::Direct(direct(event, source, drafts)))
}

fn direct(event: &str, source: Source, drafts: Result<Vec<Draft>, Reason>) -> Carrier {
    Carrier { record: None, source, body: event.to_owned(), drafts }
}

fn is_queue_batch(fields: &Map<String, Value>) -> bool {
    let Some(Value::Array(records)) = fields.get("Records") else { return false };
    records.iter().all(|record| record.get("eventSource").is_none_or(|source| source == "aws:sqs"))
}

fn queue_batch(operation: &str, fields: Map<String, Value>) -> Result<Vec<Carrier>, Diagnostic> {
    let records = fields.get("Records").and_then(Value::as_array);
    if records.into_iter().flatten().any(|record| !record.is_object()) {
        // Reading it as a struct would take an array's first value for the `messageId`.
        return Err(invalid_event(
            "found an SQS record that is no object, expected one with `messageId` and `body`",
        ));
    }
    let event: SqsEvent = serde_json::from_value(Value::Object(fields)).map_err(|error| {
        invalid_event(format!("found an SQS event that cannot be read: {error}"))
    })?;
    if event.records.is_empty() {
        return Err(invalid_event("found an SQS event without records, expected at least one"));
    }
    event.records.into_iter().map(|message| carrier(operation, message)).collect()
}

fn carrier(operation: &str, message: SqsMessage) -> Result<Carrier, Diagnostic> {
    let Some(id) = message.message_id.filter(|id| !id.is_empty()) else {
        // Without it the record can be neither acknowledged nor returned by itself.
        return Err(invalid_event(
            "found an SQS record without `messageId`, expected one on each record of the batch",
        ));
    };
    let attribute = |name| message.attributes.get(name);
    let record = Record {
        id: id.clone(),
        receipt_handle: message.receipt_handle.unwrap_or_default(),
        queue_arn: message.event_source_arn.unwrap_or_default(),
        group: attribute("MessageGroupId").cloned(),
        receive_count: attribute("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
    };
    let source = Source::Message(id);
    let body = message.body.unwrap_or_default();
    let drafts = json::parse_object(&body)
        .map_err(|problem| Reason::new(Reason::MALFORMED_BODY, format!("{problem}, {EXPECTED}")))
        .and_then(|fields| {
            refuse_intents_in_order(&record, &fields)?;
            drafts(fields, &source)
        })
        .map(|drafts| with_frozen_token(operation, drafts, &message.message_attributes));
    Ok(Carrier { record: Some(record), source, body, drafts })
}

/// A carrier never comes back for one of its intents, which a FIFO queue's order would need.
fn refuse_intents_in_order(record: &Record, fields: &Map<String, Value>) -> Result<(), Reason> {
    let carried = fields.get("detail").unwrap_or(&Value::Null).get(INTENTS);
    if record.group.is_some() && (fields.contains_key(INTENTS) || carried.is_some()) {
        return Err(Reason::new(
            Reason::INVALID_INTENT,
            "found `intents` in a message of a FIFO queue, expected one intent per message: the \
             order of the queue cannot be kept for several",
        ));
    }
    Ok(())
}

/// A dead letter whose body stayed verbatim brings its token as an attribute.
fn with_frozen_token(
    operation: &str,
    mut drafts: Vec<Draft>,
    attributes: &HashMap<String, SqsMessageAttribute>,
) -> Vec<Draft> {
    let text = |name| attributes.get(name).and_then(|attribute| attribute.string_value.as_deref());
    let (Some(token), true) =
        (text(attribute::TOKEN), text(attribute::OPERATION) == Some(operation))
    else {
        return drafts;
    };
    if let [Draft { intent: Value::Object(fields), .. }] = drafts.as_mut_slice() {
        fields.entry(CLIENT_TOKEN).or_insert_with(|| token.into());
    }
    drafts
}

/// The intents in an object that is no SQS batch.
fn drafts(fields: Map<String, Value>, carrier: &Source) -> Result<Vec<Draft>, Reason> {
    if fields.contains_key("detail-type") || fields.contains_key("detail") {
        let id = fields.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let source = id.map_or_else(|| carrier.clone(), |id| Source::Event(id.to_owned()));
        return scheduled(detail(fields)?, &source);
    }
    scheduled(fields, carrier)
}

fn detail(mut fields: Map<String, Value>) -> Result<Map<String, Value>, Reason> {
    match fields.remove("detail") {
        Some(Value::Object(detail)) => Ok(detail),
        Some(other) => {
            let found = other.as_str().map_or_else(String::new, |text| format!(" {}", quote(text)));
            Err(no_intent(format!("the event's `detail` is {}{found}", json::kind(&other))))
        }
        None => Err(no_intent("the event has no `detail`")),
    }
}

fn scheduled(mut fields: Map<String, Value>, carrier: &Source) -> Result<Vec<Draft>, Reason> {
    let occurrence = (fields.remove(SCHEDULE_ARN), fields.remove(SCHEDULED_TIME));
    let (source, placeholder) = match &occurrence {
        (None, None) => (carrier.clone(), false),
        (Some(Value::String(arn)), Some(Value::String(time))) => {
            if is_placeholder(arn) || is_placeholder(time) {
                (carrier.clone(), true)
            } else {
                let source = Source::schedule(arn, time)
                    .map_err(|problem| Reason::new(Reason::INVALID_INTENT, problem))?;
                (source, false)
            }
        }
        (arn, time) => {
            let found = |value: &Option<Value>| value.as_ref().map_or("missing", json::kind);
            return Err(Reason::new(
                Reason::INVALID_INTENT,
                format!(
                    "{SCHEDULE_ARN} is {} and {SCHEDULED_TIME} is {}, expected two strings or \
                     neither",
                    found(arn),
                    found(time)
                ),
            ));
        }
    };
    let mut drafts = listed(fields, &source)?;
    for draft in &mut drafts {
        draft.placeholder = placeholder | remove_placeholder_token(&mut draft.intent);
    }
    Ok(drafts)
}

fn remove_placeholder_token(intent: &mut Value) -> bool {
    let Value::Object(fields) = intent else { return false };
    let is_literal = fields.get(CLIENT_TOKEN).and_then(Value::as_str).is_some_and(is_placeholder);
    if is_literal {
        fields.remove(CLIENT_TOKEN);
    }
    is_literal
}

fn listed(mut fields: Map<String, Value>, source: &Source) -> Result<Vec<Draft>, Reason> {
    let Some(intents) = fields.remove(INTENTS) else {
        if fields.is_empty() {
            return Err(no_intent("the event carries nothing"));
        }
        return Ok(vec![draft(source, 0, Value::Object(fields))]);
    };
    if let Some(other) = fields.keys().next() {
        return Err(Reason::new(
            Reason::INVALID_INTENT,
            format!(
                "found the field {} beside `intents`, expected it in each intent",
                quote(other)
            ),
        ));
    }
    let Value::Array(intents) = intents else {
        return Err(no_intent(format!("`intents` is {}", json::kind(&intents))));
    };
    if intents.is_empty() {
        return Err(no_intent("`intents` is empty"));
    }
    let mut first_places = HashMap::new();
    let place_of_first = |(place, intent): (usize, Value)| {
        // Written out, keys are in order: equal intents are equal texts.
        let ordinal = *first_places.entry(intent.to_string()).or_insert(place);
        draft(source, ordinal, intent)
    };
    Ok(intents.into_iter().enumerate().map(place_of_first).collect())
}

fn draft(source: &Source, ordinal: usize, intent: Value) -> Draft {
    Draft { source: source.clone(), ordinal, intent, placeholder: false }
}

fn no_intent(found: impl Into<String>) -> Reason {
    Reason::new(Reason::NO_INTENT, format!("{}, {EXPECTED}", found.into()))
}

fn invalid_event(message: impl Into<String>) -> Diagnostic {
    Diagnostic { error_type: "InvalidEvent".into(), error_message: message.into() }
}
