//! Wishes put into their operation's queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use crate::operation::Valid;
use crate::problem::Problem;
use crate::stack::{Queue, Stack};

/// What one request can hold: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>.
/// Its bytes are those that every region and emulator takes.
const MOST: usize = 10;
const LARGEST: usize = 256 * 1024;

/// Sends each wish, its token frozen in it; for each, in order, why it may not be in the queue.
pub(crate) async fn send(
    stack: &Stack,
    queue: &Queue,
    wishes: &[&Valid],
) -> Result<Vec<Result<(), String>>, Problem> {
    let client = Client::new(stack.config().await?);
    let mut outcomes = Vec::new();
    let mut rest = wishes;
    while !rest.is_empty() {
        let (batch, others) = rest.split_at(fitting(rest));
        outcomes.extend(send_batch(&client, queue, batch).await);
        rest = others;
    }
    Ok(outcomes)
}

/// How many of the first wishes go into one request: one at least.
fn fitting(wishes: &[&Valid]) -> usize {
    let sizes = wishes.iter().scan(0, |sum, wish| {
        *sum += wish.frozen.len();
        Some(*sum)
    });
    sizes.take(MOST).take_while(|size| *size <= LARGEST).count().max(1)
}

async fn send_batch(client: &Client, queue: &Queue, wishes: &[&Valid]) -> Vec<Result<(), String>> {
    let entries = wishes.iter().enumerate().map(|(place, wish)| {
        SendMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .message_body(&wish.frozen)
            .build()
    });
    let entries = match entries.collect::<Result<Vec<_>, _>>() {
        Ok(entries) => entries,
        Err(error) => return vec![Err(error.to_string()); wishes.len()],
    };
    let call = client.send_message_batch().queue_url(&queue.url).set_entries(Some(entries));
    let answer = match call.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let what = format_args!("{} may not have taken it", queue.url);
            return vec![Err(Problem::aws(what, error).to_string()); wishes.len()];
        }
    };
    let mut outcomes =
        vec![Err("SQS said nothing of it, expected whether it was taken".to_owned()); wishes.len()];
    for taken in &answer.successful {
        if let Some(outcome) =
            taken.id.parse().ok().and_then(|place: usize| outcomes.get_mut(place))
        {
            *outcome = Ok(());
        }
    }
    for refused in &answer.failed {
        if let Some(outcome) =
            refused.id.parse().ok().and_then(|place: usize| outcomes.get_mut(place))
        {
            let message = refused.message.as_deref().unwrap_or("SQS gave no message");
            *outcome = Err(format!("SQS refused it: {}: {message}", refused.code));
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    #[test]
    fn a_request_holds_ten_wishes_or_what_its_size_allows() {
        let wish = |bytes: usize| Valid {
            token: Operation::StartImageBuilder.token("t").unwrap(),
            target: String::new(),
            frozen: "x".repeat(bytes),
        };
        let count = |sizes: &[usize]| {
            let wishes: Vec<_> = sizes.iter().map(|size| wish(*size)).collect();
            fitting(&wishes.iter().collect::<Vec<_>>())
        };
        assert_eq!(count(&[1; 25]), 10);
        assert_eq!(count(&[100 * 1024; 3]), 2);
        assert_eq!(count(&[300 * 1024, 1]), 1);
    }
}
