//! What Lambda hands over from a queue.

use serde_json::{Value, json};

/// How many messages a batch has.
pub(crate) const BATCH: u64 = 10;

/// A pipeline for each message of a batch.
pub(crate) fn pipeline(number: u64) -> String {
    format!("arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-{}", number % BATCH)
}

/// A batch of wishes with these numbers. Equal numbers are equal wishes; equal `sending`s too are equal
/// messages, delivered for the `receipt`th time.
pub(crate) fn batch(wishes: std::ops::Range<u64>, sending: u8, receipt: u8) -> Value {
    let records: Vec<_> = wishes.map(|wish| record(wish, sending, receipt)).collect();
    json!({"Records": records})
}

fn record(wish: u64, sending: u8, receipt: u8) -> Value {
    let body = json!({"imagePipelineArn": pipeline(wish), "clientToken": token(wish)});
    json!({
        "messageId": format!("059f36b4-87a3-44ab-83d2-{sending:02x}{wish:010x}"),
        "receiptHandle": format!("AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a-{sending:02x}-{receipt:02x}-{wish:010x}"),
        "body": body.to_string(),
        "attributes": {
            "ApproximateReceiveCount": receipt.to_string(),
            "SentTimestamp": "1795136400000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1795136400012",
        },
        "messageAttributes": {},
        "md5OfBody": "1f888ee02ea153b14d7bbadf3f5b1e6b",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
        "awsRegion": "us-east-1",
    })
}

/// A token as `reveille send` and careful producers give it: a UUID.
fn token(wish: u64) -> String {
    format!("6643e837-3465-51d1-933d-{wish:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_a_wish_for_each_number_and_pipeline() {
        let batch = batch(20..30, 0, 1);
        let records = batch["Records"].as_array().cloned().unwrap_or_default();
        let distinct = |field: &str| {
            let mut values: Vec<_> =
                records.iter().map(|record| record[field].to_string()).collect();
            values.sort();
            values.dedup();
            values.len()
        };
        assert_eq!((records.len(), distinct("messageId"), distinct("body")), (10, 10, 10));
    }

    #[test]
    fn another_sending_is_another_message_with_the_same_wish() {
        let (first, other) = (record(7, 0, 1), record(7, 1, 1));
        assert_ne!(first["messageId"], other["messageId"]);
        assert_eq!(first["body"], other["body"]);
        let again = record(7, 0, 2);
        assert_eq!(first["messageId"], again["messageId"]);
        assert_ne!(first["receiptHandle"], again["receiptHandle"]);
    }
}
