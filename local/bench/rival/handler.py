"""The same job with Powertools for AWS Lambda (Python), as its documentation shows it for SQS batches:
https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/#batch-integration

What is chosen, each to be fair to it:

- The identity is the producer's `clientToken`, else the message's id, as in our functions; by default it
  would be the whole record, and then a redelivery, with its other receipt handle, would be a new wish.
- The same identity is Image Builder's `clientToken`. Without that boto3 makes one up, and a crash between
  the call and its record starts a second build.
- The context is registered, without which a crash locks a wish for an hour.
- Clients are made once, where the module is loaded, so that connections are kept. They are boto3's own,
  with its defaults.
- The local cache stays off, as it is unless asked for: duplicates reach another process as a rule.
- No tracing, no metrics, and no log lines; our functions log each wish and count it.
"""

import os

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

processor = BatchProcessor(event_type=EventType.SQS)
store = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(event_key_jmespath="powertools_json(body).clientToken || messageId")
imagebuilder = boto3.client("imagebuilder")


@idempotent_function(data_keyword_argument="record", config=config, persistence_store=store)
def start(record: SQSRecord):
    wish = record.json_body
    answer = imagebuilder.start_image_pipeline_execution(
        imagePipelineArn=wish["imagePipelineArn"], clientToken=wish.get("clientToken", record.message_id)
    )
    return {name: answer[name] for name in ("requestId", "clientToken", "imageBuildVersionArn")}


def handle(event, context):
    config.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=start, processor=processor, context=context)
