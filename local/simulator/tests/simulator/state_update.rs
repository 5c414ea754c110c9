//! Changing the states of images: at once, by lifecycle executions, at a time; and what is refused.

use std::time::Duration;

use aws_sdk_imagebuilder::operation::start_resource_state_update::StartResourceStateUpdateOutput;
use aws_sdk_imagebuilder::operation::start_resource_state_update::builders::StartResourceStateUpdateFluentBuilder as Call;
use aws_sdk_imagebuilder::primitives::DateTime;
use aws_sdk_imagebuilder::types::builders::LifecyclePolicyDetailExclusionRulesAmisBuilder as AmisBuilder;
use aws_sdk_imagebuilder::types::{
    LifecycleExecution, LifecyclePolicyDetailExclusionRulesAmis as Amis,
    LifecyclePolicyDetailExclusionRulesAmisLastLaunched as LastLaunched, LifecyclePolicyTimeUnit,
    ResourceState, ResourceStateUpdateExclusionRules, ResourceStateUpdateIncludeResources,
    ResourceStatus,
};
use simulator::Fault;
use simulator::image_builder::ERRORS;

use crate::{NOW, Stage, WEB, code};

const UPDATE: &str = "StartResourceStateUpdate";
const IMAGE: &str = "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/1";
const OTHER: &str = "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/2";
const ROLE: &str = "arn:aws:iam::123456789012:role/lifecycle";
const LIFECYCLE: Duration = Duration::from_mins(5);

#[tokio::test]
async fn a_change_without_resources_is_made_at_once_and_has_no_execution() {
    let stage = stage("AVAILABLE").await;
    let answer = send(change(&stage, "DEPRECATED", "t1")).await.unwrap();
    assert_eq!(answer.resource_arn(), Some(IMAGE));
    assert_eq!(answer.lifecycle_execution_id(), None);
    assert_eq!(stage.status(IMAGE).await, "DEPRECATED");
}

#[tokio::test]
async fn a_change_with_resources_is_made_by_a_lifecycle_execution_that_takes_its_time() {
    let stage = stage("AVAILABLE").await;
    let answer = send(with_amis(change(&stage, "DISABLED", "t1"))).await.unwrap();
    let id = answer.lifecycle_execution_id().unwrap();
    assert!(id.starts_with("lce-") && id.len() == 40, "{id}");

    stage.clock.advance(Duration::from_millis(299_999));
    assert_eq!(stage.status(IMAGE).await, "AVAILABLE");
    let execution = execution(&stage, id).await;
    assert_eq!(execution_status(&execution), "IN_PROGRESS");
    assert_eq!((execution.start_time(), execution.end_time()), (Some(&now()), None));

    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(stage.status(IMAGE).await, "DISABLED");
    let execution = self::execution(&stage, id).await;
    assert_eq!(execution_status(&execution), "SUCCESS");
    assert_eq!(execution.end_time().unwrap().secs() - execution.start_time().unwrap().secs(), 300);
}

#[tokio::test]
async fn the_time_of_a_lifecycle_execution_can_be_set() {
    let stage = stage("AVAILABLE").await;
    stage.image_builder.set_lifecycle_time(Duration::from_secs(1));
    send(with_amis(change(&stage, "DISABLED", "t1"))).await.unwrap();
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.image_builder.status_of(IMAGE).as_deref(), Some("DISABLED"));
}

#[tokio::test]
async fn an_image_tells_its_last_lifecycle_execution_and_role() {
    let stage = stage("AVAILABLE").await;
    let answer = send(with_amis(change(&stage, "DISABLED", "t1"))).await.unwrap();
    let image = stage.client.get_image().image_build_version_arn(IMAGE).send().await.unwrap();
    let image = image.image().unwrap();
    assert_eq!(image.lifecycle_execution_id(), answer.lifecycle_execution_id());
    assert_eq!(image.execution_role(), Some(ROLE));
}

