//! The requests that were made, for tests to read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde_json::Value;

use crate::rpc_v2_cbor::MEDIA_TYPE;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The operation, as in `StartImagePipelineExecution`.
    pub operation: String,
    /// When it arrived, by the simulator's clock.
    pub at: SystemTime,
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The query part of its address, as it was sent.
    pub query: String,
    /// Its body, byte for byte where it was UTF-8.
    pub text: String,
    /// Its body, whether it was JSON or CBOR; null where it was neither.
    pub body: Value,
}

impl Request {
    pub(crate) fn new(operation: &str, at: SystemTime, parts: &Parts, body: &[u8]) -> Self {
        let headers = parts.headers.iter();
        Self {
            operation: operation.to_owned(),
            at,
            headers: headers
                .map(|(name, value)| (name.to_string(), lossy(value.as_bytes())))
                .collect(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            text: lossy(body),
            body: read(parts, body),
        }
    }

    /// The id that the SDK gives to all attempts of one call.
    #[must_use]
    pub fn invocation_id(&self) -> Option<&str> {
        self.headers.get("amz-sdk-invocation-id").map(String::as_str)
    }
}

fn read(parts: &Parts, body: &[u8]) -> Value {
    if parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE) {
        return ciborium::from_reader(body).unwrap_or_default();
    }
    serde_json::from_slice(body).unwrap_or_default()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every request so far, oldest first. Clones share one log.
#[derive(Clone, Debug, Default)]
pub struct RequestLog(Arc<Mutex<Vec<Request>>>);

impl RequestLog {
    /// Every request so far, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Request> {
        self.entries().clone()
    }

    /// How often this operation was asked for.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.entries().iter().filter(|request| request.operation == operation).count()
    }

    /// How often each operation was asked for.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = HashMap::<_, usize>::new();
        for request in self.entries().iter() {
            *counts.entry(request.operation.clone()).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    pub(crate) fn note(&self, request: Request) {
        self.entries().push(request);
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
