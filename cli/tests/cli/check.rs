//! `reveille check`, held against the functions themselves.

use std::collections::BTreeMap;
use std::path::Path;

use aws_config::SdkConfig;
use harness::Function;
use serde_json::{Value, json};
use shared::Operation;
use start_image_builder::StartImageBuilder;
use start_image_pipeline_execution::StartImagePipelineExecution;
use start_resource_state_update::StartResourceStateUpdate;
use start_streaming_session::StartStreamingSession;

use crate::{Done, File, LINUX, command, finish, intent};

/// What the functions report without asking anybody.
const BY_ITSELF: [&str; 3] = ["MalformedBody", "NoIntent", "InvalidIntent"];

async fn check(arguments: &[&str], input: Option<&str>) -> Done {
    let mut command = command(&[&["check"], arguments].concat(), &BTreeMap::new());
    if input.is_some() {
        command.stdin(std::process::Stdio::piped());
    }
    finish(command, input.unwrap_or_default()).await
}

/// The findings of each place, in the form in which a function reports them.
fn findings(done: &Done) -> Vec<String> {
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for line in done.out.lines() {
        let line = line.split_once(": ").unwrap().1;
        if line.starts_with("valid, ") {
            continue;
        }
        let is_place =
            ["Records[", "intents[", "detail.intents["].iter().any(|p| line.starts_with(p));
        let (place, finding) = match line.split_once(": ") {
            Some((place, finding)) if is_place => (place, finding),
            _ => ("", line),
        };
        match places.last_mut() {
            Some((last, findings)) if last == place => findings.push(finding.to_owned()),
            _ => places.push((place.to_owned(), vec![finding.to_owned()])),
        }
    }
    let mut all: Vec<_> = places.into_iter().map(|(_, findings)| findings.join("; ")).collect();
    all.sort();
    all
}

/// What the function says that is wrong with the event, or with the body of a message.
async fn refusals<O: Operation>(new: impl Fn(&SdkConfig) -> O, event: Event<'_>) -> Vec<String> {
    let function = Function::start(new).await;
    let answer = match event {
        Event::Invoked(text) => function.invoke_text(text).await.map(drop),
        Event::Received(body) => {
            function.world.queue().send(body);
            function.deliver(function.world.queue()).await;
            Ok(())
        }
    };
    let letters = function.dead_letters().into_iter();
    let mut all: Vec<_> = letters
        .filter(|(code, _)| BY_ITSELF.contains(&&**code))
        .map(|(_, message)| message)
        .chain(answer.err().map(|diagnostic| diagnostic.error_message))
        .map(|message| message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
        .collect();
    all.sort();
    all
}

#[derive(Clone, Copy)]
enum Event<'a> {
    Invoked(&'a str),
    Received(&'a str),
}

async fn of_function(operation: &str, event: Event<'_>) -> Vec<String> {
    match operation {
        "start-image-pipeline-execution" => refusals(StartImagePipelineExecution::new, event).await,
        "start-resource-state-update" => refusals(StartResourceStateUpdate::new, event).await,
        "start-image-builder" => refusals(StartImageBuilder::new, event).await,
        "start-streaming-session" => refusals(StartStreamingSession::new, event).await,
        other => panic!("found the folder {other}, expected a function's"),
    }
}

#[tokio::test]
async fn every_file_of_events_is_judged_as_its_function_judges_it() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut files = 0;
    for folder in std::fs::read_dir(events).unwrap().map(|entry| entry.unwrap().path()) {
        let operation = folder.file_name().unwrap().to_str().unwrap();
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            let done = check(&[file.to_str().unwrap()], None).await;
            let refused = of_function(operation, Event::Invoked(&text)).await;
            assert_eq!(findings(&done), refused, "{}", file.display());
            done.ended(i32::from(!refused.is_empty()));
            files += 1;
        }
    }
    assert!(files >= 20, "found {files} files");
}

