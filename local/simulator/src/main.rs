//! The simulator as a process of its own, for the demo and for playing.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use simulator::{Clock, Simulator};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Image Builder, AppStream and Nimble Studio on one machine.
#[derive(Parser)]
#[command(name = "simulator")]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How long a build takes
    #[arg(long, value_name = "SECONDS", default_value_t = 1200)]
    build_seconds: u64,
    /// How long a lifecycle execution takes
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    lifecycle_seconds: u64,
    /// How long an image builder or a session takes to start
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    start_seconds: u64,
    /// A pipeline that exists from the start; may be repeated
    #[arg(long = "pipeline", value_name = "ARN")]
    pipelines: Vec<String>,
    /// An image that exists from the start; may be repeated
    #[arg(long = "image", value_name = "ARN=STATUS", value_parser = read_image)]
    images: Vec<(String, String)>,
    /// An AppStream image builder that exists from the start; may be repeated
    #[arg(long = "image-builder", value_name = "NAME=STATE", value_parser = read_image_builder)]
    image_builders: Vec<(String, String)>,
    /// A streaming session that exists from the start; may be repeated
    #[arg(long = "session", value_name = "STUDIO/SESSION=STATE", value_parser = read_session)]
    sessions: Vec<(String, String, String)>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let interrupted = signal(SignalKind::interrupt())?;
    let terminated = signal(SignalKind::terminate())?;
    let simulator = start(&arguments).await?;
    println!("listening on {}", simulator.url());
    first_of(interrupted, terminated).await;
    Ok(())
}

async fn start(arguments: &Arguments) -> Result<Simulator, Box<dyn Error>> {
    let simulator = Simulator::start_on(arguments.port, Clock::real()).await?;
    let image_builder = simulator.image_builder();
    let (app_stream, nimble) = (simulator.app_stream(), simulator.nimble());
    image_builder.set_build_time(Duration::from_secs(arguments.build_seconds));
    image_builder.set_lifecycle_time(Duration::from_secs(arguments.lifecycle_seconds));
    app_stream.set_start_time(Duration::from_secs(arguments.start_seconds));
    nimble.set_start_time(Duration::from_secs(arguments.start_seconds));
    for arn in &arguments.pipelines {
        image_builder.create_pipeline(arn)?;
    }
    for (arn, status) in &arguments.images {
        image_builder.create_image(arn, status)?;
    }
    for (name, state) in &arguments.image_builders {
        app_stream.create_image_builder(name, state);
    }
    for (studio, session, state) in &arguments.sessions {
        nimble.create_session(studio, session, state);
    }
    Ok(simulator)
}

async fn first_of(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn read_image(text: &str) -> Result<(String, String), String> {
    split(text, '=').ok_or_else(|| format!("found '{text}', expected ARN=STATUS"))
}

fn read_image_builder(text: &str) -> Result<(String, String), String> {
    split(text, '=').ok_or_else(|| format!("found '{text}', expected NAME=STATE"))
}

fn read_session(text: &str) -> Result<(String, String, String), String> {
    let parts = split(text, '=').and_then(|(target, state)| {
        let (studio, session) = split(&target, '/')?;
        Some((studio, session, state))
    });
    parts.ok_or_else(|| format!("found '{text}', expected STUDIO/SESSION=STATE"))
}

fn split(text: &str, at: char) -> Option<(String, String)> {
    let (one, other) = text.split_once(at)?;
    let both = !one.is_empty() && !other.is_empty();
    both.then(|| (one.to_owned(), other.to_owned()))
}
