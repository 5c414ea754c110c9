//! Lambda's Runtime API for one process: four routes.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};
use tower_service::Service;

use crate::Outcome;
use crate::http::{Answer, Port};

/// What an invocation may take. Lambda's own clients read it as the time that is left.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Hands events to one process and takes its answers.
pub(crate) struct RuntimeApi {
    port: Port,
    events: mpsc::UnboundedSender<String>,
    answers: mpsc::UnboundedReceiver<Result<Invocation, String>>,
    polled: watch::Receiver<Option<Instant>>,
}

/// An invocation that was answered.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) answer: Value,
    /// When the event left for the process.
    pub(crate) handed: Instant,
    /// When its answer had arrived.
    pub(crate) answered: Instant,
}

struct Desk {
    events: Mutex<mpsc::UnboundedReceiver<String>>,
    handed: StdMutex<Instant>,
    answers: mpsc::UnboundedSender<Result<Invocation, String>>,
    polled: watch::Sender<Option<Instant>>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Outcome<Self> {
        let (events, taken) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let (poll, polled) = watch::channel(None);
        let desk = Arc::new(Desk {
            events: Mutex::new(taken),
            handed: StdMutex::new(Instant::now()),
            answers: answered,
            polled: poll,
        });
        let port = Port::open(Routes(router(desk)), None).await?;
        Ok(Self { port, events, answers, polled })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> String {
        self.port.address().to_string()
    }

    /// When the process first asked for work.
    pub(crate) async fn polled(&self) -> Outcome<Instant> {
        let polled = *self.polled.clone().wait_for(Option::is_some).await?;
        polled.ok_or_else(|| "the process never asked for work".into())
    }

    /// Hands out an event and waits for its answer.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Outcome<Invocation> {
        self.events.send(event.to_string())?;
        let answer = self.answers.recv().await.ok_or("the Runtime API has ended")?;
        Ok(answer?)
    }
}

#[derive(Clone)]
struct Routes(Router);

impl Answer for Routes {
    async fn answer(mut self, request: Request<Body>) -> Response {
        let Ok(answer) = self.0.call(request).await;
        answer
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(error))
        .layer(DefaultBodyLimit::disable())
        .with_state(desk)
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    let now = Instant::now();
    desk.polled.send_if_modified(|polled| polled.replace(now).is_none());
    let Some(event) = desk.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now() + TIMEOUT;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", &deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:measured",
        ),
        ("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"),
    ];
    desk.hand();
    (headers, event).into_response()
}

async fn response(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let answered = Instant::now();
    let answer = serde_json::from_slice(&body).map_err(|error| error.to_string());
    desk.finish(answer.map(|answer| Invocation { answer, handed: desk.handed(), answered }));
    StatusCode::ACCEPTED.into_response()
}

async fn error(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    desk.finish(Err(in_short(&body)));
    StatusCode::ACCEPTED.into_response()
}

/// The last line of the message: Python's have a trace before it.
fn in_short(body: &[u8]) -> String {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = error["errorMessage"].as_str().unwrap_or("an error without a message");
    message.trim().lines().last().unwrap_or_default().to_owned()
}

impl Desk {
    fn hand(&self) {
        *self.handed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn handed(&self) -> Instant {
        *self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, outcome: Result<Invocation, String>) {
        // Who invoked may have given up.
        let _ = self.answers.send(outcome);
    }
}
