//! What a service answers when it refuses.

use std::fmt;

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error by its wire code, its HTTP status and its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The code, as in `ResourceInUseException`.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// The message for people.
    pub message: String,
}

impl ServiceError {
    /// An error by its parts.
    #[must_use]
    pub fn new(code: &str, status: u16, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), status, message: message.into() }
    }

    /// The error as restJson1 carries it: the code in a header, the message in the body.
    #[must_use]
    pub fn rest_json(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = (status, axum::Json(json!({"message": self.message}))).into_response();
        if let Ok(code) = HeaderValue::from_str(&self.code) {
            answer.headers_mut().insert("x-amzn-errortype", code);
        }
        answer
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}
