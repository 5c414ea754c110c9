//! A function in this process: its real driver and operation, with real clients, in a world.

use std::time::Duration;

use aws_config::SdkConfig;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::Value;
use serde_json::value::RawValue;
use shared::{Driver, Environment, Operation, sdk};

use crate::message::Message;
use crate::must::must;
use crate::queue::Queue;
use crate::world::World;

/// A function and the world that it meets.
pub struct Function<O> {
    /// Everything around the function.
    pub world: World,
    /// How much time an invocation has: 30 s until told otherwise.
    pub timeout: Duration,
    driver: Driver<O>,
}

impl<O: Operation> Function<O> {
    /// A function in a world of its own, whose clock stands still.
    pub async fn start(operation: impl FnOnce(&SdkConfig) -> O) -> Self {
        Self::start_with(operation, &[]).await
    }

    /// The same with more environment variables.
    pub async fn start_with(
        operation: impl FnOnce(&SdkConfig) -> O,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::within(World::start().await, operation, variables)
    }

    /// A function in this world.
    #[must_use]
    pub fn within(
        world: World,
        operation: impl FnOnce(&SdkConfig) -> O,
        variables: &[(&str, &str)],
    ) -> Self {
        let driver = driver(&world, operation, variables);
        Self { world, timeout: Duration::from_secs(30), driver }
    }

    /// What the ledger holds of this token.
    #[must_use]
    pub fn item(&self, token: &str) -> Value {
        let key = format!("{}#{token}", O::NAME);
        let item = self.world.ledger_item(&key).ok_or_else(|| format!("found no item '{key}'"));
        must("the ledger has the wish", item)
    }

    /// Code and message of each dead letter, oldest first.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<(String, String)> {
        let letters = self.world.dead_letters().messages();
        letters
            .iter()
            .map(|letter| (text(letter, "errorCode"), text(letter, "errorMessage")))
            .collect()
    }

    /// Another instance of the function in the same world, as Lambda starts them side by side.
    #[must_use]
    pub fn second(&self, operation: impl FnOnce(&SdkConfig) -> O) -> Driver<O> {
        driver(&self.world, operation, &[])
    }

    /// Invokes the function with an event, under the request id `request-1`.
    ///
    /// # Errors
    /// The function's own error.
    pub async fn invoke(&self, event: &Value) -> Result<Value, Diagnostic> {
        self.invoke_text(&event.to_string()).await
    }

    /// Invokes the function with an event as it is written.
    ///
    /// # Errors
    /// The function's own error.
    pub async fn invoke_text(&self, event: &str) -> Result<Value, Diagnostic> {
        let event = self.event(event, "request-1");
        let answer = self.driver.handle(event).await?;
        Ok(must("the answer is JSON", serde_json::to_value(answer)))
    }

    /// The event as the runtime hands it over now.
    #[must_use]
    pub fn event(&self, event: &str, request_id: &str) -> LambdaEvent<Box<RawValue>> {
        let mut context = Context::default();
        request_id.clone_into(&mut context.request_id);
        context.deadline = self.world.clock.epoch_millis()
            + u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        LambdaEvent::new(must("the event is JSON", serde_json::from_str(event)), context)
    }

    /// One delivery from a queue, as Lambda makes it: receives up to ten messages, invokes the
    /// function, and acknowledges what it does not return. The ids that come again; none where
    /// nothing was visible.
    pub async fn deliver(&self, queue: &Queue) -> Option<Vec<String>> {
        let batch = queue.poll(10)?;
        match self.invoke(&batch.event).await {
            Ok(answer) => Some(batch.answer(&answer)),
            Err(_) => Some(batch.fail()),
        }
    }
}

/// One of the files in `events/`, by the function's folder and the file's name.
#[must_use]
pub fn event(function: &str, name: &str) -> Value {
    let path = format!("{}/../../events/{function}/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = must(&path, std::fs::read_to_string(&path));
    must(&path, serde_json::from_str(&text))
}

fn text(letter: &Message, attribute: &str) -> String {
    let value = letter.attribute(attribute).ok_or_else(|| format!("found no '{attribute}'"));
    must("the dead letter says why", value).to_owned()
}

fn driver<O: Operation>(
    world: &World,
    operation: impl FnOnce(&SdkConfig) -> O,
    variables: &[(&str, &str)],
) -> Driver<O> {
    let mut environment = world.environment();
    environment.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let environment = Environment::read(|variable| environment.get(variable).cloned());
    let environment = must("the environment is complete", environment);
    let config = sdk::bounded(&world.sdk_config());
    Driver::new(operation(&config), &config, &environment)
}
