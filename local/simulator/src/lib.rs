//! The AWS services that no emulator has, on one machine and over real HTTP: EC2 Image Builder,
//! AppStream and Nimble Studio. They behave as documented, in their real wire formats, and count
//! what was *done* apart from what was *asked*.
//!
//! - [`Simulator`] serves them; [`ImageBuilder`], [`AppStream`] and [`Nimble`] are a test's hands on
//!   them. What the three have in common is in [`Service`].
//! - [`Clock`] moves builds, starts and stops: the machine's, or one that a test holds.
//! - [`Fault`] is what goes wrong on demand, scripted per operation, first in first out.
//! - [`server`] and [`front`] serve any router with such faults, for other stand-ins to use.
//!
//! # The control surface
//! The binary is steered from outside by these routes beside the services' own:
//!
//! | route | body | does |
//! |---|---|---|
//! | `PUT /simulator/pipelines` | `{"arn": "…"}` | makes a pipeline known |
//! | `PUT /simulator/images` | `{"arn": "…", "status": "AVAILABLE"}` | makes an image known, or replaces it |
//! | `PUT /simulator/image-builders` | `{"name": "…", "state": "STOPPED"}` | makes an image builder known, or replaces it |
//! | `PUT /simulator/sessions` | `{"studioId": "…", "sessionId": "…", "state": "STOPPED"}` | makes a streaming session known, or replaces it |
//! | `POST /simulator/faults` | `{"operation": "StartImagePipelineExecution", "fault": "drop", "afterWork": true, "times": 2}` | scripts a fault |
//! | `DELETE /simulator/faults` | | forgets every fault |
//! | `POST /simulator/finish` | | ends every build, lifecycle execution, start and stop that runs |
//! | `GET /simulator/summary` | | answers what is below |
//!
//! `fault` is one of `error` (with `code`, `status` and perhaps `message`), `drop`, `hang`,
//! `badGateway`, `unreadable`, `truncated` and `pass`; the last three always do the work, and with
//! the last nothing goes wrong. `afterWork` is
//! false and `times` is 1 unless given; `times` may be `"forever"`. Success is 204; a body that
//! cannot be read is 400 with the reason.
//!
//! The summary tells in `services`, by service (`imagebuilder`, `appstream`, `nimble`) and
//! operation, the number of `requests` and the `effects` by target: an ARN, the name of an image
//! builder, or `STUDIO/SESSION`. `images` are as `GetImage` describes them; `imageBuilders` and
//! `sessions` are states. `requests` (by operation), `effects` and `effectsByPipeline` tell the
//! same of Image Builder alone.

pub mod app_stream;
pub mod clock;
mod control;
mod effects;
pub mod error;
pub mod fault;
pub mod front;
pub mod image_builder;
pub mod nimble;
mod phase;
pub mod request;
mod rpc_v2_cbor;
pub mod server;
pub mod service;
mod simulator;
mod tokens;

pub use app_stream::AppStream;
pub use clock::Clock;
pub use error::ServiceError;
pub use fault::Fault;
pub use image_builder::ImageBuilder;
pub use nimble::Nimble;
pub use request::Request;
pub use service::Service;
pub use simulator::{Services, Simulator};
