//! `reveille show`

use std::fmt::Write;

use clap::Args;
use serde_json::Value;
use shared::clock::Timestamp;
use shared::ledger::{Item, Status};

use crate::arguments::OneOperation;
use crate::ledger::{Ledger, Stored};
use crate::output;
use crate::problem::Problem;
use crate::stack::Stack;

/// Show all that is known of a wish, and what comes next
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The wish's token, or its whole key OPERATION#TOKEN
    token: String,
    #[command(flatten)]
    one: OneOperation,
    /// The item as JSON, one object per line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(what: &Show, stack: &Stack) -> Result<(), Problem> {
    let ledger = Ledger::of(stack).await?;
    let found = ledger.find(&what.token, what.one.operation).await?;
    if found.is_empty() {
        return Err(unknown(&what.token, &ledger));
    }
    for (place, stored) in found.iter().enumerate() {
        let text = if what.json {
            format!("{}\n", stored.json())
        } else {
            let between = if place == 0 { "" } else { "\n" };
            format!("{between}{}", describe(stored, ledger.now()))
        };
        output::print(&text)?;
    }
    Ok(())
}

/// What is said of a wish that the ledger does not know.
fn unknown(token: &str, ledger: &Ledger) -> Problem {
    Problem::Found(format!(
        "found no wish `{token}` in the table `{}`: its message still waits, or it was refused \
         before it was claimed (`reveille dead-letters` has it then), or it has expired",
        ledger.table()
    ))
}

fn describe(stored: &Stored, now: Timestamp) -> String {
    let item = &stored.item;
    let mut text = format!("{}\n", output::one_line(&stored.key));
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<12}{}", output::one_line(&value));
        }
    };
    let (status, style) = output::status(item.status);
    line("status", None);
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    line("target", item.target.clone());
    line("asked", item.request.clone());
    line("source", item.source.clone());
    line("first seen", time(item.created_at));
    line("changed", time(item.updated_at));
    line("failed", Some(attempts(item.attempts)));
    line("reason", item.reason.as_ref().map(ToString::to_string));
    line("answer", item.receipt.as_deref().map(compact));
    line("in doubt", doubt(item, now));
    line("next", Some(next(stored, now)));
    line("remembered", item.expires_at.map(|at| format!("until {at}")));
    let (key, rest) = text.split_once('\n').unwrap_or((&text, ""));
    format!("{key}\n  {:<12}{style}{status}{style:#}\n{rest}", "status")
}

fn attempts(count: u32) -> String {
    match count {
        0 => "no attempt".to_owned(),
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    }
}

/// The receipt on one line, whatever was written.
fn compact(receipt: &str) -> String {
    serde_json::from_str::<Value>(receipt).map_or_else(|_| receipt.to_owned(), |it| it.to_string())
}

/// From when on the call may have been sent without an answer, and what that means.
pub(crate) fn doubt(item: &Item, now: Timestamp) -> Option<String> {
    let open = matches!(item.status, Some(Status::Claimed | Status::Deferred));
    match (item.status, item.doubt_since) {
        (Some(Status::Claimed), Some(since)) if item.claimable_from >= now => {
            // A claim begins a doubt of its own; only an earlier one is another attempt's.
            let earlier = item.updated_at.is_none_or(|updated| since < updated);
            earlier.then(|| format!("since {since}: {MAY_HAVE}; {REPEAT}"))
        }
        (_, Some(since)) if open => Some(format!("since {since}: {MAY_HAVE}; {REPEAT}")),
        (Some(Status::Rejected), _) if is_outcome_unknown(item) => {
            Some(format!("{MAY_HAVE}; look at the target: a redrive would carry it out again"))
        }
        _ => None,
    }
}

const MAY_HAVE: &str = "an attempt may have carried it out, and its answer never came";
const REPEAT: &str = "a repeat goes out with the same token, while that is known to be safe";

fn is_outcome_unknown(item: &Item) -> bool {
    let code = item.reason.as_ref().map(|reason| reason.code.as_str());
    code == Some(shared::failure::Reason::OUTCOME_UNKNOWN)
}

fn next(stored: &Stored, now: Timestamp) -> String {
    let item = &stored.item;
    let token = item.token.as_deref().unwrap_or_default();
    if item.is_expired(now) {
        return "nothing: it has expired, and its token counts as new until DynamoDB removes it"
            .to_owned();
    }
    match item.status {
        Some(Status::Started) => {
            "nothing: AWS accepted it; whether what it started also ends well, its service says"
                .to_owned()
        }
        Some(Status::Skipped) => {
            "nothing: its target was busy, and it did not wish to wait".to_owned()
        }
        Some(Status::Cancelled) => {
            "nothing: a person called it off, and a later delivery of it is not carried out"
                .to_owned()
        }
        Some(Status::Deferred) => "it comes again by itself, from its queue".to_owned(),
        Some(Status::Claimed) if item.claimable_from >= now => format!(
            "an invocation is at work on it; should that have died, the next delivery takes over \
             after {}",
            item.claimable_from
        ),
        Some(Status::Claimed) => format!(
            "the invocation that was at work on it died; its lease ended at {}, and the next \
             delivery takes over",
            item.claimable_from
        ),
        Some(Status::Rejected) => format!(
            "nothing by itself: its dead letter waits for a person. Mend the cause, then `reveille \
             redrive --token '{token}'`, or call it off with `reveille cancel`"
        ),
        None => "unknown: its status is none that the functions write".to_owned(),
    }
}
