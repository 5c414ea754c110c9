//! The real binary, spawned, on a world over HTTP: a DynamoDB engine, SQS, and a stand-in for
//! CloudFormation. Dead letters are made, and redriven wishes carried out, by the functions' own
//! driver.

mod cancel;
mod check;
mod cloud_formation;
mod completions;
mod dead_letters;
mod function;
mod list;
mod redrive;
mod send;
mod show;
mod stack;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use harness::World;
use serde_json::{Value, json};
use shared::clock::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use cloud_formation::CloudFormation;

pub(crate) const LINUX: &str =
    "arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/golden-linux";
pub(crate) const LINUX_IN_SHORT: &str = " image-pipeline/golden-linux";
pub(crate) const PIPELINE: &str = "StartImagePipelineExecution";
const MINUTE: Duration = Duration::from_mins(1);

/// A world with a stack in it, and an operator.
pub(crate) struct Desk {
    pub(crate) world: World,
    cloud_formation: CloudFormation,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) async fn desk() -> Desk {
    let world = World::start_real().await;
    // The world has one pair of queues; the second operation makes do with what else there is.
    let outputs = [
        ("LedgerTable", "ledger"),
        ("StartImagePipelineExecutionQueueUrl", world.queue().url()),
        ("StartImagePipelineExecutionDeadLetterQueueUrl", world.dead_letters().url()),
        ("StartImageBuilderQueueUrl", world.fifo_queue().url()),
        ("StartImageBuilderDeadLetterQueueUrl", world.other_queue().url()),
    ];
    let cloud_formation = CloudFormation::start("reveille", &outputs).await;
    Desk { world, cloud_formation }
}

impl Desk {
    pub(crate) async fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[], "").await
    }

    /// Runs a command with more variables, and a text on its standard input.
    pub(crate) async fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Done {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied()).stdin(Stdio::piped());
        finish(command, input).await
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut environment = self.world.process_environment();
        environment.insert("AWS_ENDPOINT_URL_CLOUDFORMATION".into(), self.cloud_formation.url());
        command(arguments, &environment)
    }

    /// An item as a claim and its settlement leave it, with changes; null takes an attribute away.
    pub(crate) fn put(&self, token: &str, changes: &Value) -> String {
        let key = format!("{PIPELINE}#{token}");
        let mut item = json!({
            "token": key,
            "operation": PIPELINE,
            "target": LINUX,
            "fingerprint": "f",
            "status": "DEFERRED",
            "owner": "somebody",
            "claimableFrom": 0,
            "attempts": 2,
            "source": "message m-1",
            "request": json!({"imagePipelineArn": LINUX}).to_string(),
            "createdAt": "2026-11-20T01:00:00Z",
            "updatedAt": "2026-11-20T01:00:05.195Z",
            "expiresAt": (now() + 60 * 24 * 29 * MINUTE).epoch_seconds(),
        });
        let merged = item.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => merged.remove(name),
                value => merged.insert(name.clone(), value.clone()),
            };
        }
        self.world.put_ledger_item(&item);
        key
    }
}

impl Done {
    #[track_caller]
    pub(crate) fn ended(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> &Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(all.contains(part), "expected `{part}` in:\n{all}");
        self
    }

    /// Each line of its output as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A command in an environment of its own: nothing of this machine's configuration counts.
pub(crate) fn command(arguments: &[&str], environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
    command
        .args(arguments)
        .env_clear()
        .envs(environment)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn finish(mut command: Command, input: &str) -> Done {
    let mut child = command.spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.unwrap();
    }
    let output = child.wait_with_output().await.unwrap();
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A file that is gone with its folder when it is dropped.
pub(crate) struct File(std::path::PathBuf);

impl File {
    pub(crate) fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("reveille-{}.json", uuid::Uuid::new_v4()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An intent for the golden Linux pipeline, under this token.
pub(crate) fn intent(token: &str) -> String {
    json!({"imagePipelineArn": LINUX, "clientToken": token}).to_string()
}
