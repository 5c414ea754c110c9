//! What every service does with a request around its own work.

use std::future::Future;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ServiceError;
use crate::fault::Faults;
use crate::request::{Request, RequestLog};
use crate::server::Cut;

/// Larger than any request that a service takes, so that it is the service that refuses it.
const BODY_LIMIT: usize = 32 << 20;

/// Notes each request and plays the fault that waits for it. Clones are one front.
#[derive(Clone, Debug)]
pub struct Front {
    /// The clock by which requests are noted.
    pub clock: Clock,
    /// The requests so far.
    pub log: RequestLog,
    /// The faults to come.
    pub faults: Faults,
}

impl Front {
    /// A front that has seen nothing and lets everything pass.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, log: RequestLog::default(), faults: Faults::default() }
    }

    /// Answers a request by its work, or by the fault that waits for the operation. `refuse`
    /// writes an error in the service's own form.
    pub async fn serve<W: Future<Output = Response>>(
        &self,
        operation: &str,
        request: HttpRequest,
        refuse: impl FnOnce(&ServiceError) -> Response,
        work: impl FnOnce(Parts, Bytes) -> W,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
            return Cut.into_response();
        };
        self.log.note(Request::new(operation, self.clock.now(), &parts, &body));
        let work = work(parts, body);
        let answer = match self.faults.next(operation) {
            None => work.await,
            Some(fault) => fault.play(refuse, work).await,
        };
        with_request_id(answer)
    }
}

fn with_request_id(mut answer: Response) -> Response {
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        answer.headers_mut().entry("x-amzn-requestid").or_insert(id);
    }
    answer
}
