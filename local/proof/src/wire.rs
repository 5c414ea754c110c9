//! The HTTP client of each worker: it waits before and after every request, so that an invocation
//! can die there, lets planned requests go wrong, and notes what was done.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use fastrand::Rng;
use harness::{Fault, World};
use serde_json::Value;

use crate::plan::Slip;

/// What the workers share: the world, what is to go wrong in it, and what has happened.
pub(crate) struct Stage {
    pub(crate) world: World,
    script: Mutex<Script>,
}

struct Script {
    slips: HashMap<usize, Slip>,
    rng: Rng,
    log: Log,
}

/// What has happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) requests: usize,
    pub(crate) requests_lost: usize,
    pub(crate) answers_lost: usize,
    pub(crate) refusals: usize,
    pub(crate) effects: Vec<Effect>,
    /// The transitions of the ledger that must not be, in words.
    pub(crate) undone: Vec<String>,
    /// In words, one line each; none where nobody reads them.
    pub(crate) trace: Option<Vec<String>>,
    statuses: HashMap<String, String>,
}

/// Something that was started.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    /// The wish that the request named.
    pub(crate) wish: String,
    pub(crate) at: SystemTime,
}

impl Stage {
    pub(crate) fn new(world: World, slips: &[(usize, Slip)], seed: u64, traced: bool) -> Self {
        let log = Log { trace: traced.then(Vec::new), ..Log::default() };
        let slips = slips.iter().copied().collect();
        Self { world, script: Mutex::new(Script { slips, rng: Rng::with_seed(seed), log }) }
    }

    pub(crate) fn log(&self) -> Log {
        self.script().log.clone()
    }

    /// Writes a line into the trace, if there is one.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        let now = self.world.clock.epoch_millis().saturating_sub(START);
        if let Some(trace) = &mut self.script().log.trace {
            let (seconds, millis) = (now / 1000, now % 1000);
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            trace.push(format!(
                "{hours:02}:{minutes:02}:{:02}.{millis:03}  {}",
                seconds % 60,
                line()
            ));
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number, and what is to happen to it.
    fn begin(&self) -> (usize, Option<Slip>) {
        let mut script = self.script();
        let number = script.log.requests;
        script.log.requests += 1;
        let slip = script.slips.remove(&number);
        match slip {
            Some(slip) if slip.is_request_lost() => script.log.requests_lost += 1,
            Some(slip) if slip.is_answer_lost() => script.log.answers_lost += 1,
            Some(_) => script.log.refusals += 1,
            None => {}
        }
        (number, slip)
    }

    /// The jitter of a deferral is random in the function; here it is drawn from the seed.
    fn delay(&self) -> u64 {
        let rng = &mut self.script().rng;
        let longest = [30, 30, 120, 900][rng.usize(..4)];
        rng.u64(1..=longest)
    }

    fn arrange(&self, request: &Asked, slip: Slip) {
        if let (Slip::StatementThrottled, Some(key)) = (slip, &request.key) {
            return self.world.refuse_statement(key, "ThrottlingError");
        }
        let fault = fault(request.service, slip);
        match request.service {
            Service::Ledger => self.world.dynamodb().fault(&request.operation, fault),
            Service::Queue => self.world.sqs().fault(&request.operation, fault),
            Service::Images => self.world.image_builder().fault(&request.operation, fault),
            Service::Builders => self.world.app_stream().fault(&request.operation, fault),
        }
    }

    fn effects(&self) -> usize {
        self.world.image_builder().effects() + self.world.app_stream().effects()
    }

    fn note_effect(&self, request: &Asked) {
        let effect =
            Effect { wish: request.wish.clone().unwrap_or_default(), at: self.world.clock.now() };
        self.tell(|| format!("    effect: {} is carried out", effect.wish));
        self.script().log.effects.push(effect);
    }

    /// What the ledger holds after a write, and whether something final was undone by it.
    pub(crate) fn watch_ledger(&self) {
        for item in self.world.ledger_items() {
            let wish = wish_in(&item["request"].to_string()).unwrap_or_default();
            let status = item["status"].as_str().unwrap_or_default().to_owned();
            let doubt = if item["doubtSince"].is_null() { "" } else { ", in doubt" };
            let told =
                format!("{status}{doubt} {}", item["errorCode"].as_str().unwrap_or_default());
            let key = item["token"].to_string();
            let before = self.script().log.statuses.insert(key, told.clone());
            if before.as_ref() != Some(&told) {
                self.tell(|| format!("    ledger: {wish} is {told}"));
            }
            if let Some(before) = before.filter(|before| is_final(before) && !is_final(&told)) {
                let line = format!("{wish} was {before}, and became {told}");
                self.script().log.undone.push(line);
            }
        }
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stage")
    }
}

fn is_final(told: &str) -> bool {
    ["STARTED", "SKIPPED", "CANCELLED"].iter().any(|status| told.starts_with(status))
}

/// 2026-11-20T01:00:00Z in milliseconds, where every world begins.
pub(crate) const START: u64 = 1_795_136_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Ledger,
    Queue,
    Images,
    Builders,
}

/// A request as far as the proof reads it.
struct Asked {
    service: Service,
    operation: String,
    wish: Option<String>,
    /// The item that its first statement is about.
    key: Option<String>,
}

