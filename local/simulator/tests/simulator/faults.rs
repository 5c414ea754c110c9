//! What goes wrong on demand, as the SDK sees it.

use std::future::Future;

use simulator::Fault;
use simulator::image_builder::ERRORS;

use crate::{START, Stage, WEB, client};

#[tokio::test]
async fn each_documented_error_comes_on_demand_and_does_nothing() {
    let stage = Stage::set().await;
    for (error, status) in ERRORS {
        stage.image_builder.fault(START, Fault::error(error, status));
        let refused = stage.client.start_image_pipeline_execution().image_pipeline_arn(WEB);
        let refused = refused.client_token("t1").send().await.unwrap_err();
        assert_eq!(crate::code(&refused), error);
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), status);
    }
    assert_eq!(stage.image_builder.effects(), 0);
    stage.start(WEB, "t1").await.unwrap();
}

#[tokio::test]
async fn an_undocumented_error_comes_with_its_code() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::error("AccessDeniedException", 403));
    assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "AccessDeniedException");
}

#[tokio::test]
async fn an_error_after_the_work_hides_an_effect() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::error("ServiceException", 500).after_work());
    assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "ServiceException");
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_dropped_connection_did_nothing() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::drop());
    assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "no answer");
    assert_eq!(stage.image_builder.effects(), 0);
    assert_eq!(stage.image_builder.count(START), 1);
}

#[tokio::test]
async fn a_connection_dropped_after_the_work_lost_only_the_answer() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::drop().after_work());
    assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "no answer");
    assert_eq!(stage.image_builder.effects(), 1);
    let answer = stage.start(WEB, "t1").await.unwrap();
    assert!(answer.image_build_version_arn().unwrap().ends_with("image/web/1.0.0/1"));
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn the_sdk_repeats_a_lost_answer_with_the_same_token() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::drop().after_work().times(2));
    let call = client(&stage.simulator.url(), 3).start_image_pipeline_execution();
    call.image_pipeline_arn(WEB).client_token("t1").send().await.unwrap();
    let requests = stage.image_builder.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.text == requests[0].text));
    assert!(requests.iter().all(|request| request.invocation_id() == requests[0].invocation_id()));
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_hanging_request_did_nothing() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::hang());
    Box::pin(assert_hangs(&stage, || stage.image_builder.count(START) == 1)).await;
    assert_eq!(stage.image_builder.effects(), 0);
}

#[tokio::test]
async fn a_request_that_hangs_after_the_work_has_its_effect() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::hang().after_work());
    Box::pin(assert_hangs(&stage, || stage.image_builder.effects() == 1)).await;
}

#[tokio::test]
async fn an_unreadable_answer_is_a_200_whose_work_was_done() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::unreadable());
    let call = stage.client.start_image_pipeline_execution();
    let call = call.image_pipeline_arn(WEB).client_token("t1");
    let error = call.send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 200);
    assert_eq!(crate::code(&error), "no code");
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_after_the_work() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::truncated());
    assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "broken answer");
    assert_eq!(stage.image_builder.effects(), 1);
}

#[tokio::test]
async fn a_bad_gateway_answers_502_without_a_code() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::bad_gateway());
    assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "no code");
    assert_eq!(stage.image_builder.effects(), 0);
}

#[tokio::test]
async fn faults_come_in_the_order_they_were_scripted_and_only_to_their_operation() {
    let stage = Stage::set().await;
    stage.image_builder.fault("GetImage", Fault::drop().forever());
    stage.image_builder.fault(START, Fault::error("ServiceException", 500).times(2));
    stage.image_builder.fault(START, Fault::drop());
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(stage.start(WEB, "t1").await.err());
    }
    let outcomes: Vec<_> = outcomes.iter().map(Option::as_deref).collect();
    let expected = [Some("ServiceException"), Some("ServiceException"), Some("no answer"), None];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn a_fault_lasts_forever_until_it_is_cleared() {
    let stage = Stage::set().await;
    stage.image_builder.fault(START, Fault::drop().forever());
    for _ in 0..3 {
        assert_eq!(stage.start(WEB, "t1").await.unwrap_err(), "no answer");
    }
    stage.image_builder.clear_faults();
    stage.start(WEB, "t1").await.unwrap();
}

/// The request reaches the point, and stays unanswered while another one is answered.
async fn assert_hangs(stage: &Stage, reached: impl Fn() -> bool) {
    let start = stage.start(WEB, "t1");
    let meanwhile = async {
        until(reached).await;
        stage.client.get_image_pipeline().image_pipeline_arn(WEB).send().await.unwrap();
    };
    assert!(first(start, meanwhile).await, "the hanging request was answered");
}

async fn until(reached: impl Fn() -> bool) {
    while !reached() {
        tokio::task::yield_now().await;
    }
}

/// Whether the second one ended first.
async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = ()>) -> bool {
    tokio::select! {
        _ = one => false,
        () = other => true,
    }
}
