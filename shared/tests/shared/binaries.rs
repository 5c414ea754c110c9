//! A function links only the SDK crate that it calls, beside those of ledger and queue.

use std::collections::BTreeSet;
use std::process::Command;

/// What `shared` and the SDK's own credentials bring.
const COMMON: [&str; 3] = ["aws-sdk-dynamodb", "aws-sdk-sqs", "aws-sdk-sts"];

fn linked_sdks(package: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package"];
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo).args(arguments).arg(package).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates = tree.lines().filter_map(|line| line.split(' ').next());
    crates.filter(|name| name.starts_with("aws-sdk-")).map(str::to_owned).collect()
}

#[test]
fn each_binary_links_only_its_own_sdk() {
    for (package, own) in [
        ("start-image-pipeline-execution", "aws-sdk-imagebuilder"),
        ("start-resource-state-update", "aws-sdk-imagebuilder"),
        ("start-image-builder", "aws-sdk-appstream"),
        ("start-streaming-session", "aws-sdk-nimble"),
    ] {
        let expected = COMMON.into_iter().chain([own]).map(str::to_owned).collect();
        assert_eq!(linked_sdks(package), expected, "{package}");
    }
}
