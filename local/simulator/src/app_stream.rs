//! AppStream (WorkSpaces Applications): image builders and their states, over RPC v2 CBOR.

mod builder;
mod description;
mod fleet;
mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::Response;
use axum::routing::MethodFilter;
use serde::Serialize;

use crate::error::ServiceError;
use crate::rpc_v2_cbor;
use crate::service::{Model, Operation, Service};

use description::Description;
use fleet::Fleet;

/// The five errors that AppStream documents for `StartImageBuilder`, with their HTTP status.
pub const ERRORS: [(&str, u16); 5] = [
    ("ConcurrentModificationException", 400),
    ("IncompatibleImageException", 400),
    ("InvalidAccountStatusException", 400),
    ("ResourceNotAvailableException", 400),
    ("ResourceNotFoundException", 400),
];

/// The simulated AppStream: `StartImageBuilder` and `DescribeImageBuilders`. A target is the name
/// of an image builder. Clones share one service.
pub type AppStream = Service<Fleet>;

impl Service<Fleet> {
    /// Makes an image builder known, in any state, which stays until something happens. One that
    /// was known by this name is replaced.
    pub fn create_image_builder(&self, name: &str, state: &str) {
        self.state().create(name, state, self.now());
    }

    /// Puts an image builder in any state, which stays until something happens.
    ///
    /// # Errors
    /// There is no such image builder.
    pub fn set_state(&self, name: &str, state: &str) -> Result<(), ServiceError> {
        self.state().builder(name)?.set_state(state);
        Ok(())
    }

    /// Stops an image builder as a person would: STOPPING, then STOPPED after the stop time.
    ///
    /// # Errors
    /// There is no such image builder.
    pub fn stop_image_builder(&self, name: &str) -> Result<(), ServiceError> {
        self.state().stop(name, self.now())
    }

    /// Adds one to the `ImageBuilderErrors` of an image builder, at the time now.
    ///
    /// # Errors
    /// There is no such image builder.
    pub fn add_error(&self, name: &str, code: &str, message: &str) -> Result<(), ServiceError> {
        self.state().builder(name)?.add_error(code, message, self.now());
        Ok(())
    }

    /// Sets the `StateChangeReason` of an image builder.
    ///
    /// # Errors
    /// There is no such image builder.
    pub fn set_state_change_reason(
        &self,
        name: &str,
        code: &str,
        message: &str,
    ) -> Result<(), ServiceError> {
        self.state().builder(name)?.set_reason(code, message);
        Ok(())
    }

    /// Takes the base image of an image builder away: its start is refused with
    /// `ResourceNotAvailableException` from here on.
    ///
    /// # Errors
    /// There is no such image builder.
    pub fn lose_base_image(&self, name: &str) -> Result<(), ServiceError> {
        self.state().builder(name)?.lose_base_image();
        Ok(())
    }

    /// How long a start takes from here on; 5 minutes until told otherwise.
    pub fn set_start_time(&self, time: Duration) {
        self.state().start_time = time;
    }

    /// How long a stop takes from here on; 2 minutes until told otherwise.
    pub fn set_stop_time(&self, time: Duration) {
        self.state().stop_time = time;
    }

    /// What a start is refused with where the builder is not STOPPED, which AWS does not document;
    /// `OperationNotPermittedException` and 400 until told otherwise.
    pub fn refuse_starts_with(&self, code: &str, status: u16) {
        self.state().refusal = (code.to_owned(), status);
    }

    /// Whether `DescribeImageBuilders` answers a name that it does not know with an empty list, in
    /// place of `ResourceNotFoundException`; it does not until told otherwise.
    pub fn leave_out_unknown_names(&self, leave_out: bool) {
        self.state().leaves_out_unknown_names = leave_out;
    }

    /// Ends every start and stop that is under way.
    pub fn finish(&self) {
        self.state().finish(self.now());
    }

    /// The state of an image builder by now, or none where it is unknown.
    #[must_use]
    pub fn state_of(&self, name: &str) -> Option<String> {
        self.states().remove(name)
    }

    /// The state of every image builder by now, by name.
    #[must_use]
    pub fn states(&self) -> BTreeMap<String, String> {
        self.state().states(self.now())
    }
}

impl Model for Fleet {
    type Answer = Answer;

    const OPERATIONS: &'static [Operation<Self>] = &[
        Operation {
            name: "StartImageBuilder",
            method: MethodFilter::POST,
            path: "/service/PhotonAdminProxyService/operation/StartImageBuilder",
            work: |fleet, asked| fleet.start(&rpc_v2_cbor::read(asked)?, asked.now),
        },
        Operation {
            name: "DescribeImageBuilders",
            method: MethodFilter::POST,
            path: "/service/PhotonAdminProxyService/operation/DescribeImageBuilders",
            work: |fleet, asked| fleet.describe(&rpc_v2_cbor::read(asked)?, asked.now),
        },
    ];

    fn write(answer: &Answer) -> Response {
        rpc_v2_cbor::write(answer)
    }

    fn refuse(error: &ServiceError) -> Response {
        rpc_v2_cbor::refuse(error, "com.amazonaws.appstream")
    }
}

/// What its operations answer.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    #[serde(rename_all = "PascalCase")]
    Started { image_builder: Box<Description> },
    #[serde(rename_all = "PascalCase")]
    Described { image_builders: Vec<Description> },
}
