//! A function's real binary, run as Lambda runs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::must::must;
use crate::runtime_api::RuntimeApi;

/// A running function. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    stdout: Lines,
    stderr: Lines,
    kill: mpsc::UnboundedSender<()>,
    ended: watch::Receiver<Option<ExitStatus>>,
    keeper: AbortHandle,
}

impl Process {
    /// Starts the binary with `environment`, the variables that Lambda sets, and no others.
    #[must_use]
    pub fn spawn(
        binary: impl AsRef<Path>,
        runtime_api: &RuntimeApi,
        environment: &BTreeMap<String, String>,
    ) -> Self {
        let seat = runtime_api.seat();
        let child = command(binary.as_ref(), &seat.address(), environment).spawn();
        let mut child = must(&format!("{} starts", binary.as_ref().display()), child);
        let (stdout, read_stdout) = Lines::of(child.stdout.take());
        let (stderr, read_stderr) = Lines::of(child.stderr.take());
        let (kill, killed) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let keeper = tokio::spawn(async move {
            let output = async { tokio::join!(read_stdout, read_stderr) };
            let (status, _) = tokio::join!(ended_or_killed(child, killed), output);
            seat.leave(&format!("runtime exited with {status}")).await;
            end.send_replace(Some(status));
        });
        Self { stdout, stderr, kill, ended, keeper: keeper.abort_handle() }
    }

    /// Kills it (SIGKILL) and waits until it is gone. Its invocation in flight fails with
    /// `Runtime.ExitError`.
    pub async fn kill(&self) -> ExitStatus {
        // Where nobody listens it is gone already.
        let _ = self.kill.send(());
        self.wait().await
    }

    /// Waits until it has ended.
    pub async fn wait(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = must("the process is kept", ended.wait_for(Option::is_some).await);
        status.unwrap_or_default()
    }

    /// The lines it wrote to its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// The lines it wrote to its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.all()
    }
}

impl Drop for Process {
    /// The child is dropped with its keeper, and killed by that.
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

fn command(binary: &Path, address: &str, environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "function-under-test")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/function-under-test")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn ended_or_killed(mut child: Child, mut killed: mpsc::UnboundedReceiver<()>) -> ExitStatus {
    tokio::select! {
        status = child.wait() => return must("the process ends", status),
        Some(()) = killed.recv() => {}
    }
    must("the process is killed", child.kill().await);
    must("the process ends", child.wait().await)
}

#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// The lines of a stream, and the work of reading them.
    fn of(stream: Option<impl AsyncRead + Unpin>) -> (Self, impl Future<Output = ()>) {
        let lines = Self::default();
        (lines.clone(), lines.read(stream))
    }

    async fn read(self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(stream) = stream else { return };
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
