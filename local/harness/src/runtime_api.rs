//! The Lambda Runtime API, which a function's binary asks for its work.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::Clock;
use simulator::server::Server;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use crate::must::must;

/// The ARN that invocations name.
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:function-under-test";

/// How an invocation, or a start, ended when it did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvocationError {
    /// `errorType`: the function's own, `Runtime.ExitError` where the process ended, or
    /// `Sandbox.Timedout` where the time-out passed.
    #[serde(default)]
    pub error_type: String,
    /// `errorMessage`.
    #[serde(default)]
    pub error_message: String,
}

impl fmt::Display for InvocationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.error_type, self.error_message)
    }
}

impl std::error::Error for InvocationError {}

/// A Runtime API. Clones share one API.
#[derive(Clone, Debug)]
pub struct RuntimeApi {
    seat: Arc<Seat>,
    desk: Arc<Desk>,
}

/// A port at which one process asks for its work. Each process has its own, so that nothing is
/// handed to one that is gone, and its end is not taken for another's.
#[derive(Debug)]
pub(crate) struct Seat {
    number: usize,
    server: Server,
    desk: Arc<Desk>,
}

/// What passes between those who invoke and those who ask for work.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<Passing>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Passing {
    waiting: VecDeque<Invocation>,
    /// By the seat and the request id.
    in_flight: HashMap<(usize, String), Answer>,
    /// Of each seat, whether its process has asked for work, which ends its start.
    asked: Vec<bool>,
    init_error: Option<InvocationError>,
}

type Answer = oneshot::Sender<Result<Value, InvocationError>>;

#[derive(Debug)]
struct Invocation {
    request_id: String,
    event: String,
    deadline_millis: u64,
    answer: Answer,
}

impl RuntimeApi {
    /// Starts it.
    #[expect(clippy::unused_async, reason = "it starts a server, which wants a runtime around it")]
    pub async fn start() -> Self {
        let desk = Arc::<Desk>::default();
        let seat = must("the runtime API starts", Seat::take(&desk));
        Self { seat: Arc::new(seat), desk }
    }

    /// `host:port`, for `AWS_LAMBDA_RUNTIME_API` of a process that is started in another way than
    /// by [`Process`](crate::Process).
    #[must_use]
    pub fn address(&self) -> String {
        self.seat.address()
    }

    pub(crate) fn seat(&self) -> Seat {
        must("the runtime API starts", Seat::take(&self.desk))
    }

    /// Hands an event to the next process that asks, and waits for its answer.
    ///
    /// # Errors
    /// The function's own error, the end of its process, or the time-out.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, InvocationError> {
        self.invoke_with_id(&Uuid::new_v4().to_string(), event, timeout).await
    }

    /// The same under a given request id, as in Lambda's own retry of an asynchronous event.
    ///
    /// # Errors
    /// The function's own error, the end of its process, or the time-out.
    pub async fn invoke_with_id(
        &self,
        request_id: &str,
        event: &Value,
        timeout: Duration,
    ) -> Result<Value, InvocationError> {
        let (answer, answered) = oneshot::channel();
        self.desk.enqueue(Invocation {
            request_id: request_id.to_owned(),
            event: event.to_string(),
            // The deadline is in the time of the process, which runs by the machine's clock.
            deadline_millis: Clock::real().epoch_millis() + millis(timeout),
            answer,
        });
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(exited("the invocation was replaced by another of its id")),
            Err(_) => Err(timed_out(timeout)),
        }
    }

    /// Waits for the error that a function reports while it starts, or for the end of its process
    /// before it asked for work.
    pub async fn init_error(&self) -> InvocationError {
        loop {
            let changed = self.desk.changed.notified();
            if let Some(error) = self.desk.state().init_error.clone() {
                return error;
            }
            changed.await;
        }
    }
}

impl Seat {
    fn take(desk: &Arc<Desk>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let number = desk.add_seat();
        let router = router(Seated { desk: desk.clone(), seat: number });
        let server = Server::start_on(TcpListener::from_std(listener)?, router, Clock::real())?;
        Ok(Self { number, server, desk: desk.clone() })
    }

    pub(crate) fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// The process is gone: fails what it had in flight, or its start.
    pub(crate) async fn leave(self, how: &str) {
        self.server.stop().await;
        self.desk.leave(self.number, how);
    }
}

