//! `reveille check`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{operation_of, read};
use crate::arguments::OneOperation;
use crate::event;
use crate::operation::Operation;
use crate::output;
use crate::problem::Problem;

/// What a wish is identified by that nothing else identifies. Nothing depends on it here.
const NOBODY: &str = "check";

/// Check intents and events by the functions' own rules, without AWS
///
/// Each FILE is anything that a function takes: an intent, {"intents": [...]}, the input of a
/// schedule, an EventBridge event, or an SQS batch. Every finding is printed with its file, its
/// place and its field. What only AWS knows, such as whether the pipeline exists, is not checked.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files to check; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    one: OneOperation,
}

pub(crate) fn run(what: &Check) -> Result<(), Problem> {
    let mut findings = 0;
    for file in &what.files {
        let operation = operation_of(file, what.one.operation)?;
        let (text, found) = check(file, operation, &read(file)?);
        output::print(&text)?;
        findings += found;
    }
    match findings {
        0 => Ok(()),
        1 => Err(Problem::Found("found 1 thing wrong, expected none".into())),
        many => Err(Problem::Found(format!("found {many} things wrong, expected none"))),
    }
}

/// The lines about one file, and how many of them are findings.
fn check(file: &Path, operation: Operation, event: &str) -> (String, usize) {
    let file = file.display();
    let entries = match event::read(operation, event, NOBODY, |_| ()) {
        Ok(entries) => entries,
        Err(sentence) => return (format!("{file}: {sentence}\n"), 1),
    };
    let mut lines = Vec::new();
    for entry in &entries {
        for finding in entry.wish.as_ref().err().into_iter().flatten() {
            let place =
                if entry.place.is_empty() { String::new() } else { format!(" {}:", entry.place) };
            lines.push(format!("{file}:{place} {}\n", output::one_line(&finding.to_string())));
        }
    }
    let found = lines.len();
    if found == 0 {
        let wishes = if entries.len() == 1 { "wish" } else { "wishes" };
        lines.push(format!("{file}: valid, {} {wishes} of {}\n", entries.len(), operation.name()));
    }
    (lines.concat(), found)
}
