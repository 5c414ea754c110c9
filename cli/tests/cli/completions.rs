//! `reveille completions`, and the command line itself.

use std::collections::BTreeMap;

use crate::{Done, command, finish};

async fn run(arguments: &[&str]) -> Done {
    finish(command(arguments, &BTreeMap::new()), "").await
}

#[tokio::test]
async fn every_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        run(&["completions", shell]).await.ended(0).says("dead-letters");
    }
}

#[tokio::test]
async fn a_command_that_is_not_understood_ends_with_2() {
    for (arguments, part) in [
        (&["lst"][..], "similar"),
        (&["redrive"], "--all"),
        (&["redrive", "--all", "--reason", "Expired"], "cannot be used with"),
        (&["list", "--status", "DONE"], "STARTED"),
        (&["list", "--since", "yesterday"], "24h"),
        (&["list", "--limit", "0"], "--limit"),
        (&["list", "--operation", "StopImageBuilder"], "StartImageBuilder"),
    ] {
        run(arguments).await.ended(2).says(part);
    }
}

#[tokio::test]
async fn the_help_says_what_each_exit_code_means_and_what_a_listing_costs() {
    run(&["--help"]).await.ended(0).says("3  AWS could not be reached, or refused");
    run(&["list", "--help"]).await.ended(0).says("an eighth of a");
}

#[tokio::test]
async fn without_a_region_it_says_where_one_is_looked_for() {
    let done = run(&["list", "--table", "ledger"]).await;
    done.ended(2).says("found no region, expected --region, AWS_REGION");
}

#[tokio::test]
async fn without_credentials_it_says_where_they_are_looked_for() {
    let done = run(&["list", "--table", "ledger", "--region", "us-east-1"]).await;
    done.ended(3).says("expected credentials: --profile, AWS_PROFILE");
}