impl Desk {
    fn add_seat(&self) -> usize {
        let mut state = self.state();
        state.asked.push(false);
        state.asked.len() - 1
    }

    fn enqueue(&self, invocation: Invocation) {
        self.state().waiting.push_back(invocation);
        self.changed.notify_waiters();
    }

    /// Takes the next invocation that somebody still waits for.
    async fn next(&self, seat: usize) -> Response {
        loop {
            let changed = self.changed.notified();
            if let Some(answer) = self.state().hand_out(seat) {
                return answer;
            }
            changed.await;
        }
    }

    fn finish(&self, seat: usize, id: String, outcome: Result<Value, InvocationError>) -> Response {
        let Some(answer) = self.state().in_flight.remove(&(seat, id)) else {
            let error = json!({"errorType": "InvalidRequestID", "errorMessage": "no such invocation is in flight"});
            return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
        };
        // Who invoked may have given up.
        let _ = answer.send(outcome);
        accepted()
    }

    fn fail_init(&self, error: InvocationError) {
        self.state().init_error.get_or_insert(error);
        self.changed.notify_waiters();
    }

    fn leave(&self, seat: usize, how: &str) {
        let started = {
            let mut state = self.state();
            for (_, answer) in state.in_flight.extract_if(|(at, _), _| *at == seat) {
                // Who invoked may have given up.
                let _ = answer.send(Err(exited(how)));
            }
            state.asked.get(seat).copied().unwrap_or_default()
        };
        if !started {
            self.fail_init(exited(how));
        }
    }

    fn state(&self) -> MutexGuard<'_, Passing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passing {
    fn hand_out(&mut self, seat: usize) -> Option<Response> {
        if let Some(asked) = self.asked.get_mut(seat) {
            *asked = true;
        }
        while let Some(invocation) = self.waiting.pop_front() {
            if !invocation.answer.is_closed() {
                let answer = invocation.announce();
                self.in_flight.insert((seat, invocation.request_id), invocation.answer);
                return Some(answer);
            }
        }
        None
    }
}

impl Invocation {
    fn announce(&self) -> Response {
        let headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", &self.request_id),
            ("lambda-runtime-deadline-ms", &self.deadline_millis.to_string()),
            ("lambda-runtime-invoked-function-arn", FUNCTION_ARN),
            ("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"),
        ];
        (headers, self.event.clone()).into_response()
    }
}

/// The desk as it is seen from a seat.
#[derive(Clone)]
struct Seated {
    desk: Arc<Desk>,
    seat: usize,
}

fn router(seated: Seated) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::disable())
        .with_state(seated)
}

async fn next(State(at): State<Seated>) -> Response {
    at.desk.next(at.seat).await
}

async fn response(State(at): State<Seated>, Path(id): Path<String>, body: Bytes) -> Response {
    let unreadable = |error: serde_json::Error| InvocationError {
        error_type: "Runtime.InvalidResponse".to_owned(),
        error_message: format!("the response is not JSON: {error}"),
    };
    at.desk.finish(at.seat, id, serde_json::from_slice(&body).map_err(unreadable))
}

async fn error(State(at): State<Seated>, Path(id): Path<String>, body: Bytes) -> Response {
    at.desk.finish(at.seat, id, Err(reported(&body)))
}

async fn init_error(State(at): State<Seated>, body: Bytes) -> Response {
    at.desk.fail_init(reported(&body));
    accepted()
}

fn reported(body: &[u8]) -> InvocationError {
    serde_json::from_slice(body).unwrap_or_else(|_| InvocationError {
        error_type: "Unhandled".to_owned(),
        error_message: String::from_utf8_lossy(body).into_owned(),
    })
}

fn exited(how: &str) -> InvocationError {
    InvocationError { error_type: "Runtime.ExitError".to_owned(), error_message: how.to_owned() }
}

fn timed_out(timeout: Duration) -> InvocationError {
    InvocationError {
        error_type: "Sandbox.Timedout".to_owned(),
        error_message: format!("task timed out after {:.2} seconds", timeout.as_secs_f64()),
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, axum::Json(json!({"status": "OK"}))).into_response()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
