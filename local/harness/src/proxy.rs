//! What stands before a service and can fail in its place.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use simulator::front::Front;
use simulator::server::{Cut, Server};
use simulator::{Clock, Fault, Request};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Mutex;
use tower_service::Service;

use crate::aws_json;
use crate::must::must;
use crate::wire::Host;

/// An HTTP proxy in front of a service whose operations are named by `x-amz-target`.
/// The operation is its last part: `PutItem` of `DynamoDB_20120810.PutItem`.
#[derive(Debug)]
pub struct Proxy {
    front: Front,
    router: Router,
    door: Door,
}

/// Where its clients come in.
#[derive(Debug)]
enum Door {
    /// A port of the loopback interface.
    Port {
        address: SocketAddr,
        /// Holds the port while nothing listens on it, so that it is still ours when it is restored.
        _reserved: TcpSocket,
        server: Mutex<Option<Server>>,
    },
    /// A host that only the world's own HTTP client knows.
    Host(Host),
}

impl Proxy {
    /// A proxy on a free port.
    pub(crate) fn on_port(clock: Clock, upstream: Router) -> io::Result<Self> {
        let (front, router) = fronted(clock, upstream);
        let reserved = socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = reserved.local_addr()?;
        let server = Mutex::new(Some(serve(address, router.clone(), front.clock.clone())?));
        Ok(Self { front, router, door: Door::Port { address, _reserved: reserved, server } })
    }

    /// A proxy in this process.
    pub(crate) fn on_host(clock: Clock, upstream: Router, name: &'static str) -> Self {
        let (front, router) = fronted(clock, upstream);
        let host = Host::new(name, router.clone());
        Self { front, router, door: Door::Host(host) }
    }

    /// The host that it is, where it is in this process.
    pub(crate) fn host(&self) -> Option<&Host> {
        match &self.door {
            Door::Port { .. } => None,
            Door::Host(host) => Some(host),
        }
    }

    /// The address that clients use.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.door {
            Door::Port { address, .. } => format!("http://{address}"),
            Door::Host(host) => host.url(),
        }
    }

    /// Scripts a fault: an error, or a connection that drops or hangs before the request is
    /// forwarded or after it was answered ([`Fault::after_work`]).
    pub fn fault(&self, operation: &str, fault: Fault) {
        self.front.faults.add(operation, fault);
    }

    /// Forgets every fault that waits.
    pub fn clear_faults(&self) {
        self.front.faults.clear();
    }

    /// How often this operation was asked for.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.front.log.count(operation)
    }

    /// How often anything was asked for.
    #[must_use]
    pub fn total(&self) -> usize {
        self.front.log.counts().values().sum()
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.front.log.all()
    }

    /// Closes every connection and refuses new ones, as a host where nothing listens.
    pub async fn refuse(&self) {
        match &self.door {
            Door::Port { server, .. } => {
                if let Some(server) = server.lock().await.take() {
                    server.stop().await;
                }
            }
            Door::Host(host) => host.set_open(false),
        }
    }

    /// Takes connections again, on the same port.
    pub async fn restore(&self) {
        match &self.door {
            Door::Port { address, server, .. } => {
                let mut server = server.lock().await;
                if server.is_none() {
                    let clock = self.front.clock.clone();
                    let restored = serve(*address, self.router.clone(), clock);
                    *server = Some(must("the proxy listens again", restored));
                }
            }
            Door::Host(host) => host.set_open(true),
        }
    }
}

/// Two sockets may share a port by this while at most one of them listens.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn serve(address: SocketAddr, router: Router, clock: Clock) -> io::Result<Server> {
    let listener: TcpListener = socket(address)?.listen(1024)?;
    Server::start_on(listener, router, clock)
}

fn fronted(clock: Clock, upstream: Router) -> (Front, Router) {
    let front = Front::new(clock);
    let noting = front.clone();
    let router = Router::new().fallback(move |request: HttpRequest| async move {
        let operation = operation(&request);
        let work = |parts, body| async move {
            let mut upstream = upstream;
            let request = HttpRequest::from_parts(parts, Body::from(body));
            let Ok(answer) = upstream.call(request).await;
            answer
        };
        noting.serve(&operation, request, aws_json::refusal, work).await
    });
    (front, router)
}

/// What sends everything on to an address.
pub(crate) fn forwarding(upstream: SocketAddr) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    Router::new().fallback(move |request: HttpRequest| async move {
        let (parts, body) = request.into_parts();
        match to_bytes(body, usize::MAX).await {
            Ok(body) => forward(client, upstream, parts, body).await,
            Err(_) => Cut.into_response(),
        }
    })
}

/// The operation that a request names in `x-amz-target`.
pub(crate) fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned()
}

/// Reads the whole answer before any of it is passed on, so that a fault after the work is one.
async fn forward(
    client: Client<HttpConnector, Body>,
    upstream: SocketAddr,
    parts: Parts,
    body: Bytes,
) -> Response {
    let Ok(request) = redirected(parts, body, upstream) else {
        return Cut.into_response();
    };
    let Ok(answer) = client.request(request).await else {
        return Cut.into_response();
    };
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(Body::new(body), usize::MAX).await else {
        return Cut.into_response();
    };
    parts.headers.remove(header::TRANSFER_ENCODING);
    Response::from_parts(parts, Body::from(body))
}

fn redirected(
    mut parts: Parts,
    body: Bytes,
    upstream: SocketAddr,
) -> Result<HttpRequest, axum::http::Error> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = Uri::builder()
        .scheme("http")
        .authority(upstream.to_string())
        .path_and_query(path)
        .build()?;
    Ok(HttpRequest::from_parts(parts, Body::from(body)))
}
