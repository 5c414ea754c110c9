//! What stands before each service: counts what crosses the wire, and moves the service away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::response::Response;
use tower_service::Service;

use crate::http::Answer;
use crate::timer::Timer;

/// A service behind a counter. Clones are one front.
#[derive(Clone)]
pub(crate) struct Front(Arc<Inner>);

struct Inner {
    timer: Timer,
    state: Mutex<State>,
}

struct State {
    service: Router,
    distance: Duration,
    traffic: Traffic,
}

/// What crossed the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// Requests by operation: the last part of `x-amz-target`, or the last of the path.
    pub(crate) requests: BTreeMap<String, usize>,
    /// When the first of them had arrived whole.
    pub(crate) first: Option<Instant>,
    /// How long the service itself worked.
    pub(crate) busy: Duration,
}

impl Traffic {
    pub(crate) fn total(&self) -> usize {
        self.requests.values().sum()
    }

    pub(crate) fn of(&self, operation: &str) -> usize {
        self.requests.get(operation).copied().unwrap_or_default()
    }
}

impl Front {
    pub(crate) fn of(service: Router, timer: &Timer) -> Self {
        let state = State { service, distance: Duration::ZERO, traffic: Traffic::default() };
        Self(Arc::new(Inner { timer: timer.clone(), state: Mutex::new(state) }))
    }

    /// Puts another service in the place of the present one.
    pub(crate) fn replace(&self, service: Router) {
        self.state().service = service;
    }

    /// Adds this time to each answer from here on.
    pub(crate) fn set_distance(&self, distance: Duration) {
        self.state().distance = distance;
    }

    /// What has crossed since the last time.
    pub(crate) fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut self.state().traffic)
    }

    async fn pass(&self, request: Request<Body>) -> Response {
        let operation = operation(&request);
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            // The caller has gone away in mid-request.
            return Response::default();
        };
        let arrived = Instant::now();
        let (mut service, distance) = self.note(operation, arrived);
        let Ok(answer) = service.call(Request::from_parts(parts, Body::from(body))).await;
        self.state().traffic.busy += arrived.elapsed();
        if !distance.is_zero() {
            self.0.timer.wait(distance).await;
        }
        answer
    }

    fn note(&self, operation: String, arrived: Instant) -> (Router, Duration) {
        let mut state = self.state();
        *state.traffic.requests.entry(operation).or_default() += 1;
        state.traffic.first.get_or_insert(arrived);
        (state.service.clone(), state.distance)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer for Front {
    async fn answer(self, request: Request<Body>) -> Response {
        self.pass(request).await
    }
}

/// `PutItem` of `DynamoDB_20120810.PutItem`, `StartImagePipelineExecution` of its path.
pub(crate) fn operation(request: &Request<Body>) -> String {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let last = target.map_or_else(
        || request.uri().path().rsplit('/').next(),
        |target| target.rsplit('.').next(),
    );
    last.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use axum::routing::put;

    use super::*;

    fn front() -> Front {
        Front::of(Router::new().route("/Start", put(async || "started")), &Timer::start())
    }

    async fn send(front: &Front, path: &str, target: Option<&str>) {
        let mut request = Request::put(path);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        front.pass(request.body(Body::empty()).unwrap_or_default()).await;
    }

    #[tokio::test]
    async fn requests_are_counted_by_their_target_or_their_path() {
        let front = front();
        send(&front, "/", Some("DynamoDB_20120810.PutItem")).await;
        send(&front, "/", Some("DynamoDB_20120810.PutItem")).await;
        send(&front, "/Start", None).await;
        let traffic = front.take_traffic();
        assert_eq!((traffic.of("PutItem"), traffic.of("Start"), traffic.total()), (2, 1, 3));
        assert!(traffic.first.is_some());
        assert_eq!(front.take_traffic().total(), 0, "what was taken is counted anew");
    }

    #[tokio::test]
    async fn a_distance_is_added_to_each_answer_and_not_to_the_work() {
        let (front, distance) = (front(), Duration::from_millis(1));
        front.set_distance(distance);
        let begun = Instant::now();
        send(&front, "/Start", None).await;
        assert!(front.take_traffic().busy + distance <= begun.elapsed());
    }
}
