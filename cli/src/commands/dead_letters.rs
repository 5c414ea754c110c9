//! `reveille dead-letters`

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use shared::clock::{Clock, Timestamp};

use crate::arguments::OneOperation;
use crate::event::Entry;
use crate::letters::{Letter, Letters};
use crate::operation::Operation;
use crate::output::{self, Table, plain};
use crate::problem::Problem;
use crate::stack::Stack;

/// List what waits in the dead-letter queues, without removing it
///
/// Each letter is received, which counts as a receive, and made visible again at once. Where this
/// command is killed, what it held is visible again after two minutes.
#[derive(Debug, Args)]
pub(crate) struct DeadLetters {
    #[command(flatten)]
    one: OneOperation,
    /// Read at most so many of each queue
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    limit: NonZeroUsize,
    /// One JSON object per line, with the whole message
    #[arg(long)]
    json: bool,
}

/// What is shown of a letter.
struct Line {
    operation: Operation,
    letter: Letter,
    /// The tokens and targets of its wishes, as far as they can be told.
    wishes: Result<Vec<Entry>, String>,
}

pub(crate) async fn run(what: &DeadLetters, stack: &Stack) -> Result<(), Problem> {
    let now = Clock::of(stack.config().await?).now();
    let mut lines = Vec::new();
    let mut more = Vec::new();
    for queue in stack.dead_letter_queues(what.one.operation).await? {
        let held = Letters::receive(stack, queue, what.limit.get()).await?;
        let operation = held.queue.operation;
        lines.extend(held.all.iter().map(|letter| Line {
            operation,
            wishes: held.wishes(letter, |_| ()),
            letter: letter.clone(),
        }));
        if held.more > 0 {
            more.push(format!("about {} more of {}", held.more, operation.name()));
        }
        held.release().await;
    }
    let text =
        if what.json { output::lines(lines.iter().map(Line::json)) } else { table(&lines, now) };
    if !lines.is_empty() {
        output::print(&text)?;
    }
    if !more.is_empty() {
        output::remark(&format!(
            "{} may be there: beyond --limit, or held by somebody else for a moment",
            more.join(", ")
        ));
    }
    if lines.is_empty() {
        return Err(Problem::Found("found no dead letter".into()));
    }
    Ok(())
}

fn table(lines: &[Line], now: Timestamp) -> String {
    let mut table = Table::new(["OPERATION", "REASON", "AGE", "TOKEN", "TARGET", "MESSAGE"]);
    for line in lines {
        let age = line.letter.sent.map(|sent| age(now.since(sent)));
        table.row([
            plain(line.operation.name()),
            plain(line.letter.reason().unwrap_or("-")),
            plain(age.as_deref().unwrap_or("-")),
            plain(line.tokens().join(" ")),
            plain(line.targets().into_iter().map(output::short).collect::<Vec<_>>().join(" ")),
            plain(line.letter.message().unwrap_or("-")),
        ]);
    }
    table.render()
}

impl Line {
    /// The tokens that its wishes have, or that it was reported with.
    fn tokens(&self) -> Vec<&str> {
        let valid = self.valid().map(|wish| wish.token.as_str()).collect::<Vec<_>>();
        if valid.is_empty() { vec![self.letter.token().unwrap_or("-")] } else { valid }
    }

    fn targets(&self) -> Vec<&str> {
        let valid = self.valid().map(|wish| wish.target.as_str()).collect::<Vec<_>>();
        if valid.is_empty() { vec!["-"] } else { valid }
    }

    fn valid(&self) -> impl Iterator<Item = &crate::operation::Valid> {
        self.wishes.iter().flatten().filter_map(|entry| entry.wish.as_ref().ok())
    }

    fn json(&self) -> Value {
        let wishes: Vec<_> = self
            .valid()
            .map(|wish| json!({"token": wish.token.as_str(), "target": wish.target}))
            .collect();
        json!({
            "operation": self.operation.name(),
            "messageId": self.letter.id,
            "sentAt": self.letter.sent.map(|sent| sent.to_string()),
            "errorCode": self.letter.reason(),
            "errorMessage": self.letter.message(),
            "token": self.letter.token(),
            "wishes": wishes,
            "body": self.letter.body,
        })
    }
}

/// How long ago, in the largest unit that says it.
fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_says_it() {
        let told = |seconds| age(Duration::from_secs(seconds));
        assert_eq!(
            [59, 60, 3599, 3600, 172_799, 172_800].map(told),
            ["59s", "1m", "59m", "1h", "47h", "2d"]
        );
    }
}
