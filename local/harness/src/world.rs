//! Everything a function meets, in one value.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use serde_json::{Value, json};
use simulator::server::Server;
use simulator::{AppStream, Clock, ImageBuilder, Nimble, Services};
use tokio::net::TcpListener;

use crate::endpoints::Endpoints;
use crate::ledger::{Ledger, TABLE};
use crate::must::must;
use crate::proxy::{Proxy, forwarding};
use crate::queue::{Queue, Redrive};
use crate::sqs;
use crate::wire::{Host, Wire};

/// 2026-11-20T01:00:00Z in seconds from the Unix epoch.
const START: u64 = 1_795_136_400;
const REGION: &str = "us-east-1";
const CREDENTIAL: &str = "test";

/// A clock, an Image Builder, an AppStream, a Nimble Studio, a ledger table named `ledger` and the
/// queues `queue` (redrive to `dead-letters` after 200 receives), `dead-letters`, `other` and
/// `queue.fifo`.
pub struct World {
    /// The clock that everything asks.
    pub clock: Clock,
    services: Services,
    services_url: String,
    ledger: Ledger,
    dynamodb: Proxy,
    queues: Queues,
    sqs: Proxy,
    network: Network,
}

/// How requests reach the services.
enum Network {
    /// Over the loopback interface; it ends when these are dropped.
    Loopback { _servers: Vec<Server> },
    /// Without sockets.
    Wire(Wire),
}

struct Queues {
    own: Queue,
    dead_letters: Queue,
    other: Queue,
    fifo: Queue,
}

impl World {
    /// A world whose clock stands at 2026-11-20T01:00:00Z until it is advanced.
    pub async fn start() -> Self {
        Self::start_by(Clock::held(start())).await
    }

    /// A world on the machine's clock, for running a real binary.
    pub async fn start_real() -> Self {
        Self::start_by(Clock::real()).await
    }

    /// A world on this clock, over the loopback interface.
    pub async fn start_by(clock: Clock) -> Self {
        must("the world starts", Self::over_loopback(clock).await)
    }

    /// A world without sockets, whose clock stands at 2026-11-20T01:00:00Z and then goes with the
    /// Tokio runtime's. In a paused runtime a wait of hours is over at once, and none is over
    /// before everything that can be done has been done.
    #[must_use]
    pub fn in_process() -> Self {
        let clock = Clock::of_runtime(start());
        let services = Services::new(&clock);
        let ledger = Ledger::new();
        let dynamodb = Proxy::on_host(clock.clone(), ledger.router(), "dynamodb.world");
        let queues = Queues::new("http://sqs.world", &clock);
        let sqs = Proxy::on_host(clock.clone(), sqs::router(queues.all()), "sqs.world");
        let front = Host::new("services.world", services.router());
        let services_url = front.url();
        let hosts = [dynamodb.host(), sqs.host(), Some(&front)].into_iter().flatten().cloned();
        let network = Network::Wire(Wire::new(clock.clone(), hosts));
        Self { clock, services, services_url, ledger, dynamodb, queues, sqs, network }
    }

    async fn over_loopback(clock: Clock) -> io::Result<Self> {
        let services = Services::new(&clock);
        let front = Server::start(0, services.router(), clock.clone()).await?;
        let services_url = front.url();
        let mut ledger = Ledger::new();
        let dynamodb = Proxy::on_port(clock.clone(), forwarding(ledger.serve().await?))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let sqs = Proxy::on_port(clock.clone(), forwarding(listener.local_addr()?))?;
        let queues = Queues::new(&sqs.url(), &clock);
        let behind = Server::start_on(listener, sqs::router(queues.all()), clock.clone())?;
        let network = Network::Loopback { _servers: vec![front, behind] };
        Ok(Self { clock, services, services_url, ledger, dynamodb, queues, sqs, network })
    }

    /// The Image Builder: pipelines, builds, faults, what it was asked.
    #[must_use]
    pub fn image_builder(&self) -> ImageBuilder {
        self.services.image_builder()
    }

    /// The AppStream: image builders, their states, faults, what it was asked.
    #[must_use]
    pub fn app_stream(&self) -> AppStream {
        self.services.app_stream()
    }

    /// The Nimble Studio: streaming sessions, their states, faults, what it was asked.
    #[must_use]
    pub fn nimble(&self) -> Nimble {
        self.services.nimble()
    }

