//! The handler's answer, as Lambda reads it.

use aws_lambda_events::event::sqs::SqsBatchResponse;
use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::Value;

use super::Delivery;
use super::batch::Batch;
use super::outcome::{Outcome, Verdict};
use crate::failure::Failure;
use crate::operation::Request;

/// What a handler answers.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To an SQS batch: the messages that come again.
    Queue(SqsBatchResponse),
    /// To anything else: what became of each intent, in order.
    Direct {
        /// One for each intent of the event.
        outcomes: Vec<Line>,
    },
}

/// What became of one intent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Answer {
    pub(super) fn of<R: Request>(
        batch: &Batch<'_, R>,
        outcomes: &[Outcome],
        deliveries: &[Result<Delivery, Failure>],
    ) -> Result<Self, Diagnostic> {
        for (task, delivery) in batch.tasks.iter().zip(deliveries) {
            if let Err(failure) = delivery {
                tracing::error!(
                    token = batch.token(task).as_str(),
                    "SQS did not take the wish, so its event comes again: {failure}"
                );
            }
        }
        if batch.is_queue {
            return Ok(Self::Queue(comes_again(batch, deliveries)));
        }
        if let Some(failure) = deliveries.iter().find_map(|delivery| delivery.as_ref().err()) {
            return Err(Diagnostic {
                error_type: "NotAcknowledged".into(),
                error_message: format!(
                    "a wish could be neither reported nor deferred, so the event must come again: \
                     {failure}"
                ),
            });
        }
        let outcomes = batch.tasks.iter().zip(outcomes);
        Ok(Self::Direct {
            outcomes: outcomes
                .map(|(task, outcome)| Line {
                    token: batch.token(task).to_string(),
                    target: batch.wish(task).map(|wish| wish.target.clone()),
                    outcome: outcome.status().as_str(),
                    receipt: receipt(outcome),
                    reason: outcome.reason().map(ToString::to_string),
                })
                .collect(),
        })
    }
}

/// A record comes again if any of its intents asks for it or could not be delivered.
fn comes_again<R: Request>(
    batch: &Batch<'_, R>,
    deliveries: &[Result<Delivery, Failure>],
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for (place, carrier) in batch.carriers.iter().enumerate() {
        let of_carrier =
            batch.tasks.iter().zip(deliveries).filter(|(task, _)| task.carrier == place);
        let acknowledged = of_carrier
            .map(|(_, delivery)| delivery)
            .all(|delivery| matches!(delivery, Ok(Delivery::Acknowledged)));
        if let (false, Some(record)) = (acknowledged, &carrier.record) {
            response.add_failure(record.id.clone());
        }
    }
    response
}

fn receipt(outcome: &Outcome) -> Option<Value> {
    match &outcome.verdict {
        Verdict::Ended { receipt: Some(text), .. } => serde_json::from_str(text).ok(),
        _ => None,
    }
}
