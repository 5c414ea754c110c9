//! One schedule, played: events are delivered, invocations take turns, die and stand still, and
//! events are delivered again until nothing is left to do.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use fastrand::Rng;
use harness::{Batch, Clock, Queue, World};
use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::{Driver, Environment, Operation, sdk};
use start_image_builder::StartImageBuilder;
use start_image_pipeline_execution::StartImagePipelineExecution;
use start_resource_state_update::StartResourceStateUpdate;
use tokio::time::Instant;

use crate::check;
use crate::plan::{Act, Point, Schedule, Source, Wish};
use crate::wire::{Log, Stage, Wire, until};

/// How much time Lambda gives an invocation.
const TIMEOUT: Duration = Duration::from_secs(25);
/// How long a worker that stood still has after it wakes.
const AFTERLIFE: Duration = Duration::from_mins(1);
/// How long Lambda waits before it brings an asynchronous event again.
const LAMBDA_RETRY: Duration = Duration::from_mins(1);
/// How long a request may be on its way once the clock was compared, where no token guards it.
const LONGEST_FLIGHT: Duration = Duration::from_secs(30);
/// More deliveries than any schedule needs; one that wants more does not settle.
const MOST_INVOCATIONS: usize = 400;

/// What a schedule came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What must not be, in sentences.
    pub violations: Vec<String>,
    /// What happened, in words; empty unless it was asked for.
    pub trace: Vec<String>,
    /// The ledger at the end, without what is random in it.
    pub ledger: Vec<String>,
    /// What is counted.
    pub figures: Figures,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Figures {
    pub schedules: u64,
    pub wishes: u64,
    pub invocations: u64,
    pub requests: u64,
    pub crashes: u64,
    pub freezes: u64,
    pub requests_lost: u64,
    pub answers_lost: u64,
    pub refusals: u64,
    pub duplicates: u64,
    pub stops: u64,
    pub redrives: u64,
    pub effects: u64,
    pub dead_letters: u64,
    pub double_effects: u64,
    pub losses: u64,
    pub broken: u64,
}

impl Figures {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        for ((_, own), (_, others)) in self.fields().into_iter().zip(other.clone().fields()) {
            *own += *others;
        }
    }

    fn fields(&mut self) -> [(&'static str, &mut u64); 17] {
        [
            ("schedules", &mut self.schedules),
            ("wishes", &mut self.wishes),
            ("invocations", &mut self.invocations),
            ("requests to AWS", &mut self.requests),
            ("crashes", &mut self.crashes),
            ("workers that stood still", &mut self.freezes),
            ("requests lost", &mut self.requests_lost),
            ("answers lost", &mut self.answers_lost),
            ("requests refused", &mut self.refusals),
            ("deliveries made again", &mut self.duplicates),
            ("stops by a person", &mut self.stops),
            ("dead letters sent again", &mut self.redrives),
            ("effects", &mut self.effects),
            ("dead letters at the end", &mut self.dead_letters),
            ("double effects", &mut self.double_effects),
            ("losses", &mut self.losses),
            ("schedules that broke a rule", &mut self.broken),
        ]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, number) in self.clone().fields() {
            writeln!(f, "{number:>10}  {name}")?;
        }
        Ok(())
    }
}

/// Plays a schedule in a runtime of its own, whose time is its own too.
///
/// # Panics
/// Where the runtime cannot be built.
#[must_use]
pub fn play(schedule: &Schedule, traced: bool) -> Report {
    // The jitter of the SDK's retries.
    fastrand::seed(schedule.seed);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    runtime
        .block_on(tokio::task::unconstrained(async { Theatre::new(schedule, traced).run().await }))
}

type Invocation = Pin<Box<dyn Future<Output = Result<Value, String>>>>;
type Handle = Rc<dyn Fn(LambdaEvent<Box<RawValue>>) -> Invocation>;

struct Theatre<'a> {
    schedule: &'a Schedule,
    stage: Arc<Stage>,
    handles: Vec<Option<Handle>>,
    workers: Vec<Worker>,
    outer: Arc<Mutex<Option<Waker>>>,
    rng: Rng,
    begun: Instant,
    invocations: usize,
    deliveries: usize,
    /// Deliveries still to come, beside what the queues hold.
    to_come: Vec<(Instant, Delivery)>,
    stops: Vec<Instant>,
    redrives_left: usize,
    redriven: Vec<String>,
    opened: Vec<String>,
    aliases: Vec<String>,
    figures: Figures,
}

