//! AppStream's image builders over RPC v2 CBOR: states, starts, and what is refused.

use std::time::Duration;

use aws_sdk_appstream::Client;
use aws_sdk_appstream::operation::start_image_builder::StartImageBuilderError;
use aws_sdk_appstream::types::{ImageBuilder, ImageBuilderState};
use simulator::app_stream::ERRORS;
use simulator::{AppStream, Clock, Fault, Simulator};

use crate::{NOW, code, held_clock, sdk_config};

const START: &str = "StartImageBuilder";
const DESCRIBE: &str = "DescribeImageBuilders";

/// A simulator on a clock that stands still, with the image builder `web` that is STOPPED, and a
/// client that tries once.
struct Stage {
    clock: Clock,
    app_stream: AppStream,
    client: Client,
    simulator: Simulator,
}

impl Stage {
    async fn set() -> Self {
        let clock = held_clock();
        let simulator = Simulator::start(clock.clone()).await.unwrap();
        let app_stream = simulator.app_stream();
        app_stream.create_image_builder("web", "STOPPED");
        let client = Client::new(&sdk_config(&simulator.url(), 1));
        Self { clock, app_stream, client, simulator }
    }

    /// Starts an image builder; an error is its code.
    async fn start(&self, name: &str) -> Result<ImageBuilder, String> {
        self.start_with(name, None).await
    }

    async fn start_with(&self, name: &str, agent: Option<&str>) -> Result<ImageBuilder, String> {
        let call = self.client.start_image_builder().name(name);
        let call = call.set_appstream_agent_version(agent.map(ToOwned::to_owned));
        let answer = call.send().await.map_err(|error| code(&error))?;
        Ok(answer.image_builder.unwrap())
    }

    async fn describe(&self, names: &[&str]) -> Result<Vec<ImageBuilder>, String> {
        let names = names.iter().map(ToString::to_string).collect();
        let call = self.client.describe_image_builders().set_names(Some(names));
        let answer = call.send().await.map_err(|error| code(&error))?;
        Ok(answer.image_builders.unwrap())
    }

    async fn state(&self, name: &str) -> String {
        let [found] = &self.describe(&[name]).await.unwrap()[..] else { panic!("not one") };
        found.state().unwrap().as_str().to_owned()
    }
}

#[tokio::test]
async fn a_stopped_builder_is_pending_when_started_and_runs_after_its_start_time() {
    let stage = Stage::set().await;
    let started = stage.start("web").await.unwrap();
    assert_eq!(started.name(), Some("web"));
    assert_eq!(started.state(), Some(&ImageBuilderState::Pending));
    stage.clock.advance(Duration::from_millis(299_999));
    assert_eq!(stage.state("web").await, "PENDING");
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(stage.state("web").await, "RUNNING");
    assert_eq!(stage.app_stream.state_of("web").as_deref(), Some("RUNNING"));
}

#[tokio::test]
async fn the_latest_agent_is_installed_before_it_runs() {
    let stage = Stage::set().await;
    let before = stage.describe(&["web"]).await.unwrap().remove(0);
    assert_eq!(before.latest_appstream_agent_version().unwrap().as_str(), "FALSE");
    let started = stage.start_with("web", Some("LATEST")).await.unwrap();
    assert_eq!(started.state(), Some(&ImageBuilderState::UpdatingAgent));
    assert_eq!(started.latest_appstream_agent_version().unwrap().as_str(), "TRUE");
    assert_ne!(started.appstream_agent_version(), before.appstream_agent_version());
    stage.clock.advance(Duration::from_mins(5));
    assert_eq!(stage.state("web").await, "RUNNING");
}

#[tokio::test]
async fn another_agent_is_kept_as_it_was_asked_for() {
    let stage = Stage::set().await;
    let started = stage.start_with("web", Some("10-08-2025")).await.unwrap();
    assert_eq!(started.state(), Some(&ImageBuilderState::Pending));
    assert_eq!(started.appstream_agent_version(), Some("10-08-2025"));
}

#[tokio::test]
async fn a_stop_takes_its_time_and_then_it_can_be_started_again() {
    let stage = Stage::set().await;
    stage.app_stream.set_start_time(Duration::from_secs(1));
    stage.app_stream.set_stop_time(Duration::from_secs(2));
    stage.start("web").await.unwrap();
    stage.clock.advance(Duration::from_secs(1));
    stage.app_stream.stop_image_builder("web").unwrap();
    assert_eq!(stage.state("web").await, "STOPPING");
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(stage.state("web").await, "STOPPED");
    stage.start("web").await.unwrap();
    assert_eq!(stage.app_stream.effects_of("web"), 2);
}

