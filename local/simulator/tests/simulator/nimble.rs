//! Nimble's streaming sessions: states, starts, tokens, and what is refused.

use std::time::Duration;

use aws_sdk_nimble::Client;
use aws_sdk_nimble::operation::start_streaming_session::StartStreamingSessionError;
use aws_sdk_nimble::types::{StreamingSession, StreamingSessionState};
use simulator::nimble::ERRORS;
use simulator::{Clock, Fault, Nimble, Simulator};

use crate::{NOW, code, held_clock, sdk_config};

const START: &str = "StartStreamingSession";
const TARGET: &str = "studio/web";

/// A simulator on a clock that stands still, with the session `web` of `studio` that is STOPPED,
/// and a client that tries once.
struct Stage {
    clock: Clock,
    nimble: Nimble,
    client: Client,
    simulator: Simulator,
}

impl Stage {
    async fn set() -> Self {
        let clock = held_clock();
        let simulator = Simulator::start(clock.clone()).await.unwrap();
        let nimble = simulator.nimble();
        nimble.create_session("studio", "web", "STOPPED");
        let client = Client::new(&sdk_config(&simulator.url(), 1));
        Self { clock, nimble, client, simulator }
    }

    /// Starts a session; an error is its code.
    async fn start(&self, session: &str, token: &str) -> Result<StreamingSession, String> {
        self.start_from(session, token, None).await
    }

    async fn start_from(
        &self,
        session: &str,
        token: &str,
        backup: Option<&str>,
    ) -> Result<StreamingSession, String> {
        let call = self.client.start_streaming_session().studio_id("studio").session_id(session);
        let call = call.client_token(token).set_backup_id(backup.map(ToOwned::to_owned));
        let answer = call.send().await.map_err(|error| code(&error))?;
        Ok(answer.session.unwrap())
    }

    async fn get(&self, session: &str) -> Result<StreamingSession, String> {
        let call = self.client.get_streaming_session().studio_id("studio").session_id(session);
        let answer = call.send().await.map_err(|error| code(&error))?;
        Ok(answer.session.unwrap())
    }

    async fn state(&self, session: &str) -> String {
        self.get(session).await.unwrap().state().unwrap().as_str().to_owned()
    }
}

#[tokio::test]
async fn a_stopped_session_is_started_and_ready_after_its_start_time() {
    let stage = Stage::set().await;
    let started = stage.start("web", "t1").await.unwrap();
    assert_eq!(started.session_id(), Some("web"));
    assert_eq!(started.state(), Some(&StreamingSessionState::StartInProgress));
    stage.clock.advance(Duration::from_millis(299_999));
    assert_eq!(stage.state("web").await, "START_IN_PROGRESS");
    stage.clock.advance(Duration::from_millis(1));
    let ready = stage.get("web").await.unwrap();
    assert_eq!(ready.state(), Some(&StreamingSessionState::Ready));
    assert_eq!(ready.status_code().unwrap().as_str(), "STREAMING_SESSION_READY");
    assert_eq!(ready.updated_at().unwrap().secs(), i64::try_from(NOW).unwrap() + 300);
    assert_eq!(stage.nimble.state_of("studio", "web").as_deref(), Some("READY"));
}

#[tokio::test]
async fn a_stop_takes_its_time_and_then_it_can_be_started_again() {
    let stage = Stage::set().await;
    stage.nimble.set_start_time(Duration::from_secs(1));
    stage.nimble.set_stop_time(Duration::from_secs(2));
    stage.start("web", "t1").await.unwrap();
    stage.clock.advance(Duration::from_secs(1));
    stage.nimble.stop_session("studio", "web").unwrap();
    assert_eq!(stage.state("web").await, "STOP_IN_PROGRESS");
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(stage.state("web").await, "STOPPED");
    stage.start("web", "t2").await.unwrap();
    assert_eq!(stage.nimble.effects_of(TARGET), 2);
}