/// An event on its way to a function.
#[derive(Clone)]
struct Delivery {
    event: String,
    request_id: String,
    batch: Option<Batch>,
    told: String,
}

struct Worker {
    slot: usize,
    number: usize,
    invocation: Invocation,
    flag: Arc<Flag>,
    waits: usize,
    frozen_until: Option<Instant>,
    ends: Instant,
    delivery: Delivery,
}

/// Whether a worker has something to do.
struct Flag {
    is_up: AtomicBool,
    outer: Arc<Mutex<Option<Waker>>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_up.store(true, Ordering::SeqCst);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

/// What can be done next.
enum Move {
    Step(usize),
    Receive(Queue),
    Bring(usize),
    Stop(usize),
}

impl<'a> Theatre<'a> {
    fn new(schedule: &'a Schedule, traced: bool) -> Self {
        let world = World::in_process();
        let stage = Arc::new(Stage::new(world, &schedule.slips, schedule.seed ^ 1, traced));
        let begun = Instant::now();
        let mut theatre = Self {
            schedule,
            stage,
            handles: vec![None; 3],
            workers: Vec::new(),
            outer: Arc::default(),
            rng: Rng::with_seed(schedule.seed ^ 2),
            begun,
            invocations: 0,
            deliveries: 0,
            to_come: Vec::new(),
            stops: schedule.stops.iter().map(|after| begun + *after).collect(),
            redrives_left: schedule.redrives,
            redriven: Vec::new(),
            opened: Vec::new(),
            aliases: Vec::new(),
            figures: Figures { schedules: 1, ..Figures::default() },
        };
        theatre.prepare();
        theatre
    }

    async fn run(mut self) -> Report {
        loop {
            self.end_workers();
            let moves = self.moves();
            if !moves.is_empty() {
                let chosen = self.rng.usize(..moves.len());
                self.make(moves.into_iter().nth(chosen));
            } else if let Some(moment) = self.next_moment() {
                self.idle(moment).await;
            } else if !self.redrive() {
                break;
            }
            if self.invocations > MOST_INVOCATIONS {
                break;
            }
        }
        self.report()
    }

    /// Targets and wishes.
    fn prepare(&mut self) {
        let world = &self.stage.world;
        world.queue().set_visibility_timeout(Duration::from_secs(150));
        let source = self.source_queue().cloned();
        if let Some(queue) = &source {
            queue.set_visibility_timeout(self.schedule.visibility);
        }
        for target in 0..2 {
            let made = match self.schedule.act {
                Act::Pipeline => world.image_builder().create_pipeline(&pipeline(target)),
                Act::Lifecycle | Act::State => {
                    world.image_builder().create_image(&image(target), "AVAILABLE")
                }
                Act::Builder => {
                    world.app_stream().create_image_builder(&builder(target), "STOPPED");
                    Ok(())
                }
            };
            if let Err(error) = made {
                panic!("the target is made: {error}");
            }
        }
        let wishes = self.schedule.wishes.iter().enumerate();
        let intents: Vec<_> = wishes
            .flat_map(|(place, wish)| {
                let intent = intent(self.schedule.act, place, wish);
                std::iter::repeat_n(intent, wish.copies)
            })
            .collect();
        match source {
            Some(queue) if self.schedule.source == Source::Fifo => {
                for (place, intent) in intents.iter().enumerate() {
                    let dedup = place.to_string();
                    let body = intent.to_string();
                    queue.send_with(&body, [].into(), Some("group"), Some(&dedup));
                }
            }
            Some(queue) => {
                for intent in &intents {
                    queue.send(&intent.to_string());
                }
            }
            None => {
                let mut event = json!({"intents": intents});
                if self.schedule.source == Source::Schedule {
                    event["scheduleArn"] =
                        json!("arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly");
                    event["scheduledTime"] = json!("2026-11-20T01:00:00Z");
                }
                let delivery = Delivery {
                    event: event.to_string(),
                    request_id: "request-1".to_owned(),
                    batch: None,
                    told: "the event".to_owned(),
                };
                self.to_come.push((self.begun, delivery));
            }
        }
    }

