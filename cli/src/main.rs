//! The operator's command: what became of each wish, what waits in the dead-letter queues, and a
//! hand on both.
//!
//! | module | one concept |
//! |---|---|
//! | `arguments` | what can be typed |
//! | `stack` | where table and queues come from |
//! | `operation` | the four functions' own rules |
//! | `event` | the wishes in a file or a message |
//! | `ledger` | reading items, and the one write |
//! | `letters` | dead letters: received, released, deleted |
//! | `sending` | wishes put into their queue |
//! | `problem` | how a command ends, and what is said of it |
//! | `output` | text for people, lines for programs |
//! | `commands` | one file for each command |

mod arguments;
mod commands;
mod event;
mod ledger;
mod letters;
mod operation;
mod output;
mod problem;
mod sending;
mod since;
mod stack;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use stack::Stack;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { place, command } = Arguments::parse();
    let done = match command {
        Command::Check(what) => commands::check::run(&what),
        Command::Completions(what) => commands::completions::run(&what),
        Command::List(what) => commands::list::run(&what, &Stack::new(place)).await,
        Command::Show(what) => commands::show::run(&what, &Stack::new(place)).await,
        Command::Send(what) => commands::send::run(&what, &Stack::new(place)).await,
        Command::DeadLetters(what) => commands::dead_letters::run(&what, &Stack::new(place)).await,
        Command::Redrive(what) => commands::redrive::run(&what, &Stack::new(place)).await,
        Command::Cancel(what) => commands::cancel::run(&what, &Stack::new(place)).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            output::error(&problem.to_string());
            problem.exit_code()
        }
    }
}
