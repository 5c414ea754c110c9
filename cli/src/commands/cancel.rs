//! `reveille cancel`

use clap::Args;
use shared::clock::Timestamp;
use shared::ledger::{Item, Status};

use super::show::doubt;
use crate::arguments::OneOperation;
use crate::ledger::{self, Ledger, Stored, Written};
use crate::operation::Operation;
use crate::output;
use crate::problem::Problem;
use crate::stack::Stack;

/// Call off a wish that is not yet carried out
///
/// A later delivery of it, or a redrive of its dead letter, is then answered from the ledger and
/// not carried out. A wish that was started, skipped or cancelled before, or that an invocation is
/// at work on right now, is left as it is. One that no function has seen yet, since its message
/// still waits, is called off with --operation.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The wish's token, or its whole key OPERATION#TOKEN
    token: String,
    #[command(flatten)]
    one: OneOperation,
}

pub(crate) async fn run(what: &Cancel, stack: &Stack) -> Result<(), Problem> {
    let ledger = Ledger::of(stack).await?;
    let found = ledger.find(&what.token, what.one.operation).await?;
    let (operation, token) = what.identity(&found, &ledger)?;
    let stored = found.first();
    let now = ledger.now();
    let known = stored.filter(|stored| !stored.item.is_expired(now));
    if let Some(stored) = known {
        refuse(stored, now)?;
    } else {
        operation.token(&token).map_err(|problem| {
            Problem::Usage(format!("the token {problem}, as {} takes it", operation.name()))
        })?;
    }
    let item = known.map(|stored| &stored.item);
    let in_doubt = item.and_then(|item| doubt(item, now));
    match ledger.cancel(operation, &token, stored, &message(item, in_doubt.is_some())).await? {
        Written::Done => {}
        Written::Refused(Some(stored)) => {
            refuse(&stored, ledger.now())?;
            return Err(changed(&stored.key));
        }
        Written::Refused(None) => return Err(changed(&ledger::key(operation, &token))),
    }
    if in_doubt.is_some() {
        output::warning(
            "an attempt at it may have been carried out already, and its answer never came: look \
             at the target",
        );
    }
    output::print(&format!("{} is CANCELLED\n", output::one_line(&ledger::key(operation, &token))))
}

impl Cancel {
    /// The one wish that is meant.
    fn identity(&self, found: &[Stored], ledger: &Ledger) -> Result<(Operation, String), Problem> {
        match found {
            [] => {
                let whole = ledger::split(&self.token)
                    .filter(|(one, _)| self.one.operation.is_none_or(|named| named == *one))
                    .map(|(operation, token)| (operation, token.to_owned()));
                let named = self.one.operation.map(|operation| (operation, self.token.clone()));
                whole.or(named).ok_or_else(|| {
                    Problem::Found(format!(
                        "found no wish `{}` in the table `{}`; where its message still waits, name \
                         its --operation to call it off",
                        self.token,
                        ledger.table()
                    ))
                })
            }
            [one] => {
                let key =
                    ledger::split(&one.key).map(|(operation, token)| (operation, token.to_owned()));
                key.ok_or_else(|| {
                    Problem::Found(format!("found the key `{}`, expected OPERATION#TOKEN", one.key))
                })
            }
            several => {
                let keys: Vec<_> = several.iter().map(|stored| stored.key.as_str()).collect();
                Err(Problem::Usage(format!(
                    "found {}, expected one: name its --operation",
                    keys.join(" and ")
                )))
            }
        }
    }
}

/// Says why a wish cannot be called off, if it cannot.
fn refuse(stored: &Stored, now: Timestamp) -> Result<(), Problem> {
    let Stored { key, item, .. } = stored;
    let at = item.updated_at.map_or_else(String::new, |at| format!(" at {at}"));
    let found = match item.status {
        Some(Status::Deferred | Status::Rejected) => return Ok(()),
        Some(Status::Claimed) if item.claimable_from < now => return Ok(()),
        Some(Status::Claimed) => format!(
            "an invocation is at work on it until {} at the latest; try again then",
            item.claimable_from
        ),
        Some(Status::Started) => format!("it was STARTED{at}: AWS has accepted it"),
        Some(Status::Skipped) => format!("it was SKIPPED{at}: its target was busy"),
        Some(Status::Cancelled) => format!("it was CANCELLED{at} already"),
        None => "its status is none that the functions write".to_owned(),
    };
    Err(Problem::Found(format!("{} stays as it is: {found}", output::one_line(key))))
}

fn changed(key: &str) -> Problem {
    Problem::Found(format!(
        "{} stays as it is: it changed in this very moment; look at it with `reveille show`, then \
         try again",
        output::one_line(key)
    ))
}

/// What the ledger keeps of why.
fn message(item: Option<&Item>, in_doubt: bool) -> String {
    let mut message = "a person called it off".to_owned();
    if in_doubt {
        message.push_str("; an attempt before may have carried it out");
    }
    if let Some(reason) = item.and_then(|item| item.reason.as_ref()) {
        message.push_str("; before that, ");
        message.push_str(&reason.to_string());
    }
    message
}