    fn source_queue(&self) -> Option<&Queue> {
        let world = &self.stage.world;
        match self.schedule.source {
            Source::Own => Some(world.queue()),
            Source::Other => Some(world.other_queue()),
            Source::Fifo => Some(world.fifo_queue()),
            Source::Direct | Source::Schedule => None,
        }
    }

    /// The queues that bring events: the function's own always, since it defers to it.
    fn queues(&self) -> [&Queue; 3] {
        let world = &self.stage.world;
        [world.queue(), world.other_queue(), world.fifo_queue()]
    }

    fn now(&self) -> SystemTime {
        self.stage.world.clock.now()
    }

    fn moves(&self) -> Vec<Move> {
        let now = Instant::now();
        let can_go = |worker: &Worker| {
            worker.frozen_until.is_none_or(|until| until <= now)
                && worker.flag.is_up.load(Ordering::SeqCst)
        };
        let places = self.workers.iter().enumerate();
        let mut moves: Vec<_> = places
            .filter(|(_, worker)| can_go(worker))
            .map(|(place, _)| Move::Step(place))
            .collect();
        if self.workers.len() < self.schedule.workers {
            for queue in self.queues() {
                let is_ready =
                    queue.messages().iter().any(|message| message.visible_at <= self.now());
                if is_ready && !self.is_blocked(queue) {
                    moves.push(Move::Receive(queue.clone()));
                }
            }
            let due = self.to_come.iter().position(|(moment, _)| *moment <= now);
            moves.extend(due.map(Move::Bring));
        }
        let due = self.stops.iter().position(|moment| *moment <= now);
        moves.extend(due.map(Move::Stop));
        moves
    }

    /// Whether a message of the FIFO queue's one group is in flight.
    fn is_blocked(&self, queue: &Queue) -> bool {
        queue.messages().iter().any(|message| {
            message.group.is_some() && message.receive_count > 0 && message.visible_at > self.now()
        })
    }

    fn make(&mut self, chosen: Option<Move>) {
        match chosen {
            Some(Move::Step(place)) => self.step(place),
            Some(Move::Receive(queue)) => {
                if let Some(batch) = queue.poll(10) {
                    self.deliver_batch(batch);
                }
            }
            Some(Move::Bring(place)) => {
                let (_, delivery) = self.to_come.remove(place);
                self.invoke(delivery);
            }
            Some(Move::Stop(place)) => self.stop(place),
            None => {}
        }
    }

    fn deliver_batch(&mut self, batch: Batch) {
        let told: Vec<_> = batch.ids().into_iter().map(|id| self.alias(&id)).collect();
        let delivery = Delivery {
            event: batch.event.to_string(),
            request_id: "request-of-a-batch".to_owned(),
            batch: Some(batch),
            told: told.join(", "),
        };
        self.invoke(delivery);
    }

    /// A name for a message's id, which is random.
    fn alias(&mut self, id: &str) -> String {
        let place = self.aliases.iter().position(|known| known == id).unwrap_or_else(|| {
            self.aliases.push(id.to_owned());
            self.aliases.len() - 1
        });
        format!("message {place}")
    }

    fn invoke(&mut self, delivery: Delivery) {
        let now = Instant::now();
        let number = self.deliveries;
        self.deliveries += 1;
        for (of, after) in &self.schedule.echoes {
            if *of == number {
                self.figures.duplicates += 1;
                self.to_come.push((now + *after, delivery.clone()));
            }
        }
        let is_free = |slot: &usize| self.workers.iter().all(|worker| worker.slot != *slot);
        let slot = (0..3).find(is_free).unwrap_or(0);
        self.stage.tell(|| format!("invocation {number} on worker {slot}: {}", delivery.told));
        let handle = self.handle(slot);
        let deadline = self.stage.world.clock.epoch_millis() + millis(TIMEOUT);
        let mut context = lambda_runtime::Context::default();
        context.request_id.clone_from(&delivery.request_id);
        context.deadline = deadline;
        let payload: Box<RawValue> = match serde_json::from_str(&delivery.event) {
            Ok(payload) => payload,
            Err(error) => panic!("the event is JSON: {error}"),
        };
        let flag = Flag { is_up: AtomicBool::new(true), outer: Arc::clone(&self.outer) };
        self.invocations += 1;
        self.workers.push(Worker {
            slot,
            number,
            invocation: handle(LambdaEvent::new(payload, context)),
            flag: Arc::new(flag),
            waits: 0,
            frozen_until: None,
            ends: now + TIMEOUT,
            delivery,
        });
    }

