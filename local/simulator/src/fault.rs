//! What goes wrong on demand.

use std::collections::{HashMap, VecDeque};
use std::future::{self, Future};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use crate::error::ServiceError;
use crate::server::Cut;

/// Something that goes wrong with a request instead of, or after, doing its work.
///
/// It happens once, before the work, unless told otherwise:
/// `Fault::drop().after_work().times(2)`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    #[serde(flatten)]
    kind: Kind,
    #[serde(default)]
    after_work: bool,
    #[serde(default)]
    times: Times,
}

/// What the caller gets to see of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase")]
enum Kind {
    /// The service's own error answer.
    Error {
        code: String,
        status: u16,
        #[serde(default)]
        message: String,
    },
    /// The connection ends without an answer.
    Drop,
    /// No answer ever comes.
    Hang,
    /// 200 with a body that is not what it says it is.
    Unreadable,
    /// 200 that ends before the length it announced.
    Truncated,
    /// A page in HTML from something between the caller and the service.
    BadGateway,
    /// The service's own answer: nothing goes wrong.
    Pass,
}

/// How many requests it happens to: a number, or every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Times {
    Left(usize),
    Forever(Forever),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Forever {
    Forever,
}

impl Default for Times {
    fn default() -> Self {
        Self::Left(1)
    }
}

impl Fault {
    /// Answers with this error in the service's own form.
    #[must_use]
    pub fn error(code: &str, status: u16) -> Self {
        Self::new(Kind::Error {
            code: code.to_owned(),
            status,
            message: format!("{code} on demand"),
        })
    }

    /// Ends the connection without an answer.
    #[must_use]
    pub fn drop() -> Self {
        Self::new(Kind::Drop)
    }

    /// Never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Kind::Hang)
    }

    /// Does the work and answers 200 with a body that cannot be read.
    #[must_use]
    pub fn unreadable() -> Self {
        Self::new(Kind::Unreadable)
    }

    /// Does the work and ends the connection in the middle of the answer.
    #[must_use]
    pub fn truncated() -> Self {
        Self::new(Kind::Truncated)
    }

    /// Answers 502 with a page in HTML.
    #[must_use]
    pub fn bad_gateway() -> Self {
        Self::new(Kind::BadGateway)
    }

    /// Lets the request through, between others that meet a fault.
    #[must_use]
    pub fn pass() -> Self {
        Self::new(Kind::Pass)
    }

    /// Lets the work be done first, so that only its answer is lost.
    #[must_use]
    pub fn after_work(mut self) -> Self {
        self.after_work = true;
        self
    }

    /// Happens to the next `count` requests.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = Times::Left(count);
        self
    }

    /// Happens until the faults are cleared.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = Times::Forever(Forever::Forever);
        self
    }

    fn new(kind: Kind) -> Self {
        Self { kind, after_work: false, times: Times::default() }
    }

    /// Happens to one request, whose work is done only where the fault comes after it.
    pub(crate) async fn play(
        self,
        refuse: impl FnOnce(&ServiceError) -> Response,
        work: impl Future<Output = Response>,
    ) -> Response {
        let done = if self.comes_after_work() { Some(work.await) } else { None };
        match self.kind {
            Kind::Error { code, status, message } => {
                refuse(&ServiceError { code, status, message })
            }
            Kind::Drop => Cut.into_response(),
            Kind::Hang => future::pending().await,
            Kind::Unreadable => "this is neither JSON nor CBOR".into_response(),
            Kind::Truncated => truncated(done.unwrap_or_default()).await,
            Kind::Pass => done.unwrap_or_default(),
            Kind::BadGateway => {
                (StatusCode::BAD_GATEWAY, Html("<html><body>502 Bad Gateway</body></html>"))
                    .into_response()
            }
        }
    }

    /// A damaged answer is an answer: its work was done.
    fn comes_after_work(&self) -> bool {
        self.after_work || matches!(self.kind, Kind::Unreadable | Kind::Truncated | Kind::Pass)
    }
}

/// The answer with all of its headers and half of its body.
async fn truncated(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return Cut.into_response();
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(1)));
    Response::from_parts(parts, broken_off(whole.slice(..whole.len() / 2)))
}

fn broken_off(start: Bytes) -> Body {
    let end = async {
        // Lets the start leave before the connection ends.
        tokio::task::yield_now().await;
        Err(io::Error::other("the answer was cut on demand"))
    };
    Body::from_stream(stream::iter([Ok(start)]).chain(stream::once(end)))
}

/// The faults still to come, per operation, first in first out. Clones share one script.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<HashMap<String, VecDeque<Fault>>>>);

impl Faults {
    /// Adds a fault behind those that wait for this operation already.
    pub fn add(&self, operation: &str, fault: Fault) {
        let mut script = self.script();
        script.entry(operation.to_owned()).or_default().push_back(fault);
    }

    /// Forgets every fault.
    pub fn clear(&self) {
        self.script().clear();
    }

    /// Takes the fault that the next request of this operation meets.
    #[must_use]
    pub fn next(&self, operation: &str) -> Option<Fault> {
        let mut script = self.script();
        let queue = script.get_mut(operation)?;
        while let Some(fault) = queue.front_mut() {
            match &mut fault.times {
                Times::Forever(_) => return Some(fault.clone()),
                Times::Left(0) => drop(queue.pop_front()),
                Times::Left(left) => {
                    *left -= 1;
                    return Some(fault.clone());
                }
            }
        }
        None
    }

    fn script(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Fault>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