#[tokio::test]
async fn finishing_ends_starts_and_stops_and_nothing_else() {
    let stage = Stage::set().await;
    stage.nimble.create_session("studio", "app", "READY");
    stage.nimble.create_session("studio", "new", "CREATE_IN_PROGRESS");
    stage.start("web", "t1").await.unwrap();
    stage.nimble.stop_session("studio", "app").unwrap();
    stage.nimble.finish();
    let states: Vec<_> = stage.nimble.states().into_values().collect();
    assert_eq!(states, ["STOPPED", "CREATE_IN_PROGRESS", "READY"]);
}

#[tokio::test]
async fn only_a_stopped_session_is_started() {
    let stage = Stage::set().await;
    let states = [
        "CREATE_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
        "READY",
        "DELETED",
        "CREATE_FAILED",
        "DELETE_FAILED",
        "STOP_IN_PROGRESS",
        "START_IN_PROGRESS",
        "STOP_FAILED",
        "START_FAILED",
        "QUANTUM",
    ];
    for state in states {
        stage.nimble.set_state("studio", "web", state).unwrap();
        assert_eq!(stage.start("web", "t1").await.unwrap_err(), "ConflictException", "{state}");
        stage.clock.advance(Duration::from_hours(1));
        assert_eq!(stage.state("web").await, state);
    }
    assert_eq!(stage.nimble.effects(), 0);
}

#[tokio::test]
async fn a_refusal_tells_a_more_specific_code_a_context_and_a_message() {
    let stage = Stage::set().await;
    stage.nimble.set_state("studio", "web", "READY").unwrap();
    let call = stage.client.start_streaming_session().studio_id("studio").session_id("web");
    let refused = call.send().await.unwrap_err();
    assert_eq!(code(&refused), "ConflictException");
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 409);
    let StartStreamingSessionError::ConflictException(refused) = refused.into_service_error()
    else {
        panic!("another error");
    };
    assert!(
        refused.message().unwrap().contains("found")
            || refused.message().unwrap().contains("READY")
    );
    assert_eq!(refused.code(), Some("SIMULATED"));
    assert!(!refused.context().unwrap().is_empty());
}

#[tokio::test]
async fn a_repeated_token_returns_the_original_answer() {
    let stage = Stage::set().await;
    let first = stage.start("web", "t1").await.unwrap();
    stage.clock.advance(Duration::from_hours(1));
    assert_eq!(stage.start("web", "t1").await.unwrap(), first);
    assert_eq!((stage.nimble.effects(), stage.nimble.count(START)), (1, 2));
}

#[tokio::test]
async fn a_token_with_other_parameters_is_invalid() {
    let stage = Stage::set().await;
    stage.nimble.create_session("studio", "app", "STOPPED");
    stage.start("web", "t1").await.unwrap();
    assert_eq!(stage.start("app", "t1").await.unwrap_err(), "ValidationException");
    let other = stage.start_from("web", "t1", Some("backup-1")).await.unwrap_err();
    assert_eq!(other, "ValidationException");
    assert_eq!(stage.nimble.effects(), 1);
}

#[tokio::test]
async fn a_forgotten_token_starts_again() {
    let stage = Stage::set().await;
    stage.start("web", "t1").await.unwrap();
    stage.nimble.forget_tokens();
    assert_eq!(stage.start("web", "t1").await.unwrap_err(), "ConflictException");
    stage.nimble.set_state("studio", "web", "STOPPED").unwrap();
    stage.start("web", "t1").await.unwrap();
    assert_eq!(stage.nimble.effects(), 2);
}

#[tokio::test]
async fn a_token_has_1_to_64_characters() {
    let stage = Stage::set().await;
    let refused = stage.start("web", &"t".repeat(65)).await.unwrap_err();
    assert_eq!(refused, "ValidationException");
    stage.start("web", &"t".repeat(64)).await.unwrap();
}

