//! The world as a whole: its clock, its variables, and how clients find their services.

use std::time::{Duration, SystemTime};

use harness::{Fault, World};

/// 2026-11-20T01:00:00Z.
const NOW: u64 = 1_795_136_400;
const WEB: &str = "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/web";

#[tokio::test]
async fn every_client_finds_its_own_service() {
    let world = World::start().await;
    let config = world.sdk_config();
    world.image_builder().create_pipeline(WEB).unwrap();
    let image_builder = aws_sdk_imagebuilder::Client::new(&config);
    let start = image_builder.start_image_pipeline_execution().image_pipeline_arn(WEB);
    start.client_token("t1").send().await.unwrap();
    world.app_stream().create_image_builder("desk", "STOPPED");
    let app_stream = aws_sdk_appstream::Client::new(&config);
    app_stream.start_image_builder().name("desk").send().await.unwrap();
    world.nimble().create_session("studio", "anna", "STOPPED");
    let nimble = aws_sdk_nimble::Client::new(&config).start_streaming_session();
    nimble.studio_id("studio").session_id("anna").send().await.unwrap();
    crate::dynamodb(&world).describe_table().table_name("ledger").send().await.unwrap();
    crate::sqs(&world).get_queue_url().queue_name("queue").send().await.unwrap();
    assert_eq!(world.image_builder().effects_of(WEB), 1);
    assert_eq!(world.app_stream().effects_of("desk"), 1);
    assert_eq!(world.nimble().effects_of("studio/anna"), 1);
    assert_eq!((world.dynamodb().total(), world.dynamodb().count("DescribeTable")), (1, 1));
    assert_eq!((world.sqs().total(), world.sqs().count("GetQueueUrl")), (1, 1));
}

#[tokio::test]
async fn the_clock_stands_until_it_is_advanced() {
    let world = World::start().await;
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    assert_eq!(world.clock.now(), start);
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(world.clock.now(), start + Duration::from_hours(1));
    let time = world.sdk_config().time_source().unwrap();
    assert_eq!(time.now(), start + Duration::from_hours(1));
}

#[tokio::test]
async fn a_real_world_is_on_the_machines_clock() {
    let before = SystemTime::now();
    let world = World::start_real().await;
    assert!(world.clock.now() >= before);
}

#[tokio::test]
async fn the_environment_names_the_table_and_the_queues() {
    let world = World::start().await;
    let environment = world.environment();
    assert_eq!(environment["LEDGER_TABLE"], "ledger");
    assert_eq!(environment["QUEUE_URL"], world.queue().url());
    assert_eq!(environment["DEAD_LETTER_QUEUE_URL"], world.dead_letters().url());
    assert_eq!(environment.len(), 3);
    let url = crate::sqs(&world).get_queue_url().queue_name("queue").send().await.unwrap();
    assert_eq!(url.queue_url(), Some(world.queue().url()));
}

#[tokio::test]
async fn a_process_is_told_where_the_services_are() {
    let world = World::start().await;
    let environment = world.process_environment();
    assert_eq!(environment["AWS_ENDPOINT_URL_DYNAMODB"], world.dynamodb().url());
    assert_eq!(environment["AWS_ENDPOINT_URL_SQS"], world.sqs().url());
    for service in ["APPSTREAM", "IMAGEBUILDER", "NIMBLE"] {
        let endpoint = &environment[&format!("AWS_ENDPOINT_URL_{service}")];
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{service}");
    }
    assert_eq!(environment["AWS_REGION"], "us-east-1");
    assert_eq!(environment["LEDGER_TABLE"], "ledger");
}

#[tokio::test]
async fn two_worlds_share_nothing() {
    let (one, other) = (World::start().await, World::start().await);
    one.queue().send("hello");
    one.clock.advance(Duration::from_secs(1));
    assert!(other.queue().messages().is_empty());
    assert_ne!(one.clock.now(), other.clock.now());
    assert_ne!(one.queue().url(), other.queue().url());
}

#[tokio::test]
async fn every_service_moves_by_the_worlds_clock() {
    let world = World::start().await;
    world.app_stream().create_image_builder("desk", "STOPPED");
    world.nimble().create_session("studio", "anna", "STOPPED");
    let (desk, anna) = (world.app_stream(), world.nimble());
    desk.stop_image_builder("desk").unwrap();
    anna.stop_session("studio", "anna").unwrap();
    assert_eq!(desk.state_of("desk").as_deref(), Some("STOPPING"));
    assert_eq!(anna.state_of("studio", "anna").as_deref(), Some("STOP_IN_PROGRESS"));
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(desk.state_of("desk").as_deref(), Some("STOPPED"));
    assert_eq!(anna.state_of("studio", "anna").as_deref(), Some("STOPPED"));
}

#[tokio::test]
async fn the_sdk_retries_as_it_does_in_a_function() {
    let world = World::start().await;
    world.sqs().fault("GetQueueUrl", Fault::error("ServiceUnavailable", 503).times(2));
    crate::sqs(&world).get_queue_url().queue_name("queue").send().await.unwrap();
    assert_eq!(world.sqs().count("GetQueueUrl"), 3);
}
