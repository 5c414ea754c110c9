//! `reveille completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::output;
use crate::problem::Problem;

/// Print the completions of a shell
///
/// For bash: `source <(reveille completions bash)`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    shell: Shell,
}

pub(crate) fn run(what: &Completions) -> Result<(), Problem> {
    let mut script = Vec::new();
    clap_complete::generate(what.shell, &mut Arguments::command(), "reveille", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