    /// The function as it runs in this place: a process of its own, with its own clock.
    fn handle(&mut self, slot: usize) -> Handle {
        let handle = self.handles[slot].take().unwrap_or_else(|| {
            let config = self.config(slot);
            match self.schedule.act {
                Act::Pipeline => self.process(&config, StartImagePipelineExecution::new),
                Act::Lifecycle | Act::State => self.process(&config, StartResourceStateUpdate::new),
                Act::Builder => self.process(&config, StartImageBuilder::new),
            }
        });
        self.handles[slot] = Some(Rc::clone(&handle));
        handle
    }

    fn config(&self, slot: usize) -> SdkConfig {
        let config = self.stage.world.sdk_config();
        let inner = config.http_client().unwrap_or_else(|| panic!("the world has a client"));
        let wire = Wire { worker: slot, stage: Arc::clone(&self.stage), inner };
        let clock = Skewed { clock: self.stage.world.clock.clone(), by: self.schedule.skews[slot] };
        let config = config
            .to_builder()
            .http_client(SharedHttpClient::new(wire))
            .time_source(SharedTimeSource::new(clock))
            // The SDK counts retries by service and region, in one count for the whole process.
            .region(fresh_region())
            .build();
        sdk::bounded(&config)
    }

    fn process<O: Operation + 'static>(
        &self,
        config: &SdkConfig,
        operation: impl FnOnce(&SdkConfig) -> O,
    ) -> Handle {
        let environment = self.stage.world.environment();
        let environment = Environment::read(|variable| environment.get(variable).cloned());
        let environment = environment.unwrap_or_else(|error| panic!("{error}"));
        let driver = Rc::new(Driver::new(operation(config), config, &environment));
        Rc::new(move |event| {
            let driver = Rc::clone(&driver);
            Box::pin(async move {
                let answer = driver.handle(event).await.map_err(|error| error.error_message)?;
                serde_json::to_value(answer).map_err(|error| error.to_string())
            })
        })
    }

    /// One turn of one worker: until it waits, or ends, or dies.
    fn step(&mut self, place: usize) {
        let worker = &mut self.workers[place];
        worker.flag.is_up.store(false, Ordering::SeqCst);
        worker.frozen_until = None;
        let waker = Waker::from(Arc::clone(&worker.flag));
        let polled = worker.invocation.as_mut().poll(&mut Context::from_waker(&waker));
        let point = Point { invocation: worker.number, wait: worker.waits };
        worker.waits += 1;
        if self.schedule.crashes.contains(&point) {
            self.figures.crashes += 1;
            self.stage.tell(|| format!("  worker {} dies at {point}", self.workers[place].slot));
            self.kill(place);
            return;
        }
        match polled {
            Poll::Pending => self.freeze(place, point),
            Poll::Ready(answer) => {
                let worker = self.workers.remove(place);
                self.answer(worker, answer);
            }
        }
    }

    fn freeze(&mut self, place: usize, point: Point) {
        let mut freezes = self.schedule.freezes.iter();
        let Some((_, time)) = freezes.find(|(at, _)| *at == point) else { return };
        let time = match self.schedule.act {
            // Nothing but time guards a start that has no token.
            Act::Builder => (*time).min(LONGEST_FLIGHT),
            _ => *time,
        };
        let worker = &mut self.workers[place];
        let thaws = Instant::now() + time;
        worker.frozen_until = Some(thaws);
        worker.ends = worker.ends.max(thaws + AFTERLIFE);
        worker.flag.is_up.store(true, Ordering::SeqCst);
        self.figures.freezes += 1;
        self.stage
            .tell(|| format!("  worker {} stands still for {time:?} at {point}", worker.slot));
    }

