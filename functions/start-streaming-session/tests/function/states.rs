//! What each state of the session means where AWS says that it is at something else.

use std::time::Duration;

use harness::Fault;
use serde_json::json;

use crate::{OPERATION, TARGET, function, outcome, start};

#[tokio::test]
async fn a_session_that_is_stopped_is_started_once() {
    let function = function("STOPPED").await;
    for _ in 0..3 {
        assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "STARTED");
    }
    assert_eq!(function.world.nimble().effects_of(TARGET), 1);
    assert_eq!(function.world.nimble().count(OPERATION), 1);
}

#[tokio::test]
async fn a_session_that_is_ready_or_on_its_way_counts_as_started() {
    for state in ["READY", "START_IN_PROGRESS"] {
        let function = function(state).await;
        let answer = function.invoke(&start("t")).await.unwrap();
        assert_eq!(outcome(&answer), "STARTED", "{state}");
        assert_eq!(answer["outcomes"][0]["receipt"]["session"]["state"], state);
        assert_eq!(function.world.nimble().effects_of(TARGET), 0);
    }
}

#[tokio::test]
async fn a_session_that_is_at_work_is_asked_again_after_two_minutes() {
    for state in ["STOP_IN_PROGRESS", "CREATE_IN_PROGRESS", "QUANTUM"] {
        let function = function(state).await;
        function.world.queue().send(&start("t").to_string());
        function.deliver(function.world.queue()).await;
        let hidden = function.world.queue().messages().remove(0);
        let wait = hidden.visible_at.duration_since(function.world.clock.now()).unwrap();
        assert_eq!(wait, Duration::from_mins(2), "{state}");
        assert_eq!(function.item("t")["errorCode"], "ConflictException", "{state}");
    }
}

#[tokio::test]
async fn a_session_that_is_gone_or_going_is_reported() {
    for state in ["CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETED"] {
        let function = function(state).await;
        assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "REJECTED", "{state}");
        let (code, message) = function.dead_letters().remove(0);
        assert_eq!(code, "StreamingSessionLost");
        assert!(message.contains(state), "{message}");
    }
}

#[tokio::test]
async fn a_conflict_is_a_conflict_where_the_session_cannot_be_asked() {
    let function = function("READY").await;
    let hidden = Fault::error("AccessDeniedException", 403);
    function.world.nimble().fault("GetStreamingSession", hidden);
    assert_eq!(outcome(&function.invoke(&start("t")).await.unwrap()), "DEFERRED");
    assert_eq!(function.item("t")["errorCode"], "ConflictException");
}

#[tokio::test]
async fn a_wish_that_would_rather_not_wait_is_skipped() {
    let function = function("STOP_IN_PROGRESS").await;
    let mut wish = start("t");
    wish["whenBusy"] = json!("skip");
    assert_eq!(outcome(&function.invoke(&wish).await.unwrap()), "SKIPPED");
}
