//! The AWS services that no emulator has, on one machine and over real HTTP: for now EC2 Image
//! Builder. It behaves as documented, in its real wire format, and counts what was *done* apart
//! from what was *asked*.
//!
//! - [`Simulator`] serves it; [`ImageBuilder`] is a test's hand on it.
//! - [`Clock`] moves the builds: the machine's, or one that a test holds.
//! - [`Fault`] is what goes wrong on demand, scripted per operation, first in first out.
//! - [`server`] and [`front`] serve any router with such faults, for other stand-ins to use.
//!
//! # The control surface
//! The binary is steered from outside by these routes beside the services' own:
//!
//! | route | body | does |
//! |---|---|---|
//! | `PUT /simulator/pipelines` | `{"arn": "…"}` | makes a pipeline known |
//! | `POST /simulator/faults` | `{"operation": "StartImagePipelineExecution", "fault": "drop", "afterWork": true, "times": 2}` | scripts a fault |
//! | `DELETE /simulator/faults` | | forgets every fault |
//! | `POST /simulator/finish` | | ends every build that runs |
//! | `GET /simulator/summary` | | answers `requests` (by operation), `effects`, `effectsByPipeline`, `images` (as `GetImage` describes them) |
//!
//! `fault` is one of `error` (with `code`, `status` and perhaps `message`), `drop`, `hang`,
//! `badGateway`, `unreadable` and `truncated`; the last two always do the work. `afterWork` is
//! false and `times` is 1 unless given; `times` may be `"forever"`. Success is 204; a body that
//! cannot be read is 400 with the reason.

pub mod clock;
mod control;
pub mod error;
pub mod fault;
pub mod front;
pub mod image_builder;
pub mod request;
pub mod server;
mod simulator;

pub use clock::Clock;
pub use error::ServiceError;
pub use fault::Fault;
pub use image_builder::ImageBuilder;
pub use request::Request;
pub use simulator::Simulator;
