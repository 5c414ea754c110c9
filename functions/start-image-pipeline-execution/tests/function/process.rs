//! The real binary on a Lambda Runtime API, with the machine's own clock.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Fault, Process, RuntimeApi, World};
use serde_json::{Value, json};

use crate::{LINUX, OPERATION, intent};

const BINARY: &str = env!("CARGO_BIN_EXE_start-image-pipeline-execution");
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_process_killed_between_image_builder_and_the_ledger_starts_no_second_build() {
    let world = World::start_real().await;
    world.image_builder().create_pipeline(LINUX).unwrap();
    let runtime_api = RuntimeApi::start().await;
    // A lease that ends with the invocation, so that the test need not wait for it.
    let environment = with(&world, &[("LEASE_MARGIN_SECONDS", Some("0"))]);

    // Image Builder does the work, and its answer never comes: the process hangs there.
    world.image_builder().fault(OPERATION, Fault::hang().after_work());
    let first = Process::spawn(BINARY, &runtime_api, &environment);
    let wish = intent("nightly-1");
    let invocation = runtime_api.invoke(&wish, Duration::from_secs(2));
    let kill = async {
        while world.image_builder().effects() == 0 {
            tokio::task::yield_now().await;
        }
        first.kill().await
    };
    let ended = tokio::time::timeout(TIMEOUT, async { tokio::join!(invocation, kill) });
    let (answer, _) = ended.await.expect("the build starts");
    assert_eq!(answer.unwrap_err().error_type, "Runtime.ExitError");
    let key = "StartImagePipelineExecution#nightly-1";
    assert_eq!(world.ledger_item(key).unwrap()["status"], "CLAIMED");

    let second = Process::spawn(BINARY, &runtime_api, &environment);
    let answer = until_not_leased(&runtime_api, &wish).await;
    assert_eq!(answer["outcomes"][0]["outcome"], "STARTED", "{answer}\n{:?}", second.stdout());
    let image = &answer["outcomes"][0]["receipt"]["imageBuildVersionArn"];
    assert!(image.as_str().unwrap().ends_with("/1.0.0/1"), "{image}");
    assert_eq!(world.image_builder().effects(), 1);
    let sent = world.image_builder().requests();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].body, sent[1].body, "the same token and the same parameters");
    assert_eq!(world.ledger_item(key).unwrap()["status"], "STARTED");
}

#[tokio::test]
async fn a_missing_or_bad_variable_is_an_init_error_that_names_it() {
    let world = World::start_real().await;
    for (variable, value, expected) in [
        ("LEDGER_TABLE", None, "LEDGER_TABLE is missing"),
        ("QUEUE_URL", None, "QUEUE_URL is missing"),
        ("DEAD_LETTER_QUEUE_URL", Some("dead"), "DEAD_LETTER_QUEUE_URL is `dead`"),
        ("LEDGER_RETENTION_DAYS", Some("28"), "LEDGER_RETENTION_DAYS is `28`"),
    ] {
        let runtime_api = RuntimeApi::start().await;
        let process = Process::spawn(BINARY, &runtime_api, &with(&world, &[(variable, value)]));
        let error = runtime_api.init_error().await;
        assert!(error.error_message.contains(expected), "{error}");
        assert!(error.error_message.contains("expected"), "{error}");
        assert_eq!(error.error_type, "InvalidEnvironment");
        assert!(!process.wait().await.success());
    }
}

#[tokio::test]
async fn the_log_is_one_json_line_for_each_wish_and_holds_no_body() {
    let world = World::start_real().await;
    world.image_builder().create_pipeline(LINUX).unwrap();
    let runtime_api = RuntimeApi::start().await;
    let process = Process::spawn(BINARY, &runtime_api, &with(&world, &[]));
    let wish = json!({
        "imagePipelineArn": LINUX, "clientToken": "nightly-1", "tags": {"canary": "do-not-log"},
        "scheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly",
        "scheduledTime": "2026-11-20T01:00:00Z"
    });
    runtime_api.invoke(&wish, TIMEOUT).await.unwrap();
    process.kill().await;

    let lines: Vec<Value> = process
        .stdout()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let wishes: Vec<_> = lines.iter().filter(|line| line["message"] == "wish").collect();
    assert_eq!(wishes.len(), 1, "{lines:?}");
    assert_eq!(wishes[0]["operation"], "StartImagePipelineExecution");
    assert_eq!(wishes[0]["token"], "nightly-1");
    assert_eq!(wishes[0]["target"], LINUX);
    assert_eq!(wishes[0]["outcome"], "STARTED");
    assert_eq!(wishes[0]["attempt"], 1);
    assert!(wishes[0]["duration_ms"].is_number());
    let metric = lines.iter().find(|line| line["_aws"].is_object()).expect("a metric line");
    assert_eq!((&metric["Started"], &metric["StartedOnSchedule"]), (&json!(1), &json!(1)));
    assert_eq!(harness::emf::findings(metric), Vec::<String>::new());
    let all = format!("{:?}{:?}", process.stdout(), process.stderr());
    assert!(!all.contains("do-not-log"), "{all}");
}

