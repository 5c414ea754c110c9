//! What the contestants find in place of AWS: the same for all of them.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use simulator::{Clock, ImageBuilder, Services};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Outcome;
use crate::event::{BATCH, pipeline};
use crate::front::{Front, Traffic};
use crate::http::{Port, Tls};
use crate::store::{IDEMPOTENCY, LEDGER, Store};
use crate::timer::Timer;

/// How far away the cloud is, where it is not next door: what is added to each of its answers.
pub(crate) const AWAY: Duration = Duration::from_millis(5);

/// Where systems keep the certificates that they trust; Amazon Linux has the second.
const ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// A store, an Image Builder, and queues that nobody should have use for.
pub(crate) struct Cloud {
    pub(crate) store: Store,
    dynamodb: Service,
    image_builder: Service,
    sqs: Service,
    simulated: Mutex<ImageBuilder>,
    /// A file with the certificates that a client has to trust.
    roots: PathBuf,
}

struct Service {
    front: Front,
    plain: Port,
    secure: Port,
}

/// How a contestant speaks to the cloud.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Secure,
}

/// What crossed the wire to each service.
pub(crate) struct Crossed {
    pub(crate) dynamodb: Traffic,
    pub(crate) image_builder: Traffic,
    pub(crate) sqs: Traffic,
}

impl Crossed {
    /// How long the services worked on it, one after another: they share a thread.
    pub(crate) fn busy(&self) -> Duration {
        self.dynamodb.busy + self.image_builder.busy + self.sqs.busy
    }
}

impl Cloud {
    /// Starts it; the file of certificates is written to this folder.
    pub(crate) async fn start(folder: &Path) -> Outcome<Self> {
        let (timer, roots) = (Timer::start(), folder.join("roots.pem"));
        let tls = Tls { acceptor: acceptor(&roots)?, distance: AWAY, timer: timer.clone() };
        let open = async |router| Service::open(Front::of(router, &timer), &tls).await;
        let store = Store::open()?;
        let (simulated, services) = image_builder()?;
        Ok(Self {
            dynamodb: open(store.router()).await?,
            image_builder: open(services).await?,
            // It answers 404, and the request is counted.
            sqs: open(Router::new()).await?,
            store,
            simulated: Mutex::new(simulated),
            roots,
        })
    }

    /// Begins with an Image Builder that has built nothing. It looks through all of its images at each
    /// start, and so would grow slower than the functions.
    pub(crate) fn renew_image_builder(&self) -> Outcome<()> {
        let (simulated, services) = image_builder()?;
        self.image_builder.front.replace(services);
        *self.simulated() = simulated;
        Ok(())
    }

    /// Begins with an empty store, which takes longer for a write the more it holds.
    pub(crate) fn renew_store(&mut self) -> Outcome<()> {
        self.store = Store::open()?;
        self.dynamodb.front.replace(self.store.router());
        Ok(())
    }

    /// How many builds were started since.
    pub(crate) fn builds(&self) -> usize {
        self.simulated().effects()
    }

    /// Adds this to each answer of the cloud.
    pub(crate) fn set_distance(&self, distance: Duration) {
        for service in self.services() {
            service.front.set_distance(distance);
        }
    }

    /// What has crossed the wire since the last time.
    pub(crate) fn take_traffic(&self) -> Crossed {
        let [dynamodb, image_builder, sqs] = self.services().map(|one| one.front.take_traffic());
        Crossed { dynamodb, image_builder, sqs }
    }

    /// The variables by which a contestant finds it.
    pub(crate) fn environment(&self, wire: Wire) -> Vec<(&'static str, String)> {
        let [dynamodb, image_builder, sqs] = self.services().map(|service| service.url(wire));
        let roots = self.roots.display().to_string();
        let mut variables = vec![
            ("LEDGER_TABLE", LEDGER.to_owned()),
            ("IDEMPOTENCY_TABLE", IDEMPOTENCY.to_owned()),
            ("QUEUE_URL", format!("{sqs}/123456789012/queue")),
            ("DEAD_LETTER_QUEUE_URL", format!("{sqs}/123456789012/dead-letters")),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
            ("AWS_ENDPOINT_URL_IMAGEBUILDER", image_builder),
            ("AWS_ENDPOINT_URL_SQS", sqs),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ];
        if wire == Wire::Secure {
            variables.push(("SSL_CERT_FILE", roots.clone()));
            variables.push(("AWS_CA_BUNDLE", roots));
        }
        variables
    }

    fn services(&self) -> [&Service; 3] {
        [&self.dynamodb, &self.image_builder, &self.sqs]
    }

    fn simulated(&self) -> MutexGuard<'_, ImageBuilder> {
        self.simulated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    async fn open(front: Front, tls: &Tls) -> Outcome<Self> {
        let plain = Port::open(front.clone(), None).await?;
        let secure = Port::open(front.clone(), Some(tls.clone())).await?;
        Ok(Self { front, plain, secure })
    }

    fn url(&self, wire: Wire) -> String {
        match wire {
            Wire::Plain => self.plain.url(),
            Wire::Secure => self.secure.url(),
        }
    }
}

/// An Image Builder whose builds end at once, so that no pipeline is ever busy.
fn image_builder() -> Outcome<(ImageBuilder, Router)> {
    let services = Services::new(&Clock::real());
    let simulated = services.image_builder();
    simulated.set_build_time(Duration::ZERO);
    for number in 0..BATCH {
        simulated.create_pipeline(&pipeline(number)).map_err(|error| error.to_string())?;
    }
    Ok((simulated, services.router()))
}

/// TLS with a certificate of our own, whose authority is added to those that this system trusts: reading
/// them all is a part of a client's start.
fn acceptor(roots: &Path) -> Outcome<TlsAcceptor> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // By the default name, which the host has too, OpenSSL would take the host for its own authority.
    params.distinguished_name.push(DnType::CommonName, "the benchmark's authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let host = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()])?;
    let certificate = host.signed_by(&key, &authority)?;
    fs::write(roots, system_roots()? + &authority.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn system_roots() -> io::Result<String> {
    match ROOTS.iter().find(|path| Path::new(path).exists()) {
        Some(path) => fs::read_to_string(path),
        None => Ok(String::new()),
    }
}
