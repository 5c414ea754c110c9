//! The world that the functions' tests run in, asked by the real SDK over HTTP.

mod event_source;
mod ledger;
mod process;
mod proxy;
mod sqs;
mod sqs_limits;
mod world;

use std::fmt::Debug;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use harness::World;

fn sqs(world: &World) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&world.sdk_config())
}

fn dynamodb(world: &World) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&world.sdk_config())
}

/// The code of a service's answer, or how it came that there was none that could be read.
fn code<E: ProvideErrorMetadata + Debug>(error: &SdkError<E>) -> String {
    match error {
        SdkError::DispatchFailure(_) => "no answer".to_owned(),
        SdkError::ServiceError(_) => error.code().unwrap_or("no code").to_owned(),
        other => panic!("unexpected: {other:?}"),
    }
}
