//! The services together, on one port.

use std::io;

use axum::Router;
use axum::response::Response;

use crate::clock::Clock;
use crate::control;
use crate::error::ServiceError;
use crate::image_builder::ImageBuilder;
use crate::server::Server;

/// A running simulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    image_builder: ImageBuilder,
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
        let image_builder = ImageBuilder::new(clock.clone());
        let router = Router::new()
            .merge(image_builder.router())
            .merge(control::router(image_builder.clone()))
            .fallback(unknown_operation);
        let server = Server::start(port, router, clock).await?;
        Ok(Self { server, image_builder })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The simulated Image Builder.
    #[must_use]
    pub fn image_builder(&self) -> ImageBuilder {
        self.image_builder.clone()
    }
}

async fn unknown_operation() -> Response {
    ServiceError::new("UnknownOperationException", 404, "no operation has this method and path")
        .rest_json()
}
