//! `prove`: plays schedules and inputs, and prints what they came to.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use proof::kills::{self, Kills};
use proof::plan::Act;
use proof::{Figures, Schedule, exhaustive, inputs, play};

/// Crashes the functions at every point, and shows that each wish is carried out once and never
/// lost.
#[derive(Parser)]
struct Arguments {
    /// How many schedules to draw and play.
    #[arg(long, default_value_t = 1000)]
    schedules: u64,
    /// The seed of the first; the others follow it. A new one each time unless it is given.
    #[arg(long, default_value_t = fastrand::u64(..1 << 32))]
    seed: u64,
    /// Plays the schedule of `--seed` alone, and prints its trace.
    #[arg(long)]
    trace: bool,
    /// Plays every crash point and every pair of them, for one wish of each operation.
    #[arg(long)]
    exhaustive: bool,
    /// How many events to give to the functions beside.
    #[arg(long, default_value_t = 0)]
    inputs: u64,
    /// How often to kill the real binaries, which lie beside this one.
    #[arg(long, default_value_t = 0)]
    kills: u64,
    /// How many threads to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.trace {
        return trace(arguments.seed);
    }
    eprintln!("seed {}", arguments.seed);
    let mut sound = schedules(&arguments);
    if arguments.exhaustive {
        sound &= everything(&arguments);
    }
    if arguments.inputs > 0 {
        sound &= all_inputs(&arguments);
    }
    if arguments.kills > 0 {
        sound &= real_kills(&arguments);
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One schedule, in words.
fn trace(seed: u64) -> ExitCode {
    let schedule = Schedule::of(seed);
    let report = play(&schedule, true);
    eprintln!("{schedule:#?}\n");
    for line in report.trace.iter().chain(&report.ledger) {
        eprintln!("{line}");
    }
    for violation in &report.violations {
        eprintln!("WRONG: {violation}");
    }
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn schedules(arguments: &Arguments) -> bool {
    let (next, figures) = (AtomicU64::new(0), Mutex::new(Figures::default()));
    let begun = Instant::now();
    on_threads(arguments.threads, || {
        let mut own = Figures::default();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= arguments.schedules {
                break;
            }
            let seed = arguments.seed.wrapping_add(place);
            let report = play(&Schedule::of(seed), false);
            own.add(&report.figures);
            own.broken += u64::from(!report.violations.is_empty());
            for violation in &report.violations {
                eprintln!("WRONG: {violation}: cargo run -p proof -- --trace --seed {seed}");
            }
            progress(place, arguments.schedules);
        }
        add(&figures, &own);
    });
    print("schedules by seed", &figures, begun)
}

fn everything(arguments: &Arguments) -> bool {
    let (next, figures) = (AtomicUsize::new(0), Mutex::new(Figures::default()));
    let begun = Instant::now();
    let parts = exhaustive::parts();
    on_threads(arguments.threads, || {
        while let Some((act, source)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut sweep = exhaustive::sweep(*act, *source);
            sweep.figures.broken = u64::try_from(sweep.failed.len()).unwrap_or(u64::MAX);
            for (schedule, report) in &sweep.failed {
                let (slips, crashes) = (&schedule.slips, &schedule.crashes);
                eprintln!(
                    "WRONG: {act:?} {source:?} {slips:?} {crashes:?}: {:?}",
                    report.violations
                );
            }
            add(&figures, &sweep.figures);
        }
    });
    print("every point and every pair", &figures, begun)
}

fn all_inputs(arguments: &Arguments) -> bool {
    let (next, wrong) = (AtomicU64::new(0), AtomicU64::new(0));
    let tally = Mutex::new(inputs::Tally::default());
    let begun = Instant::now();
    on_threads(arguments.threads, || {
        let mut own = inputs::Tally::default();
        loop {
            let lot = next.fetch_add(1, Ordering::Relaxed);
            if lot * inputs::LOT >= arguments.inputs {
                break;
            }
            let found = inputs::try_lot(arguments.seed.wrapping_add(lot), &mut own);
            for violation in &found {
                eprintln!("WRONG: {violation}");
            }
            wrong.fetch_add(found.len() as u64, Ordering::Relaxed);
            progress(lot * inputs::LOT, arguments.inputs);
        }
        if let Ok(mut tally) = tally.lock() {
            tally.add(&own);
        }
    });
    if let Ok(tally) = tally.lock() {
        eprintln!("inputs ({:.0?}): {tally:#?}", begun.elapsed());
    }
    wrong.into_inner() == 0
}

fn real_kills(arguments: &Arguments) -> bool {
    let binaries = match std::env::current_exe() {
        Ok(own) => own.with_file_name(""),
        Err(error) => {
            eprintln!("the folder of this binary cannot be found: {error}");
            return false;
        }
    };
    let acts = [Act::Pipeline, Act::Lifecycle, Act::Builder];
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return false;
        }
    };
    let mut sound = true;
    for act in acts {
        let begun = Instant::now();
        let share = arguments.kills.div_ceil(acts.len() as u64);
        let found = runtime.block_on(kills::kill(act, &binaries, share, arguments.seed));
        let Kills { kills, deliveries, wishes, effects, violations } = found;
        for violation in &violations {
            eprintln!("WRONG: {violation}");
        }
        eprintln!(
            "kills of {act:?} ({:.0?}): {kills} SIGKILLs, {deliveries} deliveries, {wishes} wishes, \
             {effects} effects",
            begun.elapsed()
        );
        sound &= violations.is_empty();
    }
    sound
}

fn on_threads(count: usize, work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..count.max(1) {
            scope.spawn(&work);
        }
    });
}

fn add(figures: &Mutex<Figures>, own: &Figures) {
    if let Ok(mut figures) = figures.lock() {
        figures.add(own);
    }
}

fn progress(done: u64, all: u64) {
    if done.is_multiple_of(500) && stderr().is_terminal() {
        // A line that cannot be written is a line that nobody misses.
        let _ = write!(stderr(), "\r{done} of {all}\r");
    }
}

fn print(what: &str, figures: &Mutex<Figures>, begun: Instant) -> bool {
    let figures = figures.lock().map(|figures| *figures).unwrap_or_default();
    eprintln!("{what} ({:.0?}):\n{figures}", begun.elapsed());
    figures.broken == 0
}