#[tokio::test]
async fn bad_events_are_judged_as_the_function_judges_them() {
    for event in [
        json!({}),
        json!({"hello": "world"}),
        json!([1]),
        json!("text"),
        json!({"intents": []}),
        json!({"intents": "all"}),
        json!({"intents": ["all", {"imagePipelineArn": 5}]}),
        json!({"intents": [{"imagePipelineArn": LINUX}], "x": 1}),
        json!({"imagePipelineArn": LINUX, "tags": {}, "whenBusy": "later", "notAfter": "soon"}),
        json!({"imagePipelineArn": LINUX, "clientToken": "x".repeat(37)}),
        json!({"imagePipelineArn": LINUX, "clientToken": 5, "tags": {"aws:x": "y"}}),
        json!({"imagePipelineArn": format!("{LINUX}\n")}),
        json!({"scheduleArn": "arn:aws:scheduler:x", "intents": [{"imagePipelineArn": LINUX}]}),
        json!({"detail-type": "x", "id": "1", "detail": {"intents": [{"imagePipelineArn": ""}]}}),
        json!({"detail-type": "x"}),
        json!({"Records": []}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"Records": [{"eventSource": "aws:s3"}]}),
        json!({"imagePipelineArn": LINUX}),
    ] {
        let text = event.to_string();
        let refused = of_function("start-image-pipeline-execution", Event::Invoked(&text)).await;
        let arguments = ["-", "--operation", "StartImagePipelineExecution"];
        let done = check(&arguments, Some(&text)).await;
        assert_eq!(findings(&done), refused, "{event}");
        done.ended(i32::from(!refused.is_empty()));
    }
}

/// What `reveille check` lets through no function refuses by itself, and the other way round.
#[tokio::test]
async fn events_of_every_shape_are_judged_as_the_function_judges_them() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut refusals = 0;
    for _ in 0..250 {
        let event = proof::inputs::event(&mut rng);
        let refused = of_function("start-resource-state-update", Event::Invoked(&event)).await;
        let done = check(&["-", "--operation", "StartResourceStateUpdate"], Some(&event)).await;
        assert_eq!(done.code, i32::from(!refused.is_empty()), "{event}\n{refused:?}\n{done:?}");
        refusals += usize::from(!refused.is_empty());
    }
    assert!((1..250).contains(&refusals), "found {refusals} of 250 refused, expected some of each");
}

#[tokio::test]
async fn bad_bodies_are_judged_as_the_function_judges_them() {
    let twice = format!(r#"{{"imagePipelineArn": "{LINUX}", "imagePipelineArn": "x"}}"#);
    let deep = format!("{}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let large = json!({"imagePipelineArn": LINUX, "tags": {"k": "x".repeat(64 * 1024)}});
    for body in ["golden-linux", " ", "{", &twice, &deep, &large.to_string()] {
        let refused = of_function("start-image-pipeline-execution", Event::Received(body)).await;
        assert_eq!(refused.len(), 1);
        let arguments = ["-", "--operation", "start-image-pipeline-execution"];
        let done = check(&arguments, Some(body)).await;
        assert_eq!(findings(&done), refused, "{body:.80}");
        done.ended(1);
    }
}

#[tokio::test]
async fn each_finding_is_told_with_its_file_its_place_and_its_field() {
    let batch: Value = json!({"Records": [
        {"messageId": "1", "body": intent("good"), "eventSource": "aws:sqs"},
        {"messageId": "2", "eventSource": "aws:sqs", "body": json!({"intents": [
            {"imagePipelineArn": LINUX},
            {"imagePipelineArn": LINUX, "whenBusy": 5, "tags": {}}
        ]}).to_string()},
    ]});
    let file = File::with(&batch.to_string());
    let done = check(&[file.path(), "--operation", "StartImagePipelineExecution"], None).await;
    let expected = format!(
        "{0}: Records[1].intents[1]: whenBusy is a number, expected `wait` or `skip`\n\
         {0}: Records[1].intents[1]: tags has 0 entries, expected 1 to 50\n",
        file.path()
    );
    assert_eq!(done.ended(1).out, expected);
    done.says("found 2 things wrong");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_or_placed_ends_with_2() {
    let file = File::with("{}");
    check(&[file.path()], None).await.ended(2).says("a folder named like its function");
    let missing = ["/nowhere.json", "--operation", "StartImageBuilder"];
    check(&missing, None).await.ended(2).says("/nowhere.json cannot be read");
}
