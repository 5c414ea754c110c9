//! Serving over HTTP/1.1, so that an answer never waits for its own second half.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::Outcome;
use crate::timer::Timer;

/// Answers requests.
pub(crate) trait Answer: Clone + Send + 'static {
    fn answer(self, request: Request<Body>) -> impl Future<Output = Response> + Send;
}

/// A port of the loopback interface, closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    scheme: &'static str,
    task: JoinHandle<()>,
}

/// TLS, and how far away its clients are.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The time of one round trip.
    pub(crate) distance: Duration,
    pub(crate) timer: Timer,
}

impl Port {
    pub(crate) async fn open(answers: impl Answer, tls: Option<Tls>) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(converse(stream, answers.clone(), tls.clone()));
                }
            }
        });
        Ok(Self { address, scheme, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A conversation ends when the caller goes away, which is not ours to report.
async fn converse(stream: TcpStream, answers: impl Answer, tls: Option<Tls>) {
    // Where it cannot be set the answers are late, which the run would show as 40 ms.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return serve(stream, answers).await;
    };
    // A connection and a handshake are a round trip each before the first request can be sent.
    tls.timer.wait(tls.distance).await;
    tls.timer.wait(tls.distance).await;
    if let Ok(stream) = tls.acceptor.accept(stream).await {
        serve(stream, answers).await;
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send, answers: impl Answer) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answers.clone().answer(request.map(Body::new));
        async { Ok::<_, Infallible>(answer.await) }
    });
    // Headers and body leave in one vectored write, since the body is whole.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[derive(Clone)]
    struct Hello;

    impl Answer for Hello {
        async fn answer(self, _: Request<Body>) -> Response {
            Response::new(Body::from("x".repeat(2000)))
        }
    }

    #[tokio::test]
    async fn an_answer_is_one_segment() -> Outcome<()> {
        let port = Port::open(Hello, None).await?;
        let mut stream = TcpStream::connect(port.address()).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        let mut buffer = vec![0; 8192];
        let first = stream.read(&mut buffer).await?;
        assert!(buffer[..first].ends_with(b"xxx"), "the first read has the body's end");
        assert!(first > 2000);
        Ok(())
    }
}
