//! Smithy RPC v2 CBOR, as AppStream speaks it.

use std::time::SystemTime;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ciborium::tag::Required;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::clock::epoch_seconds;
use crate::error::ServiceError;
use crate::service::Asked;

const PROTOCOL: (&str, &str) = ("smithy-protocol", "rpc-v2-cbor");
pub(crate) const MEDIA_TYPE: &str = "application/cbor";

/// Reads a request, which must say that it is one of this protocol.
pub(crate) fn read<T: DeserializeOwned>(asked: &Asked) -> Result<T, ServiceError> {
    for (name, expected) in [PROTOCOL, (header::CONTENT_TYPE.as_str(), MEDIA_TYPE)] {
        let found = asked.header(name).unwrap_or_default();
        if found != expected {
            let message = format!("found '{found}' in the header {name}, expected {expected}");
            return Err(unreadable(message));
        }
    }
    ciborium::from_reader(asked.body.as_ref())
        .map_err(|error| unreadable(format!("the body cannot be read: {error}")))
}

fn unreadable(message: String) -> ServiceError {
    ServiceError::new("SerializationException", 400, message)
}

pub(crate) fn write(answer: &impl Serialize) -> Response {
    respond(StatusCode::OK, answer)
}

/// The error as this protocol carries it, its code after the name of the service's model.
pub(crate) fn refuse(error: &ServiceError, namespace: &str) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "__type")]
        code: String,
        #[serde(rename = "Message")]
        message: &'a str,
    }
    let code = format!("{namespace}#{}", error.code);
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    respond(status, &Body { code, message: &error.message })
}

fn respond(status: StatusCode, body: &impl Serialize) -> Response {
    let mut bytes = Vec::new();
    if let Err(error) = ciborium::into_writer(body, &mut bytes) {
        return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
    }
    (status, [PROTOCOL, (header::CONTENT_TYPE.as_str(), MEDIA_TYPE)], bytes).into_response()
}

/// A time as this protocol carries it: tag 1 around seconds from the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp(pub(crate) SystemTime);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Required::<f64, 1>(epoch_seconds(self.0)).serialize(serializer)
    }
}
