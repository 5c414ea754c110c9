//! Those who are measured, and their processes.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Outcome;
use crate::cloud::{Cloud, Wire};
use crate::runtime_api::{Invocation, RuntimeApi};

/// How long anything may take before the run is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// Powertools for Python.
    Rival,
    /// A function that does nothing.
    Bare,
    /// Our function.
    Ours,
}

impl fmt::Display for Contestant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rival => "rival",
            Self::Bare => "bare",
            Self::Ours => "ours",
        })
    }
}

/// Where their programs are, and where their output goes.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The folder of the release binaries.
    pub(crate) binaries: PathBuf,
    /// A Python that has the rival's packages.
    pub(crate) python: PathBuf,
    /// The folder of the rival's handler.
    pub(crate) rival: PathBuf,
    /// The folder of the logs.
    pub(crate) logs: PathBuf,
}

impl Programs {
    /// Lambda sets these and no others. The output goes to a file: a pipe would have to be read by the
    /// process that serves.
    fn command(&self, contestant: Contestant, api: &RuntimeApi, log: &Path) -> Outcome<Command> {
        let mut command = match contestant {
            Contestant::Rival => {
                let mut command = Command::new(&self.python);
                command.args(["-m", "awslambdaric", "handler.handle"]).current_dir(&self.rival);
                command
            }
            Contestant::Bare => Command::new(self.binaries.join("bare")),
            Contestant::Ours => Command::new(self.binaries.join("start-image-pipeline-execution")),
        };
        let output = File::create(log)?;
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/measured")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        Ok(command)
    }
}

/// A running contestant. It is killed when this is dropped.
pub(crate) struct Process {
    contestant: Contestant,
    child: Child,
    pid: u32,
    api: RuntimeApi,
    log: PathBuf,
    /// The moment before it was started.
    pub(crate) started: Instant,
}

impl Process {
    pub(crate) async fn start(
        contestant: Contestant,
        programs: &Programs,
        cloud: &Cloud,
        wire: Wire,
    ) -> Outcome<Self> {
        let api = RuntimeApi::start().await?;
        let log = programs.logs.join(format!("{contestant}.log"));
        let mut command = programs.command(contestant, &api, &log)?;
        command.envs(cloud.environment(wire));
        let started = Instant::now();
        let child =
            command.spawn().map_err(|error| format!("{contestant} does not start: {error}"))?;
        let pid = child.id().ok_or("the process ended at once")?;
        Ok(Self { contestant, child, pid, api, log, started })
    }

    /// From its start to its first request for work.
    pub(crate) async fn first_poll(&self) -> Outcome<Duration> {
        match timeout(PATIENCE, self.api.polled()).await {
            Ok(polled) => Ok(polled?.duration_since(self.started)),
            Err(_) => Err(self.silence()),
        }
    }

    /// Hands it an event and waits for its answer, which must be a success.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Outcome<Invocation> {
        let Ok(answered) = timeout(PATIENCE, self.api.invoke(event)).await else {
            return Err(self.silence());
        };
        let log = self.log.display();
        let answered =
            answered.map_err(|error| format!("{} failed: {error}; see {log}", self.contestant))?;
        match answered.answer["batchItemFailures"].as_array() {
            Some(failures) if failures.is_empty() => Ok(answered),
            _ => Err(format!(
                "{} answered {}, expected a batch without failures; see {log}",
                self.contestant, answered.answer
            )
            .into()),
        }
    }

    /// The most memory that it had resident so far, in bytes.
    pub(crate) fn peak_memory(&self) -> Outcome<u64> {
        self.memory("VmHWM")
    }

    /// The memory that it has resident now, in bytes.
    pub(crate) fn resident_memory(&self) -> Outcome<u64> {
        self.memory("VmRSS")
    }

    /// The processor time that its threads have had so far.
    pub(crate) fn processor_time(&self) -> Outcome<Duration> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let times = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = times.split(' ').next().unwrap_or_default().parse()?;
            total += Duration::from_nanos(nanoseconds);
        }
        Ok(total)
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        Ok(self.child.kill().await?)
    }

    fn memory(&self, field: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        Ok(bytes_of(&status, field).ok_or_else(|| format!("found no {field} in /proc"))?)
    }

    fn silence(&self) -> Box<dyn std::error::Error + Send + Sync> {
        let (seconds, log) = (PATIENCE.as_secs(), self.log.display());
        format!("{} said nothing for {seconds} s; see {log}", self.contestant).into()
    }
}

/// A field of `/proc/PID/status`, which has kibibytes.
fn bytes_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_kibibytes() {
        let status = "Name:\tbare\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n";
        assert_eq!(bytes_of(status, "VmHWM"), Some(4 << 20));
        assert_eq!(bytes_of(status, "VmRSS"), Some(2 << 20));
        assert_eq!(bytes_of(status, "VmSwap"), None);
    }
}
