//! The behaviour that every Reveille function has: each wish is carried out once, however often
//! its event arrives, and is never lost.
//!
//! # Layout
//!
//! A function brings an [`Operation`]; [`run`] does the rest. The way of an event through this
//! crate is the way down this list:
//!
//! | module | one concept |
//! |---|---|
//! | [`runtime`] | from process start to the first event |
//! | [`environment`] | the variables a function reads |
//! | [`sdk`] | how every AWS client is configured |
//! | [`trigger`] | the shapes of an event, down to the drafts of intents in it |
//! | [`intent`] | a draft checked: the request, its control fields |
//! | [`rules`] | findings: which field, what was found, what was expected |
//! | [`wish`] | an intent with the identity that it keeps |
//! | [`token`] | the identity of a wish |
//! | [`fingerprint`] | whether two requests are the same |
//! | [`driver`] | parse, claim, call, settle, answer |
//! | [`ledger`] | the table in which each wish is claimed and settled |
//! | [`operation`] | what a function brings, and the one step that sends |
//! | [`failure`] | what every error means for the driver |
//! | [`budget`] | how often one invocation repeats calls at once |
//! | [`retry`] | how long a deferred wish waits |
//! | [`queue`] | the function's own queue and its dead-letter queue |
//! | [`clock`] | the one clock that everything asks |
//! | [`json`] | JSON in which no key is given twice |
//! | [`telemetry`] | log lines and metrics |

pub mod budget;
pub mod clock;
pub mod driver;
pub mod environment;
pub mod failure;
pub mod fingerprint;
pub mod intent;
pub mod json;
pub mod ledger;
pub mod operation;
pub mod queue;
pub mod retry;
pub mod rules;
pub mod runtime;
pub mod sdk;
pub mod telemetry;
pub mod token;
pub mod trigger;
pub mod wish;

pub use driver::Driver;
pub use environment::Environment;
pub use failure::Failure;
pub use lambda_runtime::Error;
pub use operation::{Attempt, Operation, Receipt, Request};
pub use rules::Findings;
pub use runtime::run;
