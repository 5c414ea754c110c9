//! The function's own queue and its dead-letter queue.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::Value;

use crate::environment::Environment;
use crate::failure::{Failure, Reason};
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

/// Sends to the two queues.
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

    /// Puts a wish into the dead-letter queue.
    ///
    /// # Errors
    /// Where it may not be there: then its carrier must not be acknowledged.
    pub async fn dead_letter(&self, letter: &DeadLetter<'_>) -> Result<(), Failure> {
        let message = cut(&letter.reason.message, LONGEST_MESSAGE);
        let mut call = self
            .client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_body(sendable_body(letter.body));
        for (name, value) in [
            (attribute::OPERATION, self.operation),
            (attribute::TOKEN, letter.token.as_str()),
            (attribute::ERROR_CODE, &letter.reason.code),
            (attribute::ERROR_MESSAGE, &message),
            (attribute::SOURCE_MESSAGE_ID, letter.source_id),
        ] {
            call = call.message_attributes(
                name,
                string_attribute(value).map_err(|error| unbuilt(&error))?,
            );
        }
        call.send().await?;
        Ok(())
    }

    /// Puts a wish, its token frozen in it, into the function's own queue, to arrive after a
    /// delay of at most a quarter of an hour.
    ///
    /// # Errors
    /// Where it may not be there: then its carrier must not be acknowledged.
    pub async fn defer(&self, frozen: &str, after: Duration) -> Result<(), Failure> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(sendable_body(frozen))
            .delay_seconds(seconds(after))
            .send()
            .await?;
        Ok(())
    }

    /// Hides a record of the function's own queue until it is worth another look. A record of
    /// another queue keeps the visibility that its owner chose.
    ///
    /// # Errors
    /// Where the record keeps its old visibility: it comes again all the same, only sooner or
    /// later than wished.
    pub async fn hide(&self, record: &Record, after: Duration) -> Result<(), Failure> {
        if !self.is_own(&record.queue_arn) {
            return Ok(());
        }
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&record.receipt_handle)
            .visibility_timeout(seconds(after))
            .send()
            .await?;
        Ok(())
    }

    /// An ARN ends with `:ACCOUNT:NAME` where the URL ends with `/ACCOUNT/NAME`.
    fn is_own(&self, queue_arn: &str) -> bool {
        let mut arn = queue_arn.rsplit(':');
        let mut url = self.url.rsplit('/');
        arn.next() == url.next() && arn.next() == url.next()
    }
}

fn string_attribute(value: &str) -> Result<MessageAttributeValue, BuildError> {
    // SQS refuses an empty value.
    let value = if value.is_empty() { "-" } else { value };
    MessageAttributeValue::builder().data_type("String").string_value(sendable(value)).build()
}

fn unbuilt(error: &BuildError) -> Failure {
    Failure::new(crate::failure::Kind::Permanent, Reason::INVALID_INTENT, error.to_string())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.min(retry::LONGEST).as_secs()).unwrap_or(i32::MAX)
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