#[tokio::test]
async fn a_deleted_image_is_gone() {
    let stage = stage("AVAILABLE").await;
    send(with_amis(change(&stage, "DELETED", "t1"))).await.unwrap();
    assert_eq!(stage.status(IMAGE).await, "AVAILABLE");
    stage.clock.advance(LIFECYCLE);
    assert_eq!(stage.image_builder.status_of(IMAGE), None);
    let read = stage.client.get_image().image_build_version_arn(IMAGE).send().await;
    assert_eq!(code(&read.unwrap_err()), "ResourceNotFoundException");
    let again = send(with_amis(change(&stage, "DELETED", "t2"))).await.unwrap_err();
    assert_eq!(again, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_scheduled_deprecation_comes_at_its_time() {
    let stage = stage("AVAILABLE").await;
    let time = DateTime::from_millis(i64::try_from(NOW).unwrap() * 1000 + 3_600_500);
    let answer = send(change(&stage, "DEPRECATED", "t1").update_at(time)).await.unwrap();
    let id = answer.lifecycle_execution_id().unwrap();
    stage.clock.advance(Duration::from_hours(1));
    assert_eq!(stage.status(IMAGE).await, "AVAILABLE");
    assert_eq!(execution_status(&execution(&stage, id).await), "PENDING");
    let image = stage.client.get_image().image_build_version_arn(IMAGE).send().await.unwrap();
    assert_eq!(image.image().unwrap().deprecation_time(), Some(&time));
    stage.clock.advance(Duration::from_millis(500));
    assert_eq!(stage.status(IMAGE).await, "DEPRECATED");
    assert_eq!(execution_status(&execution(&stage, id).await), "SUCCESS");
}

#[tokio::test]
async fn finishing_ends_the_executions_that_run_and_not_those_that_wait_for_their_time() {
    let stage = stage("AVAILABLE").await;
    stage.image_builder.create_image(OTHER, "AVAILABLE").unwrap();
    send(with_amis(change(&stage, "DISABLED", "t1"))).await.unwrap();
    let later = change(&stage, "DEPRECATED", "t2").resource_arn(OTHER).update_at(in_seconds(60));
    send(later).await.unwrap();
    stage.image_builder.finish_lifecycle_executions();
    assert_eq!(stage.status(IMAGE).await, "DISABLED");
    assert_eq!(stage.status(OTHER).await, "AVAILABLE");
}

#[tokio::test]
async fn an_image_that_a_pipeline_built_can_be_changed_once_it_is_built() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    let early = send(change(&stage, "DEPRECATED", "t1")).await.unwrap_err();
    assert_eq!(early, "InvalidRequestException");
    stage.image_builder.finish_builds();
    send(change(&stage, "DEPRECATED", "t1")).await.unwrap();
    assert_eq!(stage.status(IMAGE).await, "DEPRECATED");
}

#[tokio::test]
async fn the_number_of_a_deleted_image_is_not_used_again() {
    let stage = Stage::set().await;
    stage.start(WEB, "t1").await.unwrap();
    stage.image_builder.finish_builds();
    send(with_amis(change(&stage, "DELETED", "t1"))).await.unwrap();
    stage.clock.advance(LIFECYCLE);
    let next = stage.start(WEB, "t2").await.unwrap();
    assert!(next.image_build_version_arn().unwrap().ends_with("image/web/1.0.0/2"));
    let list = stage.client.list_image_pipeline_images().image_pipeline_arn(WEB).send().await;
    assert_eq!(list.unwrap().image_summary_list().len(), 1);
}

#[tokio::test]
async fn a_repeated_token_returns_the_original_answer_even_of_an_image_that_is_gone() {
    let stage = stage("AVAILABLE").await;
    let first = send(with_amis(change(&stage, "DELETED", "t1"))).await.unwrap();
    stage.clock.advance(LIFECYCLE);
    let again = send(with_amis(change(&stage, "DELETED", "t1"))).await.unwrap();
    assert_eq!(first.lifecycle_execution_id(), again.lifecycle_execution_id());
    assert_eq!((stage.image_builder.effects(), stage.image_builder.count(UPDATE)), (1, 2));
}

#[tokio::test]
async fn a_repeated_token_returns_the_original_answer_after_its_update_at() {
    let stage = stage("AVAILABLE").await;
    let scheduled = || change(&stage, "DEPRECATED", "t1").update_at(in_seconds(60));
    let first = send(scheduled()).await.unwrap();
    stage.clock.advance(Duration::from_mins(2));
    let again = send(scheduled()).await.unwrap();
    assert_eq!(first.lifecycle_execution_id(), again.lifecycle_execution_id());
}

#[tokio::test]
async fn a_token_with_other_parameters_is_a_mismatch() {
    let stage = stage("AVAILABLE").await;
    stage.image_builder.create_image(OTHER, "AVAILABLE").unwrap();
    send(with_amis(change(&stage, "DEPRECATED", "t1"))).await.unwrap();
    let others = [
        with_amis(change(&stage, "DISABLED", "t1")),
        with_amis(change(&stage, "DEPRECATED", "t1")).resource_arn(OTHER),
        with_amis(change(&stage, "DEPRECATED", "t1")).execution_role("another"),
        with_amis(change(&stage, "DEPRECATED", "t1")).update_at(in_seconds(60)),
        with_amis(change(&stage, "DEPRECATED", "t1")).exclusion_rules(excluding(Amis::builder())),
        change(&stage, "DEPRECATED", "t1"),
    ];
    for call in others {
        assert_eq!(send(call).await.unwrap_err(), "IdempotentParameterMismatchException");
    }
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_token_of_a_pipeline_is_none_of_an_image() {
    let stage = stage("AVAILABLE").await;
    stage.start(WEB, "t1").await.unwrap();
    send(change(&stage, "DEPRECATED", "t1")).await.unwrap();
    assert_eq!(stage.image_builder.effects(), 2);
}

#[tokio::test]
async fn a_forgotten_token_changes_again() {
    let stage = stage("AVAILABLE").await;
    send(change(&stage, "DEPRECATED", "t1")).await.unwrap();
    stage.image_builder.forget_tokens();
    send(change(&stage, "DISABLED", "t1")).await.unwrap();
    assert_eq!(stage.image_builder.effects_of(IMAGE), 2);
}

#[tokio::test]
async fn a_refused_change_keeps_no_token() {
    let stage = stage("BUILDING").await;
    send(change(&stage, "DEPRECATED", "t1")).await.unwrap_err();
    stage.image_builder.create_image(IMAGE, "AVAILABLE").unwrap();
    send(change(&stage, "DISABLED", "t1")).await.unwrap();
}

#[tokio::test]
async fn an_image_with_a_lifecycle_execution_in_progress_is_in_use_until_it_ends() {
    let stage = stage("AVAILABLE").await;
    send(with_amis(change(&stage, "DEPRECATED", "t1"))).await.unwrap();
    let busy = send(with_amis(change(&stage, "DISABLED", "t2"))).await.unwrap_err();
    assert_eq!(busy, "ResourceInUseException");
    stage.clock.advance(LIFECYCLE);
    send(with_amis(change(&stage, "DISABLED", "t2"))).await.unwrap();
    assert_eq!(stage.image_builder.effects_of(IMAGE), 2);
}

#[tokio::test]
async fn an_image_in_the_wished_state_is_changed_only_where_resources_are_included() {
    for state in ["AVAILABLE", "DEPRECATED", "DISABLED"] {
        let stage = stage(state).await;
        let refused = send(change(&stage, state, "t1")).await.unwrap_err();
        assert_eq!(refused, "InvalidRequestException", "{state}");
        assert_eq!(stage.image_builder.effects(), 0);
        send(with_amis(change(&stage, state, "t2"))).await.unwrap();
        assert_eq!(stage.image_builder.effects(), 1);
    }
}

#[tokio::test]
async fn an_image_goes_only_from_the_documented_states_to_the_documented_ones() {
    let ends = ["AVAILABLE", "DEPRECATED", "DISABLED"];
    let all = [
        "PENDING",
        "CREATING",
        "BUILDING",
        "TESTING",
        "DISTRIBUTING",
        "INTEGRATING",
        "AVAILABLE",
        "CANCELLED",
        "FAILED",
        "DEPRECATED",
        "DISABLED",
    ];
    for from in all {
        for to in ["AVAILABLE", "DEPRECATED", "DISABLED", "DELETED"] {
            let stage = stage(from).await;
            let outcome = send(with_amis(change(&stage, to, "t1"))).await;
            let deletable = ["FAILED", "CANCELLED"].contains(&from) && to == "DELETED";
            match outcome {
                Ok(_) => assert!(ends.contains(&from) || deletable, "{from} to {to}"),
                Err(code) => {
                    assert!(!ends.contains(&from) && !deletable, "{from} to {to}: {code}");
                    assert_eq!(code, "InvalidRequestException", "{from} to {to}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_image_of_containers_can_only_be_deleted() {
    let stage = Stage::set().await;
    stage.image_builder.create_container_image(IMAGE, "AVAILABLE").unwrap();
    let refused = send(change(&stage, "DEPRECATED", "t1")).await.unwrap_err();
    assert_eq!(refused, "InvalidRequestException");
    let containers = ResourceStateUpdateIncludeResources::builder().containers(true).build();
    let delete = change(&stage, "DELETED", "t1").execution_role(ROLE);
    send(delete.include_resources(containers)).await.unwrap();
}

#[tokio::test]
async fn an_unknown_image_is_not_found() {
    let stage = stage("AVAILABLE").await;
    let refused = send(change(&stage, "DEPRECATED", "t1").resource_arn(OTHER)).await.unwrap_err();
    assert_eq!(refused, "ResourceNotFoundException");
    let id = "lce-00000000-0000-0000-0000-000000000000";
    let read = stage.client.get_lifecycle_execution().lifecycle_execution_id(id).send().await;
    assert_eq!(code(&read.unwrap_err()), "ResourceNotFoundException");
}

#[tokio::test]
async fn an_arn_that_is_none_of_a_build_version_is_invalid() {
    let stage = stage("AVAILABLE").await;
    let arns = [
        "",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.x/1",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image/Web/1.0.0/1",
        "arn:aws:imagebuilder:eu-west-1:12345678901:image/web/1.0.0/1",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/web",
        "arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/1\n",
    ];
    for arn in arns {
        let refused = send(change(&stage, "DEPRECATED", "t1").resource_arn(arn)).await.unwrap_err();
        assert_eq!(refused, "InvalidRequestException", "{arn}");
        assert!(stage.image_builder.create_image(arn, "AVAILABLE").is_err(), "{arn}");
    }
    let amazons = "arn:aws-cn:imagebuilder:cn-north-1:aws-marketplace:image/web/1.0.0/1";
    stage.image_builder.create_image(amazons, "AVAILABLE").unwrap();
}

#[tokio::test]
async fn every_broken_rule_is_refused() {
    let stage = stage("AVAILABLE").await;
    let include = || ResourceStateUpdateIncludeResources::builder();
    let delete = || change(&stage, "DELETED", "t1").execution_role(ROLE);
    let deprecate = || change(&stage, "DEPRECATED", "t1").execution_role(ROLE);
    let long_role = "r".repeat(2049);
    let broken = [
        ("a role alone", deprecate()),
        ("resources alone", with_amis(change(&stage, "DEPRECATED", "t1")).set_execution_role(None)),
        ("a deletion of nothing", change(&stage, "DELETED", "t1")),
        ("a deletion of no resource", delete().include_resources(include().amis(false).build())),
        ("snapshots kept", deprecate().include_resources(include().snapshots(true).build())),
        ("containers kept", deprecate().include_resources(include().containers(true).build())),
        ("no role in a role", with_amis(deprecate()).execution_role("")),
        ("a role with a space", with_amis(deprecate()).execution_role("my role")),
        ("a role of another kind", with_amis(deprecate()).execution_role("arn:aws:iam::1:role/r")),
        ("a role too long", with_amis(deprecate()).execution_role(long_role)),
        ("a state that is none", change(&stage, "ARCHIVED", "t1")),
        ("no status", change(&stage, "", "t1").state(ResourceState::builder().build())),
        ("no token", change(&stage, "DEPRECATED", "")),
        ("a token too long", change(&stage, "DEPRECATED", &"t".repeat(65))),
        ("a time with DISABLED", change(&stage, "DISABLED", "t1").update_at(in_seconds(60))),
        ("the time now", change(&stage, "DEPRECATED", "t1").update_at(in_seconds(0))),
        ("a time past", change(&stage, "DEPRECATED", "t1").update_at(in_seconds(-60))),
        (
            "a time before time",
            change(&stage, "DEPRECATED", "t1").update_at(DateTime::from_secs(-1)),
        ),
    ];
    for (rule, call) in broken {
        assert_eq!(send(call).await.unwrap_err(), "InvalidRequestException", "{rule}");
    }
    assert_eq!(stage.image_builder.effects(), 0);
}

#[tokio::test]
async fn what_the_rules_allow_is_accepted() {
    let include = || ResourceStateUpdateIncludeResources::builder();
    let snapshots = include().amis(true).snapshots(true).build();
    let longest = "r".repeat(2048);
    for role in ["r", "path/my_role+=,.@-", "arn:aws-us-gov:iam::123456789012:role/a/b", &longest] {
        let stage = stage("AVAILABLE").await;
        let call = change(&stage, "DELETED", &"t".repeat(64)).execution_role(role);
        send(call.include_resources(snapshots.clone())).await.unwrap();
    }
}

#[tokio::test]
async fn every_broken_exclusion_rule_is_refused() {
    let stage = stage("AVAILABLE").await;
    let days = |value| LastLaunched::builder().unit(LifecyclePolicyTimeUnit::Days).value(value);
    let launched = |launched: LastLaunched| Amis::builder().last_launched(launched);
    let centuries = LastLaunched::builder().unit(LifecyclePolicyTimeUnit::from("CENTURIES"));
    let tags = |count: usize| (0..count).map(|n| (format!("k{n}"), String::new())).collect();
    let broken = [
        ("no day", launched(days(0).build().unwrap())),
        ("too many days", launched(days(366).build().unwrap())),
        ("another unit", launched(centuries.value(1).build().unwrap())),
        ("an empty region", Amis::builder().regions("")),
        ("a region too long", Amis::builder().regions("r".repeat(1025))),
        ("a short account", Amis::builder().shared_accounts("12345678901")),
        ("no account", Amis::builder().set_shared_accounts(Some(Vec::new()))),
        ("too many accounts", Amis::builder().set_shared_accounts(Some(accounts(1537)))),
        ("no tag", Amis::builder().set_tag_map(Some(tags(0)))),
        ("too many tags", Amis::builder().set_tag_map(Some(tags(51)))),
    ];
    for (rule, amis) in broken {
        let call = with_amis(change(&stage, "DEPRECATED", "t1")).exclusion_rules(excluding(amis));
        assert_eq!(send(call).await.unwrap_err(), "InvalidRequestException", "{rule}");
    }
    let most = launched(days(365).build().unwrap())
        .is_public(true)
        .regions("eu-west-1")
        .set_shared_accounts(Some(accounts(1536)))
        .set_tag_map(Some(tags(50)));
    let call = with_amis(change(&stage, "DEPRECATED", "t1")).exclusion_rules(excluding(most));
    send(call).await.unwrap();
}

#[tokio::test]
async fn effects_are_counted_by_operation_and_by_target() {
    let stage = stage("AVAILABLE").await;
    stage.image_builder.create_image(OTHER, "AVAILABLE").unwrap();
    stage.start(WEB, "t1").await.unwrap();
    send(change(&stage, "DEPRECATED", "t1")).await.unwrap();
    send(change(&stage, "DISABLED", "t2")).await.unwrap();
    let image_builder = &stage.image_builder;
    assert_eq!(image_builder.effects(), 3);
    assert_eq!(image_builder.effects_by(UPDATE), 2);
    assert_eq!(image_builder.effects_by(crate::START), 1);
    let targets = [IMAGE, OTHER, WEB].map(|target| image_builder.effects_of(target));
    assert_eq!(targets, [2, 0, 1]);
}

#[tokio::test]
async fn each_documented_error_comes_on_demand_and_does_nothing() {
    let stage = stage("AVAILABLE").await;
    for (error, status) in ERRORS {
        stage.image_builder.fault(UPDATE, Fault::error(error, status));
        assert_eq!(send(change(&stage, "DEPRECATED", "t1")).await.unwrap_err(), error);
    }
    assert_eq!(stage.image_builder.effects(), 0);
    send(change(&stage, "DEPRECATED", "t1")).await.unwrap();
}

/// A stage with IMAGE in this state.
async fn stage(status: &str) -> Stage {
    let stage = Stage::set().await;
    stage.image_builder.create_image(IMAGE, status).unwrap();
    stage
}

fn change(stage: &Stage, status: &str, token: &str) -> Call {
    let wished = ResourceState::builder().status(ResourceStatus::from(status)).build();
    let call = stage.client.start_resource_state_update().resource_arn(IMAGE);
    call.state(wished).client_token(token)
}

fn with_amis(call: Call) -> Call {
    let amis = ResourceStateUpdateIncludeResources::builder().amis(true).build();
    call.execution_role(ROLE).include_resources(amis)
}

/// Sends it; an error is its code.
async fn send(call: Call) -> Result<StartResourceStateUpdateOutput, String> {
    call.send().await.map_err(|error| code(&error))
}

async fn execution(stage: &Stage, id: &str) -> LifecycleExecution {
    let call = stage.client.get_lifecycle_execution().lifecycle_execution_id(id);
    call.send().await.unwrap().lifecycle_execution().unwrap().clone()
}

fn execution_status(execution: &LifecycleExecution) -> &str {
    execution.state().unwrap().status().unwrap().as_str()
}

fn excluding(amis: AmisBuilder) -> ResourceStateUpdateExclusionRules {
    ResourceStateUpdateExclusionRules::builder().amis(amis.build()).build()
}

fn accounts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:012}")).collect()
}

fn now() -> DateTime {
    in_seconds(0)
}

fn in_seconds(seconds: i64) -> DateTime {
    DateTime::from_secs(i64::try_from(NOW).unwrap() + seconds)
}