#[tokio::test]
async fn the_variables_of_the_sdk_are_honoured() {
    let world = World::start_real().await;
    world.image_builder().create_pipeline(LINUX).unwrap();
    world.image_builder().fault(OPERATION, Fault::error("ServiceException", 500).forever());
    let runtime_api = RuntimeApi::start().await;
    let url = world.process_environment()["AWS_ENDPOINT_URL_IMAGEBUILDER"].clone();
    let process = Process::spawn(
        BINARY,
        &runtime_api,
        &with(
            &world,
            &[
                ("AWS_ENDPOINT_URL_IMAGEBUILDER", None),
                ("AWS_ENDPOINT_URL", Some(&url)),
                ("AWS_REGION", None),
                ("AWS_DEFAULT_REGION", Some("eu-west-3")),
                ("AWS_MAX_ATTEMPTS", Some("1")),
                ("AWS_RETRY_MODE", Some("adaptive")),
                ("AWS_SDK_UA_APP_ID", Some("golden-images")),
                ("AWS_ACCESS_KEY_ID", Some("AKIDOFTHISTEST")),
            ],
        ),
    );
    runtime_api.invoke(&intent("nightly-1"), TIMEOUT).await.unwrap();
    process.kill().await;

    let sent = world.image_builder().requests();
    assert_eq!(sent.len(), 1, "AWS_MAX_ATTEMPTS");
    let authorization = &sent[0].headers["authorization"];
    assert!(authorization.contains("AKIDOFTHISTEST/"), "{authorization}");
    assert!(authorization.contains("/eu-west-3/imagebuilder/"), "{authorization}");
    let agent = &sent[0].headers["x-amz-user-agent"];
    assert!(agent.contains("app/golden-images"), "{agent}");
    // The SDK's letters for what is in use: F is the adaptive mode.
    let in_use = agent.split(' ').find_map(|part| part.strip_prefix("m/")).unwrap_or_default();
    assert!(in_use.split(',').any(|letter| letter == "F"), "AWS_RETRY_MODE: {agent}");
}

/// They are refused beside endpoints that are named, by which one sees that they were read.
#[tokio::test]
async fn endpoints_of_fips_and_of_dual_stack_can_be_asked_for() {
    for (variable, said) in
        [("AWS_USE_FIPS_ENDPOINT", "FIPS"), ("AWS_USE_DUALSTACK_ENDPOINT", "Dualstack")]
    {
        let world = World::start_real().await;
        let runtime_api = RuntimeApi::start().await;
        let variables = with(&world, &[(variable, Some("true"))]);
        let process = Process::spawn(BINARY, &runtime_api, &variables);
        let failed = runtime_api.invoke(&intent("nightly-1"), TIMEOUT).await.unwrap_err();
        process.kill().await;
        let failed = format!("{failed:?}");
        assert!(failed.contains(said), "{variable}: {failed}");
        assert_eq!(world.dynamodb().total(), 0);
    }
}

/// The variables of a process, some of them changed or left out.
fn with(world: &World, changes: &[(&str, Option<&str>)]) -> BTreeMap<String, String> {
    let mut environment = world.process_environment();
    for (variable, value) in changes {
        match value {
            Some(value) => environment.insert((*variable).to_owned(), (*value).to_owned()),
            None => environment.remove(*variable),
        };
    }
    environment
}

/// Invokes until the dead worker's lease has ended, as its queue would.
async fn until_not_leased(runtime_api: &RuntimeApi, event: &Value) -> Value {
    loop {
        let answer = runtime_api.invoke(event, TIMEOUT).await.unwrap();
        let reason = answer["outcomes"][0]["reason"].as_str().unwrap_or_default();
        if !reason.starts_with("Leased: ") {
            return answer;
        }
    }
}
