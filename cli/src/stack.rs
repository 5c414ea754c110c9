//! Where table and queues come from: the outputs of the CloudFormation stack, or the command line.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use shared::sdk;
use tokio::sync::OnceCell;

use crate::arguments::Place;
use crate::operation::Operation;
use crate::problem::Problem;

const TABLE: &str = "LedgerTable";

/// What is deployed, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Stack {
    place: Place,
    config: OnceCell<SdkConfig>,
    outputs: OnceCell<HashMap<String, String>>,
}

/// A queue with the operation that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) operation: Operation,
    pub(crate) url: String,
}

impl Stack {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, config: OnceCell::new(), outputs: OnceCell::new() }
    }

    /// Region, profile and endpoints as every AWS tool reads them, with bounds on waiting.
    pub(crate) async fn config(&self) -> Result<&SdkConfig, Problem> {
        self.config.get_or_try_init(|| self.load_config()).await
    }

    async fn load_config(&self) -> Result<SdkConfig, Problem> {
        let mut loader =
            aws_config::defaults(BehaviorVersion::latest()).http_client(sdk::http_client());
        if let Some(region) = &self.place.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.place.profile {
            loader = loader.profile_name(profile);
        }
        let config = sdk::bounded(&loader.load().await);
        if config.region().is_none() {
            return Err(Problem::Usage(
                "found no region, expected --region, AWS_REGION, or a profile that has one".into(),
            ));
        }
        Ok(config)
    }

    /// The name of the ledger's table.
    pub(crate) async fn table(&self) -> Result<&str, Problem> {
        match &self.place.table {
            Some(table) => Ok(table),
            None => self.output(TABLE).await,
        }
    }

    /// The queue of an operation.
    pub(crate) async fn queue(&self, operation: Operation) -> Result<Queue, Problem> {
        let url = match &self.place.queue {
            Some(given) => self.queue_url(given).await?,
            None => self.output(&format!("{}QueueUrl", operation.name())).await?.to_owned(),
        };
        Ok(Queue { operation, url })
    }

    /// The dead-letter queue of this operation, or those of every operation that is deployed.
    pub(crate) async fn dead_letter_queues(
        &self,
        operation: Option<Operation>,
    ) -> Result<Vec<Queue>, Problem> {
        let given = [&self.place.queue, &self.place.dead_letter_queue];
        if operation.is_none() && given.iter().any(|queue| queue.is_some()) {
            return Err(Problem::Usage(
                "found a queue by name, expected --operation OPERATION beside it: the queue does \
                 not say whose it is"
                    .into(),
            ));
        }
        match (&self.place.dead_letter_queue, operation) {
            (Some(given), Some(operation)) => {
                Ok(vec![Queue { operation, url: self.queue_url(given).await? }])
            }
            (None, Some(operation)) => {
                let url = self.output(&dead_letter_output(operation)).await?.to_owned();
                Ok(vec![Queue { operation, url }])
            }
            (_, None) => {
                let outputs = self.outputs().await?;
                let deployed = Operation::ALL.into_iter().filter_map(|operation| {
                    let url = outputs.get(&dead_letter_output(operation))?.clone();
                    Some(Queue { operation, url })
                });
                Ok(deployed.collect())
            }
        }
    }

    /// A queue is named by its URL, or by its name in this account and region.
    async fn queue_url(&self, given: &str) -> Result<String, Problem> {
        if given.contains("://") {
            return Ok(given.to_owned());
        }
        let client = aws_sdk_sqs::Client::new(self.config().await?);
        let answer = client.get_queue_url().queue_name(given).send().await;
        let answer = answer.map_err(|error| {
            Problem::aws(format_args!("the queue `{given}` was not found"), error)
        })?;
        answer.queue_url.ok_or_else(|| {
            Problem::Aws(format!("SQS gave no URL for the queue `{given}`, expected one"))
        })
    }

    async fn output(&self, key: &str) -> Result<&str, Problem> {
        let outputs = self.outputs().await?;
        outputs.get(key).map(String::as_str).ok_or_else(|| {
            Problem::Aws(format!(
                "the stack `{}` has no output {key}, expected a stack of this project's template \
                 in which that function is deployed",
                self.place.stack_name
            ))
        })
    }

    async fn outputs(&self) -> Result<&HashMap<String, String>, Problem> {
        self.outputs.get_or_try_init(|| self.describe()).await
    }

    async fn describe(&self) -> Result<HashMap<String, String>, Problem> {
        let name = &self.place.stack_name;
        let config = self.config().await?;
        let client = aws_sdk_cloudformation::Client::new(config);
        let answer = client.describe_stacks().stack_name(name).send().await;
        let answer = answer.map_err(|error| {
            // CloudFormation has no code of its own for a stack that is not there.
            if error.message().is_some_and(|message| message.contains("does not exist")) {
                let region = config.region().map_or("", AsRef::as_ref);
                return Problem::Aws(format!(
                    "found no stack named `{name}` in {region}, expected --stack-name NAME of one \
                     that is deployed there, another --region, or the table and queues by name \
                     (--table, --queue, --dead-letter-queue)"
                ));
            }
            Problem::aws(format_args!("the stack `{name}` could not be described"), error)
        })?;
        let outputs = answer.stacks.into_iter().flatten().filter_map(|stack| stack.outputs);
        Ok(outputs
            .flatten()
            .filter_map(|output| Some((output.output_key?, output.output_value?)))
            .collect())
    }
}

fn dead_letter_output(operation: Operation) -> String {
    format!("{}DeadLetterQueueUrl", operation.name())
}
