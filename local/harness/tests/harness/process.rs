//! The Runtime API and real binaries, by a function that does nothing but answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use harness::{Process, RuntimeApi};
use serde_json::{Value, json};

/// Longer than any of these invocations takes.
const PLENTY: Duration = Duration::from_mins(1);

/// The example `echo`, which is built beside the tests.
fn echo() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples/echo")
}

async fn running(variables: &[(&str, &str)]) -> (RuntimeApi, Process) {
    let runtime_api = RuntimeApi::start().await;
    let process = Process::spawn(echo(), &runtime_api, &environment(variables));
    (runtime_api, process)
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_real_function_answers_its_event() {
    let (runtime_api, _process) = running(&[]).await;
    let before = epoch_millis();
    let answer = runtime_api.invoke_with_id("r1", &json!({"a": 1}), PLENTY).await.unwrap();
    assert_eq!(answer["event"], json!({"a": 1}));
    assert_eq!(answer["requestId"], "r1");
    let deadline = answer["deadline"].as_u64().unwrap();
    assert!((before + 60_000..=epoch_millis() + 60_000).contains(&deadline), "{deadline}");
}

#[tokio::test]
async fn one_process_serves_many_invocations_each_under_its_own_id() {
    let (runtime_api, _process) = running(&[]).await;
    let (one, two) = (json!(1), json!(2));
    let invocations = (runtime_api.invoke(&one, PLENTY), runtime_api.invoke(&two, PLENTY));
    let (one, two) = tokio::join!(invocations.0, invocations.1);
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((&one["event"], &two["event"]), (&json!(1), &json!(2)));
    assert_ne!(one["requestId"], two["requestId"]);
}

#[tokio::test]
async fn a_functions_error_is_the_invocations_error() {
    let (runtime_api, _process) = running(&[]).await;
    let error = runtime_api.invoke(&json!({"do": "fail"}), PLENTY).await.unwrap_err();
    assert_eq!(error.error_message, "it was told to fail");
    assert!(!error.error_type.is_empty());
    runtime_api.invoke(&json!({}), PLENTY).await.unwrap();
}

#[tokio::test]
async fn a_killed_process_fails_its_invocation_and_the_next_process_gets_it_again() {
    let (runtime_api, process) = running(&[]).await;
    let event = json!({"do": "hang"});
    let invocation = runtime_api.invoke_with_id("r1", &event, PLENTY);
    let (outcome, ()) = tokio::join!(invocation, kill_once_it_hangs(&process));
    let error = outcome.unwrap_err();
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert!(error.error_message.contains("signal: 9"), "{error}");

    let _next = Process::spawn(echo(), &runtime_api, &environment(&[]));
    let answer = runtime_api.invoke_with_id("r1", &json!({}), PLENTY).await.unwrap();
    assert_eq!(answer["requestId"], "r1");
}

#[tokio::test]
async fn nothing_is_handed_to_a_process_that_is_gone() {
    let (runtime_api, process) = running(&[]).await;
    runtime_api.invoke(&Value::Null, PLENTY).await.unwrap();
    process.kill().await;
    let _next = Process::spawn(echo(), &runtime_api, &environment(&[]));
    runtime_api.invoke(&Value::Null, PLENTY).await.unwrap();
}

#[tokio::test]
async fn the_end_of_one_process_is_not_the_end_of_anothers_invocation() {
    let (runtime_api, process) = running(&[]).await;
    let hang = json!({"do": "hang"});
    let hanging = runtime_api.invoke(&hang, PLENTY);
    let meanwhile = async {
        until_it_hangs(&process).await;
        let other = Process::spawn(echo(), &runtime_api, &environment(&[]));
        runtime_api.invoke(&json!({"do": "exit"}), PLENTY).await.unwrap_err();
        other.wait().await;
    };
    tokio::select! {
        biased;
        outcome = hanging => panic!("it ended: {outcome:?}"),
        () = meanwhile => {}
    }
}

async fn kill_once_it_hangs(process: &Process) {
    until_it_hangs(process).await;
    process.kill().await;
}

async fn until_it_hangs(process: &Process) {
    while !process.stdout().iter().any(|line| line == "hanging") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_process_that_ends_by_itself_fails_its_invocation() {
    let (runtime_api, process) = running(&[]).await;
    let error = runtime_api.invoke(&json!({"do": "exit"}), PLENTY).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert_eq!(process.wait().await.code(), Some(7));
}

#[tokio::test]
async fn an_invocation_that_was_given_up_is_not_handed_out() {
    let runtime_api = RuntimeApi::start().await;
    let given_up = runtime_api.invoke(&json!({"do": "exit"}), Duration::ZERO).await.unwrap_err();
    assert_eq!(given_up.error_type, "Sandbox.Timedout");
    let _process = Process::spawn(echo(), &runtime_api, &environment(&[]));
    runtime_api.invoke(&json!({}), PLENTY).await.unwrap();
}

#[tokio::test]
async fn a_process_that_ends_while_it_starts_is_an_init_error() {
    let (runtime_api, process) = running(&[("REFUSE", "1")]).await;
    let error = runtime_api.init_error().await;
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert!(!process.wait().await.success());
    assert!(process.stderr().iter().any(|line| line.contains("REFUSE is set")));
}

#[tokio::test]
async fn a_process_has_its_variables_and_no_others() {
    let (runtime_api, process) = running(&[("GREETED", "you")]).await;
    let answer = runtime_api.invoke(&Value::Null, PLENTY).await.unwrap();
    assert_eq!(answer["home"], Value::Null);
    process.kill().await;
    assert_eq!(process.stdout()[0], "started for you");
}

#[tokio::test]
#[should_panic(expected = "/nowhere starts: ")]
async fn a_binary_that_is_not_there_fails_the_test() {
    let runtime_api = RuntimeApi::start().await;
    let _process = Process::spawn("/nowhere", &runtime_api, &BTreeMap::new());
}

fn epoch_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
