//! `reveille send`

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::{operation_of, read};
use crate::arguments::OneOperation;
use crate::event;
use crate::operation::Valid;
use crate::output::{self, Table, plain};
use crate::problem::Problem;
use crate::sending;
use crate::stack::Stack;

/// Send the wishes of a file to their operation's queue
///
/// FILE is anything that `check` takes, and nothing is sent where anything in it is invalid. Each
/// intent becomes a message of its own with its token frozen in it. An intent that nothing
/// identifies (no clientToken, no schedule, no EventBridge id) gets a new token with every send:
/// sent twice, it is two wishes.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The file; `-` is standard input
    file: PathBuf,
    #[command(flatten)]
    one: OneOperation,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(what: &Send, stack: &Stack) -> Result<(), Problem> {
    let operation = operation_of(&what.file, what.one.operation)?;
    let wishes = wishes(what, operation)?;
    if what.dry_run {
        output::print(&output::lines(wishes.iter().map(|wish| &wish.frozen)))?;
        output::remark(&format!("nothing was sent: this is a dry run of {}", operation.name()));
        return Ok(());
    }
    let queue = stack.queue(operation).await?;
    let outcomes = sending::send(stack, &queue, &wishes.iter().collect::<Vec<_>>()).await?;
    let mut table = Table::new(["SENT", "TOKEN", "TARGET"]);
    for (wish, outcome) in wishes.iter().zip(&outcomes) {
        let sent = if outcome.is_ok() { "yes" } else { "unsure" };
        table.row([plain(sent), plain(wish.token.as_str()), plain(output::short(&wish.target))]);
    }
    output::print(&table.render())?;
    let unsure: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    match unsure.first() {
        None => Ok(()),
        Some(first) => Err(Problem::Aws(format!(
            "{} of {} wishes may not be in the queue: {first}; to send them again without a second \
             effect, give each its token above as clientToken",
            unsure.len(),
            wishes.len()
        ))),
    }
}

/// The wishes of the file, equal ones once.
fn wishes(what: &Send, operation: crate::operation::Operation) -> Result<Vec<Valid>, Problem> {
    let file = what.file.display();
    let refuse = |found: String| {
        Problem::Found(format!("nothing was sent: {file}: {}", output::one_line(&found)))
    };
    let event = read(&what.file)?;
    let entries = event::read(operation, &event, &Uuid::new_v4().to_string(), |_| ());
    let mut seen = HashSet::new();
    let mut wishes = Vec::new();
    for entry in entries.map_err(refuse)? {
        match entry.wish {
            Ok(wish) if seen.insert(wish.frozen.clone()) => wishes.push(wish),
            Ok(_) => {}
            Err(findings) => {
                let found: Vec<_> = findings.iter().map(ToString::to_string).collect();
                let place = [entry.place, found.join("; ")];
                let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
                return Err(refuse(place.join(": ")));
            }
        }
    }
    Ok(wishes)
}
