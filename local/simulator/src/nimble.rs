//! Nimble Studio: streaming sessions and their states, as the service was until AWS retired it.

mod session;
mod studio;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::error::ServiceError;
use crate::service::{Model, Operation, Service};

use studio::{Start, Studios};

/// The seven errors that Nimble documents for its operations, with their HTTP status.
pub const ERRORS: [(&str, u16); 7] = [
    ("AccessDeniedException", 403),
    ("ConflictException", 409),
    ("InternalServerErrorException", 500),
    ("ResourceNotFoundException", 404),
    ("ServiceQuotaExceededException", 402),
    ("ThrottlingException", 429),
    ("ValidationException", 400),
];

/// The simulated Nimble Studio: `StartStreamingSession` and `GetStreamingSession`. A target is
/// `STUDIO/SESSION`. Clones share one service.
pub type Nimble = Service<Studios>;

impl Service<Studios> {
    /// Makes a session known, in any state, which stays until something happens. One that was
    /// known by these ids is replaced.
    pub fn create_session(&self, studio_id: &str, session_id: &str, state: &str) {
        self.state().create(studio_id, session_id, state, self.now());
    }

    /// Puts a session in any state, which stays until something happens.
    ///
    /// # Errors
    /// There is no such session.
    pub fn set_state(
        &self,
        studio_id: &str,
        session_id: &str,
        state: &str,
    ) -> Result<(), ServiceError> {
        self.state().session(studio_id, session_id)?.set_state(state, self.now());
        Ok(())
    }

    /// Sets the `statusCode` and `statusMessage` of a session until its state is changed next;
    /// otherwise they follow from its state.
    ///
    /// # Errors
    /// There is no such session.
    pub fn set_status(
        &self,
        studio_id: &str,
        session_id: &str,
        code: &str,
        message: &str,
    ) -> Result<(), ServiceError> {
        self.state().session(studio_id, session_id)?.set_status(code, message);
        Ok(())
    }

    /// Stops a session as a person would: `STOP_IN_PROGRESS`, then STOPPED after the stop time.
    ///
    /// # Errors
    /// There is no such session.
    pub fn stop_session(&self, studio_id: &str, session_id: &str) -> Result<(), ServiceError> {
        self.state().stop(studio_id, session_id, self.now())
    }

    /// How long a start takes from here on; 5 minutes until told otherwise.
    pub fn set_start_time(&self, time: Duration) {
        self.state().start_time = time;
    }

    /// How long a stop takes from here on; 2 minutes until told otherwise.
    pub fn set_stop_time(&self, time: Duration) {
        self.state().stop_time = time;
    }

    /// Ends every start and stop that is under way.
    pub fn finish(&self) {
        self.state().finish(self.now());
    }

    /// Forgets every client token, as the service does after a time that it does not tell.
    pub fn forget_tokens(&self) {
        self.state().forget_tokens();
    }

    /// The state of a session by now, or none where it is unknown.
    #[must_use]
    pub fn state_of(&self, studio_id: &str, session_id: &str) -> Option<String> {
        self.states().remove(&target(studio_id, session_id))
    }

    /// The state of every session by now, by `STUDIO/SESSION`.
    #[must_use]
    pub fn states(&self) -> BTreeMap<String, String> {
        self.state().states(self.now())
    }
}

impl Model for Studios {
    type Answer = Value;

    const OPERATIONS: &'static [Operation<Self>] = &[
        Operation {
            name: "StartStreamingSession",
            method: MethodFilter::POST,
            path: "/2020-08-01/studios/{studioId}/streaming-sessions/{sessionId}/start",
            work: |studios, asked| {
                studios.start(Start::read(asked)?, asked.header("x-amz-client-token"), asked.now)
            },
        },
        Operation {
            name: "GetStreamingSession",
            method: MethodFilter::GET,
            path: "/2020-08-01/studios/{studioId}/streaming-sessions/{sessionId}",
            work: |studios, asked| {
                studios.get(asked.label("studioId"), asked.label("sessionId"), asked.now)
            },
        },
    ];

    fn write(answer: &Value) -> Response {
        Json(answer).into_response()
    }

    fn refuse(error: &ServiceError) -> Response {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
        // The body's own code is "a more specific code", of which none is documented. Whoever
        // takes it for the error's code is to be found out.
        let body = json!({"code": "SIMULATED", "context": {"simulated": "true"}, "message": error.message});
        let mut answer = (status, Json(body)).into_response();
        if let Ok(code) = HeaderValue::from_str(&error.code) {
            answer.headers_mut().insert("x-amzn-errortype", code);
        }
        answer
    }
}

fn target(studio_id: &str, session_id: &str) -> String {
    format!("{studio_id}/{session_id}")
}
