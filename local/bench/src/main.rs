//! `bench`: measures the functions beside a rival and a floor, on one simulator and one store.
//!
//! `make bench` builds what it runs. A run plays the [`measure::Plan`] against one [`cloud::Cloud`], and
//! what it finds becomes a [`table`] and a document.

mod cloud;
mod contestant;
mod event;
mod front;
mod http;
mod machine;
mod measure;
mod report;
mod runtime_api;
mod sample;
mod store;
mod table;
mod timer;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use cloud::Cloud;
use contestant::Programs;
use machine::Machine;
use measure::{Bench, LAP, Plan};

/// What stands around the functions should take none of the time that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A result whose error is a sentence for whoever runs it.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the functions beside a rival and a floor, on one simulator and one store.
#[derive(Parser)]
struct Arguments {
    /// The folder of the release binaries
    #[arg(long)]
    binaries: PathBuf,
    /// A Python that has the rival's packages
    #[arg(long)]
    python: PathBuf,
    /// The folder of the rival's handler
    #[arg(long)]
    rival: PathBuf,
    /// The folder for logs and for the table
    #[arg(long)]
    state: PathBuf,
    /// The document to write
    #[arg(long)]
    document: PathBuf,
    /// What was built
    #[arg(long)]
    commit: String,
    /// The size of a function's zip; may be repeated
    #[arg(long = "zip", value_name = "NAME=BYTES", value_parser = read_zip)]
    zips: Vec<(String, u64)>,
    /// Rounds, each of which starts every contestant anew
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Warm batches of each contestant in each round
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=600))]
    batches: u16,
    /// Wishes of the long run, in ten thousands
    #[arg(long, default_value_t = 100_000)]
    wishes: u64,
}

/// One thread serves, so that another core is left to who is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether every count is what it has to be.
async fn run(arguments: Arguments) -> Outcome<bool> {
    let Arguments { binaries, python, rival, state, .. } = arguments;
    let plan = Plan {
        rounds: arguments.rounds,
        batches: usize::from(arguments.batches),
        wishes: arguments.wishes / LAP * LAP,
    };
    let machine = Machine::read();
    fs::create_dir_all(&state)?;
    let cloud = Cloud::start(&state).await?;
    let programs = Programs { binaries, python, rival, logs: state.clone() };
    let figures = Bench::new(cloud, programs, plan).run().await?;
    let rows = table::rows(&figures, &arguments.zips);
    let table = table::render(&rows);
    let missed = table::missed_counts(&rows);
    fs::write(state.join("table.txt"), report::screen(&table, &machine, &missed))?;
    fs::write(arguments.document, report::document(&table, &machine, &plan, &arguments.commit))?;
    Ok(missed.is_empty())
}

fn read_zip(text: &str) -> Result<(String, u64), String> {
    let size = text.split_once('=').and_then(|(name, bytes)| Some((name, bytes.parse().ok()?)));
    let (name, bytes) = size.ok_or_else(|| format!("found '{text}', expected NAME=BYTES"))?;
    Ok((name.to_owned(), bytes))
}