impl Asked {
    fn of(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let path = request.uri().split('?').next().unwrap_or_default();
        let last = |text: &str, mark| text.rsplit(mark).next().unwrap_or_default().to_owned();
        let (service, operation) = match target {
            "" if path.contains("/service/") => (Service::Builders, last(path, '/')),
            "" => (Service::Images, last(path, '/')),
            target if target.starts_with("DynamoDB") => (Service::Ledger, last(target, '.')),
            target => (Service::Queue, last(target, '.')),
        };
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        Self { service, operation, wish: wish_in(&body), key: first_key(&body) }
    }
}

/// The item that the first statement of a batch is about.
fn first_key(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let parameters = body["Statements"][0]["Parameters"].as_array()?;
    let texts = parameters.iter().filter_map(|parameter| parameter["S"].as_str());
    texts.filter(|text| text.starts_with("Start") && text.contains('#')).map(str::to_owned).next()
}

/// The name of the wish in a text that carries one, as in `wish-2`.
pub(crate) fn wish_in(text: &str) -> Option<String> {
    let start = text.find("wish-")?;
    text.get(start..start + "wish-0".len()).map(str::to_owned)
}

/// The fault as the harness plays it, with the service's own codes.
fn fault(service: Service, slip: Slip) -> Fault {
    let (throttled, unavailable, busy, denied) = match service {
        Service::Ledger => (
            ("ProvisionedThroughputExceededException", 400),
            ("InternalServerError", 500),
            ("TransactionConflictException", 400),
            ("AccessDeniedException", 400),
        ),
        Service::Queue => (
            ("RequestThrottled", 400),
            ("InternalError", 500),
            ("ServiceUnavailable", 503),
            ("AccessDeniedException", 403),
        ),
        Service::Images => (
            ("CallRateLimitExceededException", 429),
            ("ServiceUnavailableException", 503),
            ("ResourceInUseException", 400),
            ("ForbiddenException", 403),
        ),
        Service::Builders => (
            ("ThrottlingException", 400),
            ("InternalFailure", 500),
            ("ConcurrentModificationException", 400),
            ("AccessDeniedException", 400),
        ),
    };
    let error = |(code, status)| Fault::error(code, status);
    match slip {
        Slip::RequestLost => Fault::drop(),
        Slip::AnswerLost => Fault::drop().after_work(),
        Slip::RequestHangs => Fault::hang(),
        Slip::AnswerHangs => Fault::hang().after_work(),
        Slip::Throttled | Slip::StatementThrottled => error(throttled),
        Slip::Unavailable => error(unavailable),
        Slip::UnavailableAfterWork => error(unavailable).after_work(),
        Slip::BadGateway => Fault::bad_gateway(),
        Slip::BadGatewayAfterWork => Fault::bad_gateway().after_work(),
        Slip::Unreadable => Fault::unreadable(),
        Slip::Truncated => Fault::truncated(),
        Slip::Busy => error(busy),
        Slip::Denied => error(denied),
    }
}

/// The HTTP client of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) worker: usize,
    pub(crate) stage: Arc<Stage>,
    pub(crate) inner: SharedHttpClient,
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { wire: self.clone(), inner })
    }
}

#[derive(Debug)]
struct Connector {
    wire: Wire,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (wire, inner) = (self.wire.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move { wire.answer(&inner, request).await })
    }
}

impl Wire {
    async fn answer(
        &self,
        inner: &SharedHttpConnector,
        mut request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let asked = Asked::of(&request);
        let (number, slip) = self.stage.begin();
        let told = || {
            let wish = asked.wish.as_deref().unwrap_or("");
            format!("  worker {} request {number}: {} {wish}", self.worker, asked.operation)
        };
        self.stage.tell(told);
        wait().await;
        if asked.service == Service::Queue {
            self.redraw_delays(&mut request);
        }
        if let Some(slip) = slip {
            self.stage.tell(|| format!("    fault at request {number}: {slip:?}"));
            self.stage.arrange(&asked, slip);
        }
        let answer = self.perform(inner, request, &asked).await;
        self.stage.tell(|| match &answer {
            Ok(answer) => format!("    answer {number}: {}", answer.status().as_u16()),
            Err(_) => format!("    answer {number}: none, the connection ended"),
        });
        wait().await;
        answer
    }

    /// The work, which an answer that never comes does not keep from being seen here.
    async fn perform(
        &self,
        inner: &SharedHttpConnector,
        request: HttpRequest,
        asked: &Asked,
    ) -> Result<HttpResponse, ConnectorError> {
        let before = self.stage.effects();
        let mut call = inner.call(request);
        let mut is_noted = false;
        poll_fn(|context| {
            let answer = std::pin::Pin::new(&mut call).poll(context);
            if !std::mem::replace(&mut is_noted, true) {
                if self.stage.effects() > before {
                    self.stage.note_effect(asked);
                }
                if asked.service == Service::Ledger {
                    self.stage.watch_ledger();
                }
            }
            answer
        })
        .await
    }

    fn redraw_delays(&self, request: &mut HttpRequest) {
        let body = request.body().bytes().unwrap_or_default();
        let Ok(mut body) = serde_json::from_slice::<Value>(body) else { return };
        self.redraw(&mut body);
        *request.body_mut() = body.to_string().into();
    }

    fn redraw(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if matches!(name.as_str(), "DelaySeconds" | "VisibilityTimeout") {
                        *field = self.stage.delay().into();
                    } else {
                        self.redraw(field);
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.redraw(value)),
            _ => {}
        }
    }
}

/// Gives way once: a point at which an invocation may die, or stand still.
async fn wait() {
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How far the world's clock is behind a moment.
pub(crate) fn until(now: SystemTime, then: SystemTime) -> Duration {
    then.duration_since(now).unwrap_or_default()
}