#[tokio::test]
async fn an_unknown_session_is_not_found() {
    let stage = Stage::set().await;
    assert_eq!(stage.start("nobody", "t1").await.unwrap_err(), "ResourceNotFoundException");
    assert_eq!(stage.get("nobody").await.unwrap_err(), "ResourceNotFoundException");
    let elsewhere = stage.client.get_streaming_session().studio_id("other").session_id("web");
    assert_eq!(code(&elsewhere.send().await.unwrap_err()), "ResourceNotFoundException");
    assert!(stage.nimble.set_state("studio", "nobody", "READY").is_err());
    assert_eq!(stage.nimble.state_of("studio", "nobody"), None);
}

#[tokio::test]
async fn an_answer_has_every_field_of_the_model() {
    let stage = Stage::set().await;
    let started = stage.start_from("web", "t1", Some("backup-1")).await.unwrap();
    let text = format!("{started:?}");
    assert!(!text.contains("None"), "{text}");
    assert_eq!(started.started_from_backup_id(), Some("backup-1"));
    assert_eq!(started.started_at().unwrap().secs(), i64::try_from(NOW).unwrap());
    assert!(started.volume_configuration().unwrap().size() > 0);
    assert!(started.max_backups_to_retain() > 0);
    assert!(!started.tags().unwrap().is_empty());
    assert_eq!(stage.get("web").await.unwrap(), started);
}

#[tokio::test]
async fn a_status_can_be_set_until_the_state_changes() {
    let stage = Stage::set().await;
    let failed = |state| stage.nimble.set_state("studio", "web", state).unwrap();
    failed("START_FAILED");
    stage.nimble.set_status("studio", "web", "INSUFFICIENT_CAPACITY", "none left").unwrap();
    let session = stage.get("web").await.unwrap();
    assert_eq!(session.status_code().unwrap().as_str(), "INSUFFICIENT_CAPACITY");
    assert_eq!(session.status_message(), Some("none left"));
    failed("STOPPED");
    let session = stage.get("web").await.unwrap();
    assert_eq!(session.status_code().unwrap().as_str(), "STREAMING_SESSION_STOPPED");
}

#[tokio::test]
async fn ids_with_signs_of_an_address_are_found() {
    let stage = Stage::set().await;
    stage.nimble.create_session("studio", "a b/c%", "STOPPED");
    let started = stage.start("a b/c%", "t1").await.unwrap();
    assert_eq!(started.session_id(), Some("a b/c%"));
    assert_eq!(stage.nimble.effects_of("studio/a b/c%"), 1);
}

#[tokio::test]
async fn each_documented_error_comes_on_demand_and_does_nothing() {
    let stage = Stage::set().await;
    for (error, status) in ERRORS {
        stage.nimble.fault(START, Fault::error(error, status));
        let call = stage.client.start_streaming_session().studio_id("studio").session_id("web");
        let refused = call.send().await.unwrap_err();
        assert_eq!(code(&refused), error);
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), status);
        let refused = refused.into_service_error();
        assert!(!format!("{refused:?}").starts_with("Unhandled"), "{refused:?}");
    }
    assert_eq!(stage.nimble.effects(), 0);
    stage.start("web", "t1").await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_is_repeated_with_the_same_token() {
    let stage = Stage::set().await;
    stage.nimble.fault(START, Fault::drop().after_work());
    let client = Client::new(&sdk_config(&stage.simulator.url(), 3));
    let call = client.start_streaming_session().studio_id("studio").session_id("web");
    call.client_token("t1").send().await.unwrap();
    let requests = stage.nimble.requests();
    let tokens: Vec<_> =
        requests.iter().map(|request| request.headers["x-amz-client-token"].as_str()).collect();
    assert_eq!(tokens, ["t1", "t1"]);
    assert_eq!(requests[0].text, "{}");
    assert_eq!(stage.nimble.effects(), 1);
}
