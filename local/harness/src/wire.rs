//! An HTTP client without sockets.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http_body::Frame;
use simulator::Clock;
use simulator::server::{self, Cut};

/// Hands the SDK's requests to the services' routers in this process. Nothing but the services is
/// waited for, so that the time of a paused runtime passes only where one of them does not answer.
#[derive(Clone, Debug)]
pub struct Wire {
    clock: Clock,
    hosts: Arc<BTreeMap<&'static str, Host>>,
}

/// One service by its name.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    name: &'static str,
    router: Router,
    is_open: Arc<AtomicBool>,
}

impl Host {
    pub(crate) fn new(name: &'static str, router: Router) -> Self {
        Self { name, router, is_open: Arc::new(AtomicBool::new(true)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.name)
    }

    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::SeqCst);
    }
}

impl Wire {
    pub(crate) fn new(clock: Clock, hosts: impl IntoIterator<Item = Host>) -> Self {
        let hosts = hosts.into_iter().map(|host| (host.name, host)).collect();
        Self { clock, hosts: Arc::new(hosts) }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request =
            request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let router = self.connect(request.uri().host().unwrap_or_default())?;
        let request = request.map(|body| Body::from(body.bytes().unwrap_or_default().to_vec()));
        let answer = server::answer(router, &self.clock, request).await.map_err(cut)?;
        let (parts, body) = answer.into_parts();
        let body = match to_bytes(body, usize::MAX).await {
            Ok(body) => SdkBody::from(body),
            Err(error) => SdkBody::from_body_1_x(Broken(Some(error.to_string()))),
        };
        HttpResponse::try_from(axum::http::Response::from_parts(parts, body))
            .map_err(|error| ConnectorError::user(error.into()))
    }

    fn connect(&self, name: &str) -> Result<Router, ConnectorError> {
        let host = self.hosts.get(name).filter(|host| host.is_open.load(Ordering::SeqCst));
        host.map(|host| host.router.clone()).ok_or_else(|| {
            let refused =
                io::Error::new(io::ErrorKind::ConnectionRefused, format!("{name} refused"));
            ConnectorError::io(refused.into())
        })
    }
}

/// As the SDK's own client reports a connection that ends before its answer.
fn cut(cut: Cut) -> ConnectorError {
    ConnectorError::other(cut.into(), Some(ErrorKind::TransientError))
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.answer(request).await })
    }
}

/// What is left of a body that was cut: the error.
struct Broken(Option<String>);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}