    /// Lambda ends what runs past its time.
    fn end_workers(&mut self) {
        let now = Instant::now();
        while let Some(place) = self.workers.iter().position(|worker| worker.ends <= now) {
            self.stage.tell(|| format!("  worker {} is out of time", self.workers[place].slot));
            self.kill(place);
        }
    }

    fn kill(&mut self, place: usize) {
        let worker = self.workers.remove(place);
        drop(worker.invocation);
        self.handles[worker.slot] = None;
        self.bring_again(worker.delivery);
    }

    /// What has no queue behind it is brought again by Lambda.
    fn bring_again(&mut self, delivery: Delivery) {
        if delivery.batch.is_none() {
            self.to_come.push((Instant::now() + LAMBDA_RETRY, delivery));
        }
    }

    fn answer(&mut self, worker: Worker, answer: Result<Value, String>) {
        let Worker { slot, delivery, .. } = worker;
        match (answer, delivery.batch) {
            (Ok(answer), Some(batch)) => {
                let again = batch.answer(&answer);
                let again: Vec<_> = again.into_iter().map(|id| self.alias(&id)).collect();
                self.stage
                    .tell(|| format!("  worker {slot} ends; come again: {}", again.join(", ")));
            }
            (Ok(_), None) => self.stage.tell(|| format!("  worker {slot} ends")),
            (Err(error), batch) => {
                self.stage.tell(|| format!("  worker {slot} fails: {error}"));
                self.bring_again(Delivery { batch, ..delivery });
            }
        }
    }

    /// A person stops what runs.
    fn stop(&mut self, place: usize) {
        self.stops.remove(place);
        let app_stream = self.stage.world.app_stream();
        for (name, state) in app_stream.states() {
            if state == "RUNNING" && app_stream.stop_image_builder(&name).is_ok() {
                self.figures.stops += 1;
                self.stage.tell(|| format!("a person stops {name}"));
            }
        }
    }

    /// When the next thing happens by itself.
    fn next_moment(&self) -> Option<Instant> {
        let now = Instant::now();
        let workers = self.workers.iter().map(|worker| worker.frozen_until.unwrap_or(worker.ends));
        let to_come = self.to_come.iter().map(|(moment, _)| *moment);
        let messages = self.queues().into_iter().flat_map(Queue::messages);
        let visible = messages.map(|message| now + until(self.now(), message.visible_at));
        let moments = workers.chain(to_come).chain(visible).chain(self.stops.iter().copied());
        // What is due already waits for a worker.
        moments.filter(|moment| *moment > now).min()
    }

