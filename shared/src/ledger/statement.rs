//! Reads and conditional writes of single items, many in one request.
//!
//! They are in PartiQL, since `BatchExecuteStatement` is the one request of DynamoDB that takes many
//! writes with a condition each, at the price of single ones: `BatchWriteItem` takes no conditions,
//! and `TransactWriteItems` costs twice as much and refuses all for one.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html>

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementError, BatchStatementErrorCodeEnum as Code,
    BatchStatementRequest, BatchStatementResponse, ReturnValuesOnConditionCheckFailure,
};
use futures_util::future::join_all;

use super::item::Item;
use crate::failure::{self, Failure, Kind, Reason};

/// The most statements in one request.
const LARGEST_BATCH: usize = 25;

/// An attribute's name and value.
pub(super) type Attribute = (&'static str, AttributeValue);

/// A statement about one item.
#[derive(Debug)]
pub(super) enum Statement {
    /// What stands there, consistently.
    Read { key: Attribute },
    /// A new item; refused where there is one.
    Insert { item: Vec<Attribute> },
    /// Attributes of an item to write, or to remove; refused where the item has not all of these
    /// values, the key among them, or is not there.
    Update { changes: Vec<(&'static str, Option<AttributeValue>)>, conditions: Vec<Attribute> },
}

/// What became of a statement.
#[derive(Debug)]
pub(super) enum Answer {
    /// What a read found.
    Found(Option<Box<Item>>),
    /// A write stands there.
    Written,
    /// An insertion met an item, and was not told which.
    Exists,
    /// An update met an item that is not as expected, or none.
    Refused(Option<Box<Item>>),
}

/// Why a statement has no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// DynamoDB did not take this one of the request's statements, which the SDK does not repeat.
    Itself(Failure),
    /// The request failed, or the statement for good.
    ForGood(Failure),
}

/// Sends all statements, which are about different items, in as few requests as DynamoDB allows:
/// it takes no reads and writes together.
pub(super) async fn execute(
    client: &Client,
    table: &str,
    statements: Vec<Statement>,
) -> Vec<Result<Answer, Unanswered>> {
    let placed = statements.into_iter().enumerate();
    let (reads, writes): (Vec<_>, Vec<_>) =
        placed.partition(|(_, statement)| matches!(statement, Statement::Read { .. }));
    let batches = reads.chunks(LARGEST_BATCH).chain(writes.chunks(LARGEST_BATCH));
    let answers = join_all(batches.map(|batch| execute_batch(client, table, batch))).await;
    let mut answers: Vec<_> = answers.into_iter().flatten().collect();
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn execute_batch(
    client: &Client,
    table: &str,
    batch: &[(usize, Statement)],
) -> Vec<(usize, Result<Answer, Unanswered>)> {
    let places = batch.iter().map(|(place, _)| *place);
    match responses(client, table, batch).await {
        Ok(responses) => {
            let answers = batch.iter().zip(responses).map(|((_, statement), response)| {
                let is_read = matches!(statement, Statement::Read { .. });
                answer(response, is_read)
            });
            places.zip(answers).collect()
        }
        Err(failure) => {
            places.map(|place| (place, Err(Unanswered::ForGood(failure.clone())))).collect()
        }
    }
}

async fn responses(
    client: &Client,
    table: &str,
    batch: &[(usize, Statement)],
) -> Result<Vec<BatchStatementResponse>, Failure> {
    let statements: Result<_, _> =
        batch.iter().map(|(_, statement)| statement.request(table)).collect();
    let statements = statements.map_err(|error: BuildError| unavailable(error.to_string()))?;
    let output = client.batch_execute_statement().set_statements(Some(statements)).send().await?;
    let responses = output.responses.unwrap_or_default();
    if responses.len() == batch.len() {
        return Ok(responses);
    }
    Err(unavailable(format!(
        "the ledger gave {} answers to {} statements, expected as many",
        responses.len(),
        batch.len()
    )))
}

fn answer(response: BatchStatementResponse, is_read: bool) -> Result<Answer, Unanswered> {
    match response.error {
        Some(error) => refusal(&error),
        None if is_read => Ok(Answer::Found(
            response.item.filter(|item| !item.is_empty()).map(|item| Box::new(Item::of(&item))),
        )),
        None => Ok(Answer::Written),
    }
}

fn refusal(error: &BatchStatementError) -> Result<Answer, Unanswered> {
    let failure = match &error.code {
        Some(Code::DuplicateItem) => return Ok(Answer::Exists),
        Some(Code::ConditionalCheckFailed) => {
            return Ok(Answer::Refused(error.item.as_ref().map(|item| Box::new(Item::of(item)))));
        }
        Some(code) => {
            let message = error.message.as_deref().unwrap_or("DynamoDB gave no message");
            Failure::new(failure::kind_of(code.as_str(), 400), code.as_str(), message)
        }
        None => unavailable("the ledger refused a statement without a code, expected one"),
    };
    Err(match failure.kind {
        Kind::Transient | Kind::ServerFault => Unanswered::Itself(failure),
        _ => Unanswered::ForGood(failure),
    })
}

pub(super) fn unavailable(message: impl Into<String>) -> Failure {
    Failure::new(Kind::Transient, Reason::LEDGER_UNAVAILABLE, message)
}

impl Statement {
    fn request(&self, table: &str) -> Result<BatchStatementRequest, BuildError> {
        BatchStatementRequest::builder()
            .statement(self.text(table))
            .set_parameters(Some(self.parameters()))
            .set_consistent_read(matches!(self, Self::Read { .. }).then_some(true))
            .set_return_values_on_condition_check_failure(
                matches!(self, Self::Update { .. })
                    .then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            )
            .build()
    }

    /// Every name is in quotes, since half of the attributes are reserved words, and every value
    /// is a parameter.
    fn text(&self, table: &str) -> String {
        match self {
            Self::Read { key: (name, _) } => {
                format!("SELECT * FROM \"{table}\" WHERE \"{name}\" = ?")
            }
            Self::Insert { item } => {
                let fields: Vec<_> = item.iter().map(|(name, _)| format!("'{name}': ?")).collect();
                format!("INSERT INTO \"{table}\" VALUE {{{}}}", fields.join(", "))
            }
            Self::Update { changes, conditions } => {
                let change = |(name, value): &(&str, Option<_>)| match value {
                    Some(_) => format!("SET \"{name}\" = ?"),
                    None => format!("REMOVE \"{name}\""),
                };
                let changes: Vec<_> = changes.iter().map(change).collect();
                let conditions: Vec<_> =
                    conditions.iter().map(|(name, _)| format!("\"{name}\" = ?")).collect();
                let (changes, conditions) = (changes.join(" "), conditions.join(" AND "));
                format!("UPDATE \"{table}\" {changes} WHERE {conditions}")
            }
        }
    }

    /// The values, in the order of their question marks.
    fn parameters(&self) -> Vec<AttributeValue> {
        match self {
            Self::Read { key: (_, value) } => vec![value.clone()],
            Self::Insert { item } => item.iter().map(|(_, value)| value.clone()).collect(),
            Self::Update { changes, conditions } => changes
                .iter()
                .filter_map(|(_, value)| value.as_ref())
                .chain(conditions.iter().map(|(_, value)| value))
                .cloned()
                .collect(),
        }
    }
}