    /// The function's own queue.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queues.own
    }

    /// The function's dead-letter queue.
    #[must_use]
    pub fn dead_letters(&self) -> &Queue {
        &self.queues.dead_letters
    }

    /// A queue of another team, which is a source of events too.
    #[must_use]
    pub fn other_queue(&self) -> &Queue {
        &self.queues.other
    }

    /// A FIFO queue.
    #[must_use]
    pub fn fifo_queue(&self) -> &Queue {
        &self.queues.fifo
    }

    /// What stands before DynamoDB: request counts and faults by operation (`PutItem`, …).
    #[must_use]
    pub fn dynamodb(&self) -> &Proxy {
        &self.dynamodb
    }

    /// What stands before SQS: request counts and faults by operation (`SendMessage`, …).
    #[must_use]
    pub fn sqs(&self) -> &Proxy {
        &self.sqs
    }

    /// The configuration that the SDK's clients are made from, as `aws_config` would load it in
    /// a function, except that they speak plain HTTP or none at all, tell the time by the world's
    /// clock, and, where waiting takes real time, wait a millisecond before a retry and not a
    /// second.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        self.sdk_config_by(self.clock.clone())
    }

    /// The same for a machine with a clock of its own.
    #[must_use]
    pub fn sdk_config_by(&self, clock: Clock) -> SdkConfig {
        let credentials = Credentials::new(CREDENTIAL, CREDENTIAL, None, None, "harness");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .service_config(Endpoints(self.process_environment()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(WorldTime(clock)));
        let retries = RetryConfig::standard();
        match &self.network {
            Network::Loopback { .. } => config
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .retry_config(retries.with_initial_backoff(Duration::from_millis(1))),
            Network::Wire(wire) => {
                config.http_client(SharedHttpClient::new(wire.clone())).retry_config(retries)
            }
        }
        .build()
    }

    /// The function's own variables: `LEDGER_TABLE`, `QUEUE_URL`, `DEAD_LETTER_QUEUE_URL`.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        variables([
            ("LEDGER_TABLE", TABLE),
            ("QUEUE_URL", self.queue().url()),
            ("DEAD_LETTER_QUEUE_URL", self.dead_letters().url()),
        ])
    }

    /// The same with the SDK's variables, for a spawned process.
    #[must_use]
    pub fn process_environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.environment();
        environment.extend(variables([
            ("AWS_ENDPOINT_URL_APPSTREAM", &self.services_url),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url()),
            ("AWS_ENDPOINT_URL_IMAGEBUILDER", &self.services_url),
            ("AWS_ENDPOINT_URL_NIMBLE", &self.services_url),
            ("AWS_ENDPOINT_URL_SQS", &self.sqs.url()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", CREDENTIAL),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIAL),
        ]));
        environment
    }

    /// Every item of the ledger as plain JSON, sorted by token.
    #[must_use]
    pub fn ledger_items(&self) -> Vec<Value> {
        self.ledger.items()
    }

    /// The item with this `token`, as plain JSON.
    #[must_use]
    pub fn ledger_item(&self, token: &str) -> Option<Value> {
        self.ledger.item(token)
    }

    /// Writes an item as it is, over whatever was there.
    pub fn put_ledger_item(&self, item: &Value) {
        self.ledger.put(item);
    }

    /// Removes an item.
    pub fn delete_ledger_item(&self, token: &str) {
        self.ledger.delete(token);
    }

    /// Sets an item's `expiresAt` to the second before now, and leaves the item there, as
    /// DynamoDB does for a while.
    pub fn expire_ledger_item(&self, token: &str) {
        let item = self.ledger.item(token).ok_or_else(|| format!("found no item '{token}'"));
        let mut item = must("the item expires", item);
        item["expiresAt"] = json!(self.clock.epoch_millis() / 1000 - 1);
        self.ledger.put(&item);
    }

    /// Makes DynamoDB refuse the next statement about the item with this `token`, by this code, and
    /// carry out the others of its request. Of a world without sockets only.
    pub fn refuse_statement(&self, token: &str, code: &str) {
        self.ledger.refuse_statement(token, code);
    }

    /// Makes DynamoDB unreachable: connections are refused. The ledger can still be read here.
    pub async fn break_ledger(&self) {
        self.dynamodb.refuse().await;
    }

    /// Makes DynamoDB reachable again.
    pub async fn heal_ledger(&self) {
        self.dynamodb.restore().await;
    }

    /// Makes SQS unreachable: connections are refused. A [`Queue`] still works.
    pub async fn break_queues(&self) {
        self.sqs.refuse().await;
    }

    /// Makes SQS reachable again.
    pub async fn heal_queues(&self) {
        self.sqs.restore().await;
    }
}

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(START)
}

impl Queues {
    fn new(endpoint: &str, clock: &Clock) -> Self {
        let queue = |name| Queue::new(name, endpoint, clock.clone(), None);
        let dead_letters = queue("dead-letters");
        let redrive = Redrive { dead_letters: dead_letters.clone(), max_receive_count: 200 };
        Self {
            own: Queue::new("queue", endpoint, clock.clone(), Some(redrive)),
            dead_letters,
            other: queue("other"),
            fifo: queue("queue.fifo"),
        }
    }

    fn all(&self) -> Vec<Queue> {
        [&self.own, &self.dead_letters, &self.other, &self.fifo].map(Clone::clone).to_vec()
    }
}

/// The world's clock as the SDK asks it.
#[derive(Debug)]
struct WorldTime(Clock);

impl TimeSource for WorldTime {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
