//! Reading the ledger's items, and the two writes that a person may do.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure,
};
use futures_util::future::try_join_all;
use serde_json::{Map, Value};
use shared::clock::{Clock, Timestamp};
use shared::failure::Reason;
use shared::ledger::{Item, Status};
use uuid::Uuid;

use crate::operation::Operation;
use crate::output;
use crate::problem::Problem;
use crate::stack::Stack;

/// How many parts of the table are read side by side.
const SEGMENTS: i32 = 4;

/// How long a wish that was called off is remembered, at least: a queue and its dead-letter queue
/// can hold its message for 28 days.
const RETENTION: Duration = Duration::from_hours(24 * 30);

/// How often a batch is asked for the keys that `DynamoDB` left out.
const ROUNDS: usize = 5;

type Attributes = HashMap<String, AttributeValue>;

/// The table, and the clock by which its leases and expiries are read.
#[derive(Debug)]
pub(crate) struct Ledger {
    client: Client,
    table: String,
    clock: Clock,
}

/// An item as it stands there, and as it is understood.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) item: Item,
    attributes: Attributes,
}

/// What a listing asks for. Everything is compared by `DynamoDB`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) operation: Option<Operation>,
    pub(crate) statuses: Vec<Status>,
    /// A part of the target's name.
    pub(crate) target: Option<String>,
    /// Changed at this moment or later.
    pub(crate) since: Option<Timestamp>,
}

/// What became of a write.
#[derive(Debug)]
pub(crate) enum Written {
    Done,
    /// Something else stood there.
    Refused(Option<Box<Stored>>),
}

impl Ledger {
    pub(crate) async fn of(stack: &Stack) -> Result<Self, Problem> {
        let config = stack.config().await?;
        Ok(Self {
            client: Client::new(config),
            clock: Clock::of(config),
            table: stack.table().await?.to_owned(),
        })
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads the whole table, several segments at a time, and returns what the filter lets through.
    pub(crate) async fn scan(&self, filter: &Filter, whole: bool) -> Result<Vec<Stored>, Problem> {
        let read = Cell::new(0);
        let segments = (0..SEGMENTS).map(|segment| self.segment(segment, filter, whole, &read));
        let items = try_join_all(segments).await;
        output::clear_progress();
        Ok(items?.into_iter().flatten().collect())
    }

    async fn segment(
        &self,
        segment: i32,
        filter: &Filter,
        whole: bool,
        read: &Cell<i32>,
    ) -> Result<Vec<Stored>, Problem> {
        let expressions = Expressions::of(filter, self.now(), whole);
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .segment(segment)
                .total_segments(SEGMENTS)
                .filter_expression(&expressions.filter)
                .set_projection_expression(expressions.projection.clone())
                .set_expression_attribute_names(Some(expressions.names.clone()))
                .set_expression_attribute_values(Some(expressions.values.clone()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| self.unread(error))?;
            read.set(read.get() + page.scanned_count);
            output::progress(&format!("read {} wishes", read.get()));
            items.extend(page.items.into_iter().flatten().map(Stored::of));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Every wish that this text can mean: a token, or a whole key `OPERATION#token`.
    pub(crate) async fn find(
        &self,
        text: &str,
        operation: Option<Operation>,
    ) -> Result<Vec<Stored>, Problem> {
        let mut asked = keys(text, operation)?;
        let mut found = Vec::new();
        for _ in 0..ROUNDS {
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, asked)
                .send()
                .await
                .map_err(|error| self.unread(error))?;
            let items = answer.responses.into_iter().flatten().flat_map(|(_, items)| items);
            found.extend(items.map(Stored::of));
            match answer.unprocessed_keys.and_then(|mut left| left.remove(&self.table)) {
                Some(left) => asked = left,
                None => return Ok(found),
            }
        }
        Err(Problem::Aws(format!(
            "DynamoDB left out a part of what was asked of the table `{}` {ROUNDS} times; try \
             again in a moment",
            self.table
        )))
    }

    /// Settles a wish CANCELLED if it still stands as it was read; `None` is no item at all.
    pub(crate) async fn cancel(
        &self,
        operation: Operation,
        token: &str,
        read: Option<&Stored>,
        message: &str,
    ) -> Result<Written, Problem> {
        let now = self.now();
        // The retention of the table may be longer than ours: an item never expires sooner.
        let kept = read.and_then(|stored| stored.item.expires_at);
        let expiry = kept.into_iter().chain([now + RETENTION]).max().unwrap_or(now + RETENTION);
        let expiry = expiry.epoch_seconds();
        let owner = Uuid::new_v4().to_string();
        let known = read.filter(|stored| !stored.item.is_expired(now));
        // What is fenced off: a worker's own writes ask for the owner that they know.
        let (condition, keep) = match known {
            Some(_) => ("#status = :read AND #owner = :reader", ""),
            None => (
                "attribute_not_exists(#token) OR #expiresAt < :now",
                ", #fingerprint, #target, #request, #source",
            ),
        };
        let update = format!(
            "SET #operation = :operation, #status = :status, #owner = :owner, \
             #claimableFrom = :claimableFrom, #attempts = if_not_exists(#attempts, :zero), \
             #createdAt = if_not_exists(#createdAt, :updatedAt), #updatedAt = :updatedAt, \
             #expiresAt = :expiresAt, #errorCode = :errorCode, #errorMessage = :errorMessage \
             REMOVE #doubtSince, #receipt{keep}"
        );
        let mut call = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("token", string(key(operation, token)))
            .update_expression(&update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[&update, condition])))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in [
            (":operation", string(operation.name())),
            (":status", string(Status::Cancelled.as_str())),
            (":owner", string(&owner)),
            (":claimableFrom", number(expiry.saturating_mul(1000))),
            (":zero", number(0)),
            (":updatedAt", string(now.to_string())),
            (":expiresAt", number(expiry)),
            (":errorCode", string("Cancelled")),
            (":errorMessage", string(message)),
        ] {
            call = call.expression_attribute_values(name, value);
        }
        call = match known {
            Some(Stored { item, .. }) => call
                .expression_attribute_values(":read", string(status(item)))
                .expression_attribute_values(
                    ":reader",
                    string(item.owner.as_deref().unwrap_or("")),
                ),
            None => call.expression_attribute_values(":now", number(now.epoch_seconds())),
        };
        match call.send().await {
            Ok(_) => Ok(Written::Done),
            Err(SdkError::ServiceError(context)) => match context.err() {
                UpdateItemError::ConditionalCheckFailedException(refusal) => {
                    let stored = refusal.item().cloned().map(Stored::of);
                    // Our own write, repeated by the SDK after its answer was lost.
                    if stored.as_ref().is_some_and(|stored| stored.item.owner == Some(owner)) {
                        return Ok(Written::Done);
                    }
                    Ok(Written::Refused(stored.map(Box::new)))
                }
                _ => Err(self.unwritten(SdkError::ServiceError(context))),
            },
            Err(error) => Err(self.unwritten(error)),
        }
    }

