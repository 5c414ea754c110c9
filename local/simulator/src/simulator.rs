//! The services together, on one port.

use std::io;

use axum::Router;
use axum::response::Response;

use crate::app_stream::AppStream;
use crate::clock::Clock;
use crate::control;
use crate::error::ServiceError;
use crate::image_builder::ImageBuilder;
use crate::nimble::Nimble;
use crate::server::Server;

/// A running simulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    services: Services,
}

/// Every service that it simulates.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    pub(crate) image_builder: ImageBuilder,
    pub(crate) app_stream: AppStream,
    pub(crate) nimble: Nimble,
}

impl Simulator {
    /// Starts on a free port of the loopback interface.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn start(clock: Clock) -> io::Result<Self> {
        Self::start_on(0, clock).await
    }

    /// Starts on this port of the loopback interface.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start_on(port: u16, clock: Clock) -> io::Result<Self> {
        let services = Services {
            image_builder: ImageBuilder::new(clock.clone()),
            app_stream: AppStream::new(clock.clone()),
            nimble: Nimble::new(clock.clone()),
        };
        let router = Router::new()
            .merge(services.image_builder.router())
            .merge(services.app_stream.router())
            .merge(services.nimble.router())
            .merge(control::router(services.clone()))
            .fallback(unknown_operation);
        let server = Server::start(port, router, clock).await?;
        Ok(Self { server, services })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The simulated Image Builder.
    #[must_use]
    pub fn image_builder(&self) -> ImageBuilder {
        self.services.image_builder.clone()
    }

    /// The simulated AppStream.
    #[must_use]
    pub fn app_stream(&self) -> AppStream {
        self.services.app_stream.clone()
    }

    /// The simulated Nimble Studio.
    #[must_use]
    pub fn nimble(&self) -> Nimble {
        self.services.nimble.clone()
    }
}

async fn unknown_operation() -> Response {
    ServiceError::new("UnknownOperationException", 404, "no operation has this method and path")
        .rest_json()
}
