//! The smallest real function, for the tests of the Runtime API and of processes: it answers with
//! its event, and does what the event's `do` says.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("started for {}", std::env::var("GREETED").unwrap_or_default());
    if std::env::var_os("REFUSE").is_some() {
        return Err("REFUSE is set".into());
    }
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    match event["do"].as_str() {
        Some("fail") => Err("it was told to fail".into()),
        Some("hang") => {
            println!("hanging");
            std::future::pending().await
        }
        Some("exit") => std::process::exit(7),
        _ => Ok(json!({
            "event": event,
            "requestId": context.request_id,
            "deadline": context.deadline,
            "home": std::env::var("HOME").ok(),
        })),
    }
}
