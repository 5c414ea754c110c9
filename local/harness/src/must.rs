//! The one place where this crate panics.

use std::fmt::Display;

/// Takes a result that a test cannot go on without: its absence is the test's failure.
#[track_caller]
pub(crate) fn must<T, E: Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}
