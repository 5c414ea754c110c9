//! The shared behaviour on a real DynamoDB engine and a queue over HTTP, with an operation of the
//! tests' own.

mod api_coverage;
mod binaries;
mod driver;
mod ledger;
