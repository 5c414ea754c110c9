//! The simulator as a process of its own, for the demo and for playing.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use simulator::{Clock, Simulator};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Image Builder on one machine.
#[derive(Parser)]
#[command(name = "simulator")]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How long a build takes
    #[arg(long, value_name = "SECONDS", default_value_t = 1200)]
    build_seconds: u64,
    /// A pipeline that exists from the start; may be repeated
    #[arg(long = "pipeline", value_name = "ARN")]
    pipelines: Vec<String>,
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
    image_builder.set_build_time(Duration::from_secs(arguments.build_seconds));
    for arn in &arguments.pipelines {
        image_builder.create_pipeline(arn)?;
    }
    Ok(simulator)
}

async fn first_of(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
