//! Real binaries on a Lambda Runtime API, killed (SIGKILL) at random moments of their invocations.

use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use harness::{Batch, InvocationError, Process, RuntimeApi, World};
use serde_json::{Value, json};

use crate::plan::Act;
use crate::run::{builder, image, pipeline};

/// How many wishes an operation has, each with a target of its own.
const WISHES: usize = 100;
/// What an invocation may take, and so how long a dead one's lease lasts.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How soon the queue brings again what a dead invocation had.
const VISIBILITY: Duration = Duration::from_millis(500);
/// A kill comes within this time of the delivery: a batch is done in a few milliseconds.
const SPAN: Duration = Duration::from_millis(60);
/// How long it takes to hear that a process has ended; where nothing is heard, it had no work yet.
const GRACE: Duration = Duration::from_millis(50);
/// What must be in no log: a credential, and something of every request's body.
const CANARY: &str = "canary-that-no-log-may-hold";

/// What the kills came to.
#[derive(Clone, Debug, Default)]
pub struct Kills {
    /// Invocations that were under way when their process was killed.
    pub kills: u64,
    /// Deliveries of a batch.
    pub deliveries: u64,
    /// Wishes, each delivered twice at least.
    pub wishes: u64,
    /// What the services were made to do.
    pub effects: u64,
    /// What must not be, in sentences.
    pub violations: Vec<String>,
}

/// Kills the operation's binary so often, then lets it end its work, and counts.
pub async fn kill(act: Act, binaries: &Path, kills: u64, seed: u64) -> Kills {
    let stage = Stage::set(act, binaries).await;
    let mut rng = Rng::with_seed(seed);
    let mut found = Kills { wishes: WISHES as u64, ..Kills::default() };
    while found.kills < kills {
        let Some(batch) = stage.world.queue().poll(10) else {
            // All is done, or waits: new messages of the same wishes.
            stage.send();
            continue;
        };
        found.deliveries += 1;
        found.kills += u64::from(stage.deliver(batch, Some(moment(&mut rng)), &mut found).await);
    }
    stage.finish(&mut found).await;
    stage.check(&mut found);
    found
}

fn moment(rng: &mut Rng) -> Duration {
    Duration::from_micros(rng.u64(..u64::try_from(SPAN.as_micros()).unwrap_or(u64::MAX)))
}

struct Stage<'a> {
    act: Act,
    binaries: &'a Path,
    world: World,
    runtime_api: RuntimeApi,
}

impl<'a> Stage<'a> {
    async fn set(act: Act, binaries: &'a Path) -> Self {
        let world = World::start_real().await;
        world.queue().set_visibility_timeout(VISIBILITY);
        world.image_builder().set_build_time(Duration::ZERO);
        for place in 0..WISHES {
            let made = match act {
                Act::Pipeline => world.image_builder().create_pipeline(&pipeline(place)),
                Act::Lifecycle | Act::State => {
                    world.image_builder().create_image(&image(place), "AVAILABLE")
                }
                Act::Builder => {
                    world.app_stream().create_image_builder(&builder(place), "STOPPED");
                    Ok(())
                }
            };
            if let Err(error) = made {
                panic!("the target is made: {error}");
            }
        }
        let stage = Self { act, binaries, world, runtime_api: RuntimeApi::start().await };
        stage.send();
        stage
    }

    fn send(&self) {
        for place in 0..WISHES {
            self.world.queue().send(&intent(self.act, place).to_string());
        }
    }

