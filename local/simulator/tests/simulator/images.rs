//! Images on their way from PENDING to their end, and what can be read of them.

use std::time::Duration;

use crate::{APP, Stage, WEB, code};

#[tokio::test]
async fn a_build_passes_through_its_states_as_time_passes() {
    let stage = Stage::set().await;
    stage.image_builder.set_build_time(Duration::from_mins(100));
    let image = stage.start(WEB, "t1").await.unwrap();
    let image = image.image_build_version_arn().unwrap();
    let expected = ["PENDING", "BUILDING", "TESTING", "DISTRIBUTING", "AVAILABLE"];
    for (status, minutes) in expected.into_iter().zip([10, 55, 25, 10, 0]) {
        assert_eq!(stage.status(image).await, status);
        stage.clock.advance(Duration::from_mins(minutes));
    }
}

#[tokio::test]
async fn a_build_that_was_told_to_fail_does_and_the_next_one_does_not() {
    let stage = Stage::set().await;
    stage.image_builder.fail_next_build(WEB, "no space left");
    let failed = stage.start(WEB, "t1").await.unwrap();
    stage.clock.advance(Duration::from_mins(20));
    let failed = failed.image_build_version_arn().unwrap();
    let answer = stage.client.get_image().image_build_version_arn(failed).send().await.unwrap();
    let end = answer.image().unwrap().state().unwrap();
    assert_eq!(end.status().unwrap().as_str(), "FAILED");
    assert_eq!(end.reason(), Some("no space left"));

    let next = stage.start(WEB, "t2").await.unwrap();
    stage.image_builder.finish_builds();
    assert_eq!(stage.status(next.image_build_version_arn().unwrap()).await, "AVAILABLE");
}

#[tokio::test]
async fn finishing_ends_only_the_builds_that_run() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    stage.image_builder.finish_builds();
    let next = stage.start(WEB, "t2").await.unwrap();
    assert_eq!(stage.status(next.image_build_version_arn().unwrap()).await, "PENDING");
}

#[tokio::test]
async fn an_image_tells_its_pipeline_its_tags_and_its_ami() {
    let stage = Stage::set().await;
    let started = stage.start_with(WEB, "t1", &[("team", "web")]).await.unwrap();
    stage.image_builder.finish_builds();
    let arn = started.image_build_version_arn().unwrap();
    let answer = stage.client.get_image().image_build_version_arn(arn).send().await.unwrap();
    let image = answer.image().unwrap();
    assert_eq!(image.arn(), Some(arn));
    assert_eq!(image.version(), Some("1.0.0/1"));
    assert_eq!(image.source_pipeline_arn(), Some(WEB));
    assert_eq!(image.source_pipeline_name(), Some("web"));
    assert_eq!(image.date_created(), Some("2026-11-20T01:00:00.000Z"));
    assert_eq!(image.tags().unwrap()["team"], "web");
    let amis = image.output_resources().unwrap().amis();
    assert_eq!(amis[0].region(), Some("eu-west-1"));
    assert_eq!(amis[0].account_id(), Some("123456789012"));
}

#[tokio::test]
async fn an_unknown_image_is_not_found() {
    let stage = Stage::set().await;
    let arn = "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/1";
    let answer = stage.client.get_image().image_build_version_arn(arn).send().await;
    assert_eq!(code(&answer.unwrap_err()), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_pipeline_can_be_read() {
    let stage = Stage::set().await;
    let answer = stage.client.get_image_pipeline().image_pipeline_arn(WEB).send().await.unwrap();
    let pipeline = answer.image_pipeline().unwrap();
    assert_eq!(pipeline.arn(), Some(WEB));
    assert_eq!(pipeline.name(), Some("web"));
}

#[tokio::test]
async fn the_images_of_a_pipeline_can_be_listed() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    stage.start(APP, "t2").await.unwrap();
    let list = stage.client.list_image_pipeline_images().image_pipeline_arn(WEB);
    let answer = list.send().await.unwrap();
    let [image] = answer.image_summary_list() else { panic!("{answer:?}") };
    assert!(image.arn().unwrap().ends_with("image/web/1.0.0/1"));
}
