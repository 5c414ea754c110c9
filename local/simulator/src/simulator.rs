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

/// Every service that it simulates. Clones are the same services.
#[derive(Clone, Debug)]
pub struct Services {
    pub(crate) image_builder: ImageBuilder,
    pub(crate) app_stream: AppStream,
    pub(crate) nimble: Nimble,
}

impl Services {
    /// Services that know of nothing yet.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self {
            image_builder: ImageBuilder::new(clock.clone()),
            app_stream: AppStream::new(clock.clone()),
            nimble: Nimble::new(clock.clone()),
        }
    }

    /// All of them and the control surface, to be served.
    pub fn router(&self) -> Router {
        Router::new()
            .merge(self.image_builder.router())
            .merge(self.app_stream.router())
            .merge(self.nimble.router())
            .merge(control::router(self.clone()))
            .fallback(unknown_operation)
    }

    /// The simulated Image Builder.
    #[must_use]
    pub fn image_builder(&self) -> ImageBuilder {
        self.image_builder.clone()
    }

    /// The simulated AppStream.
    #[must_use]
    pub fn app_stream(&self) -> AppStream {
        self.app_stream.clone()
    }

    /// The simulated Nimble Studio.
    #[must_use]
    pub fn nimble(&self) -> Nimble {
        self.nimble.clone()
    }
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
        let services = Services::new(&clock);
        let server = Server::start(port, services.router(), clock).await?;
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
        self.services.image_builder()
    }

    /// The simulated AppStream.
    #[must_use]
    pub fn app_stream(&self) -> AppStream {
        self.services.app_stream()
    }

    /// The simulated Nimble Studio.
    #[must_use]
    pub fn nimble(&self) -> Nimble {
        self.services.nimble()
    }
}

async fn unknown_operation() -> Response {
    ServiceError::new("UnknownOperationException", 404, "no operation has this method and path")
        .rest_json()
}
