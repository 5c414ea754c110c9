//! Starting pipelines: effects, tokens, and what is refused.

use crate::{APP, START, Stage, WEB};

#[tokio::test]
async fn a_start_builds_an_image_that_is_named_after_the_pipeline() {
    let stage = Stage::set().await;
    let answer = stage.start(WEB, "t1").await.unwrap();
    assert_eq!(answer.client_token(), Some("t1"));
    assert!(answer.request_id().is_some_and(|id| !id.is_empty()));
    assert_eq!(
        answer.image_build_version_arn(),
        Some("arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/1")
    );
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn builds_are_numbered_per_pipeline() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    stage.image_builder.finish_builds();
    let second = stage.start(WEB, "t2").await.unwrap();
    let other = stage.start(APP, "t3").await.unwrap();
    assert!(second.image_build_version_arn().unwrap().ends_with("image/web/1.0.0/2"));
    assert!(other.image_build_version_arn().unwrap().ends_with("image/app/1.0.0/1"));
    assert_eq!(stage.image_builder.effects_of(WEB), 2);
    assert_eq!(stage.image_builder.effects_of(APP), 1);
}

#[tokio::test]
async fn an_image_stays_in_the_partition_region_and_account_of_its_pipeline() {
    let stage = Stage::set().await;
    let arn = "arn:aws-cn:imagebuilder:cn-north-1:999999999999:image-pipeline/web";
    stage.image_builder.create_pipeline(arn).unwrap();
    let answer = stage.start(arn, "t1").await.unwrap();
    assert_eq!(
        answer.image_build_version_arn(),
        Some("arn:aws-cn:imagebuilder:cn-north-1:999999999999:image/web/1.0.0/1")
    );
}

#[tokio::test]
async fn a_repeated_token_returns_the_original_answer() {
    let stage = Stage::set().await;
    let first = stage.start_with(WEB, "t1", &[("a", "1"), ("b", "2")]).await.unwrap();
    let again = stage.start_with(WEB, "t1", &[("b", "2"), ("a", "1")]).await.unwrap();
    assert_eq!(first.request_id(), again.request_id());
    assert_eq!(first.image_build_version_arn(), again.image_build_version_arn());
    assert_eq!(stage.image_builder.effects(), 1);
    assert_eq!(stage.image_builder.count(START), 2);
}

#[tokio::test]
async fn a_repeated_token_returns_the_original_answer_after_the_build_too() {
    let stage = Stage::set().await;
    let first = stage.start(WEB, "t1").await.unwrap();
    stage.image_builder.finish_builds();
    let again = stage.start(WEB, "t1").await.unwrap();
    assert_eq!(first.image_build_version_arn(), again.image_build_version_arn());
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_token_with_other_parameters_is_a_mismatch_even_while_the_pipeline_builds() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    let tags = stage.start_with(WEB, "t1", &[("a", "1")]).await.unwrap_err();
    let pipeline = stage.start(APP, "t1").await.unwrap_err();
    assert_eq!(tags, "IdempotentParameterMismatchException");
    assert_eq!(pipeline, "IdempotentParameterMismatchException");
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_token_belongs_to_an_account_in_a_region() {
    let stage = Stage::set().await;
    let elsewhere = "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/web";
    stage.image_builder.create_pipeline(elsewhere).unwrap();
    stage.start(WEB, "t1").await.unwrap();
    stage.start(elsewhere, "t1").await.unwrap();
    assert_eq!(stage.image_builder.effects(), 2);
}

#[tokio::test]
async fn a_forgotten_token_starts_another_build() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    stage.image_builder.finish_builds();
    stage.image_builder.forget_tokens();
    stage.start(WEB, "t1").await.unwrap();
    assert_eq!(stage.image_builder.effects(), 2);
}

#[tokio::test]
async fn a_pipeline_that_builds_is_in_use_and_keeps_no_token_of_it() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    assert_eq!(stage.start(WEB, "t2").await.unwrap_err(), "ResourceInUseException");
    stage.image_builder.finish_builds();
    stage.start_with(WEB, "t2", &[("a", "1")]).await.unwrap();
    assert_eq!(stage.image_builder.effects(), 2);
}

#[tokio::test]
async fn an_unknown_pipeline_is_not_found() {
    let stage = Stage::set().await;
    let unknown = WEB.replace("web", "unknown");
    assert_eq!(stage.start(&unknown, "t1").await.unwrap_err(), "ResourceNotFoundException");
    assert_eq!(stage.image_builder.effects(), 0);
}

#[tokio::test]
async fn an_arn_that_is_none_of_a_pipeline_is_invalid() {
    let stage = Stage::set().await;
    let arns = [
        "",
        "web",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/Web",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image-recipe/web",
        "arn:aws:imagebuilder:eu-west-1:12345678901:image-pipeline/web",
        "arn:aws:imagebuilder::123456789012:image-pipeline/web",
        "arn:aws:ec2:eu-west-1:123456789012:image-pipeline/web",
        "arn:gcp:imagebuilder:eu-west-1:123456789012:image-pipeline/web",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/web:1",
    ];
    for arn in arns {
        let refused = stage.start(arn, "t1").await.unwrap_err();
        assert_eq!(refused, "InvalidRequestException", "{arn}");
        assert!(stage.image_builder.create_pipeline(arn).is_err(), "{arn}");
    }
}

#[tokio::test]
async fn a_token_has_1_to_64_characters() {
    let stage = Stage::set().await;
    assert_eq!(stage.start(WEB, "").await.unwrap_err(), "InvalidRequestException");
    assert_eq!(stage.start(WEB, &"t".repeat(65)).await.unwrap_err(), "InvalidRequestException");
    stage.start(WEB, &"t".repeat(64)).await.unwrap();
}

#[tokio::test]
async fn tags_keep_their_limits() {
    let stage = Stage::set().await;
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    let refused =
        [("", "v"), ("aws:k", "v"), ("k!", "v"), (long_key.as_str(), "v"), ("k", &long_value)];
    for tag in refused {
        let refused = stage.start_with(WEB, "t1", &[tag]).await.unwrap_err();
        assert_eq!(refused, "InvalidRequestException", "{tag:?}");
    }
    let (key, value) = ("k".repeat(128), "v".repeat(256));
    let accepted = [(key.as_str(), value.as_str()), ("a b_.:/=+-@9", "")];
    stage.start_with(WEB, "t1", &accepted).await.unwrap();
}

#[tokio::test]
async fn there_are_at_most_50_tags() {
    let stage = Stage::set().await;
    let keys: Vec<_> = (0..51).map(|number| format!("k{number}")).collect();
    let tags: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    let refused = stage.start_with(WEB, "t1", &tags).await.unwrap_err();
    assert_eq!(refused, "InvalidRequestException");
    stage.start_with(WEB, "t1", &tags[..50]).await.unwrap();
}

#[tokio::test]
async fn a_request_is_noted_as_it_was_sent() {
    let stage = Stage::set().await;
    stage.start_with(WEB, "t1", &[("a", "1")]).await.unwrap();
    let requests = stage.image_builder.requests();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.operation, START);
    assert_eq!(request.at, stage.clock.now());
    assert_eq!(request.body["imagePipelineArn"], WEB);
    assert_eq!(request.body["clientToken"], "t1");
    assert_eq!(request.body["tags"]["a"], "1");
    assert!(request.text.starts_with('{'));
    assert!(request.headers["user-agent"].starts_with("aws-sdk-rust"));
    assert_eq!(request.headers["amz-sdk-request"], "attempt=1; max=1");
    assert!(request.invocation_id().is_some());
}
