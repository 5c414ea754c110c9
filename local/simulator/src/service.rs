//! What every simulated service is: a state, operations upon it, and a count of what they did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Request as HttpRequest};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::effects::Effects;
use crate::error::ServiceError;
use crate::fault::Fault;
use crate::front::Front;
use crate::request::Request;

/// A simulated service over its state. Clones share one service.
#[derive(Debug)]
pub struct Service<S> {
    front: Front,
    effects: Effects,
    state: Arc<Mutex<S>>,
}

impl<S> Service<S> {
    /// Scripts a fault for an operation, behind those that wait already.
    pub fn fault(&self, operation: &str, fault: Fault) {
        self.front.faults.add(operation, fault);
    }

    /// Forgets every fault that waits.
    pub fn clear_faults(&self) {
        self.front.faults.clear();
    }

    /// How often anything was done, by any operation on any target.
    #[must_use]
    pub fn effects(&self) -> usize {
        self.effects.all()
    }

    /// How often this operation did what it is for, on any target.
    #[must_use]
    pub fn effects_by(&self, operation: &str) -> usize {
        self.effects.by(operation).values().sum()
    }

    /// How often anything was done to this target, by any operation.
    #[must_use]
    pub fn effects_of(&self, target: &str) -> usize {
        self.effects.of(target)
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.front.log.all()
    }

    /// How often this operation was asked for.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.front.log.count(operation)
    }

    pub(crate) fn requests_by_operation(&self) -> BTreeMap<String, usize> {
        self.front.log.counts()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.front.clock.now()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Model` is the crate's own, so that it bounds the methods rather than all of this.
impl<S> Service<S> {
    pub(crate) fn new(clock: Clock) -> Self
    where
        S: Model,
    {
        Self { front: Front::new(clock), effects: Effects::default(), state: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router
    where
        S: Model,
    {
        S::OPERATIONS.iter().fold(Router::new(), |router, operation| {
            let service = self.clone();
            let answer = move |request| async move { service.answer(operation, request).await };
            router.route(operation.path, on(operation.method, answer))
        })
    }

    /// Whether it is this service that has an operation of this name.
    pub(crate) fn offers(operation: &str) -> bool
    where
        S: Model,
    {
        S::OPERATIONS.iter().any(|offered| offered.name == operation)
    }

    /// For each operation, how often it was asked for and its effects by target.
    pub(crate) fn report(&self) -> Value
    where
        S: Model,
    {
        let asked_and_done = |operation: &Operation<S>| {
            let (requests, effects) = (self.count(operation.name), self.effects.by(operation.name));
            (operation.name.to_owned(), json!({"requests": requests, "effects": effects}))
        };
        Value::Object(S::OPERATIONS.iter().map(asked_and_done).collect())
    }

    async fn answer(&self, operation: &'static Operation<S>, request: HttpRequest) -> Response
    where
        S: Model,
    {
        let work = |parts, body| async move {
            let asked = Asked::read(parts, body, self.now()).await;
            self.perform(operation, &asked)
        };
        self.front.serve(operation.name, request, S::refuse, work).await
    }

    fn perform(&self, operation: &'static Operation<S>, asked: &Asked) -> Response
    where
        S: Model,
    {
        let mut state = self.state();
        match (operation.work)(&mut state, asked) {
            Ok(done) => {
                if let Some(target) = done.effect {
                    self.effects.note(operation.name, target);
                }
                S::write(&done.answer)
            }
            Err(error) => S::refuse(&error),
        }
    }
}

impl<S> Clone for Service<S> {
    fn clone(&self) -> Self {
        let (front, effects) = (self.front.clone(), self.effects.clone());
        Self { front, effects, state: Arc::clone(&self.state) }
    }
}

/// The state of a service with what can be asked of it and the form in which it answers.
pub(crate) trait Model: Default + Send + 'static {
    type Answer;
    const OPERATIONS: &'static [Operation<Self>];
    fn write(answer: &Self::Answer) -> Response;
    fn refuse(error: &ServiceError) -> Response;
}

/// An operation by its name, its route, and what it does.
pub(crate) struct Operation<S: Model> {
    pub(crate) name: &'static str,
    pub(crate) method: MethodFilter,
    pub(crate) path: &'static str,
    pub(crate) work: Work<S>,
}

type Work<S> = fn(&mut S, &Asked) -> Result<Done<<S as Model>::Answer>, ServiceError>;

/// What an operation is asked, and when.
pub(crate) struct Asked {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) now: SystemTime,
    labels: BTreeMap<String, String>,
}

impl Asked {
    async fn read(mut parts: Parts, body: Bytes, now: SystemTime) -> Self {
        let labels = Path::from_request_parts(&mut parts, &()).await;
        let labels = labels.map(|Path(labels)| labels).unwrap_or_default();
        Self { uri: parts.uri, headers: parts.headers, body, now, labels }
    }

    /// The part of the path that the route calls by this name.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer, and the target of what was done for it.
pub(crate) struct Done<A> {
    answer: A,
    effect: Option<String>,
}

impl<A> Done<A> {
    pub(crate) fn to(target: impl Into<String>, answer: A) -> Self {
        Self { answer, effect: Some(target.into()) }
    }
}

impl<A> From<A> for Done<A> {
    /// An answer that nothing was done for.
    fn from(answer: A) -> Self {
        Self { answer, effect: None }
    }
}