    /// Lets the next message carry out a wish that ended as `OutcomeUnknown`; does nothing to any
    /// other.
    pub(crate) async fn open(&self, operation: Operation, token: &str) -> Result<(), Problem> {
        let (update, condition) =
            ("SET #claimableFrom = :atOnce", "#status = :rejected AND #errorCode = :unknown");
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("token", string(key(operation, token)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition])))
            .expression_attribute_values(":atOnce", number(0))
            .expression_attribute_values(":rejected", string(Status::Rejected.as_str()))
            .expression_attribute_values(":unknown", string(Reason::OUTCOME_UNKNOWN))
            .send()
            .await;
        match answer {
            Err(SdkError::ServiceError(context))
                if context.err().is_conditional_check_failed_exception() =>
            {
                Ok(())
            }
            Err(error) => Err(self.unwritten(error)),
            Ok(_) => Ok(()),
        }
    }

    fn unread<E>(&self, error: SdkError<E>) -> Problem
    where
        E: aws_sdk_dynamodb::error::ProvideErrorMetadata
            + std::error::Error
            + Send
            + Sync
            + 'static,
    {
        Problem::aws(format_args!("the table `{}` could not be read", self.table), error)
    }

    fn unwritten(&self, error: SdkError<UpdateItemError>) -> Problem {
        let what = format_args!("the table `{}` may not have been written", self.table);
        Problem::aws(what, error)
    }
}