    fn process(&self) -> Process {
        let mut environment = self.world.process_environment();
        // A lease that ends with its invocation.
        environment.insert("LEASE_MARGIN_SECONDS".to_owned(), "0".to_owned());
        environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), CANARY.to_owned());
        let name = match self.act {
            Act::Pipeline => "start-image-pipeline-execution",
            Act::Lifecycle | Act::State => "start-resource-state-update",
            Act::Builder => "start-image-builder",
        };
        Process::spawn(self.binaries.join(name), &self.runtime_api, &environment)
    }

    /// Whether the process was killed before it had answered.
    async fn deliver(
        &self,
        batch: Batch,
        killed_after: Option<Duration>,
        found: &mut Kills,
    ) -> bool {
        let process = self.process();
        // One id for all: what a process did not live to take is replaced by the next one.
        let answered = self.runtime_api.invoke_with_id("delivery", &batch.event, TIMEOUT);
        let killed = async {
            match killed_after {
                Some(moment) => tokio::time::sleep(moment).await,
                None => std::future::pending().await,
            }
            process.kill().await;
            tokio::time::sleep(GRACE).await;
        };
        let answer = tokio::select! {
            biased;
            answer = answered => Some(answer),
            () = killed => None,
        };
        process.kill().await;
        look_for_canary(&process, found);
        match answer {
            Some(Ok(answer)) => {
                batch.answer(&answer);
                false
            }
            Some(Err(InvocationError { error_type, .. })) if error_type == "Runtime.ExitError" => {
                true
            }
            // On a busy machine; to the wishes it is one more death.
            Some(Err(InvocationError { error_type, .. })) if error_type == "Sandbox.Timedout" => {
                false
            }
            Some(Err(error)) => {
                found.violations.push(format!("an invocation failed by itself: {error}"));
                false
            }
            None => false,
        }
    }

    /// Delivers without kills until nothing is left.
    async fn finish(&self, found: &mut Kills) {
        while !self.world.queue().messages().is_empty() {
            match self.world.queue().poll(10) {
                Some(batch) => {
                    found.deliveries += 1;
                    self.deliver(batch, None, found).await;
                }
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn check(&self, found: &mut Kills) {
        for place in 0..WISHES {
            let (effects, target) = self.effects_of(place);
            found.effects += effects as u64;
            let key = format!("{}#wish-{place}", self.operation());
            let item = self.world.ledger_item(&key).unwrap_or_default();
            if effects != 1 || item["status"] != "STARTED" {
                found.violations.push(format!(
                    "{target} had {effects} effects and its wish is {}, expected one and STARTED",
                    item["status"]
                ));
            }
        }
        let letters = self.world.dead_letters().messages();
        found.violations.extend(
            letters.iter().map(|letter| format!("found the dead letter {letter:?}, expected none")),
        );
    }

    fn effects_of(&self, place: usize) -> (usize, String) {
        let (images, builders) = (self.world.image_builder(), self.world.app_stream());
        match self.act {
            Act::Pipeline => (images.effects_of(&pipeline(place)), pipeline(place)),
            Act::Lifecycle | Act::State => (images.effects_of(&image(place)), image(place)),
            Act::Builder => (builders.effects_of(&builder(place)), builder(place)),
        }
    }

    fn operation(&self) -> &'static str {
        match self.act {
            Act::Pipeline => "StartImagePipelineExecution",
            Act::Lifecycle | Act::State => "StartResourceStateUpdate",
            Act::Builder => "StartImageBuilder",
        }
    }
}

fn look_for_canary(process: &Process, found: &mut Kills) {
    let lines = process.stdout().into_iter().chain(process.stderr());
    let leaks = lines.filter(|line| line.contains(CANARY));
    found.violations.extend(leaks.map(|line| format!("a secret or a body is in the log: {line}")));
}

fn intent(act: Act, place: usize) -> Value {
    let token = format!("wish-{place}");
    match act {
        Act::Pipeline => json!({
            "imagePipelineArn": pipeline(place), "clientToken": token, "tags": {"canary": CANARY},
        }),
        Act::Lifecycle => json!({
            "resourceArn": image(place), "clientToken": token, "state": {"status": "DEPRECATED"},
            "executionRole": CANARY, "includeResources": {"amis": true},
        }),
        Act::State => json!({
            "resourceArn": image(place), "clientToken": token, "state": {"status": "DEPRECATED"},
        }),
        Act::Builder => json!({
            "Name": builder(place), "clientToken": token, "AppstreamAgentVersion": CANARY,
        }),
    }
}