#[tokio::test]
async fn finishing_ends_starts_and_stops_and_nothing_else() {
    let stage = Stage::set().await;
    stage.app_stream.create_image_builder("app", "RUNNING");
    stage.app_stream.create_image_builder("new", "SNAPSHOTTING");
    stage.start("web").await.unwrap();
    stage.app_stream.stop_image_builder("app").unwrap();
    stage.app_stream.finish();
    let states: Vec<_> = stage.app_stream.states().into_iter().collect();
    let expected = [("app", "STOPPED"), ("new", "SNAPSHOTTING"), ("web", "RUNNING")];
    assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state.to_owned())));
}

#[tokio::test]
async fn only_a_stopped_builder_is_started() {
    let stage = Stage::set().await;
    let states = [
        "PENDING",
        "UPDATING_AGENT",
        "RUNNING",
        "STOPPING",
        "REBOOTING",
        "SNAPSHOTTING",
        "DELETING",
        "FAILED",
        "UPDATING",
        "PENDING_QUALIFICATION",
        "PENDING_SYNCING_APPS",
        "SYNCING_APPS",
        "PENDING_IMAGE_IMPORT",
        "QUANTUM",
    ];
    for state in states {
        stage.app_stream.set_state("web", state).unwrap();
        let refused = stage.start("web").await.unwrap_err();
        assert_eq!(refused, "OperationNotPermittedException", "{state}");
        stage.clock.advance(Duration::from_hours(1));
        assert_eq!(stage.state("web").await, state);
    }
    assert_eq!(stage.app_stream.effects(), 0);
}

#[tokio::test]
async fn what_a_start_is_refused_with_can_be_chosen() {
    let stage = Stage::set().await;
    stage.app_stream.set_state("web", "RUNNING").unwrap();
    stage.app_stream.refuse_starts_with("ConcurrentModificationException", 400);
    assert_eq!(stage.start("web").await.unwrap_err(), "ConcurrentModificationException");
}

#[tokio::test]
async fn an_unknown_builder_is_not_found_or_left_out() {
    let stage = Stage::set().await;
    assert_eq!(stage.start("nobody").await.unwrap_err(), "ResourceNotFoundException");
    let both = ["nobody", "web"];
    assert_eq!(stage.describe(&both).await.unwrap_err(), "ResourceNotFoundException");
    stage.app_stream.leave_out_unknown_names(true);
    assert_eq!(stage.start("nobody").await.unwrap_err(), "ResourceNotFoundException");
    assert_eq!(stage.describe(&["nobody"]).await.unwrap(), []);
    assert_eq!(stage.describe(&both).await.unwrap().len(), 1);
    assert_eq!(stage.app_stream.state_of("nobody"), None);
    assert!(stage.app_stream.set_state("nobody", "RUNNING").is_err());
    assert!(stage.app_stream.stop_image_builder("nobody").is_err());
}

