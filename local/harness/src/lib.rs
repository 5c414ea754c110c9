//! What the functions' tests run against: a world with a clock that stands still, a ledger table,
//! queues, an Image Builder, an AppStream and a Nimble Studio, all in this process, over real HTTP
//! or without sockets; and a Lambda Runtime API for running a function's real binary.
//!
//! ```no_run
//! # async fn example(handle: impl AsyncFn(serde_json::Value) -> serde_json::Value) {
//! let arn = "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/web";
//! let world = harness::World::start().await;
//! world.image_builder().create_pipeline(arn).unwrap();
//! world.queue().send(r#"{"imagePipelineArn": "…"}"#);
//! let batch = world.queue().poll(10).unwrap();
//! let answer = handle(batch.event.clone()).await;
//! batch.answer(&answer);
//! assert_eq!(world.image_builder().effects(), 1);
//! # }
//! ```
//!
//! - [`World`] is everything a function meets; [`Queue`] a test's hand on one queue, [`Batch`] what
//!   Lambda takes from it, [`Proxy`] what stands before DynamoDB and SQS and can fail in their place.
//! - [`RuntimeApi`] and [`Process`] run a function's binary as Lambda does.
//!
//! This crate is test code: where a world cannot be prepared it panics with a sentence, which is
//! the test's failure.

mod aws_json;
pub mod emf;
mod endpoints;
pub mod event_source;
pub mod fate;
pub mod function;
mod ledger;
mod letter;
pub mod message;
mod must;
pub mod process;
pub mod proxy;
pub mod queue;
pub mod runtime_api;
mod sqs;
pub mod wire;
pub mod world;

pub use endpoints::without_endpoints;
pub use event_source::Batch;
pub use fate::Fate;
pub use function::Function;
pub use message::{Attribute, Message};
pub use process::Process;
pub use proxy::Proxy;
pub use queue::Queue;
pub use runtime_api::{InvocationError, RuntimeApi};
pub use simulator::{AppStream, Clock, Fault, ImageBuilder, Nimble, Request};
pub use wire::Wire;
pub use world::World;
