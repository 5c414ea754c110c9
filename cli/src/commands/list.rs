//! `reveille list`

use std::num::NonZeroUsize;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use shared::ledger::Status;

use crate::arguments::OneOperation;
use crate::ledger::{Filter, Ledger, Stored};
use crate::output::{self, Table, plain};
use crate::problem::Problem;
use crate::since::Since;
use crate::stack::Stack;

/// List wishes, those that changed last first
///
/// The table has no index, for an index would cost a write unit for every wish. A listing reads the
/// whole table instead, in four segments side by side: half a read unit per 4 KB, about an eighth
/// of a read unit per wish, whatever the filters and the limit. DynamoDB applies the filters.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    one: OneOperation,
    /// Only these: CLAIMED, DEFERRED, STARTED, SKIPPED, REJECTED, CANCELLED
    #[arg(long, value_delimiter = ',', ignore_case = true, hide_possible_values = true)]
    #[arg(value_parser = statuses())]
    status: Vec<Status>,
    /// Only those whose target contains this text
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// Only what changed since: 30m, 24h, 7d, or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value = "100")]
    limit: NonZeroUsize,
    /// One JSON object per line, with every attribute of the item
    #[arg(long)]
    json: bool,
}

fn statuses() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str)).try_map(|text| {
        let known = Status::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(&text));
        known.ok_or("expected a status")
    })
}

pub(crate) async fn run(what: &List, stack: &Stack) -> Result<(), Problem> {
    let ledger = Ledger::of(stack).await?;
    let since = what.since.map(|since| since.before(ledger.now()));
    let filter = Filter {
        operation: what.one.operation,
        statuses: what.status.clone(),
        target: what.target.clone(),
        since,
    };
    let mut wishes = ledger.scan(&filter, what.json).await?;
    wishes.retain(|stored| since.is_none_or(|since| stored.item.updated_at >= Some(since)));
    wishes.sort_by(|one, other| {
        other.item.updated_at.cmp(&one.item.updated_at).then_with(|| one.key.cmp(&other.key))
    });
    if wishes.is_empty() {
        let table = ledger.table();
        return Err(Problem::Found(format!("found no such wish in the table `{table}`")));
    }
    let left_out = wishes.len().saturating_sub(what.limit.get());
    wishes.truncate(what.limit.get());
    let text =
        if what.json { output::lines(wishes.iter().map(Stored::json)) } else { table(&wishes) };
    output::print(&text)?;
    if left_out > 0 {
        output::remark(&format!("{left_out} older ones are left out; --limit shows more"));
    }
    Ok(())
}

fn table(wishes: &[Stored]) -> String {
    let mut table = Table::new(["CHANGED", "STATUS", "FAILED", "REASON", "TARGET", "WISH"]);
    for Stored { key, item, .. } in wishes {
        table.row([
            plain(output::moment(item.updated_at)),
            output::status(item.status),
            plain(item.attempts.to_string()),
            plain(item.reason.as_ref().map_or("-", |reason| &reason.code)),
            plain(item.target.as_deref().map_or("-", output::short)),
            plain(key.clone()),
        ]);
    }
    table.render()
}