/// Every key that this text can stand for.
fn keys(text: &str, operation: Option<Operation>) -> Result<KeysAndAttributes, Problem> {
    let operations = Operation::ALL.into_iter().filter(|one| operation.is_none_or(|o| o == *one));
    let mut keys: Vec<String> = operations.map(|one| key(one, text)).collect();
    if split(text).is_some_and(|(one, _)| operation.is_none_or(|o| o == one)) {
        keys.push(text.to_owned());
    }
    let keys = keys.into_iter().map(|key| Attributes::from([("token".into(), string(key))]));
    KeysAndAttributes::builder()
        .set_keys(Some(keys.collect()))
        .consistent_read(true)
        .build()
        .map_err(|error| Problem::Usage(error.to_string()))
}

/// Each name of the expressions behind its placeholder, since half of the attributes are reserved
/// words.
fn names(expressions: &[&str]) -> HashMap<String, String> {
    let words = expressions
        .iter()
        .flat_map(|expression| expression.split(|c: char| !c.is_alphanumeric() && c != '#'));
    words.filter_map(|word| Some((word.to_owned(), word.strip_prefix('#')?.to_owned()))).collect()
}

impl Stored {
    fn of(attributes: Attributes) -> Self {
        let key = attributes.get("token").and_then(|value| value.as_s().ok());
        Self { key: key.cloned().unwrap_or_default(), item: Item::of(&attributes), attributes }
    }

    /// The item as plain JSON, its attributes in alphabetical order.
    pub(crate) fn json(&self) -> Value {
        let plain = |value: &AttributeValue| match value {
            AttributeValue::S(text) => Value::String(text.clone()),
            AttributeValue::N(digits) => {
                serde_json::from_str(digits).unwrap_or_else(|_| Value::String(digits.clone()))
            }
            AttributeValue::Bool(value) => Value::Bool(*value),
            // The ledger holds no others.
            _ => Value::Null,
        };
        let fields = self.attributes.iter().map(|(name, value)| (name.clone(), plain(value)));
        let mut fields = Value::Object(fields.collect::<Map<_, _>>());
        fields.sort_all_objects();
        fields
    }
}

/// The key of an item.
pub(crate) fn key(operation: Operation, token: &str) -> String {
    format!("{}#{token}", operation.name())
}

/// Operation and token of a key, if it is one.
pub(crate) fn split(key: &str) -> Option<(Operation, &str)> {
    let (name, token) = key.split_once('#')?;
    Operation::ALL.into_iter().find(|one| one.name() == name).map(|one| (one, token))
}

/// What a listing sends to `DynamoDB`.
struct Expressions {
    filter: String,
    projection: Option<String>,
    names: HashMap<String, String>,
    values: Attributes,
}

impl Expressions {
    fn of(filter: &Filter, now: Timestamp, whole: bool) -> Self {
        let mut conditions = vec!["#expiresAt >= :now".to_owned()];
        let mut values = Attributes::from([(":now".to_owned(), number(now.epoch_seconds()))]);
        let mut compare = |condition: &str, name: &str, value: String| {
            conditions.push(condition.to_owned());
            values.insert(name.to_owned(), string(value));
        };
        if let Some(operation) = filter.operation {
            compare("#operation = :operation", ":operation", operation.name().to_owned());
        }
        if let Some(target) = &filter.target {
            compare("contains(#target, :target)", ":target", target.clone());
        }
        if let Some(since) = filter.since {
            // `05.195Z` comes before `05Z` in the alphabet, so only whole seconds are compared.
            let seconds = Timestamp::from_epoch_millis(since.epoch_seconds().saturating_mul(1000));
            let text = seconds.to_string().trim_end_matches('Z').to_owned();
            compare("#updatedAt >= :since", ":since", text);
        }
        let statuses: Vec<_> = (0..filter.statuses.len()).map(|n| format!(":status{n}")).collect();
        for (name, status) in statuses.iter().zip(&filter.statuses) {
            values.insert(name.clone(), string(status.as_str()));
        }
        if !statuses.is_empty() {
            conditions.push(format!("#status IN ({})", statuses.join(", ")));
        }
        let shown = ["token", "target", "status", "attempts", "errorCode", "updatedAt"];
        let projection = (!whole).then(|| shown.map(|name| format!("#{name}")).join(", "));
        let filter = conditions.join(" AND ");
        let names = names(&[&filter, projection.as_deref().unwrap_or_default()]);
        Self { filter, projection, names, values }
    }
}

fn status(item: &Item) -> &'static str {
    item.status.map_or("", Status::as_str)
}

fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
