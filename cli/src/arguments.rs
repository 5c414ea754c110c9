//! What can be typed.

use clap::{Args, Parser, Subcommand};

use crate::commands::cancel::Cancel;
use crate::commands::check::Check;
use crate::commands::completions::Completions;
use crate::commands::dead_letters::DeadLetters;
use crate::commands::list::List;
use crate::commands::redrive::Redrive;
use crate::commands::send::Send;
use crate::commands::show::Show;
use crate::operation::Operation;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something was found wrong, or nothing matched
  2  the command was not understood
  3  AWS could not be reached, or refused

Region, profile, credentials and endpoints (AWS_ENDPOINT_URL_...) are read as every AWS tool reads \
them. Colours are for terminals only, and not where NO_COLOR is set.";

/// Shows what became of each wish, and sends, redrives or cancels wishes.
#[derive(Debug, Parser)]
#[command(name = "reveille", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the stack is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Place {
    /// The CloudFormation stack whose outputs name table and queues
    #[arg(long, value_name = "NAME", env = "REVEILLE_STACK_NAME", default_value = "reveille")]
    #[arg(global = true)]
    pub(crate) stack_name: String,
    /// The ledger's table, in place of the stack's
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) table: Option<String>,
    /// The queue of the one operation named by --operation, in place of the stack's
    #[arg(long, value_name = "NAME|URL", global = true)]
    pub(crate) queue: Option<String>,
    /// The dead-letter queue of the one operation named by --operation, in place of the stack's
    #[arg(long, value_name = "NAME|URL", global = true)]
    pub(crate) dead_letter_queue: Option<String>,
    /// The AWS region
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
}

/// Which of the four operations.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OneOperation {
    /// The operation, by AWS's name or by its function's folder
    #[arg(long, value_name = "OPERATION", ignore_case = true, hide_possible_values = true)]
    pub(crate) operation: Option<Operation>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Check(Check),
    Send(Send),
    DeadLetters(DeadLetters),
    Redrive(Redrive),
    Cancel(Cancel),
    Completions(Completions),
}
