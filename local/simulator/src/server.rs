//! Serving a router over plain HTTP/1.1, with connections that can be cut.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tower_service::Service;

use crate::Clock;

/// A router that is being served. Dropping it ends its connections soon, stopping it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    /// Its end is what ends the task.
    running: oneshot::Sender<()>,
}

impl Server {
    /// Serves on the loopback interface; port 0 takes a free port.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(port: u16, router: Router, clock: Clock) -> io::Result<Self> {
        Self::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?, router, clock)
    }

    /// Serves on a listener that exists already. Wants a Tokio runtime around it.
    ///
    /// # Errors
    /// The listener does not know its own address.
    pub fn start_on(listener: TcpListener, router: Router, clock: Clock) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (running, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, router, clock, stopped));
        Ok(Self { address, task, running })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and every connection, and returns when that is done.
    pub async fn stop(self) {
        drop(self.running);
        // It has nothing to tell but that it ended.
        let _ = self.task.await;
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    clock: Clock,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(converse(stream, router.clone(), clock.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, router: Router, clock: Clock) {
    // Otherwise an answer in two segments waits 40 ms for the caller's delayed acknowledgement.
    // Where it cannot be set the answers are late, not wrong.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, clock) = (router.clone(), clock.clone());
        async move { answer(router, &clock, request.map(Body::new)).await }
    });
    // It ends in an error where a fault cut it or the caller went away; neither is ours to report.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The router's answer to one request, whatever the request came by.
///
/// # Errors
/// [`Cut`] where the connection ends in its place.
pub async fn answer(
    mut router: Router,
    clock: &Clock,
    request: Request<Body>,
) -> Result<Response, Cut> {
    let result: Result<Response, Infallible> = router.call(request).await;
    let Ok(mut answer) = result;
    if answer.extensions().get::<Cut>().is_some() {
        return Err(Cut);
    }
    // The date comes from the simulator's clock: the SDK compares it with its own, which a test holds.
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(clock.now())) {
        answer.headers_mut().insert(header::DATE, date);
    }
    Ok(answer)
}

/// Marks an answer that is never sent: the connection ends in its place.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

impl IntoResponse for Cut {
    fn into_response(self) -> Response {
        let mut answer = Response::new(Body::empty());
        answer.extensions_mut().insert(Self);
        answer
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection was cut on demand")
    }
}

impl std::error::Error for Cut {}
