//! The floor of the benchmark: what Lambda's own runtime crate takes to start and to answer. A package
//! of its own, so that nothing is compiled into it that the other binaries here have use for.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(json!({"batchItemFailures": []}))
    }))
    .await
}