    /// Lets time pass until a worker has something to do, and no longer than to this moment.
    async fn idle(&self, moment: Instant) {
        let mut sleep = std::pin::pin!(tokio::time::sleep_until(moment));
        let now = Instant::now();
        poll_fn(|context| {
            *self.outer.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.waker().clone());
            let is_up = |worker: &Worker| {
                worker.frozen_until.is_none_or(|until| until <= now)
                    && worker.flag.is_up.load(Ordering::SeqCst)
            };
            if self.workers.iter().any(is_up) {
                return Poll::Ready(());
            }
            sleep.as_mut().poll(context)
        })
        .await;
    }

    /// A person sends every dead letter again, as `reveille redrive` does. Whether there was one.
    fn redrive(&mut self) -> bool {
        if self.redrives_left == 0 {
            return false;
        }
        self.redrives_left -= 1;
        let world = &self.stage.world;
        let Some(letters) = world.dead_letters().poll(10) else { return false };
        let records = letters.event["Records"].as_array().cloned().unwrap_or_default();
        letters.answer(&Value::Null);
        for record in records {
            let body = record["body"].as_str().unwrap_or_default();
            self.figures.redrives += 1;
            let wish = crate::wire::wish_in(body).unwrap_or_default();
            self.stage.tell(|| format!("a person sends the dead letter of {wish} again"));
            if self.open(&record["messageAttributes"]) {
                self.opened.push(wish.clone());
            }
            self.redriven.push(wish);
            self.stage.world.queue().send(body);
        }
        true
    }

    /// The person decides to carry out again what nobody knows the outcome of; whether it was such
    /// a wish.
    fn open(&self, letter: &Value) -> bool {
        let attribute = |name: &str| letter[name]["stringValue"].as_str().unwrap_or_default();
        let key = format!("{}#{}", attribute("operation"), attribute("token"));
        let world = &self.stage.world;
        match world.ledger_item(&key) {
            Some(mut item)
                if item["status"] == "REJECTED" && attribute("errorCode") == "OutcomeUnknown" =>
            {
                item["claimableFrom"] = json!(0);
                world.put_ledger_item(&item);
                true
            }
            _ => false,
        }
    }

    fn report(mut self) -> Report {
        let log = self.stage.log();
        let Log { requests, requests_lost, answers_lost, refusals, .. } = log;
        let ending = check::Ending {
            schedule: self.schedule,
            world: &self.stage.world,
            log: &log,
            redriven: &self.redriven,
            opened: &self.opened,
            is_settled: self.invocations <= MOST_INVOCATIONS,
        };
        let verdict = ending.check();
        self.figures.invocations = count(self.invocations);
        self.figures.requests = count(requests);
        self.figures.requests_lost = count(requests_lost);
        self.figures.answers_lost = count(answers_lost);
        self.figures.refusals = count(refusals);
        self.figures.wishes = count(self.schedule.wishes.len());
        self.figures.effects = count(log.effects.len());
        self.figures.dead_letters = count(self.stage.world.dead_letters().messages().len());
        self.figures.double_effects = verdict.double_effects;
        self.figures.losses = verdict.losses;
        Report {
            violations: verdict.violations,
            ledger: ending.ledger(),
            trace: log.trace.unwrap_or_default(),
            figures: self.figures,
        }
    }
}

/// The world's clock as one worker reads it.
#[derive(Debug)]
struct Skewed {
    clock: Clock,
    /// In milliseconds.
    by: i64,
}

impl TimeSource for Skewed {
    fn now(&self) -> SystemTime {
        let by = Duration::from_millis(self.by.unsigned_abs());
        if self.by < 0 { self.clock.now() - by } else { self.clock.now() + by }
    }
}

fn fresh_region() -> Region {
    use std::sync::atomic::AtomicU64;
    static REGIONS: AtomicU64 = AtomicU64::new(0);
    Region::new(format!("world-{}", REGIONS.fetch_add(1, Ordering::Relaxed)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The intent of a wish, which names it in a field that reaches the service.
fn intent(act: Act, place: usize, wish: &Wish) -> Value {
    let name = format!("wish-{place}");
    let mut intent = match act {
        Act::Pipeline => {
            json!({"imagePipelineArn": pipeline(wish.target), "tags": {"wish": name}})
        }
        Act::Lifecycle => json!({
            "resourceArn": image(wish.target),
            "state": {"status": "DEPRECATED"},
            "executionRole": name,
            "includeResources": {"amis": true},
        }),
        Act::State => {
            json!({"resourceArn": image(wish.target), "state": {"status": "DEPRECATED"}})
        }
        Act::Builder => {
            json!({"Name": builder(wish.target), "AppstreamAgentVersion": name})
        }
    };
    if act == Act::State {
        // Nothing else in its request could name it.
        intent["clientToken"] = json!(name);
    } else if wish.is_rival {
        intent["clientToken"] = json!("token-0");
    } else if wish.has_token {
        intent["clientToken"] = json!(format!("token-{place}"));
    }
    if let Some(after) = wish.not_after {
        let at = check::beginning() + after;
        intent["notAfter"] = json!(shared::clock::Timestamp::from(at).to_string());
    }
    if wish.skips {
        intent["whenBusy"] = json!("skip");
    }
    if wish.is_invalid {
        intent["unknownField"] = json!(true);
    }
    intent
}

pub(crate) fn pipeline(target: usize) -> String {
    format!("arn:aws:imagebuilder:us-east-1:123456789012:image-pipeline/target-{target}")
}

pub(crate) fn image(target: usize) -> String {
    format!("arn:aws:imagebuilder:us-east-1:123456789012:image/target-{target}/1.0.0/1")
}

pub(crate) fn builder(target: usize) -> String {
    format!("target-{target}")
}
