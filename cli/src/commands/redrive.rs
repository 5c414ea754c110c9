//! `reveille redrive`

use std::num::NonZeroUsize;

use clap::{ArgGroup, Args};
use serde_json::Value;
use shared::failure::Reason;
use shared::intent::NOT_AFTER;

use crate::arguments::OneOperation;
use crate::ledger::{self, Ledger};
use crate::letters::{Letter, Letters};
use crate::operation::{Operation, Valid};
use crate::output::{self, Table, plain};
use crate::problem::Problem;
use crate::sending;
use crate::stack::{Queue, Stack};

/// Send dead letters back to their operation's queue
///
/// Each wish in a letter becomes a message of its own with its token frozen in it, whatever shape
/// the letter has: an intent, a raw event of a schedule, of EventBridge or of an asynchronous
/// invocation, or the record of a failed one (`requestPayload`). A letter is deleted only after SQS
/// has taken all of its wishes; killed in between, it is there for another redrive, and the tokens
/// see to it that each wish still has one effect. A letter that is not valid stays: correct what it
/// says, send that as a new wish without its clientToken, and delete the letter.
///
/// A wish of unknown outcome is closed to every message until this command opens it, by its token or
/// its reason: look at its target first, for it may have been carried out, and would be a second
/// time.
///
/// Where this command is killed, what it held is visible again after two minutes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(crate) struct Redrive {
    /// Letters with this reason, as `dead-letters` shows it
    #[arg(long, value_name = "CODE", group = "which")]
    reason: Option<String>,
    /// The letter of this wish: a token, or OPERATION#TOKEN
    #[arg(long, value_name = "TOKEN", group = "which")]
    token: Option<String>,
    /// Every letter, but for those of unknown outcome
    #[arg(long, group = "which")]
    all: bool,
    #[command(flatten)]
    one: OneOperation,
    /// Leave notAfter out, for wishes that expired
    #[arg(long)]
    drop_not_after: bool,
    /// Read at most so many letters of each queue
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    limit: NonZeroUsize,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of the letters of all queues.
#[derive(Default)]
struct Tally {
    matched: usize,
    invalid: usize,
    unsure: Vec<String>,
    more: usize,
}

/// A letter that is to go, with its wishes.
struct Parcel {
    letter: Letter,
    wishes: Vec<Valid>,
}

pub(crate) async fn run(what: &Redrive, stack: &Stack) -> Result<(), Problem> {
    let mut tally = Tally::default();
    let mut table = Table::new(["OPERATION", "REDRIVEN", "TOKEN", "TARGET"]);
    for dead in stack.dead_letter_queues(what.one.operation).await? {
        let queue = stack.queue(dead.operation).await?;
        let mut held = Letters::receive(stack, dead, what.limit.get()).await?;
        tally.more += held.more;
        let parcels = what.choose(&mut held, &mut tally);
        let done = what.send(stack, &queue, &mut held, parcels, &mut table, &mut tally).await;
        held.release().await;
        done?;
    }
    tally.tell(what, &table)
}