#[tokio::test]
async fn all_builders_are_described_where_no_name_is_given() {
    let stage = Stage::set().await;
    stage.app_stream.create_image_builder("app", "RUNNING");
    let answer = stage.client.describe_image_builders().send().await.unwrap();
    let names: Vec<_> = answer.image_builders().iter().map(|found| found.name().unwrap()).collect();
    assert_eq!(names, ["app", "web"]);
    assert_eq!(stage.describe(&[]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_builder_whose_base_image_is_gone_is_not_available() {
    let stage = Stage::set().await;
    stage.app_stream.lose_base_image("web").unwrap();
    let refused = stage.client.start_image_builder().name("web").send().await.unwrap_err();
    let StartImageBuilderError::ResourceNotAvailableException(refused) =
        refused.into_service_error()
    else {
        panic!("another error");
    };
    assert!(refused.message().unwrap().contains("is DEPRECATED"));
    assert_eq!(stage.app_stream.effects(), 0);
}

#[tokio::test]
async fn an_answer_has_every_field_of_the_model() {
    let stage = Stage::set().await;
    stage.app_stream.add_error("web", "SUBNET_NOT_FOUND", "no such subnet").unwrap();
    stage.app_stream.set_state_change_reason("web", "INTERNAL_ERROR", "it broke").unwrap();
    let started = stage.start("web").await.unwrap();
    assert_complete(&started);
    assert_eq!(started, stage.describe(&["web"]).await.unwrap()[0]);
}

fn assert_complete(builder: &ImageBuilder) {
    let text = format!("{builder:?}");
    assert!(!text.contains("None"), "{text}");
    assert_eq!(builder.created_time().unwrap().secs(), i64::try_from(NOW).unwrap());
    let [error] = builder.image_builder_errors() else { panic!("{text}") };
    assert_eq!(error.error_code().unwrap().as_str(), "SUBNET_NOT_FOUND");
    assert_eq!(error.error_message(), Some("no such subnet"));
    assert_eq!(error.error_timestamp(), builder.created_time());
    let reason = builder.state_change_reason().unwrap();
    assert_eq!(reason.code().unwrap().as_str(), "INTERNAL_ERROR");
    assert_eq!(reason.message(), Some("it broke"));
    assert!(!builder.vpc_config().unwrap().subnet_ids().is_empty());
    assert!(!builder.access_endpoints().is_empty());
}

#[tokio::test]
async fn a_name_and_an_agent_have_their_lengths() {
    let stage = Stage::set().await;
    assert_eq!(stage.start("").await.unwrap_err(), "ValidationException");
    for agent in ["", &"a".repeat(101)] {
        let refused = stage.start_with("web", Some(agent)).await.unwrap_err();
        assert_eq!(refused, "ValidationException", "{agent}");
    }
    assert_eq!(stage.app_stream.effects(), 0);
    stage.start_with("web", Some(&"a".repeat(100))).await.unwrap();
}

#[tokio::test]
async fn each_documented_error_comes_on_demand_and_does_nothing() {
    let stage = Stage::set().await;
    for (error, status) in ERRORS {
        stage.app_stream.fault(START, Fault::error(error, status));
        let refused = stage.client.start_image_builder().name("web").send().await.unwrap_err();
        assert_eq!(code(&refused), error);
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), status);
        let refused = refused.into_service_error();
        assert!(!format!("{refused:?}").starts_with("Unhandled"), "{refused:?}");
        assert_eq!(refused.meta().message(), Some(&*format!("{error} on demand")));
    }
    assert_eq!(stage.app_stream.effects(), 0);
    stage.start("web").await.unwrap();
}

#[tokio::test]
async fn an_undocumented_error_comes_with_its_code_to_either_operation() {
    let stage = Stage::set().await;
    for operation in [START, DESCRIBE] {
        stage.app_stream.fault(operation, Fault::error("AccessDeniedException", 403));
    }
    assert_eq!(stage.start("web").await.unwrap_err(), "AccessDeniedException");
    assert_eq!(stage.describe(&["web"]).await.unwrap_err(), "AccessDeniedException");
}

#[tokio::test]
async fn a_lost_answer_hides_a_start() {
    let stage = Stage::set().await;
    stage.app_stream.fault(START, Fault::drop().after_work());
    assert_eq!(stage.start("web").await.unwrap_err(), "no answer");
    assert_eq!(stage.app_stream.effects_of("web"), 1);
    assert_eq!(stage.start("web").await.unwrap_err(), "OperationNotPermittedException");
    assert_eq!(stage.app_stream.effects_of("web"), 1);
}

#[tokio::test]
async fn the_sdk_sends_a_lost_start_again_into_a_refusal() {
    let stage = Stage::set().await;
    stage.app_stream.fault(START, Fault::drop().after_work());
    let client = Client::new(&sdk_config(&stage.simulator.url(), 3));
    let refused = client.start_image_builder().name("web").send().await.unwrap_err();
    assert_eq!(code(&refused), "OperationNotPermittedException");
    assert_eq!((stage.app_stream.effects(), stage.app_stream.count(START)), (1, 2));
}

#[tokio::test]
async fn a_damaged_answer_hides_a_start() {
    for (fault, outcome) in [
        (Fault::truncated(), "broken answer"),
        (Fault::unreadable(), "broken answer"),
        (Fault::bad_gateway().after_work(), "broken answer"),
    ] {
        let stage = Stage::set().await;
        stage.app_stream.fault(START, fault.clone());
        assert_eq!(stage.start("web").await.unwrap_err(), outcome, "{fault:?}");
        assert_eq!(stage.app_stream.effects(), 1);
    }
}

#[tokio::test]
async fn the_sdk_does_not_ask_again_after_an_answer_that_it_cannot_read() {
    let stage = Stage::set().await;
    stage.app_stream.fault(START, Fault::unreadable());
    let client = Client::new(&sdk_config(&stage.simulator.url(), 3));
    client.start_image_builder().name("web").send().await.unwrap_err();
    assert_eq!((stage.app_stream.effects(), stage.app_stream.count(START)), (1, 1));
}

#[tokio::test]
async fn a_request_is_noted_as_it_was_sent() {
    let stage = Stage::set().await;
    stage.start_with("web", Some("LATEST")).await.unwrap();
    let requests = stage.app_stream.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.operation, START);
    assert_eq!(request.headers["smithy-protocol"], "rpc-v2-cbor");
    assert_eq!(request.headers["content-type"], "application/cbor");
    assert_eq!(request.body["Name"], "web");
    assert_eq!(request.body["AppstreamAgentVersion"], "LATEST");
    assert_eq!(request.headers["amz-sdk-request"], "attempt=1; max=1");
}