impl Redrive {
    /// Takes the letters that go out of those that are held.
    fn choose(&self, held: &mut Letters, tally: &mut Tally) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for letter in std::mem::take(&mut held.all) {
            let read = held.wishes(&letter, |intent| self.change(intent));
            if !self.is_asked_for(held.queue.operation, &letter, read.as_deref().unwrap_or(&[])) {
                held.all.push(letter);
                continue;
            }
            tally.matched += 1;
            let wishes = read.and_then(|entries| {
                let wishes = entries.into_iter().map(|entry| entry.wish);
                wishes.collect::<Result<Vec<_>, _>>().map_err(|findings| {
                    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                })
            });
            match wishes {
                Ok(wishes) => parcels.push(Parcel { letter, wishes }),
                Err(found) => {
                    tally.invalid += 1;
                    output::warning(&format!(
                        "the dead letter {} of {} stays, for it is not valid: {}",
                        letter.id,
                        held.queue.operation.name(),
                        output::one_line(&found)
                    ));
                    held.all.push(letter);
                }
            }
        }
        parcels
    }

    fn change(&self, intent: &mut Value) {
        if let (true, Value::Object(fields)) = (self.drop_not_after, intent) {
            fields.remove(NOT_AFTER);
        }
    }

    fn is_asked_for(
        &self,
        operation: Operation,
        letter: &Letter,
        entries: &[crate::event::Entry],
    ) -> bool {
        if let Some(reason) = &self.reason {
            return letter.reason() == Some(reason);
        }
        let Some(wanted) = &self.token else {
            // Of these, each is a decision of its own.
            return self.all && letter.reason() != Some(Reason::OUTCOME_UNKNOWN);
        };
        let is_wanted = |token: &str| token == wanted || ledger::key(operation, token) == *wanted;
        let tokens = entries.iter().filter_map(|entry| entry.wish.as_ref().ok());
        letter.token().is_some_and(is_wanted)
            || tokens.into_iter().any(|wish| is_wanted(wish.token.as_str()))
    }

    /// Sends first and deletes after: nothing is lost wherever this ends.
    async fn send(
        &self,
        stack: &Stack,
        queue: &Queue,
        held: &mut Letters,
        parcels: Vec<Parcel>,
        table: &mut Table,
        tally: &mut Tally,
    ) -> Result<(), Problem> {
        let wishes: Vec<&Valid> = parcels.iter().flat_map(|parcel| &parcel.wishes).collect();
        let outcomes = if self.dry_run {
            vec![Err("this is a dry run".to_owned()); wishes.len()]
        } else {
            open(stack, queue.operation, &parcels).await?;
            sending::send(stack, queue, &wishes).await?
        };
        let mut outcomes = outcomes.into_iter();
        let mut sent = Vec::new();
        for Parcel { letter, wishes } in parcels {
            let outcomes: Vec<_> = outcomes.by_ref().take(wishes.len()).collect();
            for (wish, outcome) in wishes.iter().zip(&outcomes) {
                let redriven = match outcome {
                    _ if self.dry_run => "dry run",
                    Ok(()) => "yes",
                    Err(_) => "unsure",
                };
                let operation = plain(queue.operation.name());
                table.row([
                    operation,
                    plain(redriven),
                    plain(wish.token.as_str()),
                    plain(output::short(&wish.target)),
                ]);
            }
            match outcomes.into_iter().find_map(Result::err) {
                None => sent.push(letter),
                Some(why) => {
                    if !self.dry_run {
                        tally.unsure.push(format!("the dead letter {} stays: {why}", letter.id));
                    }
                    held.all.push(letter);
                }
            }
        }
        for letter in held.delete(sent).await {
            tally.unsure.push(format!(
                "the dead letter {} was sent and could not be deleted; redriving it again is \
                 harmless",
                letter.id
            ));
            held.all.push(letter);
        }
        Ok(())
    }
}

/// Opens again what was closed because nobody knows whether it was carried out: that this command
/// is run on it is the person's decision.
async fn open(stack: &Stack, operation: Operation, parcels: &[Parcel]) -> Result<(), Problem> {
    let is_closed = |parcel: &&Parcel| parcel.letter.reason() == Some(Reason::OUTCOME_UNKNOWN);
    let closed: Vec<_> = parcels.iter().filter(is_closed).flat_map(|one| &one.wishes).collect();
    if closed.is_empty() {
        return Ok(());
    }
    let ledger = Ledger::of(stack).await?;
    for wish in closed {
        ledger.open(operation, wish.token.as_str()).await?;
    }
    Ok(())
}

impl Tally {
    fn tell(self, what: &Redrive, table: &Table) -> Result<(), Problem> {
        let Self { matched, invalid, unsure, more } = self;
        if matched > invalid {
            output::print(&table.render())?;
        }
        if what.dry_run {
            output::remark("nothing was sent: this is a dry run");
        }
        if more > 0 {
            output::remark(&format!(
                "about {more} more dead letters may be there, beyond --limit or held by somebody \
                 else for a moment: look again with `reveille dead-letters`"
            ));
        }
        if let [first, ..] = unsure.as_slice() {
            let message =
                format!("{} of {matched} may come twice or not at all: {first}", unsure.len());
            return Err(Problem::Aws(message));
        }
        match (matched, invalid) {
            (0, _) => Err(Problem::Found("found no dead letter that matches".into())),
            (_, 0) => Ok(()),
            _ => Err(Problem::Found(format!(
                "{invalid} of {matched} dead letters are not valid, and stay; correct what they \
                 say, and send that as new wishes"
            ))),
        }
    }
}
